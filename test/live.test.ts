/** Watching actors live: leases, the inspection envelope, and that a watcher can hurt nobody. */
import { describe, expect, test } from 'vitest';
import { type ChildDefinition, supervisor } from '../actors/index.ts';
import { startSystem } from './support/counter.ts';
import { group, Stage } from './support/programs.ts';

const id = 'node-1/counter';

describe('watching', () => {
  const watched = async (children?: readonly ChildDefinition[]) => {
    const system = await startSystem(children);
    const seen: { actor: string; envelope: Record<string, unknown> }[] = [];
    system.operator.watch('node-1', '*', (actor, envelope) => {
      seen.push({ actor, envelope: envelope as Record<string, unknown> });
    });
    const send = () => system.ask('actor.send', { id, event: { type: 'count' } });
    const lease = (ttlMs = 1_000, actor = 'counter') => system.ask('live.watch', { actor, ttlMs });
    return { ...system, seen, send, lease, types: () => seen.splice(0).map(({ envelope }) => envelope.type) };
  };
  const both = ['@xstate.event', '@xstate.snapshot'];

  test('costs and sends nothing until somebody leases it', async () => {
    const { seen, send } = await watched();
    await send();
    expect(seen).toEqual([]);
  });

  test('begins with the actor as it is, then tells every event and the snapshot it led to', async () => {
    const { seen, send, lease, clock } = await watched();
    expect(await lease()).toEqual({ subject: 'live.node-1.counter', ttlMs: 1_000 });
    await send();
    await clock.settle();
    const snapshot = { value: 'low', tags: ['low'], status: 'active' };
    expect(seen).toEqual([
      {
        actor: 'counter',
        envelope: {
          v: 1,
          type: '@xstate.actor',
          actor: id,
          atMs: 1_000_000,
          snapshot: { ...snapshot, context: { count: 0, extra: null } },
        },
      },
      {
        actor: 'counter',
        envelope: { v: 1, type: '@xstate.event', actor: id, atMs: 1_000_000, event: { type: 'count' } },
      },
      {
        actor: 'counter',
        envelope: {
          v: 1,
          type: '@xstate.snapshot',
          actor: id,
          atMs: 1_000_000,
          event: { type: 'count' },
          snapshot: { ...snapshot, context: { count: 1, extra: null } },
        },
      },
    ]);
  });

  test('ends with its lease, unless that is renewed', async () => {
    const { send, lease, clock, pending, types } = await watched();
    await lease();
    await clock.advance(900);
    await lease();
    await clock.advance(900);
    await send();
    expect(types()).toEqual(['@xstate.actor', ...both]);
    await clock.advance(101);
    await send();
    expect(types()).toEqual([]);
    expect(pending()).toBe(0);
    await lease();
    await clock.settle();
    expect(types()).toEqual(['@xstate.actor']);
  });

  test('goes on with the next incarnation', async () => {
    const { ask, send, lease, types } = await watched();
    await lease();
    await ask('supervisor.restart', { id });
    await send();
    expect(types()).toEqual(['@xstate.actor', ...both]);
  });

  test('a lease may end while its actor is down', async () => {
    const { ask, send, lease, clock, types } = await watched();
    await lease();
    await ask('supervisor.stop', { id });
    await clock.advance(1_001);
    await ask('supervisor.start', { id });
    await send();
    expect(types()).toEqual(['@xstate.actor']);
  });

  test('a supervisor can be watched too, and its lease ends like any other', async () => {
    const stage = new Stage();
    const { lease, clock, types } = await watched([supervisor(group([stage.program('a')], { name: 'inner' }))]);
    await lease(1_000, 'inner');
    stage.ends('a');
    await clock.settle();
    expect(types()).toEqual(['@xstate.actor', ...both, ...both]);
    await clock.advance(1_001);
    stage.ends('a');
    await clock.settle();
    expect(types()).toEqual([]);
  });

  test('nobody can be watched who is not there, or for too long', async () => {
    const { lease } = await watched();
    expect(await lease(1_000, 'nobody')).toEqual({ code: 'NOT_FOUND' });
    expect(await lease(10_001)).toEqual({ code: 'BAD_REQUEST' });
  });

  test('what cannot be told hurts nobody: the actor goes on, and the next lease tries again', async () => {
    const { system, lease, clock, logged, exits, types } = await watched();
    const actor = system.actor(id);
    await lease();
    const untellable = {
      get secret(): never {
        throw new Error('not to be read');
      },
    };
    actor.deliver({ type: 'keep', what: untellable });
    actor.deliver({ type: 'count' });
    expect(actor.snapshot().context).toMatchObject({ count: 1 });
    expect(logged('observer_failed')).toHaveLength(1);
    expect(await lease()).toEqual({ code: expect.any(String) });
    actor.deliver({ type: 'keep', what: 'plain' });
    types();
    await lease();
    actor.deliver({ type: 'count' });
    await clock.settle();
    expect(types()).toEqual(['@xstate.actor', ...both]);
    expect(exits).toEqual([]);
  });

  test('a dead server hurts nobody either', async () => {
    const { system, lease, hub } = await watched();
    await lease();
    hub.setServing(false);
    system.actor(id).deliver({ type: 'count' });
    await system.actor(id).snapshot();
    expect(system.actor(id).snapshot().context).toMatchObject({ count: 1 });
  });

  test('no lease outlives the system', async () => {
    const { system, lease, clock, pending } = await watched();
    await lease();
    system.stop();
    await clock.settle();
    expect(pending()).toBe(0);
  });
});
