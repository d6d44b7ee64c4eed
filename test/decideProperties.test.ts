/**
 * What no sequence of crashes, commands and delays may make a supervisor do. The children live in a model that knows
 * nothing of `decide` but its actions; fast-check prints the seed and the shortest script that breaks a promise.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ChildRules,
  decide,
  type ExitReason,
  initialState,
  type Shutdown,
  type SupervisorAction,
  type SupervisorInput,
  type SupervisorRules,
  type SupervisorState,
} from '../machines/index.ts';

const reasons: readonly ExitReason[] = [
  { type: 'normal' },
  { type: 'shutdown' },
  { type: 'error', code: 'CRASH', message: 'boom' },
  { type: 'killed', signal: 'SIGKILL' },
];

const rules: fc.Arbitrary<SupervisorRules> = fc
  .record({
    strategy: fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one'),
    intensity: fc.integer({ min: 0, max: 6 }),
    periodMs: fc.constantFrom(10, 100, 1_000),
    children: fc.array(
      fc.record({
        restart: fc.constantFrom('permanent', 'transient', 'temporary'),
        shutdown: fc.constantFrom<Shutdown[]>('kill', 'infinity', 50),
        backoff: fc.constantFrom(
          { minMs: 0, maxMs: 0, jitter: 0, resetAfterMs: 50 },
          { minMs: 5, maxMs: 40, jitter: 0.5, resetAfterMs: 50 },
        ),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  })
  .map(({ children, ...group }) => ({
    ...group,
    children: children.map((child, index): ChildRules => ({ ...child, id: `c${index}` })),
  })) as fc.Arbitrary<SupervisorRules>;

const commands = ['command.start', 'command.stop', 'command.restart'] as const;

/** One thing that happens next: to which child, what, and how. */
const step = fc.record({
  child: fc.nat(4),
  kind: fc.constantFrom('started', 'started', 'started', 'exited', 'timer', 'command', 'stale', 'pass'),
  how: fc.nat(3),
});

interface Alive {
  readonly incarnation: number;
  up: boolean;
  /** It was asked to stop, or must come down with its group: its end starts no restart of its own. */
  leaving: boolean;
}

/** The children of one supervisor, and every promise checked at every action. */
class Model {
  readonly rules: SupervisorRules;
  state: SupervisorState;
  nowMs = 1;
  readonly alive = new Map<string, Alive>();
  /** Incarnations that must be gone before anybody of the group may start. */
  readonly mustGo = new Set<string>();
  readonly timers = new Map<string, SupervisorInput>();
  readonly restarts: number[] = [];
  shutDown = false;
  exits = 0;

  constructor(group: SupervisorRules) {
    this.rules = group;
    this.state = initialState(group);
  }

  input(input: SupervisorInput): void {
    const wasOver = this.state.phase === 'stopped';
    const [state, actions] = decide(this.state, input, { nowMs: this.nowMs, fraction: 0.5 });
    if (wasOver) expect(actions, 'nothing happens after the end').toEqual([]);
    this.state = state;
    for (const action of actions) this.act(action);
  }

  act(action: SupervisorAction): void {
    switch (action.type) {
      case 'start':
        this.start(action.id, action.incarnation);
        return;
      case 'stop':
      case 'kill':
        this.stop(action);
        return;
      case 'waitBackoff':
        this.timers.set(action.id, { type: 'backoff.ended', id: action.id, incarnation: action.incarnation });
        return;
      case 'report':
        if (action.next === 'give up') this.shutDown = true;
        return;
      case 'exit':
        this.exits++;
        expect([...this.alive.keys()], 'alive at the end').toEqual([]);
    }
  }

  start(id: string, incarnation: number): void {
    expect(this.shutDown, `start of ${id} after the end began`).toBe(false);
    expect(this.alive.has(id), `two incarnations of ${id}`).toBe(false);
    expect([...this.mustGo], `${id} starts before its group is down`).toEqual([]);
    this.timers.delete(id);
    this.alive.set(id, { incarnation, up: false, leaving: false });
  }

  stop({ id, incarnation, type }: { id: string; incarnation: number; type: string }): void {
    const alive = this.alive.get(id);
    expect(alive?.incarnation, `${type} of ${id}, which is not there`).toBe(incarnation);
    if (alive === undefined) return;
    if (type === 'stop') expect(this.timers.has(id), `${id} asked to stop twice`).toBe(false);
    if (this.shutDown) expect(this.after(id), `${id} goes before what was started after it`).toEqual([]);
    alive.leaving = true;
    if (type === 'stop') this.timers.set(id, { type: 'shutdown.overdue', id, incarnation });
    else this.timers.delete(id);
  }

  after(id: string): string[] {
    const ids = this.rules.children.map((child) => child.id);
    return ids.slice(ids.indexOf(id) + 1).filter((later) => this.alive.has(later));
  }

  exited(id: string, reason: ExitReason): void {
    const alive = this.alive.get(id);
    if (alive === undefined) return;
    this.alive.delete(id);
    this.mustGo.delete(id);
    this.timers.delete(id);
    const before = this.state.restartTimes.length;
    const ids = this.rules.children.map((child) => child.id);
    const inGroup = (other: string): boolean =>
      this.rules.strategy === 'one_for_all' ||
      (this.rules.strategy === 'rest_for_one' && ids.indexOf(other) > ids.indexOf(id));
    const others = [...this.alive].filter(([other]) => inGroup(other));
    const charged = this.charges(() => {
      this.input({ type: 'child.exited', id, incarnation: alive.incarnation, reason });
    }, others);
    if (alive.leaving) expect(charged, `${id} was asked to go and is charged for it`).toBe(false);
    if (charged) this.restarts.push(this.nowMs);
    const recent = this.restarts.filter((at) => at >= this.nowMs - this.rules.periodMs);
    expect(recent.length, `budget exceeded (had ${before})`).toBeLessThanOrEqual(this.rules.intensity);
  }

  /** Whether `exit` cost a restart; then its group has to go first, which is recorded before the actions are seen. */
  charges(exit: () => void, group: readonly (readonly [string, Alive])[]): boolean {
    const before = this.state.children.reduce((sum, child) => sum + child.restarts, 0);
    const act = this.act.bind(this);
    const seen: SupervisorAction[] = [];
    this.act = (action) => void seen.push(action);
    exit();
    this.act = act;
    const charged = this.state.children.reduce((sum, child) => sum + child.restarts, 0) > before;
    if (charged) {
      for (const [other, alive] of group) {
        this.mustGo.add(other);
        alive.leaving = true;
      }
    }
    for (const action of seen) act(action);
    return charged;
  }

  step({ child, kind, how }: { child: number; kind: string; how: number }): void {
    const id = `c${child % this.rules.children.length}`;
    const alive = this.alive.get(id);
    const timer = this.timers.get(id);
    switch (kind) {
      case 'started':
        if (alive === undefined || alive.up) return;
        alive.up = true;
        this.input({ type: 'child.started', id, incarnation: alive.incarnation });
        break;
      case 'exited':
        this.exited(id, reasons[how] ?? { type: 'normal' });
        break;
      case 'timer':
        if (timer?.type === 'backoff.ended') this.timers.delete(id);
        if (timer !== undefined) this.input(timer);
        break;
      case 'command':
        this.input({ type: commands[how % commands.length] ?? 'command.stop', id });
        break;
      case 'stale': {
        const incarnation = (alive?.incarnation ?? 1) - 1;
        this.input({ type: 'child.exited', id, incarnation, reason: { type: 'normal' } });
        break;
      }
      case 'pass':
        this.nowMs += how * 25;
    }
  }

  /** From here on everyone does what it is told. */
  end(): void {
    this.input({ type: 'shutdown' });
    this.shutDown = true;
    for (let turns = 0; this.alive.size > 0; turns++) {
      expect(turns, 'the end never comes').toBeLessThan(20);
      const leaving = [...this.alive].find(([, alive]) => alive.leaving);
      expect(leaving, 'nobody is asked to go').toBeDefined();
      if (leaving !== undefined) this.exited(leaving[0], { type: 'shutdown' });
    }
  }
}

test('no script of crashes and commands breaks a promise of supervision', () => {
  fc.assert(
    fc.property(rules, fc.array(step, { maxLength: 80 }), (group, script) => {
      const model = new Model(group);
      model.input({ type: 'start' });
      for (const next of script) model.step(next);
      model.end();
      expect(model.exits, 'a supervisor ends exactly once').toBe(1);
      expect(model.state.phase).toBe('stopped');
      expect(model.state.children.filter(({ status }) => status !== 'down')).toEqual([]);
    }),
    { numRuns: 3_000 },
  );
});

test('left alone, whatever happened, every child that should run comes up', () => {
  fc.assert(
    fc.property(rules, fc.array(step, { maxLength: 60 }), (group, script) => {
      const model = new Model(group);
      model.input({ type: 'start' });
      for (const next of script) model.step(next);
      fc.pre(model.state.phase !== 'stopped' && model.state.phase !== 'stopping');
      for (let turns = 0; turns < 50; turns++) {
        for (const [id, alive] of [...model.alive]) {
          if (alive.leaving) model.exited(id, { type: 'shutdown' });
          else if (!alive.up) model.step({ child: Number(id.slice(1)), kind: 'started', how: 0 });
        }
        for (const timer of [...model.timers.values()]) {
          if (timer.type !== 'backoff.ended') continue;
          model.timers.delete(timer.id);
          model.input(timer);
        }
      }
      expect(model.state.phase).toBe('running');
      for (const {
        rules: { id },
        status,
        wanted,
      } of model.state.children) {
        expect(status).toBe(wanted ? 'up' : 'down');
        expect(model.alive.has(id)).toBe(wanted);
      }
    }),
    { numRuns: 2_000 },
  );
});
