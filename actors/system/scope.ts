/**
 * Scope: what one incarnation holds, so that all of it can be swept when it ends: timers, subscriptions, running effects.
 * XState orphans children and their intervals when an action throws (research/actors.md §4); the sweep is ours.
 */
import type { Clock, Timer } from './world.ts';

/** The account of the incarnation that owns a scope. */
export interface ScopeOwner {
  /** Runs a callback on that account and turns a throw into a crash. */
  guard(run: () => void): void;
  /** A release threw; the sweep goes on. */
  releaseFailed(error: unknown): void;
}

/** How much an incarnation still holds. */
export interface Held {
  readonly timers: number;
  readonly subscriptions: number;
  readonly effects: number;
}

export class Scope {
  #open = true;
  readonly #timers = new Map<Timer, Timer>();
  readonly #releases = new Set<() => void>();
  readonly #effects = new Set<AbortController>();
  readonly #settling = new Set<Promise<unknown>>();
  readonly #source: Clock;
  readonly #owner: ScopeOwner;
  /** The clock of this incarnation: its timers die with it. */
  readonly clock: Clock;

  constructor(clock: Clock, owner: ScopeOwner) {
    this.#source = clock;
    this.#owner = owner;
    this.clock = {
      now: () => clock.now(),
      elapsed: () => clock.elapsed(),
      after: (delayMs, run) => this.#after(delayMs, run),
      cancel: (handle) => this.#cancel(handle),
      soon: (run) => {
        if (!this.#open) return;
        clock.soon(() => {
          if (this.#open) owner.guard(run);
        });
      },
    };
  }

  get open(): boolean {
    return this.#open;
  }

  get held(): Held {
    return { timers: this.#timers.size, subscriptions: this.#releases.size, effects: this.#effects.size };
  }

  /** Calls `release` when the incarnation ends. */
  hold(release: () => void): void {
    if (this.#open) this.#releases.add(release);
    else this.#release(release);
  }

  /** An effect begins to run; `end` it, or the sweep does. */
  begin(controller: AbortController): void {
    if (this.#open) this.#effects.add(controller);
    else controller.abort();
  }

  end(controller: AbortController): void {
    this.#effects.delete(controller);
    controller.abort();
  }

  /** A polite stop waits for `work`, however it ends. */
  settle(work: PromiseLike<unknown>): void {
    const settled: Promise<unknown> = Promise.resolve(work).then(
      () => this.#settling.delete(settled),
      () => this.#settling.delete(settled),
    );
    this.#settling.add(settled);
  }

  /** Aborts, cancels and releases everything; the promise, if any, resolves when the work that was running has settled. */
  close(): Promise<unknown> | undefined {
    this.#open = false;
    for (const controller of this.#effects) controller.abort();
    this.#effects.clear();
    for (const inner of this.#timers.values()) this.#source.cancel(inner);
    this.#timers.clear();
    for (const release of this.#releases) this.#release(release);
    this.#releases.clear();
    return this.#settling.size === 0 ? undefined : Promise.all(this.#settling);
  }

  /** One that fails must not keep the others held. */
  #release(release: () => void): void {
    try {
      release();
    } catch (error) {
      this.#owner.releaseFailed(error);
    }
  }

  #after(delayMs: number, run: () => void): Timer {
    const handle: Timer = {};
    const inner = this.#source.after(delayMs, () => {
      if (this.#timers.delete(handle)) this.#owner.guard(run);
    });
    if (this.#open) this.#timers.set(handle, inner);
    else this.#source.cancel(inner);
    return handle;
  }

  #cancel(handle: Timer): void {
    const inner = this.#timers.get(handle);
    if (inner === undefined) return;
    this.#timers.delete(handle);
    this.#source.cancel(inner);
  }
}
