/** The parts of the bus that need no server: subjects, deadlines, floods, permissions, configuration, and the virtual network. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createVirtualClock } from '../actors/system/virtualClock.ts';
import { Deadlines, type Waiting } from '../bus/deadlines.ts';
import { Inbound, turnMaxMs } from '../bus/inbound.ts';
import { parseSubject } from '../bus/index.ts';
import { senderReader, subjectsOf } from '../bus/subjects.ts';
import type { Frame } from '../bus/transport.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('subjects', () => {
  const names = fc.stringMatching(/^[a-z0-9-]{1,32}$/).filter((name) => name !== 'any');
  const topics = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}\.[A-Za-z0-9_-]{1,8}$/);

  it('are read back as they were built', () => {
    fc.assert(
      fc.property(names, names, names, topics, (cluster, from, to, topic) => {
        const subjects = subjectsOf(cluster, from);
        expect(parseSubject(subjects.say(topic))).toEqual({ cluster, mode: 'say', from, topic });
        expect(parseSubject(subjects.tell(to, topic))).toEqual({ cluster, mode: 'tell', from, to, topic });
        expect(parseSubject(subjects.ask('any', topic))).toEqual({ cluster, mode: 'ask', from, to: 'any', topic });
        const read = senderReader(subjectsOf(cluster, to).toldTo.length);
        expect(read(subjects.tell(to, topic))).toEqual({ from, topic });
        expect(read(subjects.tell(to, topic))).toEqual({ from, topic });
      }),
    );
  });

  it('of others are no subjects of ours', () => {
    for (const subject of [
      'iso.v2.c.say.a.b.c',
      'iso.v1.c.say.a',
      'iso.v1.c.tell.a.b.c',
      'iso.v1.c.shout.a.b.c',
      '_INBOX.a.b',
      '',
    ]) {
      expect(parseSubject(subject)).toBeUndefined();
    }
    expect(parseSubject('iso.v1.c.live.n.ledger.sync')).toEqual({
      cluster: 'c',
      mode: 'live',
      from: 'n',
      topic: 'ledger/sync',
    });
  });

  it('with a sender that is no node are refused', () => {
    const read = senderReader('iso.v1.c.say.'.length);
    for (const from of ['any', 'UPPER', 'a_b', 'x'.repeat(33), ''])
      expect(read(`iso.v1.c.say.${from}.a.b`)).toBeUndefined();
    expect(read('iso.v1.c.say.a')).toBeUndefined();
  });

  it('stay bounded in memory when names come from outside', () => {
    const subjects = subjectsOf('c', 'me');
    for (let i = 0; i < 3_000; i++) expect(subjects.tell(`n${i}`, 'a.b')).toBe(`iso.v1.c.tell.n${i}.me.a.b`);
    expect(subjects.tell('n0', 'a.b')).toBe('iso.v1.c.tell.n0.me.a.b');
  });

  it('of a cluster or node with a name that cannot be are never made', () => {
    expect(() => subjectsOf('a.b', 'n')).toThrow(code('NAME_INVALID'));
    expect(() => subjectsOf('c', 'any')).toThrow(code('NAME_INVALID'));
    expect(() => subjectsOf('c', '')).toThrow(code('NAME_INVALID'));
  });
});

describe('deadlines', () => {
  it('fire at their exact times, with one timer a length, whatever leaves early', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(5, 50, 500), fc.integer({ min: 0, max: 40 }), fc.boolean()), {
          maxLength: 60,
        }),
        async (asks) => {
          const clock = createVirtualClock();
          const deadlines = new Deadlines(clock);
          const expired: number[] = [];
          const expected: number[] = [];
          for (const [timeoutMs, laterMs, leaves] of asks) {
            await clock.advance(laterMs);
            const due = clock.elapsed() + timeoutMs;
            const waiting: Waiting = {
              timeoutMs,
              deadline: 0,
              previous: undefined,
              next: undefined,
              expire: () => expired.push(clock.elapsed() - due),
            };
            deadlines.add(waiting);
            if (leaves) deadlines.remove(waiting);
            else expected.push(0);
            expect(clock.pending()).toBeLessThanOrEqual(3);
          }
          await clock.advance(1_000);
          expect(expired).toEqual(expected);
          expect(clock.pending()).toBe(0);
        },
      ),
    );
  });

  it('that were cleared never fire', async () => {
    const clock = createVirtualClock();
    const deadlines = new Deadlines(clock);
    deadlines.add({
      timeoutMs: 5,
      deadline: 0,
      previous: undefined,
      next: undefined,
      expire: () => {
        throw new Error('fired');
      },
    });
    deadlines.clear();
    await clock.advance(100);
    expect(clock.pending()).toBe(0);
  });
});

describe('a flood', () => {
  const frame = (n: number): Frame => ({ subject: String(n), data: new Uint8Array(0) });

  /** A machine on which handling takes `handlingMs` and an event loop that turns when the test says so. */
  const machine = (pendingMax: number, handlingMs: number) => {
    let nowMs = 0;
    let timers: { dueMs: number; run: () => void }[] = [];
    const clock = {
      now: () => nowMs,
      elapsed: () => nowMs,
      after: (delayMs: number, run: () => void) => {
        const timer = { dueMs: nowMs + delayMs, run };
        timers.push(timer);
        return timer;
      },
      cancel: (timer: object) => {
        timers = timers.filter((one) => one !== timer);
      },
      soon: (run: () => void) => run(),
    };
    const handled: number[] = [];
    const dropped: number[] = [];
    const slow: number[] = [];
    const inbound = new Inbound({
      clock,
      pendingMax,
      onSlow: (pending) => slow.push(pending),
      onDropped: ({ subject }) => dropped.push(Number(subject)),
    });
    const handler = ({ subject }: Frame): void => {
      nowMs += handlingMs;
      handled.push(Number(subject));
    };
    const turn = (): void => {
      const due = timers.filter(({ dueMs }) => dueMs <= nowMs);
      timers = timers.filter(({ dueMs }) => dueMs > nowMs);
      for (const { run } of due) run();
    };
    return {
      inbound,
      clock,
      handled,
      dropped,
      slow,
      turn,
      push: (n: number) => inbound.push(handler, frame(n)),
      idle: () => timers.length === 0,
    };
  };
  const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

  it('that the machine keeps up with is handled as it comes', () => {
    const { push, handled, turn } = machine(10, 0.001);
    for (let n = 0; n < 5_000; n++) push(n);
    expect(handled).toEqual(upTo(5_000));
    turn();
  });

  it('is handled in order, in turns between which timers run', () => {
    const { push, handled, turn, clock, inbound } = machine(100_000, 0.1);
    const seenByTimers: number[] = [];
    const tick = (): void => {
      seenByTimers.push(handled.length);
      clock.after(0, tick);
    };
    clock.after(0, tick);
    for (let n = 0; n < 5_000; n++) push(n);
    const waiting = handled.length;
    expect(waiting * 0.1).toBeLessThan(3 * turnMaxMs);
    let turns = 0;
    for (; handled.length < 5_000; turns++) turn();
    expect(handled).toEqual(upTo(5_000));
    const steps = seenByTimers.map((seen, i) => (seen - (seenByTimers[i - 1] ?? 0)) * 0.1);
    expect(Math.max(...steps)).toBeLessThan(3 * turnMaxMs);
    expect(turns).toBeGreaterThan(10);
    return inbound.idle();
  });

  it('drops the newest beyond the limit, and says so once until it has caught up', () => {
    const { push, handled, dropped, slow, turn } = machine(10, 1);
    for (let n = 0; n < 1_000; n++) push(n);
    expect(slow).toEqual([10]);
    expect([...handled, ...dropped].length).toBe(990);
    turn();
    turn();
    for (let n = 1_000; n < 2_000; n++) push(n);
    expect(slow).toEqual([10, 10]);
    turn();
    expect(handled).toEqual([...handled].sort((a, b) => a - b));
    expect([...handled, ...dropped].sort((a, b) => a - b)).toEqual(upTo(2_000));
  });

  it('of any shape never stalls: everything pushed is handled once the loop turns', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 700 }), fc.boolean()), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(0, 0.01, 0.3),
        (pushes, handlingMs) => {
          const { push, handled, turn, idle } = machine(1_000_000, handlingMs);
          let sent = 0;
          for (const [count, turns] of pushes) {
            for (let i = 0; i < count; i++) push(sent++);
            if (turns) turn();
          }
          for (let i = 0; i < 1_000 && !idle(); i++) turn();
          expect(handled).toEqual(upTo(sent));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('that is closed is forgotten', async () => {
    const { push, handled, turn, inbound, idle } = machine(100_000, 1);
    for (let n = 0; n < 500; n++) push(n);
    const before = handled.length;
    const done = inbound.idle();
    inbound.close();
    await done;
    turn();
    expect([handled.length, idle()]).toEqual([before, true]);
  });
});
