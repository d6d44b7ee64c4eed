/** The supervisor at work: incarnations, deadlines, backoffs, and ends in the right order (the rules: decide.test.ts). */

import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { actor, anyDefinition, DefinitionError, defineActor, program, supervisor } from '../actors/index.ts';
import { currentUnit } from '../actors/system/attribution.ts';
import type { Instance } from '../actors/system/instance.ts';
import { task } from '../machines/index.ts';
import { atOnce, crash, group, killed, Stage, shutdown, supervise } from './support/programs.ts';
import { type Place, troubled } from './support/troubled.ts';

describe('starting', () => {
  test('children start in order, each when the one before is up; the group reports once', () => {
    const stage = new Stage();
    const { unit, reports, phase } = supervise([
      stage.program('a'),
      stage.program('b', { start: 'later' }),
      stage.program('c'),
    ]);
    unit.start();
    expect(stage.seen()).toEqual(['start a', 'start b']);
    expect(phase()).toBe('starting');
    expect(reports.started).toBe(0);
    stage.hooks('b').started();
    expect(stage.seen()).toEqual(['start c']);
    expect(phase()).toBe('running');
    expect(reports.started).toBe(1);
    stage.ends('c');
    expect(stage.seen()).toEqual(['start c']);
    expect(reports.started).toBe(1);
  });

  test('a first start that throws takes down in reverse what was up, and the group ends with the true reason, once', () => {
    const stage = new Stage();
    const refuses = () => {
      throw new Error('boom');
    };
    const { unit, exits, reports } = supervise([
      stage.program('a'),
      stage.program('b'),
      stage.program('c', { start: refuses }),
    ]);
    unit.start();
    expect(stage.seen()).toEqual(['start a', 'start b', 'start c', 'stop b', 'stop a']);
    expect(exits).toEqual([crash]);
    expect(reports.started).toBe(0);
  });

  test('an actor whose definition is wrong fails the start by name', () => {
    const wrong = defineActor({
      name: 'wrong',
      machine: setup({ actors: { work: task<void>() } }).createMachine({}),
      input: () => undefined,
      effects: () => ({}) as never,
    });
    const { unit, exits } = supervise([actor(wrong)]);
    unit.start();
    expect(exits).toMatchObject([{ code: 'DEFINITION_INVALID', message: expect.stringContaining('wrong: work') }]);
  });

  test('a program that ends while it is being made is no unit of the tree, and is restarted', () => {
    const stage = new Stage();
    const { unit, node } = supervise([
      stage.program('a', {
        start: (hooks, incarnation) => {
          hooks.started();
          if (incarnation === 1) hooks.exited(crash);
        },
      }),
      stage.program('b', { start: 'later' }),
    ]);
    unit.start();
    expect(unit.childUnit('a')).toBeUndefined();
    expect(node('a')).toMatchObject({ status: 'starting', pid: null });
    stage.hooks('b').started();
    expect(node('a')).toMatchObject({ status: 'running', incarnation: 2, restarts: 1, pid: 1_002 });
  });

  test('a program that reports its end and then throws has ended once', () => {
    const stage = new Stage();
    let failures = 2;
    const { unit, counted, node } = supervise([
      stage.program('a', {
        start: (hooks) => {
          hooks.started();
          if (failures-- <= 0) return;
          hooks.exited(crash);
          throw new Error('and that');
        },
      }),
    ]);
    unit.start();
    expect(counted('unit_exits_total')).toBe(2);
    expect(node('a')).toMatchObject({ incarnation: 3, restarts: 2 });
  });
});

describe('restarting', () => {
  test('only the guilty actor is restarted; its sibling keeps its state and its incarnation', async () => {
    const [guilty, bystander] = [troubled('guilty'), troubled('bystander')];
    // Two actors cannot answer the same verbs: the bystander only hears.
    const quiet = { ...bystander.definition, answers: () => ({}) };
    const { clock, unit, node, logged } = supervise([
      { kind: 'actor', definition: guilty.definition, options: { backoff: atOnce } },
      { kind: 'actor', definition: quiet, options: {} },
    ]);
    unit.start();
    await clock.advance(250);
    const before = unit.childUnit('bystander');
    const dead = unit.childUnit('guilty');
    (dead as Instance).deliver({ type: 'break', place: 'action' });
    await clock.advance(250);
    expect(unit.childUnit('guilty')).not.toBe(dead);
    expect(node('guilty')).toMatchObject({
      status: 'running',
      incarnation: 2,
      restarts: 1,
      lastExit: { type: 'error' },
    });
    expect(unit.childUnit('bystander')).toBe(before);
    expect(node('bystander')).toMatchObject({ incarnation: 1, restarts: 0, uptimeMs: 500 });
    expect(guilty.seen.ticks).toBe(2 + 2);
    expect(bystander.seen.ticks).toBe(5);
    expect(logged('unit_exited')).toMatchObject([
      { level: 'warn', fields: { unit: 'node-1/guilty', next: 'restart' } },
    ]);
  });

  test('a backoff is waited for on the clock; the tree says restarting', async () => {
    const stage = new Stage();
    const backoff = { minMs: 100, maxMs: 1_000, jitter: 0, resetAfterMs: 10_000 };
    const { clock, unit, node, phase } = supervise([stage.program('a', {}, { backoff })]);
    unit.start();
    stage.ends('a');
    expect(node('a').status).toBe('restarting');
    expect(phase()).toBe('restarting');
    await clock.advance(99);
    expect(stage.seen()).toEqual(['start a']);
    await clock.advance(1);
    expect(stage.seen()).toEqual(['start a']);
    expect(node('a')).toMatchObject({ status: 'running', incarnation: 2 });
    stage.ends('a');
    await clock.advance(199);
    expect(node('a').status).toBe('restarting');
    await clock.advance(1);
    expect(node('a').status).toBe('running');
  });

  test('a restart that keeps failing yields to everything else, costs one each, and ends in giving up', async () => {
    const stage = new Stage();
    const { clock, pending, unit, exits } = supervise([stage.program('a'), stage.program('b')], { intensity: 5 });
    unit.start();
    stage.manners.set('b', {
      start: () => {
        throw new Error('still broken');
      },
    });
    stage.seen();
    stage.ends('b');
    expect(stage.seen()).toEqual(['start b']);
    await clock.advance(0);
    expect(stage.seen()).toEqual(['start b', 'start b', 'start b', 'start b', 'stop a']);
    expect(exits).toEqual([shutdown]);
    expect(pending()).toBe(0);
  });

  test('a supervisor in a restart loop still answers and still stops', async () => {
    const stage = new Stage();
    const backoff = { minMs: 10, maxMs: 10, jitter: 0, resetAfterMs: 10_000 };
    const { clock, pending, unit, exits, node } = supervise([stage.program('a'), stage.program('b', {}, { backoff })], {
      intensity: 1_000,
    });
    unit.start();
    stage.manners.set('b', { start: (hooks) => hooks.exited(crash) });
    stage.ends('b');
    await clock.advance(205);
    expect(node('b')).toMatchObject({ status: 'restarting', incarnation: 21 });
    unit.command('command.stop', 'b');
    await clock.advance(100);
    expect(node('b')).toMatchObject({ status: 'failed', incarnation: 21 });
    unit.command('command.start', 'b');
    await clock.advance(5);
    unit.stop();
    expect(exits).toEqual([shutdown]);
    expect(pending()).toBe(0);
  });

  test('what an older incarnation still reports is ignored', () => {
    const stage = new Stage();
    const { unit, node, counted } = supervise([stage.program('a')]);
    unit.start();
    const first = stage.hooks('a');
    first.exited(crash);
    first.exited(crash);
    first.started();
    first.exited(killed);
    expect(node('a')).toMatchObject({ status: 'running', incarnation: 2, restarts: 1, pid: 1_002 });
    expect(counted('unit_exits_total')).toBe(1);
    unit.stop();
    expect(stage.seen()).toEqual(['start a', 'start a', 'stop a']);
  });

  test('a crash inside a crash: a child that dies at every start, in its supervisor’s own turn, overflows nothing', () => {
    const stage = new Stage();
    const { unit, exits } = supervise(
      [
        stage.program('a', {
          start: (hooks) => {
            hooks.started();
            hooks.exited(crash);
          },
        }),
      ],
      { intensity: 3_000 },
    );
    unit.start();
    expect(stage.seen()).toHaveLength(3_001);
    expect(exits).toEqual([shutdown]);
  });

  test('rest_for_one: whoever counts on the crashed one goes down first and comes up after it', () => {
    const stage = new Stage();
    const { unit } = supervise([stage.program('a'), stage.program('b'), stage.program('c')], {
      strategy: 'rest_for_one',
    });
    unit.start();
    stage.seen();
    stage.ends('b');
    expect(stage.seen()).toEqual(['stop c', 'start b', 'start c']);
  });

  test('one_for_all: all go down in reverse and come up in order', () => {
    const stage = new Stage();
    const { unit } = supervise([stage.program('a'), stage.program('b'), stage.program('c')], {
      strategy: 'one_for_all',
    });
    unit.start();
    stage.seen();
    stage.ends('b');
    expect(stage.seen()).toEqual(['stop c', 'stop a', 'start a', 'start b', 'start c']);
  });
});

describe('stopping', () => {
  test('in reverse order, with deadline, then kill; the true reason of each is kept', async () => {
    const stage = new Stage();
    const { clock, pending, unit, exits, node, logged } = supervise([
      stage.program('a'),
      stage.program('deaf', { stop: 'deaf' }, { shutdown: 300 }),
      stage.program('c', {}, { shutdown: 'kill' }),
    ]);
    unit.start();
    stage.seen();
    unit.stop();
    expect(stage.seen()).toEqual(['kill c', 'stop deaf']);
    expect(node('deaf').status).toBe('stopping');
    await clock.advance(299);
    expect(stage.seen()).toEqual([]);
    await clock.advance(1);
    expect(stage.seen()).toEqual(['kill deaf', 'stop a']);
    expect(exits).toEqual([shutdown]);
    expect(node('deaf').lastExit).toEqual({ type: 'timeout', detail: 'timeout after 300 ms' });
    expect(node('c').lastExit).toMatchObject({ type: 'killed' });
    expect(logged('unit_exited')).toMatchObject([{ fields: { unit: 'node-1/deaf', next: 'stay down' } }]);
    expect(pending()).toBe(0);
  });

  test('an actor whose task ignores its signal is given its time and then killed', async () => {
    const deaf = defineActor({
      name: 'deaf',
      machine: setup({ actors: { work: task<void>() } }).createMachine({
        invoke: { src: 'work', onDone: {}, onError: {} },
      }),
      input: () => undefined,
      effects: () => ({ work: () => new Promise<void>(() => {}) }),
    });
    const { clock, pending, unit, exits, node } = supervise([actor(deaf, { shutdown: 1_000 })]);
    unit.start();
    unit.stop();
    await clock.advance(999);
    expect(exits).toEqual([]);
    await clock.advance(1);
    expect(exits).toEqual([shutdown]);
    expect(node('deaf').lastExit).toMatchObject({ type: 'timeout' });
    expect(pending()).toBe(0);
  });

  test('an actor whose task settles in time ends politely', async () => {
    const polite = defineActor({
      name: 'polite',
      machine: setup({ actors: { work: task<void>() } }).createMachine({
        invoke: { src: 'work', onDone: {}, onError: {} },
      }),
      input: () => undefined,
      effects: () => ({
        work: (_input: undefined, signal: AbortSignal) =>
          new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
      }),
    });
    const { clock, pending, unit, exits, node } = supervise([actor(polite)]);
    unit.start();
    unit.stop();
    await clock.settle();
    expect(exits).toEqual([shutdown]);
    expect(node('polite').lastExit).toMatchObject({ type: 'shutdown' });
    expect(pending()).toBe(0);
  });

  test('one that is killed by somebody while it stops was killed, not too slow', async () => {
    const stage = new Stage();
    const { clock, unit, exits, node } = supervise([stage.program('deaf', { stop: 'deaf' })]);
    unit.start();
    unit.stop();
    unit.killChild('deaf');
    await clock.settle();
    expect(node('deaf').lastExit).toMatchObject({ type: 'killed' });
    expect(exits).toEqual([shutdown]);
  });

  test('a stop while a child is starting stops that child too', () => {
    const stage = new Stage();
    const { unit, exits, reports } = supervise([stage.program('a'), stage.program('b', { start: 'later' })]);
    unit.start();
    unit.stop();
    expect(stage.seen()).toEqual(['start a', 'start b', 'stop b', 'stop a']);
    expect(exits).toEqual([shutdown]);
    expect(reports.started).toBe(0);
  });

  test('a second stop is no second exit', () => {
    const stage = new Stage();
    const { unit, exits } = supervise([stage.program('a')]);
    unit.start();
    unit.stop();
    unit.stop();
    unit.kill();
    expect(exits).toEqual([shutdown]);
    expect(stage.seen()).toEqual(['start a', 'stop a']);
  });
});

describe('killing', () => {
  test('a killed supervisor takes everything with it and reports once nothing is left', () => {
    const stage = new Stage();
    const inner = group([stage.program('slow', { kill: 'later' })], { name: 'inner' });
    const { unit, exits } = supervise([stage.program('a'), supervisor(inner)]);
    unit.start();
    stage.seen();
    unit.kill();
    expect(stage.seen()).toEqual(['kill slow', 'kill a']);
    expect(exits).toEqual([]);
    stage.ends('slow', killed);
    expect(exits).toEqual([killed]);
    expect(stage.seen()).toEqual([]);
  });

  test('a killed supervisor reports once, however soon its children go', () => {
    const stage = new Stage();
    const { unit, exits } = supervise([stage.program('a'), stage.program('b')]);
    unit.start();
    unit.kill();
    unit.kill();
    expect(exits).toEqual([killed]);
  });

  test('a killed nested supervisor is not restarted before its last process is gone: never two at once', () => {
    const stage = new Stage();
    const inner = group([stage.program('slow', { kill: 'later' })], { name: 'inner' });
    const { unit, node } = supervise([supervisor(inner, { backoff: atOnce })]);
    unit.start();
    stage.seen();
    unit.killChild('inner');
    expect(stage.seen()).toEqual(['kill slow']);
    stage.ends('slow', killed);
    expect(stage.seen()).toEqual(['start slow']);
    expect(node('inner')).toMatchObject({ status: 'running', incarnation: 2, lastExit: { type: 'killed' } });
  });

  test('a killed child is restarted by its rules', () => {
    const stage = new Stage();
    const { unit, node } = supervise([
      stage.program('a', {}, { restart: 'transient' }),
      stage.program('b', {}, { restart: 'temporary' }),
    ]);
    unit.start();
    unit.killChild('a');
    unit.killChild('b');
    expect(node('a')).toMatchObject({ status: 'running', incarnation: 2 });
    expect(node('b')).toMatchObject({ status: 'stopped', incarnation: 1 });
  });

  test('a supervisor’s own crash kills its children, and is the reason it ends with', () => {
    const stage = new Stage();
    const { unit, exits } = supervise([stage.program('a'), stage.program('b', { kill: 'later' })]);
    unit.start();
    stage.seen();
    unit.instance().crash(new Error('boom'));
    expect(stage.seen()).toEqual(['kill b', 'kill a']);
    expect(exits).toEqual([]);
    stage.ends('b', killed);
    expect(exits).toEqual([crash]);
  });
});

describe('programs', () => {
  test('a stray error of a program is charged to that program, not to its supervisor', () => {
    const stage = new Stage();
    const accounts: ReturnType<typeof currentUnit>[] = [];
    const { unit, node, logged } = supervise([
      stage.program('a', {
        start: (hooks) => {
          accounts.push(currentUnit());
          hooks.started();
        },
      }),
      stage.program('b'),
    ]);
    unit.start();
    expect(accounts[0]?.id).toBe('node-1/a');
    stage.seen();
    accounts[0]?.crash(new Error('boom'));
    expect(stage.seen()).toEqual(['kill a', 'start a']);
    expect(node('a').lastExit).toEqual({ type: 'error', detail: 'error(CRASH): boom' });
    expect(node('b').incarnation).toBe(1);
    accounts[0]?.crash(new Error('again'));
    expect(stage.seen()).toEqual([]);
    expect(logged('late_error')).toHaveLength(1);
  });
});

describe('nested supervisors', () => {
  const nest = (options: Parameters<typeof supervisor>[1] = {}) => {
    const stage = new Stage();
    const inner = group([stage.program('a'), stage.program('b')], { name: 'inner', intensity: 1 });
    const run = supervise([stage.program('outer'), supervisor(inner, { backoff: atOnce, ...options })]);
    run.unit.start();
    stage.seen();
    return { ...run, stage };
  };

  test('a crash inside stays inside while the budget lasts', () => {
    const { stage, node, reports } = nest();
    stage.ends('b');
    expect(stage.seen()).toEqual(['start b']);
    expect(node('inner')).toMatchObject({ incarnation: 1, restarts: 0, status: 'running' });
    expect(node('inner').children).toHaveLength(2);
    expect(reports.started).toBe(1);
  });

  test('an inner supervisor that gives up ends with `shutdown`; a permanent one is restarted whole by its parent', () => {
    const { stage, node, exits } = nest();
    stage.ends('b');
    stage.ends('b');
    expect(stage.seen()).toEqual(['start b', 'stop a', 'start a', 'start b']);
    expect(node('inner')).toMatchObject({ incarnation: 2, lastExit: { type: 'shutdown' }, status: 'running' });
    expect(node('a')).toMatchObject({ incarnation: 1, restarts: 0 });
    expect(node('outer').incarnation).toBe(1);
    expect(exits).toEqual([]);
  });

  test('a transient one that gives up stays down: it ended as its rules say', () => {
    const { stage, node, exits } = nest({ restart: 'transient' });
    stage.ends('b');
    stage.ends('b');
    expect(node('inner')).toMatchObject({ status: 'stopped', lastExit: { type: 'shutdown' }, children: [] });
    expect(exits).toEqual([]);
  });

  test('escalation goes up as far as budgets are used up, and ends the root once', () => {
    const stage = new Stage();
    const inner = group([stage.program('a')], { name: 'inner', intensity: 0 });
    const middle = group([supervisor(inner, { backoff: atOnce })], { name: 'middle', intensity: 1 });
    const { unit, exits } = supervise([supervisor(middle, { backoff: atOnce })], { intensity: 0 });
    unit.start();
    stage.ends('a');
    expect(exits).toEqual([]);
    stage.ends('a');
    expect(exits).toEqual([shutdown]);
    expect(stage.seen()).toEqual(['start a', 'start a']);
  });

  test('a nested supervisor stops from within outwards, without a deadline of its own', async () => {
    const stage = new Stage();
    const inner = group([stage.program('a'), stage.program('deaf', { stop: 'deaf' }, { shutdown: 60_000 })], {
      name: 'inner',
    });
    const { clock, unit, exits } = supervise([stage.program('outer'), supervisor(inner)]);
    unit.start();
    stage.seen();
    unit.stop();
    await clock.advance(59_999);
    expect(exits).toEqual([]);
    await clock.advance(1);
    expect(stage.seen()).toEqual(['stop deaf', 'kill deaf', 'stop a', 'stop outer']);
    expect(exits).toEqual([shutdown]);
  });

  test('a nested supervisor that fails to start fails its parent’s start with the true reason', () => {
    const stage = new Stage();
    const inner = group([stage.program('a'), stage.program('bad', { start: (hooks) => hooks.exited(crash) })], {
      name: 'inner',
    });
    const { unit, exits } = supervise([stage.program('outer'), supervisor(inner)]);
    unit.start();
    expect(stage.seen()).toEqual(['start outer', 'start a', 'start bad', 'stop a', 'stop outer']);
    expect(exits).toEqual([crash]);
  });
});

describe('commands', () => {
  test('stop keeps a child down, start brings it back, restart does both', () => {
    const stage = new Stage();
    const { unit, node, phase } = supervise([stage.program('a'), stage.program('b')]);
    unit.start();
    stage.seen();
    unit.command('command.stop', 'a');
    expect(stage.seen()).toEqual(['stop a']);
    expect(node('a')).toMatchObject({ status: 'stopped', pid: null, uptimeMs: 0 });
    expect(phase()).toBe('running');
    unit.command('command.start', 'a');
    unit.command('command.restart', 'b');
    expect(stage.seen()).toEqual(['start a', 'stop b', 'start b']);
    expect(node('b')).toMatchObject({ incarnation: 2, restarts: 0 });
  });

  test('a command for nobody of the group crashes nobody', () => {
    const stage = new Stage();
    const { unit, exits } = supervise([stage.program('a')]);
    unit.start();
    unit.command('command.stop', 'z');
    unit.killChild('z');
    expect(exits).toEqual([]);
  });
});

describe('a tree on paper', () => {
  const a = program({ name: 'a', start: () => ({}) as never });
  const wrong: readonly [string, () => unknown][] = [
    ["children names 'a' twice", () => group([a, a])],
    ["children names 'a' twice", () => group([a, supervisor(group([a], { name: 'inner' }))])],
    [
      "children names 'inner' twice",
      () => group([supervisor(group([program({ ...a.definition, name: 'inner' } as never)], { name: 'inner' }))]),
    ],
    ["children names 'a b'", () => group([program({ name: 'a b', start: () => ({}) as never })])],
    ['name must be', () => group([a], { name: '' })],
    ['strategy must be one of', () => group([a], { strategy: 'all_for_one' as never })],
    ['intensity must be a whole number', () => group([a], { intensity: -1 })],
    ['intensity must be a whole number', () => group([a], { intensity: Number.POSITIVE_INFINITY })],
    ['periodMs must be positive', () => group([a], { periodMs: 0 })],
    ['shutdown must be', () => group([{ ...a, options: { shutdown: Number.NaN } }])],
    ['backoff needs', () => group([{ ...a, options: { backoff: { ...atOnce, minMs: 2, maxMs: 1 } } }])],
    ['backoff.jitter', () => group([{ ...a, options: { backoff: { ...atOnce, jitter: 2 } } }])],
    ['backoff.resetAfterMs', () => group([{ ...a, options: { backoff: { ...atOnce, resetAfterMs: -1 } } }])],
  ];
  test.each(wrong)('is refused before anything starts: %s', (message, define) => {
    expect(define).toThrow(DefinitionError);
    expect(define).toThrow(message);
  });
});

test('nothing keeps a dead incarnation alive in memory', async () => {
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { definition, seen } = troubled();
  const { clock, unit } = supervise(
    [{ kind: 'actor', definition: anyDefinition(definition), options: { backoff: atOnce } }],
    {
      intensity: 1_000,
    },
  );
  unit.start();
  // A function of its own, whose frame does not keep what it returns a weak reference to.
  const breakAt = (place: Place): WeakRef<object> => {
    const instance = unit.childUnit('troubled') as Instance;
    instance.deliver({ type: 'break', place });
    return new WeakRef(instance);
  };
  const dead: WeakRef<object>[] = [];
  for (const place of ['action', 'async action', 'task', 'activity', 'timer'] as const) {
    await clock.advance(250);
    dead.push(breakAt(place));
    await clock.advance(20);
    seen.signals.length = 0;
  }
  for (let turn = 0; turn < 5; turn++) {
    await clock.advance(10);
    collect();
  }
  expect(dead.map((ref) => ref.deref() === undefined)).toEqual(dead.map(() => true));
});
