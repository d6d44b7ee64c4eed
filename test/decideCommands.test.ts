/** The rules of supervision, as pure decisions: what people ask for, how a group goes down, and what comes too late. */
import { describe, expect, test } from 'vitest';
import { atOnce, child, crash, Group, group, killed, normal, shutdown } from './support/decisions.ts';

describe('stopping', () => {
  test('in reverse order, one after the other, each with its deadline', () => {
    const abc = new Group([child('a', { shutdown: 10 }), child('b', { shutdown: 'infinity' }), child('c')]).up();
    abc.input({ type: 'shutdown' });
    abc.exited('c', shutdown);
    abc.exited('b', shutdown);
    expect(abc.exited('a', shutdown)).toEqual(['exit shutdown']);
    const deadlines = abc.actions.flatMap((action) => (action.type === 'stop' ? [action.deadlineMs] : []));
    expect(deadlines).toEqual([5_000, undefined, 10]);
  });

  test('a child past its deadline is killed, once; its end is reported', () => {
    const a = group('a').up();
    a.input({ type: 'shutdown' });
    const overdue = { type: 'shutdown.overdue', id: 'a', incarnation: 1 } as const;
    expect(a.input(overdue)).toEqual(['kill a']);
    expect(a.exited('a', { type: 'timeout', waitedMs: 5_000 })).toEqual(['report a stay down', 'exit shutdown']);
    expect(a.input(overdue)).toEqual([]);
  });

  test('shutdown `kill` kills at once, and that is no news', () => {
    const a = group('a', {}, { shutdown: 'kill' }).up();
    expect(a.input({ type: 'shutdown' })).toEqual(['kill a']);
    expect(a.exited('a', killed)).toEqual(['exit shutdown']);
  });

  test('children that end by themselves meanwhile keep their true reason', () => {
    const abc = group('abc').up();
    abc.input({ type: 'shutdown' });
    expect(abc.exited('a')).toEqual(['report a stay down']);
    expect(abc.exited('b', normal)).toEqual([]);
    expect(abc.exited('c', crash)).toEqual(['report c stay down', 'exit shutdown']);
    expect(abc.state.children.map(({ lastExit }) => lastExit?.type)).toEqual(['error', 'normal', 'error']);
  });

  test('a restart loop still answers commands and still stops', () => {
    const ab = group('ab', { intensity: 1_000_000 }).up();
    ab.exited('a');
    for (let i = 0; i < 50; i++) {
      expect(ab.exited('a')).toEqual(['report a restart', 'wait a 0']);
      expect(ab.backoffEnded('a')).toEqual([`start a#${i + 3}`]);
    }
    ab.exited('a');
    expect(ab.command('stop', 'a')).toEqual([]);
    expect(ab.state.phase).toBe('running');
    expect(ab.command('start', 'a')).toEqual(['start a#53']);
    ab.exited('a');
    expect(ab.input({ type: 'shutdown' })).toEqual(['stop b']);
    expect(ab.exited('b', shutdown)).toEqual(['exit shutdown']);
  });

  test('a child that is still starting is stopped too', () => {
    const ab = group('ab');
    ab.input({ type: 'start' });
    expect(ab.input({ type: 'shutdown' })).toEqual(['stop a']);
    expect(ab.exited('a', shutdown)).toEqual(['exit shutdown']);
  });

  test('a second shutdown, and all that comes after the end, changes nothing', () => {
    const a = group('a').up();
    a.input({ type: 'shutdown' });
    expect(a.input({ type: 'shutdown' })).toEqual([]);
    expect(a.command('restart', 'a')).toEqual([]);
    a.exited('a', shutdown);
    expect(a.input({ type: 'shutdown' })).toEqual([]);
    expect(a.command('start', 'a')).toEqual([]);
  });
});

describe('commands', () => {
  test('stop keeps a permanent child down until start', () => {
    const ab = group('ab').up();
    expect(ab.command('stop', 'b')).toEqual(['stop b']);
    expect(ab.state.phase).toBe('restarting');
    expect(ab.exited('b', shutdown)).toEqual([]);
    expect(ab.state.phase).toBe('running');
    expect(ab.command('stop', 'b')).toEqual([]);
    expect(ab.command('start', 'b')).toEqual(['start b#2']);
    ab.started('b');
    expect(ab.command('start', 'b')).toEqual([]);
  });

  test('a stopped child is not revived by a group restart: stopped stays stopped', () => {
    const ab = group('ab', { strategy: 'one_for_all' }).up();
    ab.command('stop', 'b');
    ab.exited('b', shutdown);
    expect(ab.exited('a')).toEqual(['report a restart', 'start a#2']);
    expect(ab.started('a')).toEqual([]);
  });

  test('restart stops and starts one child, whatever its restart type', () => {
    for (const restart of ['permanent', 'transient', 'temporary'] as const) {
      const ab = group('ab', { strategy: 'rest_for_one' }, { restart }).up();
      expect(ab.command('restart', 'a')).toEqual(['stop a']);
      expect(ab.exited('a', shutdown)).toEqual(['start a#2']);
      expect(ab.started('a')).toEqual([]);
      expect(ab.state.restartTimes).toEqual([]);
    }
  });

  test('start or restart during a backoff does not wait for it; the late timer is ignored', () => {
    for (const type of ['start', 'restart'] as const) {
      const a = group('a', {}, { backoff: { ...atOnce, minMs: 50, maxMs: 50 } }).up();
      a.exited('a');
      expect(a.command(type, 'a')).toEqual(['start a#2']);
      expect(a.input({ type: 'backoff.ended', id: 'a', incarnation: 1 })).toEqual([]);
    }
  });

  test('stop during a backoff cancels the restart', () => {
    const a = group('a', {}, { backoff: { ...atOnce, minMs: 50, maxMs: 50 } }).up();
    a.exited('a');
    a.command('stop', 'a');
    expect(a.backoffEnded('a')).toEqual([]);
    expect(a.state.phase).toBe('running');
  });

  test('start while it is being stopped starts it once it is down', () => {
    const a = group('a').up();
    a.command('stop', 'a');
    expect(a.command('start', 'a')).toEqual([]);
    expect(a.exited('a', shutdown)).toEqual(['start a#2']);
  });

  test('a command is a fresh start for the backoff', () => {
    const a = group('a', {}, { backoff: { minMs: 10, maxMs: 100, jitter: 0, resetAfterMs: 1_000 } }).up();
    a.exited('a');
    a.backoffEnded('a');
    a.exited('a');
    expect(a.command('restart', 'a')).toEqual(['start a#3']);
    a.started('a');
    expect(a.exited('a')).toContain('wait a 10');
  });

  test('a command for nobody changes nothing', () => {
    const a = group('a').up();
    expect(a.command('restart', 'z')).toEqual([]);
    expect(a.state.phase).toBe('running');
  });
});

describe('what is stale', () => {
  test('exits, starts, deadlines and backoffs of an older incarnation are ignored', () => {
    const a = group('a').up();
    a.exited('a');
    a.started('a');
    const before = a.state;
    const old = { id: 'a', incarnation: 1 };
    expect(a.input({ type: 'child.exited', ...old, reason: crash })).toEqual([]);
    expect(a.input({ type: 'child.started', ...old })).toEqual([]);
    expect(a.input({ type: 'shutdown.overdue', ...old })).toEqual([]);
    expect(a.input({ type: 'backoff.ended', ...old })).toEqual([]);
    expect(a.state).toEqual(before);
  });

  test('a second exit of the same incarnation is ignored', () => {
    const a = group('a', { intensity: 1 }, { backoff: { ...atOnce, minMs: 10, maxMs: 10 } }).up();
    a.exited('a');
    expect(a.exited('a')).toEqual([]);
    expect(a.state.restartTimes).toHaveLength(1);
  });
});
