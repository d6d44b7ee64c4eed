/** The supervisor at work: how groups stop, are killed, give up and take what they nest with them. */

import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';
import { actor, defineActor, supervisor } from '../actors/index.ts';
import { currentUnit } from '../actors/system/attribution.ts';
import { task } from '../machines/index.ts';
import { atOnce, crash, group, killed, Stage, shutdown, supervise } from './support/programs.ts';

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
