/** The supervisor at work: incarnations, deadlines, backoffs, and ends in the right order (the rules: decide.test.ts). */

import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { actor, anyDefinition, DefinitionError, defineActor, program, supervisor } from '../actors/index.ts';
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
