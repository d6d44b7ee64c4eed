/**
 * The virtual clock: time moves only when a test or a simulation moves it, and every timer fires at exactly its own
 * time, those that timers start included. (XState's SimulatedClock jumps first and fires later: a 10 ms timer that
 * starts another 10 ms timer stops at the first when 25 ms pass.)
 *
 * One time line carries any number of node clocks, each with its own offset, drift and steps. Between two callbacks
 * all promise work settles, as in Node; order depends on nothing but the calls made, so a run repeats exactly.
 */
import { AsyncResource } from 'node:async_hooks';
import { checkDelay } from './clock.ts';
import { type QueuedTimer, TimerQueue } from './timerQueue.ts';
import type { Clock, Timer } from './world.ts';

/** Callbacks at one instant before the clock calls it a spin (a zero delay that re-arms itself) and throws. */
const callbacksPerInstantMax = 1_000_000;

/** Slowest and fastest oscillator that can be asked for, in parts per million: far beyond real ones (± 100). */
const driftPpmMax = 100_000;

/** What a throwing callback is given to; called in the callback's own `AsyncLocalStorage` context. */
export type ThrowHandler = (error: unknown) => void;

export interface VirtualClockOptions {
  /** Wall time at the start, Unix ms. */
  readonly startMs?: number;
  /**
   * Takes what a callback throws, as `uncaughtException` does in production. Without it the throw comes out of
   * `advance`; the clock stays usable.
   */
  readonly onThrow?: ThrowHandler;
}

export interface NodeClockOptions {
  /** How far the node's wall clock is ahead of the time line. */
  readonly offsetMs?: number;
  /** How much faster the node's oscillator runs. */
  readonly driftPpm?: number;
}

/** The clock of one simulated node. Its wall clock may be wrong and may step; its timers follow its own oscillator. */
export interface NodeClock extends Clock {
  /** Steps the wall clock, as an NTP daemon would; timers and `elapsed` do not notice. */
  step(byMs: number): void;
  /** Timers of this clock that have not fired. */
  pending(): number;
  /** The node is dead: nothing of it fires any more, and what it still asks for never will. */
  halt(): void;
}

export interface VirtualClock extends NodeClock {
  /** Moves `byMs` forward, firing every timer due on the way, chained ones included, at its time. */
  advance(byMs: number): Promise<void>;
  /** Moves to wall time `wallMs` of the time line (Unix ms). @throws RangeError when that is in the past. */
  advanceTo(wallMs: number): Promise<void>;
  /** `advance` for code without promises: everything happens before it returns. */
  advanceSync(byMs: number): void;
  /**
   * Fires timers one by one until `predicate` holds. Resolves with the virtual ms that took.
   * @throws Error when `limitMs` pass without it; `what` names the condition.
   */
  runUntil(predicate: () => boolean, limitMs: number, what?: string): Promise<number>;
  /** Lets everything that needs no time happen: queued `soon` calls and promise work. */
  settle(): Promise<void>;
  /** Timers of all clocks on the line that have not fired. */
  pending(): number;
  /** Milliseconds until the next timer of any clock; `undefined` when there is none. */
  untilNext(): number | undefined;
  /** A node's own clock on this time line. */
  clockOf(options?: NodeClockOptions): NodeClock;
}

interface Call {
  readonly owner: LocalClock;
  readonly scope: AsyncResource;
  readonly run: () => void;
}

class VirtualTimer implements QueuedTimer, Call {
  readonly dueMs: number;
  readonly order: number;
  readonly owner: LocalClock;
  readonly run: () => void;
  readonly scope = new AsyncResource('IsochronTimer');
  place = -1;

  constructor(dueMs: number, order: number, owner: LocalClock, run: () => void) {
    this.dueMs = dueMs;
    this.order = order;
    this.owner = owner;
    this.run = run;
  }
}

const guarded = (run: () => void, onThrow: ThrowHandler): void => {
  try {
    run();
  } catch (error) {
    onThrow(error);
  }
};

const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The time line: one queue of timers and one of `soon` calls, shared by all clocks. */
class TimeLine {
  readonly timers = new TimerQueue<VirtualTimer>();
  readonly #onThrow: ThrowHandler;
  elapsedMs = 0;
  #soon: Call[] = [];
  #order = 0;
  #moving = false;
  #atThisInstant = 0;

  constructor(onThrow: ThrowHandler) {
    this.#onThrow = onThrow;
  }

  add(dueMs: number, owner: LocalClock, run: () => void): VirtualTimer {
    const timer = new VirtualTimer(dueMs, this.#order++, owner, run);
    if (owner.isHalted) return timer;
    this.timers.add(timer);
    owner.waiting++;
    return timer;
  }

  remove(timer: VirtualTimer): void {
    if (timer.place < 0) return;
    this.timers.remove(timer);
    timer.owner.waiting--;
  }

  soon(owner: LocalClock, run: () => void): void {
    this.#soon.push({ owner, run, scope: new AsyncResource('IsochronSoon') });
  }

  moveSync(untilMs: number): void {
    this.#exclusively();
    try {
      do this.#runSoon();
      while (this.#fireNext(untilMs));
      this.#reach(untilMs);
    } finally {
      this.#moving = false;
    }
  }

  /** Stops early, at the time of a timer, when `isDone` says so. */
  async move(untilMs: number, isDone: () => boolean): Promise<void> {
    this.#exclusively();
    try {
      do await this.#settle();
      while (!isDone() && this.#fireNext(untilMs));
      if (!isDone()) this.#reach(untilMs);
    } finally {
      this.#moving = false;
    }
  }

  #exclusively(): void {
    if (this.#moving)
      throw new Error('this clock is already moving: await the advance before, or do not advance in a callback');
    this.#moving = true;
  }

  #reach(ms: number): void {
    if (ms > this.elapsedMs) this.#atThisInstant = 0;
    this.elapsedMs = Math.max(this.elapsedMs, ms);
  }

  #fireNext(untilMs: number): boolean {
    const timer = this.timers.peek();
    if (timer === undefined || timer.dueMs > untilMs) return false;
    this.remove(timer);
    this.#reach(timer.dueMs);
    this.#call(timer);
    return true;
  }

  async #settle(): Promise<void> {
    do {
      this.#runSoon();
      await macrotask();
    } while (this.#soon.length > 0);
  }

  #runSoon(): void {
    while (this.#soon.length > 0) {
      const calls = this.#soon;
      this.#soon = [];
      this.#runAll(calls);
    }
  }

  /** A throw must not lose the calls behind it. */
  #runAll(calls: Call[]): void {
    let done = 0;
    try {
      for (const call of calls) {
        done++;
        this.#call(call);
      }
    } finally {
      if (done < calls.length) this.#soon = [...calls.slice(done), ...this.#soon];
    }
  }

  #call({ owner, scope, run }: Call): void {
    if (owner.isHalted) return;
    if (++this.#atThisInstant > callbacksPerInstantMax) {
      this.#atThisInstant = 0;
      throw new Error(
        `more than ${callbacksPerInstantMax} callbacks at ${this.elapsedMs} ms: something re-arms itself without delay`,
      );
    }
    scope.runInAsyncScope(guarded, undefined, run, this.#onThrow);
  }
}

class LocalClock implements NodeClock {
  readonly #line: TimeLine;
  readonly #bornMs: number;
  readonly #rate: number;
  #wallAtBirthMs: number;
  isHalted = false;
  /** Timers that have not fired; kept by the line too. */
  waiting = 0;

  constructor(line: TimeLine, wallMs: number, driftPpm: number) {
    this.#line = line;
    this.#bornMs = line.elapsedMs;
    this.#rate = 1 + driftPpm / 1e6;
    this.#wallAtBirthMs = wallMs;
  }

  now(): number {
    return this.#wallAtBirthMs + this.elapsed();
  }

  elapsed(): number {
    return this.#elapsedAt(this.#line.elapsedMs);
  }

  after(delayMs: number, run: () => void): Timer {
    checkDelay(delayMs);
    return this.#line.add(this.#dueMs(delayMs), this, run);
  }

  cancel(timer: Timer): void {
    if (!(timer instanceof VirtualTimer) || timer.owner !== this)
      throw new TypeError('this timer belongs to another clock');
    this.#line.remove(timer);
  }

  soon(run: () => void): void {
    if (!this.isHalted) this.#line.soon(this, run);
  }

  step(byMs: number): void {
    if (!Number.isFinite(byMs)) throw new RangeError(`a step must be a finite number of milliseconds; got ${byMs}`);
    this.#wallAtBirthMs += byMs;
  }

  pending(): number {
    return this.waiting;
  }

  halt(): void {
    this.isHalted = true;
    this.#line.timers.removeWhere((timer) => timer.owner === this);
    this.waiting = 0;
  }

  #elapsedAt(lineMs: number): number {
    return (lineMs - this.#bornMs) * this.#rate;
  }

  /** Where on the line `delayMs` of this clock end; never a rounding error too early. */
  #dueMs(delayMs: number): number {
    const lineMs = this.#line.elapsedMs;
    const localMs = this.elapsed() + delayMs;
    let dueMs = lineMs + delayMs / this.#rate;
    while (this.#elapsedAt(dueMs) < localMs) dueMs += Math.max(dueMs * Number.EPSILON, Number.MIN_VALUE);
    return dueMs;
  }
}

class LineClock extends LocalClock implements VirtualClock {
  readonly #line: TimeLine;

  constructor(line: TimeLine, startMs: number) {
    super(line, startMs, 0);
    this.#line = line;
  }

  async advance(byMs: number): Promise<void> {
    checkDelay(byMs);
    await this.#line.move(this.#line.elapsedMs + byMs, () => false);
  }

  async advanceTo(wallMs: number): Promise<void> {
    await this.advance(wallMs - this.now());
  }

  advanceSync(byMs: number): void {
    checkDelay(byMs);
    this.#line.moveSync(this.#line.elapsedMs + byMs);
  }

  async runUntil(predicate: () => boolean, limitMs: number, what = 'the condition'): Promise<number> {
    checkDelay(limitMs);
    const startMs = this.#line.elapsedMs;
    let holds = false;
    await this.#line.move(startMs + limitMs, () => {
      holds = predicate();
      return holds;
    });
    if (!holds) throw new Error(`${what} did not come true within ${limitMs} virtual ms`);
    return this.#line.elapsedMs - startMs;
  }

  async settle(): Promise<void> {
    await this.advance(0);
  }

  override pending(): number {
    return this.#line.timers.size;
  }

  untilNext(): number | undefined {
    const next = this.#line.timers.peek();
    return next && next.dueMs - this.#line.elapsedMs;
  }

  clockOf({ offsetMs = 0, driftPpm = 0 }: NodeClockOptions = {}): NodeClock {
    if (!Number.isFinite(offsetMs)) throw new RangeError(`offsetMs must be a finite number; got ${offsetMs}`);
    if (!(Math.abs(driftPpm) <= driftPpmMax)) {
      throw new RangeError(`driftPpm must lie within ± ${driftPpmMax}; got ${driftPpm}`);
    }
    return new LocalClock(this.#line, this.now() + offsetMs, driftPpm);
  }
}

const rethrow: ThrowHandler = (error) => {
  throw error;
};

/** A clock that stands still until it is advanced. @see VirtualClock */
export const createVirtualClock = (options: VirtualClockOptions = {}): VirtualClock => {
  const { startMs = 0, onThrow = rethrow } = options;
  if (!Number.isFinite(startMs)) throw new RangeError(`startMs must be a finite number; got ${startMs}`);
  return new LineClock(new TimeLine(onThrow), startMs);
};
