import { expect, test } from 'vitest';
import { membershipMachine } from '../machines/index.ts';
import type { Snapshot } from '../protocol/index.ts';
import { drive } from './support/machine.ts';

test('members are believed once their snapshot is verified', async () => {
  const snapshot = { seq: 1 } as Snapshot;
  const machine = drive(membershipMachine, undefined, { verifySnapshot: () => snapshot });
  expect(machine.state()).toBe('verifying');
  await machine.clock.settle();
  expect(machine.state()).toBe('confirmed');
  expect(machine.context().snapshot).toBe(snapshot);
});

test('a snapshot that does not verify leaves the node unconfigured, with the reason, until an operator tries again', async () => {
  const machine = drive(membershipMachine, undefined, {
    verifySnapshot: () => {
      throw new Error('signatures: no signature holds');
    },
  });
  await machine.clock.settle();
  expect(machine.state()).toBe('unconfigured');
  expect(machine.context()).toEqual({ snapshot: null, reason: 'signatures: no signature holds' });
  expect(machine.effects()).toEqual(['verifySnapshot', 'reportRefusal']);
  machine.send({ type: 'operator.verify' });
  expect(machine.state()).toBe('verifying');
});
