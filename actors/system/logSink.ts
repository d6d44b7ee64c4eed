/**
 * Where log lines go. Files are written here, not by pino's own destination (sonic-boom 4), whose flush repeats a write
 * that fails for ever: on a full disk a process could not exit.
 * Lines are gathered until the current work ends and written with one call; what a process logged before it exits or
 * crashes is in the file. A destination that fails loses lines, never the process.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from './world.ts';

/** Gathered text that is written without waiting for the current work to end, in characters. */
const gatheredCharsMax = 65_536;

/** Where lines go. Anything with `write`; a Node stream, for example. */
export interface LogDestination {
  write(line: string): unknown;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

/** Told when lines could not be written; they are lost. */
export type LogErrorHandler = (error: Error) => void;

export interface LogSink {
  write(line: string): void;
  /** Writes what is gathered before it returns. Streams of the caller buffer by themselves. */
  flush(): void;
  /** Flushes, and closes what the sink opened. */
  close(): void;
}

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

class StreamSink implements LogSink {
  readonly #stream: LogDestination;
  readonly #onError: LogErrorHandler;
  #isBroken = false;

  constructor(stream: LogDestination, onError: LogErrorHandler) {
    this.#stream = stream;
    this.#onError = onError;
    stream.on?.('error', (error) => this.#fail(error));
  }

  write(line: string): void {
    if (this.#isBroken) return;
    try {
      this.#stream.write(line);
    } catch (error) {
      this.#fail(error);
    }
  }

  flush(): void {}

  close(): void {
    this.#isBroken = true;
  }

  #fail(error: unknown): void {
    // A pipe nobody reads stays broken; a full disk may not.
    this.#isBroken ||= error instanceof Error && 'code' in error && error.code === 'EPIPE';
    this.#onError(toError(error));
  }
}

class FileSink implements LogSink {
  readonly #fd: number;
  readonly #clock: Pick<Clock, 'soon'>;
  readonly #onError: LogErrorHandler;
  readonly #atExit = (): void => this.flush();
  #gathered = '';
  /** The last line on the disk has no end: the next must start anew. */
  #isTorn = false;
  #isOpen = true;

  constructor(file: string, clock: Pick<Clock, 'soon'>, onError: LogErrorHandler) {
    mkdirSync(dirname(file), { recursive: true });
    this.#fd = openSync(file, 'a');
    this.#clock = clock;
    this.#onError = onError;
    process.on('exit', this.#atExit);
  }

  write(line: string): void {
    if (!this.#isOpen) return;
    if (this.#gathered === '') this.#clock.soon(() => this.flush());
    this.#gathered += line;
    if (this.#gathered.length > gatheredCharsMax) this.flush();
  }

  flush(): void {
    if (this.#gathered === '') return;
    const bytes = Buffer.from(this.#isTorn ? `\n${this.#gathered}` : this.#gathered);
    this.#gathered = '';
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#fd, bytes, written);
      this.#isTorn = false;
    } catch (error) {
      const newline = 0x0a;
      if (written > 0) this.#isTorn = bytes[written - 1] !== newline;
      this.#onError(toError(error));
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.flush();
    this.#isOpen = false;
    process.off('exit', this.#atExit);
    closeSync(this.#fd);
  }
}

/** A sink for a stream, or for a file to append to, whose folder is created. @throws what the system says when a file cannot be opened */
export const openLogSink = (
  destination: LogDestination | string,
  clock: Pick<Clock, 'soon'>,
  onError: LogErrorHandler,
): LogSink =>
  typeof destination === 'string' ? new FileSink(destination, clock, onError) : new StreamSink(destination, onError);
