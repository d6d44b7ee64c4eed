/** The engine: machines provided once, effects found by instance, tasks and activities that live as long as their state. */

import { describe, expect, test } from 'vitest';
import { assign, setup } from 'xstate';
import { type ActorWorld, anyDefinition, defineActor } from '../actors/index.ts';
import { action, activity, task } from '../machines/index.ts';
import { runInstance, testWorld } from './support/runtime.ts';

type Event = { type: 'work' } | { type: 'leave' } | { type: 'note'; text: string };

const worker = setup({
  types: { context: {} as { notes: readonly string[] }, events: {} as Event },
  actors: { fetch: task<string, { readonly url: string }>(), last: activity<{ readonly every: number }>() },
  actions: {
    note: assign({ notes: ({ context }, text: string) => [...context.notes, text] }),
  },
}).createMachine({
  id: 'worker',
  context: () => ({ notes: [] }),
  initial: 'idle',
  on: { note: { actions: { type: 'note', params: ({ event }) => event.text } } },
  states: {
    idle: { on: { work: 'working' } },
    working: {
      invoke: [
        {
          src: 'fetch',
          input: { url: 'a' },
          onDone: { target: 'idle', actions: { type: 'note', params: ({ event }) => `done ${event.output}` } },
          onError: {
            target: 'idle',
            actions: { type: 'note', params: ({ event }) => `failed ${String(event.error)}` },
          },
        },
        { src: 'last', input: { every: 5 } },
      ],
      on: { leave: 'idle' },
    },
  },
});

interface Started {
  readonly effect: string;
  readonly input: unknown;
  readonly signal: AbortSignal;
  readonly send: (event: Event) => void;
  readonly resolve: (output: string) => void;
  readonly reject: (error: unknown) => void;
}

/** Runs the worker; every effect that starts is recorded and ends when the test says so. */
const work = (started: Started[] = []) => {
  const test = testWorld();
  const definition = anyDefinition(
    defineActor({
      name: 'worker',
      machine: worker,
      input: () => undefined,
      effects: () => ({
        fetch: (input, signal) =>
          new Promise<string>((resolve, reject) => {
            started.push({ effect: 'fetch', input, signal, send: () => {}, resolve, reject });
          }),
        last: (input, signal, send) =>
          void started.push({ effect: 'last', input, signal, send, resolve: () => {}, reject: () => {} }),
      }),
    }),
  );
  const run = runInstance(test, definition);
  run.instance.start();
  run.instance.deliver({ type: 'work' });
  const { instance } = run;
  const notes = () => (instance.snapshot().context as { notes: string[] }).notes;
  const [fetch, last] = started.slice(-2);
  if (fetch === undefined || last === undefined) throw new Error('effects did not start');
  return { ...test, ...run, notes, fetch, last };
};

describe('a task', () => {
  test('gets the input of its invocation, and its result is an event', async () => {
    const { clock, fetch, instance, notes } = work();
    expect(fetch.input).toEqual({ url: 'a' });
    fetch.resolve('x');
    await clock.settle();
    expect(notes()).toEqual(['done x']);
    expect(instance.view().state).toBe('idle');
    expect(instance.held.effects).toBe(0);
  });

  test('that rejects is an event too, when its machine handles it', async () => {
    const { clock, exits, fetch, notes } = work();
    fetch.reject('no');
    await clock.settle();
    expect(notes()).toEqual(['failed no']);
    expect(exits).toEqual([]);
  });

  test('whose state was left is aborted, and what becomes of it is ignored', async () => {
    for (const end of ['resolve', 'reject'] as const) {
      const { clock, exits, fetch, instance, notes } = work();
      instance.deliver({ type: 'leave' });
      expect(fetch.signal.aborted).toBe(true);
      fetch[end]('late');
      await clock.settle();
      expect(notes()).toEqual([]);
      expect(exits).toEqual([]);
    }
  });

  test('of an earlier visit cannot end a later one', async () => {
    const { clock, fetch, instance, notes } = work();
    instance.deliver({ type: 'leave' });
    instance.deliver({ type: 'work' });
    fetch.resolve('late');
    await clock.settle();
    expect(instance.view().state).toBe('working');
    expect(notes()).toEqual([]);
  });

  test('may return a value or a promise of another library', async () => {
    const test = testWorld();
    const seen: unknown[] = [];
    const machine = setup({
      actors: { now: task<number>(), later: task<number>() },
      actions: { see: (_, value: number) => void seen.push(value) },
    }).createMachine({
      invoke: [
        { src: 'now', onDone: { actions: { type: 'see', params: ({ event }) => event.output } } },
        { src: 'later', onDone: { actions: { type: 'see', params: ({ event }) => event.output } } },
      ],
    });
    const later = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is tested.
      then: (resolve: (value: number) => void) => resolve(2),
    };
    const definition = defineActor({
      name: 'a',
      machine,
      input: () => undefined,
      effects: () => ({ now: () => 1 as never, later: () => later as never }),
    });
    runInstance(test, anyDefinition(definition)).instance.start();
    await test.clock.settle();
    expect(seen.sort()).toEqual([1, 2]);
  });

  test('that throws at once is handled like one that rejects, and holds nothing', () => {
    const machine = setup({ actors: { fail: task<void>() } }).createMachine({
      initial: 'trying',
      states: { trying: { invoke: { src: 'fail', onError: 'failed' } }, failed: {} },
    });
    const definition = defineActor({
      name: 'a',
      machine,
      input: () => undefined,
      effects: () => ({
        fail: () => {
          throw new Error('boom');
        },
      }),
    });
    const { instance, exits } = runInstance(testWorld(), anyDefinition(definition));
    instance.start();
    expect(instance.view().state).toBe('failed');
    expect(instance.held.effects).toBe(0);
    expect(exits).toEqual([]);
  });
});

describe('an activity', () => {
  test('sends events to its machine while its state lasts, and nothing after', () => {
    const { counted, instance, last, notes } = work();
    expect(last.input).toEqual({ every: 5 });
    last.send({ type: 'note', text: 'a' });
    instance.deliver({ type: 'leave' });
    expect(last.signal.aborted).toBe(true);
    last.send({ type: 'note', text: 'b' });
    expect(notes()).toEqual(['a']);
    expect(counted('dead_letters_total')).toBe(0);
  });

  test('may send while it starts: the event is handled after the transition', () => {
    const machine = setup({
      types: { context: {} as { heard: number }, events: {} as { type: 'ping' } },
      actors: { last: activity() },
      actions: { hear: assign({ heard: ({ context }) => context.heard + 1 }) },
    }).createMachine({
      context: { heard: 0 },
      invoke: { src: 'last' },
      on: { ping: { actions: 'hear' } },
    });
    const definition = defineActor({
      name: 'a',
      machine,
      input: () => undefined,
      effects: () => ({ last: (_input, _signal, send) => send({ type: 'ping' }) }),
    });
    const { instance } = runInstance(testWorld(), anyDefinition(definition));
    instance.start();
    expect(instance.snapshot().context).toEqual({ heard: 1 });
  });

  test('written as an async function lasts beyond its promise', async () => {
    const signals: AbortSignal[] = [];
    const machine = setup({ actors: { last: activity() } }).createMachine({
      initial: 'a',
      states: { a: { invoke: { src: 'last' }, on: { leave: 'b' } }, b: {} },
    });
    const definition = defineActor({
      name: 'a',
      machine,
      input: () => undefined,
      effects: () => ({ last: async (_input: undefined, signal: AbortSignal) => void signals.push(signal) }),
    });
    const test = testWorld();
    const { instance } = runInstance(test, anyDefinition(definition));
    instance.start();
    await test.clock.settle();
    expect(signals[0]?.aborted).toBe(false);
    instance.deliver({ type: 'leave' });
    expect(signals[0]?.aborted).toBe(true);
  });
});

describe('the machine', () => {
  test('is provided once, and yet every instance has its own effects', () => {
    const told: string[] = [];
    const machine = setup({ actions: { tell: action<{ readonly what: string }>() } }).createMachine({
      on: { go: { actions: { type: 'tell', params: { what: 'hello' } } } },
    });
    let instances = 0;
    const definition = anyDefinition(
      defineActor({
        name: 'a',
        machine,
        input: () => undefined,
        effects: (world: ActorWorld) => {
          const nth = ++instances;
          return { tell: ({ what }) => void told.push(`${what} from ${nth} on ${world.identity.name}`) };
        },
      }),
    );
    const test = testWorld();
    const [one, two] = [runInstance(test, definition).instance, runInstance(test, definition).instance];
    one.start();
    two.start();
    two.deliver({ type: 'go' });
    one.deliver({ type: 'go' });
    expect(told).toEqual(['hello from 2 on node-1', 'hello from 1 on node-1']);
  });

  test('fills its own placeholders only: one of an invoked machine fails by name', () => {
    const told: string[] = [];
    const tell = action();
    const inner = setup({ actions: { tell } }).createMachine({ entry: 'tell' });
    const machine = setup({ actions: { tell }, actors: { inner } }).createMachine({
      entry: 'tell',
      invoke: { src: 'inner' },
    });
    const definition = defineActor({
      name: 'a',
      machine,
      input: () => undefined,
      effects: () => ({ tell: () => void told.push('outer') }) as never,
    });
    const { instance, exits } = runInstance(testWorld(), anyDefinition(definition));
    instance.start();
    expect(told).toEqual(['outer']);
    expect(exits).toMatchObject([{ type: 'error', message: expect.stringContaining('unprovided effect') }]);
  });

  test('runs its delays on the clock of its World, at their exact times', async () => {
    const test = testWorld();
    const at: number[] = [];
    const machine = setup({ actions: { note: () => void at.push(test.clock.elapsed()) } }).createMachine({
      initial: 'a',
      states: { a: { after: { 10: 'b' } }, b: { entry: 'note', after: { 10: 'c' } }, c: { entry: 'note' } },
    });
    const definition = defineActor({ name: 'a', machine, input: () => undefined, effects: () => ({}) });
    runInstance(test, anyDefinition(definition)).instance.start();
    await test.clock.advance(25);
    expect(at).toEqual([10, 20]);
  });

  test('handles an event to the end before the next, those it sends itself included', () => {
    const order: string[] = [];
    const definition = anyDefinition(
      defineActor({
        name: 'a',
        machine: setup({
          actions: { first: action(), note: (_, text: string) => void order.push(text) },
        }).createMachine({
          on: {
            one: { actions: ['first', { type: 'note', params: 'one' }] },
            two: { actions: { type: 'note', params: 'two' } },
          },
        }),
        input: () => undefined,
        effects: () => ({ first: () => instance.deliver({ type: 'two' }) }),
      }),
    );
    const { instance } = runInstance(testWorld(), definition);
    instance.start();
    instance.deliver({ type: 'one' });
    expect(order).toEqual(['one', 'two']);
  });
});
