import { expect, test } from 'vitest';
import { beaconMachine } from '../machines/index.ts';
import type { Beacon } from '../protocol/index.ts';
import { drive } from './support/machine.ts';

test('a node that does not lead is silent', () => {
  const machine = drive(beaconMachine, undefined);
  machine.send({ type: 'head.lost' });
  expect(machine.state()).toBe('silent');
  expect(machine.effects()).toEqual([]);
});

test('the head broadcasts in its own term, and starts anew in the next', () => {
  const machine = drive(beaconMachine, undefined);
  machine.send({ type: 'head.won', term: 258 });
  machine.send({ type: 'head.won', term: 258 });
  machine.send({ type: 'head.won', term: 514 });
  expect(machine.calls).toEqual([
    { effect: 'broadcastBeacons', params: { term: 258 } },
    { effect: 'broadcastBeacons', params: { term: 514 } },
  ]);
});

test('a head that lost its office falls silent', () => {
  const machine = drive(beaconMachine, undefined);
  machine.send({ type: 'head.won', term: 258 });
  machine.send({ type: 'beacon.sent', beacon: { beaconSeq: 1 } as Beacon });
  machine.send({ type: 'head.lost' });
  expect(machine.state()).toBe('silent');
  expect(machine.context()).toMatchObject({ term: 258, sent: 1, last: { beaconSeq: 1 } });
});
