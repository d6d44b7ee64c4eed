/**
 * The log of a node: one JSON object a line, with `level`, `time`, `node`, `action` and flat fields (decision 15).
 * pino behind the `Log` port, so that actors know neither the library nor the destination.
 * Time comes from the injected clock; nothing in a line differs between two runs of one simulation.
 * Logging never throws and never stops a node: a full disk or a closed pipe loses lines, not the process.
 */
import { mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import pino from 'pino';
import { redact } from './redact.ts';
import type { Clock, Log, LogFields } from './world.ts';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Unwritten lines kept while a destination is slow, in bytes; later ones are lost rather than the memory. */
const backlogBytesMax = 8 * 1_048_576;

/** Names every line has already; a field of that name gets a trailing underscore. */
const ownFields: ReadonlySet<string> = new Set(['level', 'time', 'node', 'action']);

/** Where lines go. Anything with `write`; a Node stream, for example. */
export interface LogDestination {
  write(line: string): unknown;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

export interface LogOptions {
  /** This node's name. */
  readonly node: string;
  /** Stamps the lines. */
  readonly clock: Pick<Clock, 'now'>;
  /** Lines below it are not written. Default `info`. */
  readonly level?: LogLevel;
  /** A stream, a file to append to, or a file descriptor (1 = standard output). Default 1. */
  readonly destination?: LogDestination | string | number;
  /** Told when lines could not be written; they are lost. */
  readonly onError?: (error: Error) => void;
}

/** A log and its destination. */
export interface NodeLog extends Log {
  /** Writes what is buffered before it returns; not for streams the caller passed in, which buffer by themselves. */
  flush(): void;
  /** Flushes and closes a destination that this log opened. */
  close(): void;
}

interface Sink {
  readonly stream: pino.DestinationStream;
  flush(): void;
  close(): void;
}

const nothing = (): void => {};

const openFile = (file: string): number => {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a');
};

const openSink = (options: LogOptions): Sink => {
  const { destination = 1, onError = nothing } = options;
  if (typeof destination === 'object') {
    destination.on?.('error', onError);
    return { stream: destination, flush: nothing, close: nothing };
  }
  // Written in the background, but pino flushes it when the process exits; a file is opened at once, for the same reason.
  const fd = typeof destination === 'number' ? destination : openFile(destination);
  const boom = pino.destination({ dest: fd, sync: false, maxLength: backlogBytesMax });
  boom.on('error', onError);
  boom.on('drop', () => onError(new Error('log destination too slow: lines dropped')));
  const flush = (): void => {
    try {
      boom.flushSync();
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
    }
  };
  return {
    stream: boom,
    flush,
    close: () => {
      flush();
      boom.end();
    },
  };
};

type Level = Exclude<LogLevel, 'silent'>;

class PinoLog implements Log {
  readonly #pino: pino.Logger;
  readonly #bindings: LogFields;

  constructor(logger: pino.Logger, bindings: LogFields) {
    this.#pino = logger;
    this.#bindings = bindings;
  }

  debug(action: string, fields?: LogFields): void {
    this.#write('debug', action, fields);
  }

  info(action: string, fields?: LogFields): void {
    this.#write('info', action, fields);
  }

  warn(action: string, fields?: LogFields): void {
    this.#write('warn', action, fields);
  }

  error(action: string, fields?: LogFields): void {
    this.#write('error', action, fields);
  }

  child(fields: LogFields): Log {
    return new PinoLog(this.#pino, { ...this.#bindings, ...fields });
  }

  #write(level: Level, action: string, fields: LogFields | undefined): void {
    if (!this.#pino.isLevelEnabled(level)) return;
    const line: Record<string, unknown> = { action };
    for (const [name, value] of Object.entries({ ...this.#bindings, ...fields })) {
      if (value !== undefined) line[ownFields.has(name) ? `${name}_` : name] = redact(name, value);
    }
    this.#pino[level](line);
  }
}

class SinkLog extends PinoLog implements NodeLog {
  readonly flush: () => void;
  readonly close: () => void;

  constructor(logger: pino.Logger, sink: Sink) {
    super(logger, {});
    this.flush = sink.flush;
    this.close = sink.close;
  }
}

/**
 * Opens the log of a node; the folder of a file is created.
 * @throws RangeError for a level that is none of `logLevels`; what the system says when a file cannot be opened.
 */
export const createLog = (options: LogOptions): NodeLog => {
  const { node, clock, level = 'info' } = options;
  if (!logLevels.includes(level)) throw new RangeError(`log level ${String(level)} is none of ${logLevels.join(', ')}`);
  const sink = openSink(options);
  const logger = pino(
    {
      level,
      base: { node },
      timestamp: () => `,"time":${Math.floor(clock.now())}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink.stream,
  );
  return new SinkLog(logger, sink);
};

/** A log that writes nothing, for tests and tools. */
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silentLog };
