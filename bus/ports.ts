/**
 * What the bus needs from outside, as narrow as it can be: time, randomness, counters. World's `Clock`, `Random` and
 * `Metrics` satisfy these by shape, so production and simulation differ in what they pass in (2-architecture, "The seam").
 */

/** Time and timers in milliseconds. */
export interface BusClock {
  now(): number;
  elapsed(): number;
  after(delayMs: number, run: () => void): object;
  cancel(timer: object): void;
  soon(run: () => void): void;
}

export interface BusRandom {
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1). */
  fraction(): number;
}

export interface BusMetrics {
  count(name: string, labels?: Readonly<Record<string, string>>, by?: number): void;
}

/** Why something that reached this node, or should have left it, went no further. */
export type RefusalReason =
  | 'malformed'
  | 'unsupportedFormat'
  | 'badName'
  | 'badReplySubject'
  | 'handlerFailed'
  | 'slowConsumer'
  | 'replyFailed'
  | 'offline'
  | 'outboxFull'
  | 'closed';

/** One refusal, for logs and dead letters. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly subject: string;
  readonly error?: unknown;
}
