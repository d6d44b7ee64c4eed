import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type EpochContext,
  type EpochInput,
  epochAt,
  epochMachine,
  epochStart,
  isNewer,
  toleratedEpochs,
} from '../machines/index.ts';
import type { Beacon } from '../protocol/index.ts';
import { drive } from './support/machine.ts';

const timing = {
  genesisMs: 1_000_000,
  epochDurationMs: 5_000,
  epochTolerance: 1,
  beaconTimeoutMs: 3_000,
  answerTimeoutMs: 300,
  calibrationIntervalMs: 2_000,
};
const input = (change: Partial<EpochInput> = {}): EpochInput => ({
  timing,
  record: { epoch: 0, term: 0, seq: 0 },
  baseMs: 1_000_000,
  ...change,
});
/** The picture reads only these fields; the edge has verified the rest. */
const beacon = (epoch: number, term: number, beaconSeq: number): Beacon =>
  ({ type: 'beacon', epoch, term, beaconSeq }) as unknown as Beacon;
const sample = (baseMs: number, rttMs = 1, atMs = 0) => ({ baseMs, rttMs, atMs });
const head = 'validator-2';

const synchronized = (change: Partial<EpochInput> = {}) => {
  const machine = drive(epochMachine, input(change));
  machine.send({ type: 'beacon.heard', head });
  machine.send({ type: 'time.answered', head, beacon: beacon(3, 258, 1), sample: sample(1_015_000) });
  machine.effects();
  return machine;
};
const tolerated = (machine: { context(): unknown }) => toleratedEpochs(machine.context() as EpochContext);

describe('a node that has heard nothing', () => {
  test('tolerates no epoch', () => {
    expect(tolerated(drive(epochMachine, input()))).toEqual([]);
  });

  test('believes no beacon, but asks the head for a proof', () => {
    const machine = drive(epochMachine, input());
    machine.send({ type: 'beacon.accepted', head, beacon: beacon(3, 258, 1) });
    expect(machine.hasTag('synchronized')).toBe(false);
    machine.send({ type: 'beacon.heard', head });
    expect(machine.state()).toContain('calibration.asking');
    expect(machine.calls.at(-1)).toEqual({ effect: 'askTime', params: { head, epoch: 0 } });
  });

  test('asks nobody while it knows no head, and the new one at once when the one it asked is gone', async () => {
    const machine = drive(epochMachine, input());
    await machine.clock.advance(10_000);
    expect(machine.effects()).toEqual([]);
    machine.send({ type: 'beacon.heard', head: 'validator-1' });
    machine.send({ type: 'beacon.heard', head: 'validator-1' });
    machine.send({ type: 'beacon.heard', head });
    expect(machine.calls.map(({ params }) => params)).toEqual([
      { head: 'validator-1', epoch: 0 },
      { head, epoch: 0 },
    ]);
  });

  test('is synchronised by an answer to its own nonce, and sets its clock by it', () => {
    const machine = drive(epochMachine, input());
    machine.send({ type: 'beacon.heard', head });
    machine.send({ type: 'time.answered', head, beacon: beacon(3, 258, 1), sample: sample(1_015_000) });
    expect(machine.hasTag('synchronized')).toBe(true);
    expect(machine.context().baseMs).toBe(1_015_000);
    expect(tolerated(machine)).toEqual([2, 3, 4]);
    expect(machine.state()).toContain('count.ticking');
  });

  test('as head, believes its own beacon', () => {
    const machine = drive(epochMachine, input());
    machine.send({ type: 'beacon.own', head: 'validator-1', beacon: beacon(0, 257, 1) });
    expect(machine.hasTag('synchronized')).toBe(true);
    expect(tolerated(machine)).toEqual([0, 1]);
  });
});

describe('a synchronised node', () => {
  test('stores a beacon before it asks for anything else', () => {
    const machine = drive(epochMachine, input());
    machine.send({ type: 'beacon.own', head: 'validator-1', beacon: beacon(3, 257, 1) });
    expect(machine.effects().slice(0, 2)).toEqual(['storeRecord', 'storeConfig']);
  });

  test('takes newer beacons only', () => {
    const machine = synchronized();
    machine.send({ type: 'beacon.accepted', head, beacon: beacon(3, 258, 1) });
    expect(machine.effects()).toEqual([]);
    machine.send({ type: 'beacon.accepted', head, beacon: beacon(4, 258, 2) });
    expect(machine.context().record).toEqual({ epoch: 4, term: 258, seq: 2 });
  });

  test('calls itself unsynchronised from beaconTimeout on, and goes on counting', async () => {
    const machine = synchronized();
    await machine.clock.advance(2_999);
    expect(machine.hasTag('synchronized')).toBe(true);
    await machine.clock.advance(1);
    expect(machine.hasTag('synchronized')).toBe(false);
    machine.send({ type: 'epoch.began', epoch: 4 });
    expect(tolerated(machine)).toEqual([3, 4, 5]);
  });

  test('answers who asks for the time, and only while it is sure of it', async () => {
    const machine = synchronized();
    const request = {
      type: 'time.requested',
      from: 'device-1',
      nonce: new Uint8Array(16),
      timestampMs: 1,
      receivedMs: 2,
    } as const;
    machine.send(request);
    expect(machine.effects()).toEqual(['answerTime']);
    await machine.clock.advance(3_000);
    machine.effects();
    machine.send(request);
    expect(machine.effects()).toEqual([]);
  });

  test('calibrates quickly at first, then at every interval', async () => {
    const machine = synchronized();
    const answer = () =>
      machine.send({ type: 'time.answered', head, beacon: beacon(3, 258, 1), sample: sample(1_015_000) });
    for (let quick = 0; quick < 3; quick += 1) {
      await machine.clock.advance(timing.answerTimeoutMs);
      expect(machine.state()).toContain('calibration.asking');
      answer();
    }
    await machine.clock.advance(timing.calibrationIntervalMs - 1);
    expect(machine.state()).toContain('calibration.resting');
    await machine.clock.advance(1);
    expect(machine.state()).toContain('calibration.asking');
  });

  test('forgets a question nobody answered', async () => {
    const machine = synchronized();
    await machine.clock.advance(timing.answerTimeoutMs);
    machine.send({ type: 'time.asked', asked: { nonce: new Uint8Array(16), sentAtMs: 300 } });
    await machine.clock.advance(timing.answerTimeoutMs);
    expect(machine.state()).toContain('calibration.resting');
    expect(machine.context().asked).toBeNull();
  });

  test('trusts the shortest round trip until it is older than its drift', async () => {
    const machine = synchronized();
    const answer = async (baseMs: number, rttMs: number, atMs: number) => {
      machine.send({ type: 'operator.calibrate' });
      machine.send({ type: 'time.answered', head, beacon: beacon(3, 258, 1), sample: sample(baseMs, rttMs, atMs) });
    };
    await answer(1_015_040, 80, 10_000);
    expect(machine.context().baseMs).toBe(1_015_000);
    await answer(1_015_002, 3, 100_000);
    expect(machine.context().baseMs).toBe(1_015_002);
  });
});

test('an epoch never goes back, whatever happens', () => {
  const event = fc.oneof(
    fc.record({ type: fc.constant('beacon.accepted' as const), epoch: fc.nat(50), term: fc.nat(5), seq: fc.nat(20) }),
    fc.record({ type: fc.constant('time.answered' as const), epoch: fc.nat(50), term: fc.nat(5), seq: fc.nat(20) }),
    fc.record({ type: fc.constant('epoch.began' as const), epoch: fc.nat(50) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const machine = synchronized();
      let highest = 0;
      for (const one of events) {
        if (one.type === 'epoch.began') machine.send(one);
        else if (one.type === 'beacon.accepted')
          machine.send({ type: one.type, head, beacon: beacon(one.epoch, one.term, one.seq) });
        else
          machine.send({
            type: one.type,
            head,
            beacon: beacon(one.epoch, one.term, one.seq),
            sample: sample(1_000_000),
          });
        const { epoch } = (machine.context() as unknown as EpochContext).record;
        expect(epoch).toBeGreaterThanOrEqual(highest);
        highest = epoch;
      }
    }),
    { numRuns: 50 },
  );
});

test('epochs are anchored at genesis and never negative', () => {
  expect(epochAt(timing.genesisMs - 1, timing)).toBe(0);
  expect(epochAt(timing.genesisMs + 4_999, timing)).toBe(0);
  expect(epochAt(timing.genesisMs + 5_000, timing)).toBe(1);
  fc.assert(
    fc.property(fc.nat(1_000_000), (epoch) => {
      expect(epochAt(epochStart(epoch, timing), timing)).toBe(epoch);
      expect(epochAt(epochStart(epoch + 1, timing) - 1, timing)).toBe(epoch);
    }),
  );
});

test('newer means a higher term, or a later number in the same one', () => {
  const record = { epoch: 7, term: 258, seq: 10 };
  expect(isNewer(record, 258, 11)).toBe(true);
  expect(isNewer(record, 258, 10)).toBe(false);
  expect(isNewer(record, 513, 1)).toBe(true);
  expect(isNewer(record, 257, 99)).toBe(false);
});

test('a missing timeout fails instead of spinning', () => {
  const bad = { ...timing, beaconTimeoutMs: Number.NaN };
  expect(drive(epochMachine, input({ timing: bad })).failure()).toBeInstanceOf(RangeError);
});
