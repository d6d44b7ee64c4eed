/** The real clock: never early, never overflowing, attributed; and the helpers over any clock. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { createClock } from '../actors/system/clock.ts';
import { DeadlineError, deadline, delay, every } from '../actors/system/timing.ts';
import { createVirtualClock } from '../actors/system/virtualClock.ts';
import type { Clock } from '../actors/system/world.ts';

const never = new AbortController().signal;

/** Takes uncaught exceptions from the test runner for as long as `work` runs. */
const whileCatching = async (caught: (error: Error) => void, work: () => Promise<void>): Promise<void> => {
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', caught);
  try {
    await work();
  } finally {
    process.off('uncaughtException', caught);
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
};

/** The methods of a clock as an object of their own, to override some. */
const portOf = (clock: Clock): Clock => ({
  now: () => clock.now(),
  elapsed: () => clock.elapsed(),
  after: (delayMs, run) => clock.after(delayMs, run),
  cancel: (timer) => clock.cancel(timer),
  soon: (run) => clock.soon(run),
});

describe('the real clock', () => {
  it('follows the wall clock within a millisecond and is finer than it', () => {
    const clock = createClock();
    const fractions = new Set<number>();
    let outside = 0;
    for (let i = 0; i < 20_000; i++) {
      const before = Date.now();
      const now = clock.now();
      if (now < before || now >= Date.now() + 1) outside++;
      fractions.add(now % 1);
    }
    expect(outside).toBe(0);
    expect(fractions.size).toBeGreaterThan(10);
  });

  it('follows a wall clock that steps back or forward, at once', () => {
    const real = Date.now;
    try {
      let stepMs = 0;
      Date.now = () => real() + stepMs;
      const clock = createClock();
      clock.now();
      for (stepMs of [-3_600_000, 0, 86_400_000, 5, 0]) {
        const before = Date.now();
        const now = clock.now();
        expect(now).toBeGreaterThanOrEqual(before);
        expect(now).toBeLessThan(Date.now() + 1);
      }
    } finally {
      Date.now = real;
    }
  });

  it('never goes back while the wall does not', () => {
    const clock = createClock();
    let last = clock.now();
    let lastElapsed = clock.elapsed();
    let backwards = 0;
    for (let i = 0; i < 50_000; i++) {
      const [now, elapsed] = [clock.now(), clock.elapsed()];
      if (now < last || elapsed < lastElapsed) backwards++;
      [last, lastElapsed] = [now, elapsed];
    }
    expect(backwards).toBe(0);
  });

  it('fires timers in order and never early', async () => {
    const clock = createClock();
    const startMs = clock.elapsed();
    const fired: number[] = [];
    await new Promise<void>((resolve) => {
      for (const delayMs of [20, 0, 3.9, 7.2, 1.5, 12]) {
        clock.after(delayMs, () => {
          expect(clock.elapsed() - startMs).toBeGreaterThanOrEqual(delayMs);
          fired.push(delayMs);
          if (fired.length === 6) resolve();
        });
      }
    });
    expect(fired).toEqual([0, 1.5, 3.9, 7.2, 12, 20]);
  });

  it('runs soon after the current work, in order, before any timer', async () => {
    const clock = createClock();
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      clock.after(0, () => {
        seen.push('timer');
        resolve();
      });
      clock.soon(() => {
        seen.push('first');
        clock.soon(() => seen.push('third'));
      });
      clock.soon(() => seen.push('second'));
      seen.push('now');
    });
    expect(seen).toEqual(['now', 'first', 'second', 'third', 'timer']);
  });

  it('does not run what was cancelled; cancelling again, or too late, is nothing', async () => {
    const clock = createClock();
    const cancelled = clock.after(0, () => expect.unreachable());
    clock.cancel(cancelled);
    clock.cancel(cancelled);
    await new Promise<void>((resolve) => {
      const timer = clock.after(1, () => {
        clock.cancel(timer);
        resolve();
      });
    });
  });

  it("refuses another clock's timer", () => {
    const timer = createVirtualClock().after(1, () => {});
    expect(() => createClock().cancel(timer)).toThrow(TypeError);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1, '5', undefined])('refuses the delay %s', (delayMs) => {
    const clock = createClock();
    expect(() => clock.after(delayMs as number, () => {})).toThrow(RangeError);
  });

  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, 1e15])('waits %d ms instead of firing at once', async (delayMs) => {
    const clock = createClock();
    const timer = clock.after(delayMs, () => expect.unreachable());
    await delay(clock, 5);
    clock.cancel(timer);
  });

  it('keeps the async context of the caller in timers, soon, and what they start', async () => {
    const clock = createClock();
    const owner = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    await new Promise<void>((resolve) => {
      owner.run('election', () => {
        clock.soon(() => seen.push(owner.getStore()));
        clock.after(1, () => {
          seen.push(owner.getStore());
          clock.after(0, () => {
            seen.push(owner.getStore());
            resolve();
          });
        });
      });
    });
    expect(seen).toEqual(['election', 'election', 'election']);
  });

  it('lets a throw surface as uncaughtException in the context of its owner, and the others run', async () => {
    const clock = createClock();
    const owner = new AsyncLocalStorage<string>();
    const seen: string[] = [];
    await whileCatching(
      (error) => seen.push(`${error.message} of ${owner.getStore()}`),
      async () => {
        const failing = (message: string) => () => {
          throw new Error(message);
        };
        owner.run('a', () => clock.after(1, failing('timer')));
        owner.run('b', () => clock.soon(failing('soon')));
        owner.run('c', () => clock.soon(() => seen.push('the next runs')));
        await delay(clock, 10);
      },
    );
    expect(seen).toEqual(['soon of b', 'the next runs', 'timer of a']);
  });
});

describe('every', () => {
  it('ticks at exact multiples of the interval from the start, without drift', async () => {
    const clock = createVirtualClock();
    await clock.advance(3);
    const ticks: number[] = [];
    every(clock, 10, () => ticks.push(clock.elapsed()), never);
    await clock.advance(45);
    expect(ticks).toEqual([13, 23, 33, 43]);
  });

  it('skips what it missed instead of ticking in a burst, and stays on its grid', () => {
    // A busy loop in virtual time: the clock under `every` runs ahead of the timers.
    const line = createVirtualClock();
    let busyMs = 0;
    const clock = { ...portOf(line), elapsed: () => line.elapsed() + busyMs };
    const ticks: [number, number][] = [];
    const run = (tick: number) => {
      ticks.push([tick, clock.elapsed()]);
      if (tick === 2) busyMs += 35;
    };
    every(clock, 10, run, never);
    line.advanceSync(60);
    expect(ticks).toEqual([
      [1, 10],
      [2, 20],
      [6, 60],
      [7, 70],
      [8, 80],
      [9, 90],
    ]);
  });

  it('stops when its signal aborts, and leaves no timer', async () => {
    const clock = createVirtualClock();
    const controller = new AbortController();
    let ticks = 0;
    every(clock, 10, () => ticks++, controller.signal);
    await clock.advance(25);
    controller.abort();
    expect(clock.pending()).toBe(0);
    await clock.advance(100);
    expect(ticks).toBe(2);
    every(clock, 10, () => ticks++, controller.signal);
    expect(clock.pending()).toBe(0);
  });

  it('can be stopped by its own tick', () => {
    const clock = createVirtualClock();
    const controller = new AbortController();
    every(clock, 10, () => controller.abort(), controller.signal);
    clock.advanceSync(50);
    expect(clock.pending()).toBe(0);
  });

  it('survives a tick that throws', () => {
    const thrown: unknown[] = [];
    const clock = createVirtualClock({ onThrow: (error) => thrown.push(error) });
    const failure = new Error('tick');
    every(
      clock,
      10,
      () => {
        throw failure;
      },
      never,
    );
    clock.advanceSync(30);
    expect(thrown).toEqual([failure, failure, failure]);
  });

  it('does not run a tick twice when intervals are not exact in binary', () => {
    const clock = createVirtualClock();
    const ticks: number[] = [];
    every(clock, 0.1, (tick) => ticks.push(tick), never);
    clock.advanceSync(1_000);
    expect(ticks.slice(0, 9_999)).toEqual(Array.from({ length: 9_999 }, (_, i) => i + 1));
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses the interval %s', (intervalMs) => {
    expect(() => every(createVirtualClock(), intervalMs, () => {}, never)).toThrow(RangeError);
  });
});

describe('delay', () => {
  it('resolves at its time', async () => {
    const clock = createVirtualClock();
    let at = -1;
    const waited = delay(clock, 30).then(() => {
      at = clock.elapsed();
    });
    await clock.advance(100);
    await waited;
    expect(at).toBe(30);
  });

  it('rejects with the reason of the signal, before or during, and leaves no timer', async () => {
    const clock = createVirtualClock();
    const controller = new AbortController();
    const waiting = delay(clock, 30, controller.signal);
    controller.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    await expect(delay(clock, 30, controller.signal)).rejects.toThrow('stopped');
    expect(clock.pending()).toBe(0);
  });

  it('rejects for a delay that is none', async () => {
    await expect(delay(createVirtualClock(), Number.NaN)).rejects.toThrow(RangeError);
  });
});

describe('deadline', () => {
  it('passes on what the work gives, and leaves no timer', async () => {
    const clock = createVirtualClock();
    await expect(deadline(clock, 50, async () => 'done')).resolves.toBe('done');
    const failing = deadline(clock, 50, () => {
      throw new Error('broken');
    });
    await expect(failing).rejects.toThrow('broken');
    expect(clock.pending()).toBe(0);
  });

  it('ends work that takes too long, telling it and the caller', async () => {
    const clock = createVirtualClock();
    let told: unknown;
    const work = deadline(
      clock,
      50,
      (signal) => new Promise(() => signal.addEventListener('abort', () => (told = signal.reason))),
      {
        what: 'state transfer',
      },
    );
    const failed = expect(work).rejects.toThrow('state transfer did not end within 50 ms');
    await clock.advance(50);
    await failed;
    expect(told).toBeInstanceOf(DeadlineError);
    expect(told).toMatchObject({ code: 'DEADLINE_EXCEEDED', details: { limitMs: 50 } });
  });

  it('ends with its own signal too', async () => {
    const clock = createVirtualClock();
    const controller = new AbortController();
    const work = deadline(clock, 50, () => new Promise(() => {}), { signal: controller.signal });
    controller.abort(new Error('stopped'));
    await expect(work).rejects.toThrow('stopped');
    await expect(deadline(clock, 50, async () => 1, { signal: controller.signal })).rejects.toThrow('stopped');
    expect(clock.pending()).toBe(0);
  });
});
