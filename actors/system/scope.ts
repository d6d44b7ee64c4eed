/**
 * Scope: what one incarnation holds, so that all of it can be swept when it ends: timers, subscriptions, running effects.
 * XState orphans children and their intervals when an action throws (research/actors.md §4); the sweep is ours.
 */
import type { Clock, Timer } from './world.ts';

export class Scope {
  #open = true;
  readonly #timers = new Map<Timer, Timer>();
  readonly #releases = new Set<() => void>();
  readonly #effects = new Set<AbortController>();
  readonly #settling = new Set<Promise<unknown>>();
  readonly #source: Clock;
  /** The clock of this incarnation: its timers die with it. */
  readonly clock: Clock;

  /** `guarded` runs callbacks on the account of the owner and turns a throw into its crash. */
  constructor(clock: Clock, guarded: (run: () => void) => void) {
    this.#source = clock;
    this.clock = {
      now: () => clock.now(),
      elapsed: () => clock.elapsed(),
      after: (delayMs, run) => {
        const handle: Timer = {};
        const inner = clock.after(delayMs, () => {
          if (this.#timers.delete(handle)) guarded(run);
        });
        if (this.#open) this.#timers.set(handle, inner);
        else clock.cancel(inner);
        return handle;
      },
      cancel: (handle) => {
        const inner = this.#timers.get(handle);
        if (inner === undefined) return;
        this.#timers.delete(handle);
        clock.cancel(inner);
      },
      soon: (run) =>
        clock.soon(() => {
          if (this.#open) guarded(run);
        }),
    };
  }

  get open(): boolean {
    return this.#open;
  }

  /** Counts of what is held, for tests of "zero orphans". */
  get held(): { timers: number; subscriptions: number; effects: number } {
    return { timers: this.#timers.size, subscriptions: this.#releases.size, effects: this.#effects.size };
  }

  /** Calls `release` when the incarnation ends. */
  hold(release: () => void): void {
    if (this.#open) this.#releases.add(release);
    else release();
  }

  /** A running effect; `work` is waited for by a polite stop. */
  begin(controller: AbortController): void {
    this.#effects.add(controller);
  }

  settle(work: Promise<unknown>): void {
    this.#settling.add(work);
    const settled = () => this.#settling.delete(work);
    work.then(settled, settled);
  }

  end(controller: AbortController): void {
    this.#effects.delete(controller);
    controller.abort();
  }

  /** Aborts, cancels and releases everything; resolves when the effects that were running have settled. */
  close(): Promise<unknown> | undefined {
    this.#open = false;
    for (const controller of this.#effects) controller.abort();
    this.#effects.clear();
    for (const inner of this.#timers.values()) this.#source.cancel(inner);
    this.#timers.clear();
    for (const release of this.#releases) release();
    this.#releases.clear();
    return this.#settling.size === 0 ? undefined : Promise.allSettled([...this.#settling]);
  }
}
