/** One incarnation of an actor: how it is defined, starts and ends. */

import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { anyDefinition, DefinitionError, defineActor } from '../actors/index.ts';
import { placeholdersOf } from '../actors/system/define.ts';
import { action, activity, task } from '../machines/index.ts';
import { boom, expectNothingLeft, nothing, runInstance, testWorld } from './support/runtime.ts';
import { troubled } from './support/troubled.ts';

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
