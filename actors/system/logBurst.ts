/**
 * One line for the first of a burst and one with a count when it ends: what a flood of forged or replayed frames
 * gets, instead of a line each.
 */
import type { Clock, Log, LogFields, Timer } from './world.ts';

/** Bursts told apart at once; more reasons than that share one, since an attacker may choose them. */
const burstsMax = 256;

/** An endless burst reports its count this often, in windows. */
const windowsPerReport = 60;

/** Under which reason the bursts beyond `burstsMax` are logged. */
const otherReason = 'other';

/** Fields of something that may come in bursts; `reason` tells bursts of one action apart. */
export type BurstFields = LogFields & { readonly reason: string };

export interface BurstLog {
  /** Logged at once when it opens a burst, counted otherwise. */
  warn(action: string, fields: BurstFields): void;
  /** Ends all bursts now, logging their counts; leaves no timer. */
  end(): void;
}

class Burst {
  readonly action: string;
  readonly reason: string;
  /** Events since the last line. */
  repeated = 0;
  sinceMs: number;
  lastMs: number;
  timer: Timer | undefined;

  constructor(action: string, reason: string, nowMs: number) {
    this.action = action;
    this.reason = reason;
    this.sinceMs = nowMs;
    this.lastMs = nowMs;
  }
}

/** Less than this left of a window is nothing. */
const leastMs = 1;

class Bursts implements BurstLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #bursts = new Map<string, Burst>();

  constructor(log: Log, clock: Clock, windowMs: number) {
    this.#log = log;
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  warn(action: string, fields: BurstFields): void {
    const known = this.#bursts.get(keyOf(action, fields.reason));
    const burst = known ?? (this.#bursts.size < burstsMax ? undefined : this.#bursts.get(keyOf(action, otherReason)));
    if (burst) this.#continue(burst);
    else this.#open(action, fields);
  }

  end(): void {
    for (const burst of this.#bursts.values()) {
      if (burst.timer) this.#clock.cancel(burst.timer);
      this.#report(burst);
    }
    this.#bursts.clear();
  }

  #open(action: string, fields: BurstFields): void {
    const reason = this.#bursts.size < burstsMax ? fields.reason : otherReason;
    const burst = new Burst(action, reason, this.#clock.elapsed());
    this.#bursts.set(keyOf(action, reason), burst);
    this.#log.warn(action, fields);
    this.#watch(burst, this.#windowMs);
  }

  #continue(burst: Burst): void {
    burst.repeated++;
    burst.lastMs = this.#clock.elapsed();
    if (burst.lastMs - burst.sinceMs >= windowsPerReport * this.#windowMs) this.#report(burst);
  }

  /** One timer a burst, not one an event. */
  #watch(burst: Burst, delayMs: number): void {
    burst.timer = this.#clock.after(delayMs, () => {
      const leftMs = this.#windowMs - (this.#clock.elapsed() - burst.lastMs);
      // A clock of fractions may read a hair less than the delay it waited; that must not arm a timer of no length for ever.
      if (leftMs >= leastMs) this.#watch(burst, leftMs);
      else this.#close(burst);
    });
  }

  #close(burst: Burst): void {
    this.#bursts.delete(keyOf(burst.action, burst.reason));
    this.#report(burst);
  }

  #report(burst: Burst): void {
    const { action, reason, repeated, sinceMs, lastMs } = burst;
    if (repeated > 0) this.#log.warn(action, { reason, repeated, durationMs: Math.round(lastMs - sinceMs) });
    burst.repeated = 0;
    burst.sinceMs = lastMs;
  }
}

const keyOf = (action: string, reason: string): string => `${action}\n${reason}`;

/**
 * Limits a log to two lines a burst: the first event in full, and how often it
 * `repeated` within `durationMs` once nothing of the same
 * action and reason has come for `windowMs` (an endless burst reports every 60 windows).
 * @throws RangeError unless `windowMs` is finite and above 0.
 */
export const oncePerBurst = (log: Log, clock: Clock, windowMs: number): BurstLog => {
  if (!Number.isFinite(windowMs) || windowMs <= 0) throw new RangeError(`windowMs must be above 0; got ${windowMs}`);
  return new Bursts(log, clock, windowMs);
};
