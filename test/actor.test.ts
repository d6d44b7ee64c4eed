/** One incarnation of an actor: wherever it fails, it alone ends, and nothing of it is left. */

import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { anyDefinition, DefinitionError, defineActor } from '../actors/index.ts';
import type { Instance } from '../actors/system/instance.ts';
import { action, activity } from '../machines/index.ts';
import { boom, expectNothingLeft, runInstance, type TestWorld, testWorld } from './support/runtime.ts';
import { breakFact, type Place, places, troubled } from './support/troubled.ts';

/** Makes the actor fail there, and lets happen what has to. */
const breakAt = async (place: Place, instance: Instance, { clock, facts }: TestWorld): Promise<void> => {
  if (place === 'hearing of a fact') facts.state(breakFact, -1);
  else instance.deliver({ type: 'break', place });
  await clock.advance(50);
};

describe('crash containment', () => {
  test.each(places)('a failure in: %s', async (place) => {
    const world = testWorld();
    const { definition, seen } = troubled();
    const { instance, exits, starts } = runInstance(world, definition);
    instance.start();
    await world.clock.advance(250);
    expect(seen.ticks).toBe(2);
    expect(starts()).toBe(1);
    expect(instance.held).toEqual({ timers: 2, subscriptions: 6, effects: 2 });

    await breakAt(place, instance, world);

    const message = place === 'delay that is no number' || place === 'guard' ? expect.any(String) : 'boom';
    expect(exits).toEqual([{ ...boom, message }]);
    expect(world.logged('actor_crashed')).toHaveLength(1);
    expect(seen.signals.every(({ aborted }) => aborted)).toBe(true);
    await expectNothingLeft(instance, world);
    world.operator.say('election.heartbeat', 'x');
    await world.clock.advance(100_000);
    expect(seen.ticks).toBe(2);
    expect(seen.received).toBe(0);
    instance.deliver({ type: 'tick' });
    expect(world.counted('dead_letters_total')).toBe(1);
    expect(exits).toHaveLength(1);
  });

  test('a failure in the first entry leaves nothing either', async () => {
    const world = testWorld();
    const definition = anyDefinition(
      defineActor({
        name: 'stillborn',
        machine: setup({ actions: { explode: action() }, actors: { last: activity() } }).createMachine({
          invoke: { src: 'last' },
          initial: 'a',
          states: { a: { entry: 'explode' } },
        }),
        input: () => undefined,
        effects: ({ clock }) => ({
          explode: () => {
            throw new Error('boom');
          },
          last: () => void clock.after(1_000, () => {}),
        }),
        answers: () => ({ 'election.get': () => ({}) }),
      }),
    );
    const { instance, exits, starts } = runInstance(world, definition);
    instance.start();
    await world.clock.settle();
    expect(exits).toEqual([boom]);
    expect(starts()).toBe(0);
    await expectNothingLeft(instance, world);
  });

  test('a context factory that refuses its input fails the start', () => {
    const world = testWorld();
    const definition = anyDefinition(
      defineActor({
        name: 'choosy',
        machine: setup({ types: { input: {} as { n: number }, context: {} as { n: number } } }).createMachine({
          context: ({ input }) => {
            if (Number.isNaN(input.n)) throw new RangeError('n must be a number');
            return input;
          },
        }),
        input: () => ({ n: Number.NaN }),
        effects: () => ({}),
      }),
    );
    const { instance, exits, starts } = runInstance(world, definition);
    instance.start();
    expect(exits).toEqual([{ type: 'error', code: 'CRASH', message: 'n must be a number' }]);
    expect(starts()).toBe(0);
  });

  test('a definition that throws while it is set up holds nothing, its timers included', () => {
    const world = testWorld();
    const leaky = (where: 'effects' | 'input') =>
      anyDefinition(
        defineActor({
          name: 'leaky',
          machine: setup({}).createMachine({}),
          input: () => {
            if (where === 'input') throw new Error('boom');
          },
          effects: ({ clock }) => {
            clock.after(10, () => {});
            if (where === 'effects') throw new Error('boom');
            return {};
          },
        }),
      );
    for (const where of ['effects', 'input'] as const) {
      expect(() => runInstance(world, leaky(where))).toThrow('boom');
      expect(world.pending()).toBe(0);
    }
  });

  test('the code of a typed error becomes the code of the exit', async () => {
    const world = testWorld();
    const definition = anyDefinition(
      defineActor({
        name: 'typed',
        machine: setup({ actions: { explode: action() } }).createMachine({ on: { go: { actions: 'explode' } } }),
        input: () => undefined,
        effects: () => ({
          explode: () => {
            throw new DefinitionError('a', 'b', 'c');
          },
        }),
      }),
    );
    const { instance, exits } = runInstance(world, definition);
    instance.start();
    instance.deliver({ type: 'go' });
    expect(exits).toMatchObject([{ type: 'error', code: 'DEFINITION_INVALID' }]);
  });

  test('an error after the end restarts nobody, but is logged and counted', () => {
    const world = testWorld();
    const { instance, exits } = runInstance(world, troubled().definition);
    instance.start();
    instance.crash(new Error('first'));
    instance.crash(new Error('second'));
    expect(exits).toEqual([{ ...boom, message: 'first' }]);
    expect(world.logged('late_error')).toMatchObject([{ level: 'warn', fields: { error: 'second' } }]);
    expect(world.counted('late_errors_total')).toBe(1);
  });

  test('a subscription that will not be released does not keep the others held', async () => {
    const world = testWorld();
    const { bus } = world.world;
    const stubborn: TestWorld = {
      ...world,
      world: {
        ...world.world,
        bus: Object.create(bus, {
          hear: {
            value: () => () => {
              throw new Error('no');
            },
          },
          answer: { value: bus.answer.bind(bus) },
          receive: { value: bus.receive.bind(bus) },
        }),
      },
    };
    const { instance, exits } = runInstance(stubborn, troubled().definition);
    instance.start();
    instance.kill();
    expect(exits).toEqual([{ type: 'killed', signal: 'SIGKILL' }]);
    expect(world.logged('release_failed')).toHaveLength(1);
    await expectNothingLeft(instance, world);
  });
});

describe('what others send cannot hurt', () => {
  test('a receiver that throws has refused the message: counted, logged once a burst, and the actor lives', async () => {
    const world = testWorld();
    const { definition, seen } = troubled();
    const { instance, exits } = runInstance(world, definition);
    instance.start();
    for (let i = 0; i < 5; i++) world.operator.say('election.heartbeat', 'throw');
    await world.clock.settle();
    expect(seen.received).toBe(5);
    expect(exits).toEqual([]);
    expect(world.counted('messages_refused_total')).toBe(5);
    const fields = { topic: 'election.heartbeat', from: 'operator', reason: 'receiver_failed' };
    expect(world.logged('message_refused')).toMatchObject([{ level: 'warn', fields }]);
    await world.clock.advance(30_000);
    expect(world.logged('message_refused')).toMatchObject([{ fields }, { fields: { repeated: 4 } }]);
  });

  test('refused messages are counted by reason and change nothing', async () => {
    const world = testWorld();
    const { instance } = runInstance(world, troubled().definition);
    instance.start();
    const before = instance.snapshot();
    for (let i = 0; i < 3; i++) world.operator.say('election.heartbeat', 'refuse');
    await world.clock.settle();
    expect(instance.snapshot() === before).toBe(true);
    const samples = world.world.metrics.read().filter(({ name }) => name === 'messages_refused_total');
    expect(samples).toMatchObject([{ labels: { topic: 'election.heartbeat', reason: 'unwanted' }, value: 3 }]);
    instance.stop();
    await world.clock.settle();
    expect(world.logged('message_refused').at(-1)).toMatchObject({ fields: { repeated: 2 } });
    await expectNothingLeft(instance, world);
  });

  test('an answerer that throws, at once or later, answers with an error, and the actor lives', async () => {
    const world = testWorld();
    const { instance, exits } = runInstance(world, troubled().definition);
    instance.start();
    for (const verb of ['membership.get', 'config.get']) {
      expect(await world.ask(verb)).toEqual({ code: 'INTERNAL' });
    }
    expect(exits).toEqual([]);
    expect(instance.held.subscriptions).toBe(6);
  });

  test('an observer that throws is let go and told so; the actor lives', () => {
    const world = testWorld();
    const { instance, exits } = runInstance(world, troubled().definition, () => {
      throw new Error('cannot look');
    });
    instance.start();
    expect(instance.watched).toBe(true);
    instance.deliver({ type: 'tick' });
    instance.deliver({ type: 'tick' });
    expect(instance.watched).toBe(false);
    expect(exits).toEqual([]);
    expect(instance.snapshot().context).toMatchObject({ ticks: 2 });
    expect(world.logged('observer_failed')).toMatchObject([{ level: 'warn', fields: { error: 'cannot look' } }]);
  });
});
