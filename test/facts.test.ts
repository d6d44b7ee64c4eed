/** Facts: how actors of one node meet. */

import { expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { anyDefinition, defineActor, FactBoard, fact, hears } from '../actors/index.ts';
import { runInstance, testWorld } from './support/runtime.ts';

const level = fact<number>('test.level');

test('the last value is retained: who comes later hears it at once, and every later one', () => {
  const board = new FactBoard();
  expect(board.get(level)).toBeUndefined();
  board.state(level, 1);
  board.state(level, 2);
  const heard: number[] = [];
  const stop = board.hear(level, (value) => heard.push(value));
  board.state(level, 3);
  stop();
  board.state(level, 4);
  expect(heard).toEqual([2, 3]);
  expect(board.get(level)).toBe(4);
});

test('the same value is not stated twice: by default records are compared field by field', () => {
  const place = fact<{ readonly x: number; readonly y: number } | null>('test.place');
  const board = new FactBoard();
  const heard: unknown[] = [];
  board.hear(place, (value) => heard.push(value));
  board.state(place, { x: 1, y: 2 });
  board.state(place, { x: 1, y: 2 });
  board.state(place, null);
  board.state(place, null);
  board.state(place, { x: 1, y: 3 });
  expect(heard).toEqual([{ x: 1, y: 2 }, null, { x: 1, y: 3 }]);
});

test('a fact may bring its own idea of sameness', () => {
  const rough = fact<number>('test.rough', { same: (a, b) => Math.round(a) === Math.round(b) });
  const board = new FactBoard();
  const heard: number[] = [];
  board.hear(rough, (value) => heard.push(value));
  for (const value of [1, 1.2, 2, 2.4]) board.state(rough, value);
  expect(heard).toEqual([1, 2]);
});

test('facts of different names do not meet', () => {
  const board = new FactBoard();
  const heard: number[] = [];
  board.hear(fact<number>('test.other'), (value) => heard.push(value));
  board.state(level, 1);
  expect(heard).toEqual([]);
});

// ── Between actors ──────────────────────────────────────────────────────────

type Counted = { type: 'count' } | { type: 'crash' };

/** States how often it was told to count; dies on `crash`. */
const counter = anyDefinition(
  defineActor({
    name: 'counter',
    machine: setup({
      types: { context: {} as { count: number }, events: {} as Counted },
      guards: {
        impossible: () => {
          throw new Error('boom');
        },
      },
    }).createMachine({
      context: () => ({ count: 0 }),
      on: {
        count: { actions: assign({ count: ({ context }) => context.count + 1 }) },
        crash: { guard: 'impossible' },
      },
    }),
    input: () => undefined,
    effects: () => ({}),
    states: (state) => [state(level, ({ context }) => (context.count === 0 ? undefined : context.count))],
  }),
);

const heardLevels = (name = 'listener') => {
  const heard: number[] = [];
  const listener = anyDefinition(
    defineActor({
      name,
      machine: setup({ types: { events: {} as { type: 'level'; value: number } } }).createMachine({
        on: { level: { actions: ({ event }) => void heard.push(event.value) } },
      }),
      input: () => undefined,
      effects: () => ({}),
      hears: () => [hears(level, (value) => ({ type: 'level' as const, value }))],
    }),
  );
  return { heard, listener };
};

test('a fact reaches other actors through the queue of the clock, never within the transition that stated it', async () => {
  const world = testWorld();
  const { heard, listener } = heardLevels();
  const stating = runInstance(world, counter).instance;
  runInstance(world, listener).instance.start();
  stating.start();
  stating.deliver({ type: 'count' });
  stating.deliver({ type: 'count' });
  expect(world.facts.get(level)).toBe(2);
  expect(heard).toEqual([]);
  await world.clock.settle();
  expect(heard).toEqual([1, 2]);
});

test('order of start does not matter: who starts later hears what was stated before', async () => {
  const world = testWorld();
  const { heard, listener } = heardLevels();
  const stating = runInstance(world, counter).instance;
  stating.start();
  stating.deliver({ type: 'count' });
  await world.clock.settle();
  runInstance(world, listener).instance.start();
  await world.clock.settle();
  expect(heard).toEqual([1]);
});

test('what `undefined` stands for is not stated, and unchanged state is not stated again', async () => {
  const world = testWorld();
  const { heard, listener } = heardLevels();
  runInstance(world, listener).instance.start();
  const stating = runInstance(world, counter).instance;
  stating.start();
  expect(world.facts.get(level)).toBeUndefined();
  stating.deliver({ type: 'count' });
  stating.deliver({ type: 'unknown' });
  await world.clock.settle();
  expect(heard).toEqual([1]);
});

test('a crashed actor’s fact is retained until its next incarnation states another', async () => {
  const world = testWorld();
  const { heard, listener } = heardLevels();
  runInstance(world, listener).instance.start();
  const first = runInstance(world, counter);
  first.instance.start();
  for (let i = 0; i < 3; i++) first.instance.deliver({ type: 'count' });
  first.instance.deliver({ type: 'crash' });
  expect(first.exits).toHaveLength(1);
  expect(world.facts.get(level)).toBe(3);
  const second = runInstance(world, counter).instance;
  second.start();
  expect(world.facts.get(level)).toBe(3);
  second.deliver({ type: 'count' });
  await world.clock.settle();
  expect(world.facts.get(level)).toBe(1);
  expect(heard).toEqual([1, 2, 3, 1]);
});

test('a fact on its way to an actor that ends meanwhile is dropped, and nobody hears for the dead', async () => {
  const world = testWorld();
  const { heard, listener } = heardLevels();
  const hearing = runInstance(world, listener);
  hearing.instance.start();
  world.facts.state(level, 1);
  hearing.instance.stop();
  world.facts.state(level, 2);
  await world.clock.settle();
  expect(heard).toEqual([]);
  expect(hearing.exits).toEqual([{ type: 'shutdown' }]);
  expect(hearing.instance.held.subscriptions).toBe(0);
});

test('a listener that cannot translate a fact is the one that crashes, not who stated it', async () => {
  const world = testWorld();
  const broken = anyDefinition(
    defineActor({
      name: 'broken',
      machine: setup({}).createMachine({}),
      input: () => undefined,
      effects: () => ({}),
      hears: () => [
        hears(level, () => {
          throw new Error('cannot read it');
        }),
      ],
    }),
  );
  const { heard, listener } = heardLevels();
  const breaking = runInstance(world, broken);
  breaking.instance.start();
  runInstance(world, listener).instance.start();
  const stating = runInstance(world, counter);
  stating.instance.start();
  stating.instance.deliver({ type: 'count' });
  expect(stating.exits).toEqual([]);
  await world.clock.settle();
  expect(breaking.exits).toEqual([{ type: 'error', code: 'CRASH', message: 'cannot read it' }]);
  expect(heard).toEqual([1]);
});

test('a fact whose actor has ended becomes what it was declared to become, or stays', () => {
  const place = fact<{ readonly x: number; readonly y: number }>('test.place');
  const head = fact<string | null>('test.head', { orphaned: () => null });
  const board = new FactBoard();
  const heard: (string | null)[] = [];
  board.hear(head, (value) => heard.push(value));
  board.orphan(head);
  board.state(head, 'validator-1');
  board.state(place, { x: 1, y: 2 });
  board.orphan(head);
  board.orphan(place);
  expect(heard).toEqual(['validator-1', null]);
  expect(board.get(place)).toEqual({ x: 1, y: 2 });
});
