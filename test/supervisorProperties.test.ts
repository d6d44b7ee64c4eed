/**
 * A tree of supervisors under random treatment: programs that crash, hang, ignore, end twice, throw while they are made;
 * people who stop, start, restart and kill; time that passes. fast-check prints the seed and the shortest script.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ChildDefinition, type ChildOptions, program, supervisor, type UnitHooks } from '../actors/index.ts';
import type { SupervisorUnit } from '../actors/system/supervisor.ts';
import { crash, type GroupOptions, group, killed, shutdown, supervise } from './support/programs.ts';

const manner = fc.record({
  start: fc.constantFrom('at once', 'later', 'fails', 'throws', 'ends twice'),
  stop: fc.constantFrom('at once', 'deaf', 'crashes'),
  kill: fc.constantFrom('at once', 'later'),
});
type Manner = typeof manner extends fc.Arbitrary<infer T> ? T : never;

const options: fc.Arbitrary<ChildOptions> = fc.record({
  restart: fc.constantFrom('permanent', 'transient', 'temporary'),
  shutdown: fc.constantFrom<NonNullable<ChildOptions['shutdown']>[]>('kill', 'infinity', 100),
  backoff: fc.constantFrom(
    { minMs: 0, maxMs: 0, jitter: 0, resetAfterMs: 50 },
    { minMs: 20, maxMs: 100, jitter: 0.5, resetAfterMs: 50 },
  ),
});
const groupOptions: fc.Arbitrary<GroupOptions> = fc.record({
  strategy: fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one'),
  intensity: fc.integer({ min: 0, max: 5 }),
  periodMs: fc.constantFrom(50, 500),
});
const names = ['a', 'b', 'c', 'd', 'e'] as const;
const step = fc.record({
  name: fc.constantFrom(...names),
  kind: fc.constantFrom(
    'started',
    'crashes',
    'ends',
    'pass',
    'manner',
    'stop',
    'start',
    'restart',
    'kill',
    'killGroup',
    'crashGroup',
    'killTree',
  ),
  manner,
  ms: fc.integer({ min: 0, max: 120 }),
});

/** Every process that any incarnation ever made, and whether it still runs. */
class Processes {
  readonly #alive = new Map<string, UnitHooks>();
  /** Asked to go, or killed, while they would not. */
  readonly #told = new Set<string>();
  readonly manners = new Map<string, Manner>();

  define(name: string, how: ChildOptions, first: Manner): ChildDefinition {
    this.manners.set(name, first);
    return program({ name, start: (hooks) => this.#start(name, hooks) }, how);
  }

  get alive(): readonly string[] {
    return [...this.#alive.keys()];
  }

  /** Those that were told to go now do. */
  endTold(): void {
    for (const name of this.alive) if (this.#told.has(name)) this.ends(name, killed);
  }

  started(name: string): void {
    this.#alive.get(name)?.started();
  }

  ends(name: string, reason: typeof crash | typeof killed | typeof shutdown): void {
    const hooks = this.#alive.get(name);
    this.#alive.delete(name);
    hooks?.exited(reason);
  }

  #start(name: string, hooks: UnitHooks) {
    const how = (): Manner => this.manners.get(name) as Manner;
    const { start } = how();
    this.#told.delete(name);
    expect(this.#alive.has(name), `two incarnations of ${name}`).toBe(false);
    if (start === 'throws') throw new Error('boom');
    if (start !== 'fails') this.#alive.set(name, hooks);
    if (start !== 'later') hooks.started();
    if (start === 'fails' || start === 'ends twice') this.ends(name, crash);
    if (start === 'fails' || start === 'ends twice') hooks.exited(crash);
    const gone = () => this.#alive.get(name) !== hooks;
    return {
      id: name,
      view: () => ({ state: '', mailbox: 0, isolation: 'process' as const, pid: 1 }),
      stop: () => {
        if (gone()) return;
        this.#told.add(name);
        if (how().stop !== 'deaf') this.ends(name, how().stop === 'crashes' ? crash : shutdown);
      },
      kill: () => {
        if (gone()) return;
        this.#told.add(name);
        if (how().kill === 'at once') this.ends(name, killed);
      },
    };
  }
}

/** The supervisor that has a child of that name. */
const parentOf = (unit: SupervisorUnit, name: string): SupervisorUnit | undefined => {
  const inner = unit.childUnit('inner') as SupervisorUnit | undefined;
  if (unit.childNames().includes(name)) return unit;
  return inner?.childNames().includes(name) ? inner : undefined;
};

test('whatever happens to it, a tree never runs two of one, ends once, and leaves no process and no timer', async () => {
  const everything = fc.record({
    outer: groupOptions,
    inner: groupOptions,
    innerChild: options,
    children: fc.tuple(...names.map(() => fc.record({ options, manner }))),
    script: fc.array(step, { maxLength: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(everything, async ({ outer, inner, innerChild, children, script }) => {
      const processes = new Processes();
      const [a, b, c, d, e] = names.map((name, i) => {
        const { options: how, manner: first } = children[i] as (typeof children)[number];
        return processes.define(name, how, first);
      }) as [ChildDefinition, ChildDefinition, ChildDefinition, ChildDefinition, ChildDefinition];
      const nested = group([c, d], { ...inner, name: 'inner' });
      const { unit, exits, clock, pending, reports } = supervise([a, b, supervisor(nested, innerChild), e], outer);
      unit.start();
      for (const { name, kind, ms, manner: next } of script) {
        const parent = parentOf(unit, name);
        if (kind === 'pass') await clock.advance(ms);
        else if (kind === 'started') processes.started(name);
        else if (kind === 'crashes') processes.ends(name, crash);
        else if (kind === 'ends') processes.ends(name, shutdown);
        else if (kind === 'manner') processes.manners.set(name, next);
        else if (kind === 'kill') parent?.killChild(name);
        else if (kind === 'killGroup') unit.killChild('inner');
        else if (kind === 'crashGroup')
          (unit.childUnit('inner') as SupervisorUnit | undefined)?.instance().crash(crash);
        else if (kind === 'killTree') unit.kill();
        else parent?.command(`command.${kind}`, name);
        expect(exits.length).toBeLessThanOrEqual(1);
        if (exits.length > 0) expect(processes.alive).toEqual([]);
      }
      // Everybody obeys from now on, and who would not before goes now.
      for (const name of names) processes.manners.set(name, { start: 'at once', stop: 'at once', kill: 'at once' });
      unit.stop();
      for (let turn = 0; exits.length === 0; turn++) {
        expect(turn, 'it never ends').toBeLessThan(50);
        await clock.advance(100);
        processes.endTold();
      }
      await clock.advance(1_000);
      expect(exits).toHaveLength(1);
      expect(processes.alive).toEqual([]);
      expect(pending()).toBe(0);
      expect(reports.started).toBeLessThanOrEqual(1);
    }),
    { numRuns: 400 },
  );
});
