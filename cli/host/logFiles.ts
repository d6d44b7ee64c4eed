/**
 * `<dir>/logs/<name>.ndjson`: what nodes print, kept on disk and rotated, so that a forgotten cluster never fills one. A disk
 * that refuses loses lines, not the cluster; writing is tried again later.
 */
import { join } from 'node:path';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import type { Clock } from '../../actors/index.ts';

/** A file of a lab node holds some days. */
const sizeMax = '10M';
/** Older files kept beside the current one: 60 MB a node. */
const filesMax = 5;
/** How long a log file that failed is left alone. */
const retryMs = 5_000;
const OWNER_ONLY = 0o600;

/** `validator-1.ndjson`, then `validator-1.1.ndjson` for the one before. */
const fileName =
  (name: string) =>
  (index: number | Date | null): string =>
    index === null ? `${name}.ndjson` : `${name}.${String(index)}.ndjson`;

export class LogFile {
  readonly #directory: string;
  readonly #name: string;
  readonly #clock: Clock;
  #stream: RotatingFileStream | undefined;
  #retryAtMs = 0;

  constructor(directory: string, name: string, clock: Clock) {
    this.#directory = directory;
    this.#name = name;
    this.#clock = clock;
  }

  /** Path of the file that is written now. */
  get path(): string {
    return join(this.#directory, fileName(this.#name)(null));
  }

  /** Appends a line that is NDJSON already. */
  write(line: string): void {
    this.#open()?.write(line.endsWith('\n') ? line : `${line}\n`);
  }

  /** Appends a line of somebody who does not speak NDJSON. */
  wrap(level: 'info' | 'warn' | 'error', action: string, line: string): void {
    this.write(JSON.stringify({ level, time: Math.floor(this.#clock.now()), node: this.#name, action, line }));
  }

  /** Resolves when everything is on disk. */
  close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      stream.once('close', resolve);
      stream.end();
    });
  }

  #open(): RotatingFileStream | undefined {
    if (this.#stream !== undefined || this.#clock.elapsed() < this.#retryAtMs) return this.#stream;
    const stream = createStream(fileName(this.#name), {
      path: this.#directory,
      size: sizeMax,
      rotate: filesMax,
      mode: OWNER_ONLY,
    });
    stream.on('error', () => {
      this.#stream = undefined;
      this.#retryAtMs = this.#clock.elapsed() + retryMs;
    });
    this.#stream = stream;
    return stream;
  }
}
