/** A node's tree seen and steered from outside: the verbs of 3-interface §1, over a bus in memory. */
import { describe, expect, test } from 'vitest';
import { System, supervisor } from '../actors/index.ts';
import { currentUnit, runAs } from '../actors/system/attribution.ts';
import type { ExitReason } from '../machines/index.ts';
import { treeNodeSchema } from '../protocol/index.ts';
import { child, startSystem } from './support/counter.ts';
import { atOnce, crash, group, Stage, shutdown } from './support/programs.ts';
import { testWorld } from './support/runtime.ts';

const done = { done: true };
const id = 'node-1/counter';

describe('life', () => {
  test('start resolves once every child is up', async () => {
    const stage = new Stage();
    const { world, clock } = testWorld();
    const system = new System({ world, tree: group([stage.program('a', { start: 'later' })]), onExit: () => {} });
    let started = false;
    const starting = system.start().then(() => {
      started = true;
    });
    expect(system.start()).toBe(system.start());
    await clock.settle();
    expect(started).toBe(false);
    expect(system.tree().status).toBe('starting');
    stage.hooks('a').started();
    await starting;
    expect(system.tree().status).toBe('running');
  });

  test('a tree that cannot start says why, to who awaits the start and to onExit, once, and serves nobody', async () => {
    const stage = new Stage();
    const test = testWorld();
    const exits: ExitReason[] = [];
    const tree = group([stage.program('a'), stage.program('b', { start: (hooks) => hooks.exited(crash) })]);
    const system = new System({ world: test.world, tree, onExit: (reason) => void exits.push(reason) });
    await expect(system.start()).rejects.toMatchObject({ code: 'START_FAILED', reason: crash });
    await test.clock.settle();
    expect(exits).toEqual([crash]);
    expect(await test.ask('supervisor.tree')).toHaveProperty('code');
    expect(test.pending()).toBe(0);
    system.stop();
    await test.clock.settle();
    expect(exits).toHaveLength(1);
  });

  test('a failed start that nobody awaits is no unhandled rejection', async () => {
    const stage = new Stage();
    const { world, clock } = testWorld();
    const tree = group([stage.program('a', { start: (hooks) => hooks.exited(crash) })]);
    void new System({ world, tree, onExit: () => {} }).start();
    await clock.settle();
  });

  test('a stop before or during the start ends both', async () => {
    for (const when of ['before', 'during'] as const) {
      const stage = new Stage();
      const { world, clock } = testWorld();
      const exits: ExitReason[] = [];
      const tree = group([stage.program('a', { start: 'later' })]);
      const system = new System({ world, tree, onExit: (reason) => void exits.push(reason) });
      if (when === 'before') system.stop();
      const starting = system.start();
      if (when === 'during') system.stop();
      await expect(starting).rejects.toMatchObject({ code: 'START_FAILED' });
      await clock.settle();
      expect(exits).toEqual([shutdown]);
      expect(stage.seen()).toEqual(when === 'before' ? [] : ['start a', 'stop a']);
    }
  });

  test('stop ends the tree; onExit follows once, on nobody’s account; the verbs are gone', async () => {
    const { world, clock, ask, pending } = testWorld();
    const accounts: unknown[] = [];
    const system = new System({ world, tree: group([child()]), onExit: () => void accounts.push(currentUnit()) });
    await system.start();
    runAs({ id: 'somebody', crash: () => {} }, () => system.stop());
    system.stop();
    await clock.settle();
    expect(accounts).toEqual([undefined]);
    expect(system.tree().status).toBe('stopped');
    expect(await ask('supervisor.tree')).toHaveProperty('code');
    expect(pending()).toBe(0);
  });

  test('a root that gives up ends the system once', async () => {
    const stage = new Stage();
    const { system, exits, clock } = await startSystem([stage.program('a')]);
    for (let i = 0; i < 10; i++) if (system.tree().status === 'running') stage.ends('a');
    await clock.settle();
    expect(exits).toEqual([shutdown]);
  });
});

describe('the tree', () => {
  test('is plain data that keeps its schema, nested groups included', async () => {
    const stage = new Stage();
    const { tree, clock } = await startSystem([
      child(),
      supervisor(group([stage.program('proc'), child('inner-counter')], { name: 'inner' })),
    ]);
    await clock.advance(1_500);
    const root = await tree();
    expect(treeNodeSchema.parse(root)).toEqual(root);
    expect(root).toMatchObject({
      id: 'node-1',
      actor: 'node',
      status: 'running',
      state: 'running',
      children: [
        {
          id: 'node-1/counter',
          actor: 'counter',
          state: 'low',
          status: 'running',
          uptimeMs: 1_500,
          isolation: 'inline',
        },
        {
          id: 'node-1/inner',
          actor: 'supervisor',
          state: 'running',
          children: [
            { id: 'node-1/proc', actor: 'proc', isolation: 'process', pid: 1_001 },
            { id: 'node-1/inner-counter', actor: 'inner-counter' },
          ],
        },
      ],
    });
  });

  test('shows restarts, the last exit and what is down', async () => {
    const stage = new Stage();
    const { tree, ask } = await startSystem([stage.program('a'), stage.program('b')]);
    stage.ends('a');
    await ask('supervisor.stop', { id: 'node-1/b' });
    const [a, b] = (await tree()).children;
    expect(a).toMatchObject({
      status: 'running',
      restarts: 1,
      incarnation: 2,
      lastExit: { type: 'error', detail: 'error(CRASH): boom' },
    });
    expect(b).toMatchObject({ status: 'stopped', pid: null, uptimeMs: 0, lastExit: { type: 'shutdown' } });
  });
});

describe('control', () => {
  test('restart, stop, start and kill do what they say', async () => {
    const { ask, tree } = await startSystem();
    const unit = async () => (await tree()).children[0];
    expect(await ask('supervisor.restart', { id })).toEqual(done);
    expect(await unit()).toMatchObject({ incarnation: 2, restarts: 0, status: 'running' });
    expect(await ask('supervisor.stop', { id })).toEqual(done);
    expect(await unit()).toMatchObject({ status: 'stopped' });
    expect(await ask('supervisor.stop', { id })).toEqual(done);
    expect(await ask('supervisor.start', { id })).toEqual(done);
    expect(await unit()).toMatchObject({ incarnation: 3, status: 'running' });
    expect(await ask('supervisor.kill', { id })).toEqual(done);
    expect(await unit()).toMatchObject({ incarnation: 4, restarts: 1, lastExit: { type: 'killed' } });
  });

  test('a whole group can be restarted and killed', async () => {
    const { ask, tree } = await startSystem([supervisor(group([child()], { name: 'inner' }), { backoff: atOnce })]);
    expect(await ask('supervisor.restart', { id: 'node-1/inner' })).toEqual(done);
    expect(await ask('supervisor.kill', { id: 'node-1/inner' })).toEqual(done);
    expect((await tree()).children[0]).toMatchObject({
      incarnation: 3,
      children: [{ incarnation: 1, status: 'running' }],
    });
  });

  test.each([
    'supervisor.restart',
    'supervisor.stop',
    'supervisor.start',
    'supervisor.kill',
    'actor.snapshot',
    'actor.definition',
  ])('%s names what is wrong with an id', async (verb) => {
    const { ask } = await startSystem();
    expect(await ask(verb, { id: 'node-1/nobody' })).toEqual({ code: 'NOT_FOUND' });
    expect(await ask(verb, { id: 'nobody' })).toEqual({ code: 'NOT_FOUND' });
    expect(await ask(verb, { id: 'node-2/counter' })).toEqual({ code: 'WRONG_NODE' });
    expect(await ask(verb, { id: 'node-1' })).toEqual({ code: 'UNIT_STATE' });
    expect(await ask(verb, { id: '' })).toEqual({ code: 'BAD_REQUEST' });
  });

  test('what is down cannot be killed, looked into or sent to', async () => {
    const { ask } = await startSystem();
    await ask('supervisor.stop', { id });
    expect(await ask('supervisor.kill', { id })).toEqual({ code: 'UNIT_STATE' });
    expect(await ask('actor.snapshot', { id })).toEqual({ code: 'UNIT_STATE' });
    expect(await ask('actor.send', { id, event: { type: 'count' } })).toEqual({ code: 'UNIT_STATE' });
  });

  test('every control is in the audit log with who asked and who that says to be, refused ones included', async () => {
    const { ask, logged } = await startSystem();
    await ask('supervisor.restart', { id, by: 'eve@desk/7' });
    await ask('supervisor.stop', { id: 'node-2/counter' });
    await ask('actor.send', { id, event: { type: 'count' }, by: 'eve@desk/7' });
    await ask('supervisor.tree');
    await ask('actor.snapshot', { id });
    expect(logged('audit')).toMatchObject([
      { level: 'info', fields: { verb: 'supervisor.restart', from: 'operator', by: 'eve@desk/7', id } },
      { fields: { verb: 'supervisor.stop', from: 'operator', by: 'unknown', id: 'node-2/counter' } },
      { fields: { verb: 'actor.send', from: 'operator', by: 'eve@desk/7', id, event: 'count' } },
    ]);
  });

  test('a host names its units by their bare names, and sends others’ actors elsewhere', async () => {
    const stage = new Stage();
    const { ask, tree } = await startSystem([stage.program('validator-1')], (name) => name);
    expect((await tree()).children[0]).toMatchObject({ id: 'validator-1' });
    expect(await ask('supervisor.kill', { id: 'validator-1' })).toEqual(done);
    expect(stage.seen()).toEqual(['start validator-1', 'kill validator-1', 'start validator-1']);
    expect(await ask('supervisor.kill', { id: 'validator-1/election' })).toEqual({ code: 'WRONG_NODE' });
    expect(await ask('actor.snapshot', { id: 'validator-1' })).toEqual({ code: 'UNIT_STATE' });
  });
});

describe('actors', () => {
  test('a snapshot shows state, tags, context and what may be sent', async () => {
    const { ask } = await startSystem();
    expect(await ask('actor.snapshot', { id })).toEqual({
      id,
      actor: 'counter',
      value: 'low',
      tags: ['low'],
      context: { count: 0, extra: null },
      operable: ['count'],
    });
  });

  test('only operable events can be sent, whatever the state', async () => {
    const { ask } = await startSystem();
    for (let i = 0; i < 3; i++) expect(await ask('actor.send', { id, event: { type: 'count', by: 1 } })).toEqual(done);
    expect(await ask('actor.snapshot', { id })).toMatchObject({ value: 'high', context: { count: 3 } });
    for (const type of ['reset', 'nothing', 'xstate.stop', 'xstate.init', '*']) {
      expect(await ask('actor.send', { id, event: { type } })).toEqual({ code: 'NOT_OPERABLE' });
    }
    expect(await ask('actor.send', { id, event: {} })).toEqual({ code: 'BAD_REQUEST' });
    expect(await ask('actor.snapshot', { id })).toMatchObject({ context: { count: 3 } });
  });

  test('a supervisor can be looked into, but nothing can be sent to it', async () => {
    const { ask } = await startSystem([supervisor(group([child()], { name: 'inner' }))]);
    expect(await ask('actor.snapshot', { id: 'node-1/inner' })).toMatchObject({
      actor: 'supervisor',
      value: 'running',
    });
    const event = { type: 'supervisor.input', input: { type: 'shutdown' } };
    expect(await ask('actor.send', { id: 'node-1/inner', event })).toEqual({ code: 'NOT_OPERABLE' });
  });

  test('a definition is the statechart as data, functions by their names', async () => {
    const { ask } = await startSystem();
    expect(await ask('actor.definition', { id })).toMatchObject({
      id,
      actor: 'counter',
      definition: {
        id: 'counter',
        initial: 'low',
        on: { count: { actions: 'count' } },
        states: { low: { tags: 'low', always: { target: 'high' } }, high: { tags: 'high' } },
      },
    });
  });
});
