/** One incarnation of an actor: what it runs, what it holds, and how nothing of it is left when it ends. */

import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { anyDefinition, DefinitionError, defineActor } from '../actors/index.ts';
import { placeholdersOf } from '../actors/system/define.ts';
import type { Instance } from '../actors/system/instance.ts';
import { action, activity, task } from '../machines/index.ts';
import { runInstance, type TestWorld, testWorld } from './support/runtime.ts';
import { breakFact, type Place, places, troubled } from './support/troubled.ts';

const nothing = { timers: 0, subscriptions: 0, effects: 0 };
const boom = { type: 'error', code: 'CRASH', message: 'boom' };

/** Makes the actor fail there, and lets happen what has to. */
const breakAt = async (place: Place, instance: Instance, { clock, facts }: TestWorld): Promise<void> => {
  if (place === 'hearing of a fact') facts.state(breakFact, -1);
  else instance.deliver({ type: 'break', place });
  await clock.advance(50);
};

const expectNothingLeft = async (instance: Instance, world: TestWorld): Promise<void> => {
  expect(instance.held).toEqual(nothing);
  expect(world.pending(), 'pending timers').toBe(0);
  for (const verb of ['election.get', 'membership.get', 'config.get']) {
    expect(await world.ask(verb)).toEqual({ code: expect.stringMatching(/NO_RESPONDERS|VERB/) });
  }
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

describe('life and death', () => {
  test('an observer sees every dispatch with the state it led to', () => {
    const world = testWorld();
    const seen: unknown[] = [];
    const { instance } = runInstance(world, troubled().definition, (event, { context }) =>
      seen.push([event.type, (context as { ticks: number }).ticks]),
    );
    instance.start();
    instance.deliver({ type: 'tick' });
    instance.deliver({ type: 'tick' });
    instance.watch(undefined);
    instance.deliver({ type: 'tick' });
    expect(seen).toEqual([
      ['tick', 1],
      ['tick', 2],
    ]);
  });

  test('a machine that reaches its final state ends normally, once, with nothing left', async () => {
    const world = testWorld();
    const definition = anyDefinition(
      defineActor({
        name: 'short',
        machine: setup({ actors: { last: activity() } }).createMachine({
          initial: 'a',
          invoke: { src: 'last' },
          states: { a: { on: { end: 'b' } }, b: { type: 'final' } },
        }),
        input: () => undefined,
        effects: ({ clock }) => ({ last: () => void clock.after(1_000, () => {}) }),
      }),
    );
    const { instance, exits, starts } = runInstance(world, definition);
    instance.start();
    instance.deliver({ type: 'end' });
    instance.stop();
    instance.kill();
    expect(starts()).toBe(1);
    expect(exits).toEqual([{ type: 'normal' }]);
    await expectNothingLeft(instance, world);
  });

  test('a polite stop lets go of everything at once and reports when what was running has settled', async () => {
    const world = testWorld();
    const finish: (() => void)[] = [];
    const slowly = () => new Promise<void>((resolve) => finish.push(resolve));
    const definition = anyDefinition(
      defineActor({
        name: 'slow',
        machine: setup({
          actions: { write: action() },
          actors: { work: task<void>(), loop: activity() },
        }).createMachine({
          invoke: [{ src: 'work', onDone: {}, onError: {} }, { src: 'loop' }],
          on: { write: { actions: 'write' } },
        }),
        input: () => undefined,
        effects: () => ({ write: slowly, work: slowly, loop: slowly as () => void }),
      }),
    );
    const { instance, exits } = runInstance(world, definition);
    instance.start();
    instance.deliver({ type: 'write' });
    await world.clock.settle();
    instance.stop();
    instance.stop();
    expect(instance.held).toEqual(nothing);
    expect(finish).toHaveLength(3);
    for (const settle of finish) {
      await world.clock.settle();
      expect(exits).toEqual([]);
      settle();
    }
    await world.clock.settle();
    expect(exits).toEqual([{ type: 'shutdown' }]);
  });

  test('a kill ends what is stopping politely, and what settles later is no second exit', async () => {
    const world = testWorld();
    const finish: (() => void)[] = [];
    const definition = anyDefinition(
      defineActor({
        name: 'slow',
        machine: setup({ actors: { work: task<void>() } }).createMachine({
          invoke: { src: 'work', onDone: {}, onError: {} },
        }),
        input: () => undefined,
        effects: () => ({ work: () => new Promise<void>((resolve) => finish.push(resolve)) }),
      }),
    );
    const { instance, exits } = runInstance(world, definition);
    instance.start();
    instance.stop();
    instance.kill();
    expect(exits).toEqual([{ type: 'killed', signal: 'SIGKILL' }]);
    finish[0]?.();
    await world.clock.settle();
    expect(exits).toHaveLength(1);
  });

  test('an error while it stops is its true reason', async () => {
    const world = testWorld();
    let fail: (error: Error) => void = () => {};
    const definition = anyDefinition(
      defineActor({
        name: 'slow',
        machine: setup({ actions: { write: action() } }).createMachine({ entry: 'write' }),
        input: () => undefined,
        effects: () => ({
          write: () =>
            new Promise<void>((_resolve, reject) => {
              fail = reject;
            }) as unknown as undefined,
        }),
      }),
    );
    const { instance, exits } = runInstance(world, definition);
    instance.start();
    instance.stop();
    fail(new Error('disk full'));
    await world.clock.settle();
    expect(exits).toEqual([{ ...boom, message: 'disk full' }]);
  });

  test('it listens only once it runs, and a verb that is taken fails its start', async () => {
    const world = testWorld();
    const first = runInstance(world, troubled('first').definition);
    const second = runInstance(world, troubled('second').definition);
    first.instance.start();
    second.instance.start();
    expect(second.starts()).toBe(0);
    expect(second.exits).toMatchObject([{ type: 'error', code: expect.any(String) }]);
    expect(second.instance.held).toEqual(nothing);
    expect(first.exits).toEqual([]);
  });
});

describe('definitions', () => {
  const machine = setup({
    actions: { write: action<{ readonly n: number }>(), pure: () => {} },
    actors: { work: task<number, string>(), last: activity<boolean>() },
  }).createMachine({ on: { go: { actions: ['pure', { type: 'write', params: { n: 1 } }] } } });
  const defined = (effects: Record<string, () => unknown>) =>
    anyDefinition(defineActor({ name: 'a', machine, input: () => undefined, effects: () => effects as never }));
  const complete = { write: () => {}, work: async () => 1, last: () => {} };

  test('the placeholders of a machine are found, pure parts are not among them', () => {
    expect(placeholdersOf(machine)).toEqual({ actions: ['write'], actors: ['work', 'last'], tasks: ['work'] });
  });

  test.each(['write', 'work', 'last'])('a missing effect is named before anything starts: %s', (name) => {
    const { [name as 'write']: _left, ...rest } = complete;
    const start = () => runInstance(testWorld(), defined(rest));
    expect(start).toThrow(DefinitionError);
    expect(start).toThrow(`a: ${name} is a placeholder without an effect`);
  });

  test.each(['other', 'pure'])('an effect too much is named: %s', (name) => {
    const start = () => runInstance(testWorld(), defined({ ...complete, [name]: () => {} }));
    expect(start).toThrow(`a: ${name} is an effect without a placeholder`);
  });

  test('a name that could not be part of an id or a subject is refused', () => {
    for (const name of ['', '1a', 'a.b', 'a b', 'a/b', 'a'.repeat(33)]) {
      expect(() => defineActor({ name, machine, input: () => undefined, effects: () => complete })).toThrow(
        DefinitionError,
      );
    }
  });

  test.each([
    ['receives', 'beacon.nothing', 'DEFINITION_INVALID'],
    ['answers', 'epoch.nothing', 'UNKNOWN_VERB'],
  ])('what the bus does not know fails the start by name: %s %s', (field, name, code) => {
    const known = { receives: 'beacon.beacon', answers: 'epoch.get' }[field] ?? '';
    const listens = { [field]: () => ({ [known]: () => undefined, [name]: () => undefined }) };
    const { instance, exits } = runInstance(testWorld(), { ...defined(complete), ...listens });
    instance.start();
    expect(exits).toMatchObject([{ type: 'error', code, message: expect.stringContaining(name) }]);
    expect(instance.held).toEqual(nothing);
  });

  test('an operable event that the machine does not know is refused', () => {
    const operable = ['nothing'] as never;
    expect(() =>
      defineActor({ name: 'a', machine, input: () => undefined, effects: () => complete, operable }),
    ).toThrow("operable 'nothing' is not an event of its machine");
  });
});
