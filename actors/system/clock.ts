/**
 * The real clock: the only place of the product, with the virtual clock, that reads time or starts a timer
 * (ARCHITECTURE.md, "The seams").
 *
 * Three properties that Node's own timers lack and actors rely on: a timer never fires before its time (Node truncates
 * delays and may be a millisecond early, so an epoch timer would see the old epoch), a delay above 2^31 - 1 ms works
 * (Node fires it after 1 ms), and what is not a delay is refused (Node fires NaN after 1 ms, and a machine that re-arms
 * itself then spins).
 * Callbacks keep the `AsyncLocalStorage` context of whoever asked, and a throw reaches `uncaughtException` in it.
 */
import type { Clock, Timer } from './world.ts';

/** Longest delay Node's timers take, in ms: a signed 32-bit number. Longer ones are chained. */
const nodeDelayMsMax = 2 ** 31 - 1;

/** Largest fraction of a millisecond that still belongs to the millisecond before. */
const lastInstant = 1 - 2 ** -10;

/** @throws RangeError unless `delayMs` is a finite number ≥ 0. */
export const checkDelay = (delayMs: number): void => {
  if (typeof delayMs !== 'number' || !Number.isFinite(delayMs) || delayMs < 0) {
    throw new RangeError(`a delay must be a finite number of milliseconds, at least 0; got ${String(delayMs)}`);
  }
};

/**
 * Wall time finer than `Date.now`, which it never leaves by more than a millisecond: between two wall milliseconds the
 * monotonic clock interpolates, and when the wall steps or slews, the anchor follows at once.
 */
const createWallTime = (wall: () => number, monotonic: () => number): (() => number) => {
  let offset = wall() - monotonic();
  return () => {
    const floor = wall();
    const elapsed = monotonic();
    offset = Math.min(Math.max(offset, floor - elapsed), floor + lastInstant - elapsed);
    return elapsed + offset;
  };
};

class RealTimer {
  readonly #dueMs: number;
  readonly #run: () => void;
  #handle: NodeJS.Timeout | undefined;

  constructor(delayMs: number, run: () => void) {
    this.#dueMs = performance.now() + delayMs;
    this.#run = run;
    this.#wait(delayMs);
  }

  #wait(leftMs: number): void {
    this.#handle = setTimeout(() => this.#wake(), Math.min(Math.ceil(leftMs), nodeDelayMsMax));
  }

  #wake(): void {
    const leftMs = this.#dueMs - performance.now();
    if (leftMs > 0) {
      this.#wait(leftMs);
      return;
    }
    this.#handle = undefined;
    this.#run();
  }

  cancel(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }
}

class RealClock implements Clock {
  readonly now = createWallTime(Date.now, () => performance.now());

  elapsed(): number {
    return performance.now();
  }

  after(delayMs: number, run: () => void): Timer {
    checkDelay(delayMs);
    return new RealTimer(delayMs, run);
  }

  cancel(timer: Timer): void {
    if (!(timer instanceof RealTimer)) throw new TypeError('this timer belongs to another clock');
    timer.cancel();
  }

  /** `nextTick`, not `queueMicrotask`: a throw in a microtask loses its context on Node 20. */
  soon(run: () => void): void {
    process.nextTick(run);
  }
}

/** The clock of production. `now` follows the wall clock, steps included; `elapsed` and timers do not. */
export const createClock = (): Clock => new RealClock();
