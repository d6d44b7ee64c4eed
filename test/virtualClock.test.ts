/** The virtual clock: every timer at its exact time, the same way every time. */
import { AsyncLocalStorage } from 'node:async_hooks';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerQueue } from '../actors/system/timerQueue.ts';
import { delay } from '../actors/system/timing.ts';
import { createVirtualClock } from '../actors/system/virtualClock.ts';
import type { Timer } from '../actors/system/world.ts';

describe('the virtual clock', () => {
  it('stands still until it is advanced', async () => {
    const clock = createVirtualClock({ startMs: 1_700_000_000_000 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.now()).toBe(1_700_000_000_000);
    await clock.advance(250);
    expect([clock.now(), clock.elapsed()]).toEqual([1_700_000_000_250, 250]);
    await clock.advanceTo(1_700_000_001_000);
    expect(clock.elapsed()).toBe(1_000);
    await expect(clock.advanceTo(1_700_000_000_999)).rejects.toThrow(RangeError);
  });

  it.each(['advance', 'advanceSync'] as const)('fires chained timers at their own times (%s)', async (advance) => {
    const clock = createVirtualClock();
    const fired: number[] = [];
    const tick = () => {
      fired.push(clock.elapsed());
      clock.after(10, tick);
    };
    clock.after(10, tick);
    await clock[advance](25);
    expect(fired).toEqual([10, 20]);
    expect(clock.elapsed()).toBe(25);
    await clock[advance](5);
    expect(fired).toEqual([10, 20, 30]);
  });

  it('fires what is due at the same time in the order it was asked for', () => {
    const clock = createVirtualClock();
    const fired: string[] = [];
    clock.after(20, () => fired.push('late'));
    clock.after(10, () => {
      fired.push('a');
      clock.after(10, () => fired.push('later'));
      clock.after(0, () => fired.push('c'));
    });
    clock.after(10, () => fired.push('b'));
    clock.advanceSync(20);
    expect(fired).toEqual(['a', 'b', 'c', 'late', 'later']);
  });

  it('lets promise work settle between two timers, even of one instant', async () => {
    const clock = createVirtualClock();
    const seen: string[] = [];
    const work = async (name: string) => {
      for (let step = 0; step < 5; step++) await null;
      seen.push(`${name} settled at ${clock.elapsed()}`);
      await delay(clock, 5);
      seen.push(`${name} woke at ${clock.elapsed()}`);
    };
    clock.after(10, () => void work('a'));
    clock.after(10, () => seen.push('b'));
    await clock.advance(100);
    expect(seen).toEqual(['a settled at 10', 'b', 'a woke at 15']);
  });

  it('runs soon before any later timer, in order, at the same instant', async () => {
    const clock = createVirtualClock();
    const seen: string[] = [];
    const note = (text: string) => () => seen.push(`${text} ${clock.elapsed()}`);
    clock.soon(() => {
      note('first')();
      clock.soon(note('third'));
      clock.after(0, note('timer'));
    });
    clock.soon(note('second'));
    expect(seen).toEqual([]);
    await clock.settle();
    expect(seen).toEqual(['first 0', 'second 0', 'third 0', 'timer 0']);
    clock.after(5, () => clock.soon(note('fact')));
    clock.after(5, note('later timer'));
    clock.advanceSync(5);
    expect(seen.slice(4)).toEqual(['fact 5', 'later timer 5']);
  });

  it('runs until a condition holds, and says which one never did', async () => {
    const clock = createVirtualClock();
    let head = '';
    clock.after(40, () => (head = 'validator-1'));
    clock.after(50, () => (head = 'validator-2'));
    await expect(clock.runUntil(() => head !== '', 100)).resolves.toBe(40);
    expect([head, clock.elapsed()]).toEqual(['validator-1', 40]);
    await expect(clock.runUntil(() => head === '', 100, 'no head')).rejects.toThrow(
      'no head did not come true within 100 virtual ms',
    );
    expect(clock.elapsed()).toBe(140);
    await expect(clock.runUntil(() => true, 0)).resolves.toBe(0);
  });

  it('counts what is pending and knows when the next is due', () => {
    const clock = createVirtualClock();
    expect([clock.pending(), clock.untilNext()]).toEqual([0, undefined]);
    const timers = [30, 10, 20].map((delayMs) => clock.after(delayMs, () => {}));
    clock.advanceSync(5);
    expect([clock.pending(), clock.untilNext()]).toEqual([3, 5]);
    clock.cancel(timers[1] as Timer);
    clock.cancel(timers[1] as Timer);
    expect([clock.pending(), clock.untilNext()]).toEqual([2, 15]);
    clock.advanceSync(100);
    clock.cancel(timers[0] as Timer);
    expect([clock.pending(), clock.untilNext()]).toEqual([0, undefined]);
  });

  it('does not run what was cancelled by a timer of the same instant', () => {
    const clock = createVirtualClock();
    const fired: string[] = [];
    clock.after(10, () => {
      fired.push('first');
      clock.cancel(second);
    });
    const second = clock.after(10, () => fired.push('second'));
    clock.advanceSync(10);
    expect(fired).toEqual(['first']);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])('refuses %s as a delay and as an advance', async (ms) => {
    const clock = createVirtualClock();
    expect(() => clock.after(ms, () => {})).toThrow(RangeError);
    expect(() => clock.advanceSync(ms)).toThrow(RangeError);
    await expect(clock.advance(ms)).rejects.toThrow(RangeError);
    expect(() => createVirtualClock({ startMs: Number.NaN })).toThrow(RangeError);
  });

  it('refuses to be advanced twice at once', async () => {
    const clock = createVirtualClock();
    const thrown: unknown[] = [];
    clock.after(1, () => {
      try {
        clock.advanceSync(1);
      } catch (error) {
        thrown.push(error);
      }
    });
    const first = clock.advance(5);
    await expect(clock.advance(5)).rejects.toThrow('already moving');
    await first;
    expect(thrown).toHaveLength(1);
    await clock.advance(5);
    expect(clock.elapsed()).toBe(10);
  });

  it('stops a timer that re-arms itself without delay instead of hanging', () => {
    const clock = createVirtualClock();
    const spin = () => void clock.after(0, spin);
    clock.after(7, spin);
    expect(() => clock.advanceSync(10)).toThrow(/callbacks at 7 ms/);
  });

  it('throws out of advance what a callback throws, and stays usable', async () => {
    const clock = createVirtualClock();
    const fired: string[] = [];
    clock.after(1, () => {
      throw new Error('broken');
    });
    clock.soon(() => {
      throw new Error('soon');
    });
    clock.soon(() => fired.push('soon'));
    clock.after(1, () => fired.push('timer'));
    await expect(clock.advance(5)).rejects.toThrow('soon');
    await expect(clock.advance(5)).rejects.toThrow('broken');
    await clock.advance(5);
    expect(fired).toEqual(['soon', 'timer']);
  });

  it('hands a throw to onThrow in the context of its owner, as in production', async () => {
    const owner = new AsyncLocalStorage<string>();
    const seen: string[] = [];
    const clock = createVirtualClock({ onThrow: (error) => seen.push(`${String(error)} of ${owner.getStore()}`) });
    const fail = (what: string) => () => {
      throw what;
    };
    owner.run('a', () => clock.after(2, fail('timer')));
    owner.run('b', () => clock.soon(fail('soon')));
    owner.run('c', () => clock.after(3, () => clock.after(1, () => seen.push(String(owner.getStore())))));
    await clock.advance(10);
    expect(seen).toEqual(['soon of b', 'timer of a', 'c']);
  });

  it('fires 100 000 timers a second or more, in any order of arming', { timeout: 20_000 }, async () => {
    // The limit of the test is its time-out; the figure belongs to the benches.
    const clock = createVirtualClock();
    let fired = 0;
    for (let i = 0; i < 100_000; i++) clock.after((i * 7_919) % 100_003, () => fired++);
    await clock.advance(100_003);
    expect(fired).toBe(100_000);
  });
});

describe('a node clock', () => {
  it('has its own offset and keeps it', async () => {
    const line = createVirtualClock({ startMs: 1_000 });
    await line.advance(50);
    const [ahead, behind] = [line.clockOf({ offsetMs: 30 }), line.clockOf({ offsetMs: -30 })];
    await line.advance(100);
    expect([ahead.now(), behind.now(), ahead.elapsed()]).toEqual([1_180, 1_120, 100]);
  });

  it('drifts, and its timers follow its own oscillator, never early by it', async () => {
    const line = createVirtualClock();
    const fast = line.clockOf({ driftPpm: 100 });
    const slow = line.clockOf({ driftPpm: -100 });
    const fired: number[] = [];
    for (const clock of [fast, slow]) {
      clock.after(10_000, () => {
        expect(clock.elapsed()).toBeGreaterThanOrEqual(10_000);
        expect(clock.elapsed()).toBeCloseTo(10_000, 6);
        fired.push(Math.round(line.elapsed() * 1_000) / 1_000);
      });
    }
    await line.advance(20_000);
    expect(fired).toEqual([9_999, 10_001]);
    expect(fast.now() - slow.now()).toBeCloseTo(4, 6);
  });

  it('is never early by its own time, whatever the drift and the delays', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -100_000, max: 100_000 }),
        fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 20 }),
        (driftPpm, delays) => {
          const line = createVirtualClock({ startMs: 1_700_000_000_000 });
          line.advanceSync(123.456);
          const clock = line.clockOf({ driftPpm });
          const chain = (left: number[]) => {
            const [delayMs, ...rest] = left;
            if (delayMs === undefined) return;
            const dueMs = clock.elapsed() + delayMs;
            clock.after(delayMs, () => {
              expect(clock.elapsed()).toBeGreaterThanOrEqual(dueMs);
              chain(rest);
            });
          };
          chain(delays);
          line.advanceSync(1e11);
          expect(line.pending()).toBe(0);
        },
      ),
    );
  });

  it('steps its wall clock without touching timers or elapsed time', async () => {
    const line = createVirtualClock();
    const clock = line.clockOf();
    const fired: number[] = [];
    clock.after(100, () => fired.push(clock.elapsed()));
    await line.advance(40);
    clock.step(-3_600_000);
    expect([clock.now(), clock.elapsed()]).toEqual([40 - 3_600_000, 40]);
    await line.advance(60);
    expect(fired).toEqual([100]);
    expect(line.now()).toBe(100);
    expect(() => clock.step(Number.NaN)).toThrow(RangeError);
  });

  it('shares one order of events with the other nodes', () => {
    const line = createVirtualClock();
    const [a, b] = [line.clockOf(), line.clockOf({ offsetMs: 500 })];
    const fired: string[] = [];
    a.after(10, () => fired.push('a'));
    b.after(10, () => fired.push('b'));
    a.after(10, () => fired.push('a again'));
    line.advanceSync(10);
    expect(fired).toEqual(['a', 'b', 'a again']);
  });

  it('fires nothing once halted, not even what was already asked for soon', async () => {
    const line = createVirtualClock();
    const [dead, alive] = [line.clockOf(), line.clockOf()];
    const fired: string[] = [];
    dead.after(10, () => fired.push('dead'));
    dead.after(5, () => {
      dead.soon(() => fired.push('dead'));
      dead.halt();
    });
    alive.after(10, () => fired.push('alive'));
    expect([dead.pending(), alive.pending(), line.pending()]).toEqual([2, 1, 3]);
    await line.advance(7);
    const late = dead.after(1, () => fired.push('dead'));
    dead.cancel(late);
    dead.soon(() => fired.push('dead'));
    expect([dead.pending(), alive.pending(), line.pending()]).toEqual([0, 1, 1]);
    await line.advance(100);
    expect(fired).toEqual(['alive']);
  });

  it("refuses a sibling's timer and oscillators that do not exist", () => {
    const line = createVirtualClock();
    expect(() => line.clockOf().cancel(line.after(1, () => {}))).toThrow(TypeError);
    expect(() => line.clockOf({ driftPpm: Number.NaN })).toThrow(RangeError);
    expect(() => line.clockOf({ driftPpm: -1_000_000 })).toThrow(RangeError);
    expect(() => line.clockOf({ offsetMs: Number.NaN })).toThrow(RangeError);
  });
});

describe('the timer queue', () => {
  it('gives timers back by time, then by order, whatever is added and removed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(9))), (steps) => {
        const queue = new TimerQueue<{ dueMs: number; order: number; place: number }>();
        let model: { dueMs: number; order: number; place: number }[] = [];
        const sorted = () => [...model].sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
        for (const [order, [dueMs, choice]] of steps.entries()) {
          const victim = model[dueMs % Math.max(model.length, 1)];
          if (choice < 3 && victim) {
            queue.remove(victim);
            queue.remove(victim);
            model = model.filter((timer) => timer !== victim);
          } else if (choice === 3) {
            const [first] = sorted();
            expect(queue.shift()).toBe(first);
            model = model.filter((timer) => timer !== first);
          } else {
            const timer = { dueMs, order, place: -1 };
            queue.add(timer);
            model.push(timer);
          }
          expect(queue.peek()).toBe(sorted()[0]);
          expect(queue.size).toBe(model.length);
        }
        const drained = [];
        for (let timer = queue.shift(); timer; timer = queue.shift()) drained.push(timer);
        expect(drained.map((timer) => timer.order)).toEqual(sorted().map((timer) => timer.order));
      }),
    );
  });
});
