import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isStronger } from '../actors/election.ts';
import { type ElectionInput, electionMachine, type Poll } from '../machines/index.ts';
import { isPlausibleTerm, nextTerm, rankOf, roundCredit, roundOf, roundsMargin, termOf } from '../protocol/index.ts';
import { drive } from './support/machine.ts';

const timing = { electionTimeoutMs: 1_200, answerTimeoutMs: 300, coordinatorTimeoutMs: 450, holdDownMs: 3_600 };
const input = (change: Partial<ElectionInput> = {}): ElectionInput => ({
  self: 'validator-1',
  rank: 1,
  timing,
  term: 0,
  jitter: 0,
  ...change,
});
const nobody: Poll = { headAlive: false, nobodyHadHead: false, term: 0 };
const fresh: Poll = { headAlive: false, nobodyHadHead: true, term: 0 };
const alive: Poll = { headAlive: true, nobodyHadHead: false, term: 0 };

const electionWith = (
  poll: Poll,
  rivals: readonly string[] = ['validator-2'],
  change: Partial<ElectionInput> = {},
  storeClaim: () => unknown = () => undefined,
) => {
  const machine = drive(electionMachine, input(change), { askValidators: () => poll, storeClaim });
  machine.send({ type: 'membership.known', rivals });
  return machine;
};
const heard = (term: number, name = 'validator-2', announced = false) =>
  ({ type: 'head.heard', name, term, atMs: 0, announced }) as const;

describe('a starting validator', () => {
  test('elects at once when no validator has had a head', async () => {
    const machine = electionWith(fresh, []);
    await machine.clock.settle();
    expect(machine.state()).toBe('leading');
    expect(machine.context().term).toBe(termOf(1, 1));
  });

  test('follows for twice the election timeout when another has had a head', async () => {
    const machine = electionWith(nobody);
    await machine.clock.advance(2_399);
    expect(machine.state()).toContain('starting');
    await machine.clock.advance(1);
    expect(machine.state()).toBe('electing');
  });

  test('follows the head it hears', async () => {
    const machine = electionWith(nobody);
    machine.send(heard(termOf(3, 2)));
    expect(machine.state()).toContain('following');
    expect(machine.context().head).toEqual({ name: 'validator-2', term: termOf(3, 2) });
  });

  test('does not answer a weaker candidate, who may lead until the hold-down is over', () => {
    const machine = electionWith(nobody);
    machine.effects();
    machine.send({ type: 'peer.stands', name: 'validator-0', term: termOf(1, 0), stronger: false });
    expect(machine.effects()).not.toContain('tellAnswer');
  });
});

describe('a following validator', () => {
  const following = (poll: Poll, rivals: readonly string[] = ['validator-2']) => {
    const machine = electionWith(poll, rivals);
    machine.send(heard(termOf(3, 2)));
    machine.effects();
    return machine;
  };

  test('replaces a silent head after the election timeout and an unanswered candidacy', async () => {
    const machine = following(nobody);
    await machine.clock.advance(1_200);
    expect(machine.state()).toBe('electing');
    await machine.clock.advance(300);
    expect(machine.state()).toBe('leading');
    expect(machine.context().term).toBe(termOf(4, 1));
  });

  test('does not disturb a head that others still hear', async () => {
    const machine = following(alive);
    await machine.clock.advance(1_200);
    expect(machine.state()).toContain('starting');
    machine.send(heard(termOf(3, 2)));
    expect(machine.state()).toContain('following');
  });

  test('keeps following while heartbeats come', async () => {
    const machine = following(nobody);
    for (let beat = 0; beat < 20; beat += 1) {
      await machine.clock.advance(400);
      machine.send(heard(termOf(3, 2)));
    }
    expect(machine.state()).toContain('following');
  });

  test('waits for a stronger one that answered, and checks again when nobody wins', async () => {
    const machine = following(nobody);
    await machine.clock.advance(1_200);
    machine.send({ type: 'peer.answered', name: 'validator-2', term: termOf(4, 1) });
    expect(machine.state()).toBe('waiting');
    await machine.clock.advance(450);
    expect(['checking', 'electing']).toContain(machine.state());
  });

  test('takes over from a weaker head only after its hold-down, and only when synchronised', async () => {
    const machine = following(nobody, []);
    const beats = async (count: number) => {
      for (let beat = 0; beat < count; beat += 1) {
        await machine.clock.advance(400);
        if (machine.state() === 'leading') return;
        machine.send(heard(termOf(3, 2)));
      }
    };
    await beats(12);
    expect(machine.state()).toContain('following');
    machine.send({ type: 'epoch.synchronized', synchronized: true });
    await beats(9);
    expect(machine.state()).toBe('leading');
    expect(machine.context().term).toBe(termOf(4, 1));
  });

  test('relieves a weaker head although its heartbeats go on and a stronger validator is absent', async () => {
    const machine = following(nobody, ['validator-3']);
    machine.send({ type: 'epoch.synchronized', synchronized: true });
    for (let beat = 0; beat < 20 && machine.state() !== 'leading'; beat += 1) {
      await machine.clock.advance(200);
      machine.send(heard(termOf(3, 2)));
    }
    expect(machine.state()).toBe('leading');
  });

  test('answers a weaker candidate', () => {
    const machine = following(nobody);
    machine.send({ type: 'peer.stands', name: 'validator-0', term: termOf(4, 0), stronger: false });
    expect(machine.effects()).toEqual(['tellAnswer']);
    machine.send({ type: 'peer.stands', name: 'validator-9', term: termOf(4, 9), stronger: true });
    expect(machine.effects()).toEqual([]);
  });
});

describe('a head', () => {
  const leading = async () => {
    const machine = electionWith(fresh, []);
    await machine.clock.settle();
    return machine;
  };

  test('stores its term before it says so', async () => {
    const machine = await leading();
    const effects = machine.effects();
    expect(effects.indexOf('storeClaim')).toBeGreaterThanOrEqual(0);
    expect(effects.indexOf('storeClaim')).toBeLessThan(effects.indexOf('sayCoordinator'));
    expect(effects.indexOf('storeClaim')).toBeLessThan(effects.indexOf('beatHeart'));
  });

  test('steps down for a newer head, and counts it', async () => {
    const machine = await leading();
    machine.effects();
    machine.send(heard(termOf(2, 2)));
    expect(machine.state()).toContain('following');
    expect(machine.effects()).toEqual(['countSplitBrain', 'storeTerm']);
  });

  test('is relieved by one that announces itself, which is no split', async () => {
    const machine = await leading();
    machine.effects();
    machine.send(heard(termOf(2, 2), 'validator-2', true));
    expect(machine.state()).toContain('following');
    expect(machine.effects()).toEqual(['storeTerm']);
  });

  test('tells an older head who leads now, and stays', async () => {
    const machine = await leading();
    machine.effects();
    machine.send({ type: 'rival.heard', name: 'validator-2', term: termOf(0, 2) });
    expect(machine.state()).toBe('leading');
    expect(machine.effects()).toEqual(['countSplitBrain', 'sayCoordinator']);
  });
});

describe('a validator that cannot store', () => {
  const unable = () => Promise.reject(new Error('the disk is full'));

  test('does not lead, stands in nobody’s way, and follows whoever leads', async () => {
    const machine = electionWith(fresh, [], {}, unable);
    await machine.clock.settle();
    expect(machine.state()).toBe('abstaining');
    machine.effects();
    machine.send({ type: 'peer.stands', name: 'validator-0', term: termOf(1, 0), stronger: false });
    expect(machine.effects()).toEqual([]);
    machine.send(heard(termOf(1, 0), 'validator-0', true));
    expect(machine.state()).toContain('following');
  });

  test('tries again after an election timeout', async () => {
    const machine = electionWith(fresh, [], {}, unable);
    await machine.clock.settle();
    await machine.clock.advance(1_199);
    expect(machine.state()).toBe('abstaining');
    await machine.clock.advance(1);
    expect(machine.effects().filter((effect) => effect === 'storeClaim')).toHaveLength(2);
  });
});

describe('a term that others have seen', () => {
  test('is passed by the next claim', async () => {
    const machine = electionWith({ ...fresh, term: termOf(7, 9) }, []);
    await machine.clock.settle();
    expect(machine.context().term).toBe(termOf(8, 1));
  });

  test('makes a head claim a later one, from a member or from a weaker candidate', async () => {
    const machine = electionWith(fresh, []);
    await machine.clock.settle();
    machine.send({ type: 'term.seen', term: termOf(4, 2) });
    await machine.clock.settle();
    expect([machine.state(), machine.context().term]).toEqual(['leading', termOf(5, 1)]);
    machine.send({ type: 'peer.stands', name: 'validator-0', term: termOf(9, 0), stronger: false });
    await machine.clock.settle();
    expect([machine.state(), machine.context().term]).toEqual(['leading', termOf(10, 1)]);
  });
});

test('an older term never wins, in any state', async () => {
  const machine = electionWith(nobody, ['validator-2'], { term: termOf(9, 2) });
  machine.send(heard(termOf(8, 2)));
  expect(machine.state()).toContain('starting');
  await machine.clock.advance(2_400);
  machine.send(heard(termOf(8, 2)));
  expect(machine.state()).toBe('electing');
});

test('a missing timeout fails instead of spinning', () => {
  const bad = { ...timing, answerTimeoutMs: Number.NaN };
  expect(drive(electionMachine, input({ timing: bad })).failure()).toBeInstanceOf(RangeError);
});

test('two validators never claim the same term, and a claimed term is always higher', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(255), fc.nat(255), (round, a, b) => {
      const known = termOf(round, a);
      const next = nextTerm({ term: known, rank: b });
      expect(next).toBeGreaterThan(known);
      expect(rankOf(next)).toBe(b);
      expect(roundOf(next)).toBe(round + 1);
    }),
  );
});

test('one hostile term cannot freeze elections, and an honest one is never refused', () => {
  const years = 10 * 365 * 86_400_000;
  expect(isPlausibleTerm(0xffff_ffff, termOf(5, 1), roundCredit(roundsMargin, years, 300))).toBe(false);
  fc.assert(
    fc.property(fc.nat(10_000), fc.nat(3_600_000), (round, sinceMs) => {
      const elections = Math.floor(sinceMs / 300);
      const credit = roundCredit(roundsMargin, sinceMs, 300);
      expect(isPlausibleTerm(termOf(round + elections, 2), termOf(round, 1), credit)).toBe(true);
      expect(isPlausibleTerm(termOf(round + elections + 9, 2), termOf(round, 1), credit)).toBe(false);
    }),
  );
});

test('strength is compared in the configured order, and exactly one of two is stronger', () => {
  const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
  const validator = fc.record({ mac, uptimeS: fc.nat(100), rttMs: fc.nat(100) });
  const order = fc.subarray(['id', 'uptime', 'latency'] as const, { minLength: 1 });
  fc.assert(
    fc.property(validator, validator, order, (a, b, factors) => {
      fc.pre(a.mac.some((byte, i) => byte !== b.mac[i]));
      expect(isStronger(a, b, factors)).toBe(!isStronger(b, a, factors));
    }),
  );
  const [old, young] = [
    { mac: new Uint8Array(6), uptimeS: 100, rttMs: 5 },
    { mac: new Uint8Array(6).fill(9), uptimeS: 1, rttMs: 1 },
  ];
  expect(isStronger(young, old, ['id'])).toBe(true);
  expect(isStronger(old, young, ['uptime', 'id'])).toBe(true);
  expect(isStronger(young, old, ['latency', 'uptime'])).toBe(true);
});
