/** Placeholders: what a picture names and does not have. */

import { expect, test } from 'vitest';
import { createActor, setup } from 'xstate';
import { action, activity, placeholderKind, task } from '../machines/index.ts';

test('each kind is known, and nothing else is a placeholder', () => {
  expect([action(), task(), activity()].map(placeholderKind)).toEqual(['action', 'task', 'activity']);
  for (const part of [() => {}, {}, 'action', 1, null, undefined]) expect(placeholderKind(part)).toBeUndefined();
});

test('each placeholder is its own, so that one machine cannot fill another’s', () => {
  expect(action()).not.toBe(action());
  expect(task()).not.toBe(task());
});

const errorOf = (machine: Parameters<typeof createActor>[0]): unknown => {
  let thrown: unknown;
  const actor = createActor(machine);
  actor.subscribe({
    error: (error) => {
      thrown = error;
    },
  });
  actor.start();
  return thrown;
};

test('a machine run with an unprovided action or activity says which mistake that is', () => {
  const withAction = setup({ actions: { act: action() } }).createMachine({ entry: 'act' });
  const withActivity = setup({ actors: { last: activity() } }).createMachine({ invoke: { src: 'last' } });
  for (const machine of [withAction, withActivity]) {
    expect(String(errorOf(machine))).toContain('unprovided effect: define the actor with defineActor()');
  }
});
