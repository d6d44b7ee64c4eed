/** The rules of supervision (OTP `supervisor`, adapted), as pure decisions: starts, restarts, budgets, backoffs. */
import { describe, expect, test } from 'vitest';
import { child, crash, Group, group, killed, normal, shutdown } from './support/decisions.ts';

describe('starting', () => {
  test('children start one after the other, in the order they are written', () => {
    const abc = group('abc');
    expect(abc.input({ type: 'start' })).toEqual(['start a#1']);
    expect(abc.state.phase).toBe('starting');
    expect(abc.started('a')).toEqual(['start b#1']);
    expect(abc.started('b')).toEqual(['start c#1']);
    expect(abc.started('c')).toEqual([]);
    expect(abc.state.phase).toBe('running');
  });

  test('a supervisor without children runs at once', () => {
    const none = group('');
    expect(none.input({ type: 'start' })).toEqual([]);
    expect(none.state.phase).toBe('running');
  });

  test('a first start that fails takes down, in reverse, what was up, and the group ends with the true reason', () => {
    const abc = group('abc');
    abc.input({ type: 'start' });
    abc.started('a');
    abc.started('b');
    expect(abc.exited('c')).toEqual(['report c give up', 'stop b']);
    expect(abc.exited('b', shutdown)).toEqual(['stop a']);
    expect(abc.exited('a', shutdown)).toEqual(['exit error']);
    expect(abc.state.exit).toEqual(crash);
    expect(abc.state.phase).toBe('stopped');
  });

  test('a nested supervisor that gives up while it starts is a failed start too', () => {
    const ab = group('ab');
    ab.input({ type: 'start' });
    ab.started('a');
    expect(ab.exited('b', shutdown)).toEqual(['report b give up', 'stop a']);
  });

  test('a child that is done as soon as it starts has started well', () => {
    const ab = new Group([child('a', { restart: 'transient' }), child('b')]);
    ab.input({ type: 'start' });
    expect(ab.exited('a', normal)).toEqual(['report a stay down', 'start b#1']);
    ab.started('b');
    expect(ab.state.phase).toBe('running');
  });

  test('a child that crashes while a later one is still starting is restarted, and may fail to, within the budget', () => {
    const ab = group('ab');
    ab.input({ type: 'start' });
    ab.started('a');
    expect(ab.exited('a')).toEqual(['report a restart']);
    expect(ab.started('b')).toEqual(['start a#2']);
    expect(ab.exited('a')).toEqual(['report a restart', 'wait a 0']);
    expect(ab.backoffEnded('a')).toEqual(['start a#3']);
    ab.started('a');
    expect(ab.state.phase).toBe('running');
  });
});

describe('restart types', () => {
  test.each([
    ['permanent', normal, true],
    ['permanent', shutdown, true],
    ['permanent', crash, true],
    ['permanent', killed, true],
    ['transient', normal, false],
    ['transient', shutdown, false],
    ['transient', crash, true],
    ['transient', killed, true],
    ['temporary', normal, false],
    ['temporary', shutdown, false],
    ['temporary', crash, false],
    ['temporary', killed, false],
  ] as const)('a %s child that ends with $type: %s', (restart, reason, restarted) => {
    const a = group('a', {}, { restart }).up();
    const expected = restarted ? ['report a restart', 'start a#2'] : ['report a stay down'];
    expect(a.exited('a', reason)).toEqual(expected);
    expect(a.child('a').lastExit).toEqual(reason);
    expect(a.state.phase).toBe(restarted ? 'restarting' : 'running');
  });

  test('timeout, hung and out of memory are abnormal', () => {
    for (const reason of [{ type: 'timeout', waitedMs: 5 }, { type: 'hung' }, { type: 'outOfMemory' }] as const) {
      expect(group('a', {}, { restart: 'transient' }).up().exited('a', reason)).toContain('start a#2');
    }
  });
});

describe('strategies', () => {
  test('one_for_one restarts only the child that ended', () => {
    const abc = group('abc').up();
    expect(abc.exited('b')).toEqual(['report b restart', 'start b#2']);
    expect(abc.started('b')).toEqual([]);
    expect(abc.state.children.map(({ incarnation }) => incarnation)).toEqual([1, 2, 1]);
  });

  test('rest_for_one takes down the later ones in reverse, then starts in order; the earlier one stays', () => {
    const abcd = group('abcd', { strategy: 'rest_for_one' }).up();
    expect(abcd.exited('b')).toEqual(['report b restart', 'stop d']);
    expect(abcd.exited('d', shutdown)).toEqual(['stop c']);
    expect(abcd.exited('c', shutdown)).toEqual(['start b#2']);
    expect(abcd.started('b')).toEqual(['start c#2']);
    expect(abcd.started('c')).toEqual(['start d#2']);
    abcd.started('d');
    expect(abcd.state.children.map(({ incarnation }) => incarnation)).toEqual([1, 2, 2, 2]);
  });

  test('one_for_all takes all down in reverse, then starts all in order', () => {
    const abc = group('abc', { strategy: 'one_for_all' }).up();
    expect(abc.exited('b')).toEqual(['report b restart', 'stop c']);
    expect(abc.exited('c', shutdown)).toEqual(['stop a']);
    expect(abc.exited('a', shutdown)).toEqual(['start a#2']);
    expect(abc.started('a')).toEqual(['start b#2']);
    expect(abc.started('b')).toEqual(['start c#2']);
  });

  test('one_for_all: a sibling that fails to start takes the ones already restarted down again', () => {
    const ab = group('ab', { strategy: 'one_for_all' }).up();
    ab.exited('a');
    ab.exited('b', shutdown);
    ab.started('a');
    expect(ab.exited('b')).toEqual(['report b restart', 'wait b 0', 'stop a']);
    expect(ab.exited('a', shutdown)).toEqual(['start a#3']);
    expect(ab.started('a')).toEqual([]);
    expect(ab.backoffEnded('b')).toEqual(['start b#3']);
  });

  test('rest_for_one: a later one that fails to start is tried again without the earlier ones', () => {
    const ab = group('ab', { strategy: 'rest_for_one' }).up();
    ab.exited('a');
    ab.exited('b', shutdown);
    ab.started('a');
    expect(ab.exited('b')).toEqual(['report b restart', 'wait b 0']);
    expect(ab.backoffEnded('b')).toEqual(['start b#3']);
    expect(ab.child('a').incarnation).toBe(2);
  });

  test('a group restart does not bring a temporary member back, and costs one however many it restarts', () => {
    const abc = new Group([child('a'), child('b', { restart: 'temporary' }), child('c')], {
      strategy: 'one_for_all',
      intensity: 1,
    }).up();
    abc.exited('a');
    abc.exited('c', shutdown);
    expect(abc.exited('b', shutdown)).toEqual(['start a#2']);
    expect(abc.started('a')).toEqual(['start c#2']);
    abc.started('c');
    expect(abc.state.phase).toBe('running');
    expect(abc.state.restartTimes).toHaveLength(1);
  });

  test('a member that crashes while it waits to be taken down is not charged', () => {
    const abc = group('abc', { strategy: 'one_for_all', intensity: 1 }).up();
    abc.exited('a');
    expect(abc.exited('b')).toEqual(['report b restart']);
    expect(abc.exited('c', shutdown)).toEqual(['start a#2']);
    expect(abc.state.restartTimes).toHaveLength(1);
  });

  test('in a group nobody overtakes a member that waits for its backoff', () => {
    const slow = { backoff: { minMs: 100, maxMs: 100, jitter: 0, resetAfterMs: 1_000 } };
    const ab = new Group([child('a', slow), child('b', slow)], { strategy: 'rest_for_one' }).up();
    expect(ab.exited('a')).toEqual(['report a restart', 'wait a 100', 'stop b']);
    expect(ab.exited('b', shutdown)).toEqual([]);
    expect(ab.command('start', 'b')).toEqual([]);
    expect(ab.backoffEnded('a')).toEqual(['start a#2']);
    expect(ab.started('a')).toEqual(['start b#2']);
  });

  test('one_for_one: a child that waits for its backoff keeps nobody else waiting', () => {
    const slow = { backoff: { minMs: 100, maxMs: 100, jitter: 0, resetAfterMs: 1_000 } };
    const ab = new Group([child('a', slow), child('b')]).up();
    ab.exited('a');
    expect(ab.exited('b')).toEqual(['report b restart', 'start b#2']);
  });
});

describe('the budget', () => {
  test('more than `intensity` restarts within the period and the supervisor gives up with `shutdown`', () => {
    const ab = group('ab', { intensity: 2, periodMs: 1_000 }).up();
    ab.exited('b');
    ab.started('b');
    ab.exited('b');
    ab.started('b');
    expect(ab.exited('b')).toEqual(['report b give up', 'stop a']);
    expect(ab.exited('a', shutdown)).toEqual(['exit shutdown']);
  });

  test('the window slides, and its edge is inclusive', () => {
    const spaced = (ms: number) => {
      const a = group('a', { intensity: 1, periodMs: 1_000 }).up();
      a.exited('a');
      a.started('a');
      a.nowMs = ms;
      return a.exited('a')[0];
    };
    expect(spaced(1_000)).toBe('report a give up');
    expect(spaced(1_001)).toBe('report a restart');
  });

  test('many restarts, spaced wider than the period, never use it up, nor is their past kept', () => {
    const a = group('a', { intensity: 1, periodMs: 1_000 }).up();
    for (let i = 0; i < 100; i++) {
      a.nowMs += 1_001;
      expect(a.exited('a')).toContain('report a restart');
      a.started('a');
    }
    expect(a.state.restartTimes).toHaveLength(1);
  });

  test('every failed restart costs one', () => {
    const a = group('a', { intensity: 3 }).up();
    expect(a.exited('a')).toEqual(['report a restart', 'start a#2']);
    expect(a.exited('a')).toEqual(['report a restart', 'wait a 0']);
    a.backoffEnded('a');
    expect(a.exited('a')).toEqual(['report a restart', 'wait a 0']);
    a.backoffEnded('a');
    expect(a.exited('a')).toEqual(['report a give up', 'exit shutdown']);
  });

  test('the budget is the supervisor’s, not the child’s', () => {
    const ab = group('ab', { intensity: 1 }).up();
    ab.exited('a');
    ab.started('a');
    expect(ab.exited('b')[0]).toBe('report b give up');
  });

  test('intensity 0 forgives nothing; commands cost nothing', () => {
    const a = group('a', { intensity: 0 }).up();
    a.command('restart', 'a');
    expect(a.exited('a', shutdown)).toEqual(['start a#2']);
    a.started('a');
    expect(a.exited('a')).toEqual(['report a give up', 'exit shutdown']);
  });
});

describe('backoff', () => {
  const backoff = { minMs: 10, maxMs: 100, jitter: 0.5, resetAfterMs: 1_000 };
  const failing = (fraction: number, upMs: number, times: number): number[] => {
    const a = group('a', { intensity: 1_000 }, { backoff }).up();
    a.fraction = fraction;
    for (let i = 0; i < times; i++) {
      a.nowMs += upMs;
      a.exited('a');
      a.backoffEnded('a');
      a.started('a');
    }
    return a.actions.flatMap((action) => (action.type === 'waitBackoff' ? [action.delayMs] : []));
  };

  test('doubles with every failure, up to its cap', () => {
    expect(failing(0, 1, 6)).toEqual([10, 20, 40, 80, 100, 100]);
  });

  test('jitter takes away up to its part, never more, and never adds', () => {
    expect(failing(1 - Number.EPSILON, 1, 6).map(Math.round)).toEqual([5, 10, 20, 40, 50, 50]);
    expect(failing(0.5, 1, 2)).toEqual([7.5, 15]);
  });

  test('starts again from its minimum after a long run', () => {
    expect(failing(0, 999, 3)).toEqual([10, 20, 40]);
    expect(failing(0, 1_000, 3)).toEqual([10, 10, 10]);
  });

  test('a start that took long is no long run', () => {
    const a = group('a', {}, { backoff }).up();
    a.exited('a');
    a.backoffEnded('a');
    a.nowMs += 60_000;
    expect(a.exited('a')).toEqual(['report a restart', 'wait a 20']);
  });

  test('never overflows, however often it fails', () => {
    const delays = failing(0, 0, 200);
    expect(Math.max(...delays)).toBe(100);
  });

  test('a running child with backoff 0 restarts at once; a start that failed lets others speak first', () => {
    const a = group('a').up();
    expect(a.exited('a')).toEqual(['report a restart', 'start a#2']);
    expect(a.exited('a')).toEqual(['report a restart', 'wait a 0']);
  });
});
