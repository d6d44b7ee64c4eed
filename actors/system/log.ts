/**
 * The log of a node: one JSON object a line, with `level`, `time`, `node`, `action` and flat fields.
 * pino behind the `Log` port, so that actors know neither the library nor the destination.
 * Time comes from the injected clock; nothing in a line differs between two runs of one simulation.
 * Logging never throws and never stops a node: a full disk or a closed pipe loses lines, not the process.
 */
import pino from 'pino';
import { type LogDestination, type LogErrorHandler, type LogSink, openLogSink } from './logSink.ts';
import { redact } from './redact.ts';
import type { Clock, Log, LogFields } from './world.ts';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Names every line has already; a field of that name gets a trailing underscore. */
const ownFields: ReadonlySet<string> = new Set(['level', 'time', 'node', 'action']);

export interface LogOptions {
  /** This node's name. */
  readonly node: string;
  /** Stamps the lines. */
  readonly clock: Pick<Clock, 'now' | 'soon'>;
  /** Lines below it are not written. Default `info`. */
  readonly level?: LogLevel;
  /** A stream, or the path of a file to append to. Default: standard output. */
  readonly destination?: LogDestination | string;
  /** Told when lines could not be written; they are lost. */
  readonly onError?: LogErrorHandler;
}

/** A log and its destination. */
export interface NodeLog extends Log {
  /** Writes what is gathered before it returns; streams of the caller buffer by themselves. */
  flush(): void;
  /** Flushes, and closes a file that this log opened; later lines are lost. */
  close(): void;
}

const nothing = (): void => {};

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

  constructor(logger: pino.Logger, sink: LogSink) {
    super(logger, {});
    this.flush = () => sink.flush();
    this.close = () => sink.close();
  }
}

/**
 * Opens the log of a node; the folder of a file is created.
 * @throws RangeError for a level that is none of `logLevels`; what the system says when a file cannot be opened.
 */
export const createLog = (options: LogOptions): NodeLog => {
  const { node, clock, level = 'info', destination = process.stdout, onError = nothing } = options;
  if (!logLevels.includes(level)) throw new RangeError(`log level ${String(level)} is none of ${logLevels.join(', ')}`);
  const sink = openLogSink(destination, clock, onError);
  const logger = pino(
    {
      level,
      base: { node },
      timestamp: () => `,"time":${Math.floor(clock.now())}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return new SinkLog(logger, sink);
};

/** A log that writes nothing, for tests and tools. */
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silentLog };
