/**
 * What actors build from a clock: intervals that do not drift, promises that wait, work with a deadline.
 * Plain functions over the port, so that they run the same in virtual time.
 */
import { IsochronError } from '../../protocol/index.ts';
import type { Clock, Timer } from './world.ts';

/** Work did not end within its deadline. `details.limitMs` says how long it was given. */
export class DeadlineError extends IsochronError {
  constructor(what: string, limitMs: number) {
    super('DEADLINE_EXCEEDED', 504, `${what} did not end within ${limitMs} ms`, { details: { limitMs } });
  }
}

/** @throws RangeError unless `intervalMs` is finite and above 0 (0 would spin). */
const checkInterval = (intervalMs: number): void => {
  if (!Number.isFinite(intervalMs) || intervalMs <= 0) {
    throw new RangeError(`an interval must be a finite number of milliseconds above 0; got ${String(intervalMs)}`);
  }
};

/**
 * Runs `run` at start + 1 · `intervalMs`, + 2 · `intervalMs`, … until `signal` aborts. Each tick is computed from the
 * start, so lateness never adds up; ticks missed while the process was busy or asleep are skipped, never made up in a
 * burst. `run` gets the number of its tick, from 1; a gap in the numbers is what was skipped. A throw in `run` does not
 * stop the interval.
 */
export const every = (clock: Clock, intervalMs: number, run: (tick: number) => void, signal: AbortSignal): void => {
  checkInterval(intervalMs);
  if (signal.aborted) return;
  const startMs = clock.elapsed();
  let tick = 0;
  let timer: Timer;
  const arm = (): void => {
    // Rounding may put the tick that just ran a hair into the future; it must not run twice.
    tick = Math.max(tick + 1, Math.floor((clock.elapsed() - startMs) / intervalMs) + 1);
    timer = clock.after(Math.max(0, startMs + tick * intervalMs - clock.elapsed()), () => {
      try {
        run(tick);
      } finally {
        if (!signal.aborted) arm();
      }
    });
  };
  signal.addEventListener('abort', () => clock.cancel(timer), { once: true });
  arm();
};

/**
 * Resolves `delayMs` from now; rejects with the signal's reason when it aborts first.
 * @throws RangeError (as a rejection) for a delay the clock refuses.
 */
export const delay = (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = (): void => {
      clock.cancel(timer);
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    signal?.addEventListener('abort', abort, { once: true });
  });

export interface DeadlineOptions {
  /** Names the work in the error. */
  readonly what?: string;
  /** Ends the work early; the promise then rejects with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Gives `work` at most `limitMs`. Its signal aborts at the deadline or with `options.signal`, and the promise settles
 * then, whether or not the work listens. No timer is left behind.
 * @throws DeadlineError when time is up.
 */
export const deadline = async <T>(
  clock: Clock,
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  options: DeadlineOptions = {},
): Promise<T> => {
  const { what = 'work', signal } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal?.reason);
  const timer = clock.after(limitMs, () => controller.abort(new DeadlineError(what, limitMs)));
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work(controller.signal), aborted(controller.signal)]);
  } finally {
    clock.cancel(timer);
    signal?.removeEventListener('abort', stop);
  }
};

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
