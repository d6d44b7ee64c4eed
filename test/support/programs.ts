/** Programs whose every step the test takes, and a supervisor to run them under. */
import {
  type ChildDefinition,
  type ChildOptions,
  defineSupervisor,
  program,
  type Unit,
  type UnitHooks,
} from '../../actors/index.ts';
import { SupervisorUnit } from '../../actors/system/supervisor.ts';
import type { SupervisorOptions } from '../../actors/system/tree.ts';
import type { ExitReason } from '../../machines/index.ts';
import { type TestWorld, testWorld } from './runtime.ts';

export const crash = { type: 'error', code: 'CRASH', message: 'boom' } as const;
export const shutdown = { type: 'shutdown' } as const;
export const killed = { type: 'killed', signal: 'SIGKILL' } as const;
/** Restarts at once, so that tests need no time to pass. */
export const atOnce = { minMs: 0, maxMs: 0, jitter: 0, resetAfterMs: 10_000 };

/** How a program behaves; the default starts at once and ends when asked to. */
export interface Manner {
  /** `later`: reports nothing until the test does. */
  readonly start?: 'at once' | 'later' | ((hooks: UnitHooks, incarnation: number) => void);
  readonly stop?: 'at once' | 'deaf';
  readonly kill?: 'at once' | 'later';
}

/** What happened to all programs of a test, in order. */
export class Stage {
  readonly events: string[] = [];
  readonly #hooks = new Map<string, UnitHooks>();
  readonly manners = new Map<string, Manner>();

  program(name: string, manner: Manner = {}, options: ChildOptions = {}): ChildDefinition {
    this.manners.set(name, manner);
    const start = (hooks: UnitHooks, incarnation: number) => this.#start(name, hooks, incarnation);
    return program({ name, start }, { backoff: atOnce, ...options });
  }

  /** The present incarnation reports. */
  hooks(name: string): UnitHooks {
    const hooks = this.#hooks.get(name);
    if (hooks === undefined) throw new Error(`${name} never started`);
    return hooks;
  }

  ends(name: string, reason: ExitReason = crash): void {
    this.hooks(name).exited(reason);
  }

  /** What happened since the last look. */
  seen(): string[] {
    return this.events.splice(0);
  }

  #start(name: string, hooks: UnitHooks, incarnation: number): Unit {
    const manner = this.manners.get(name) ?? {};
    this.events.push(`start ${name}`);
    this.#hooks.set(name, hooks);
    const { start = 'at once' } = manner;
    if (start === 'at once') hooks.started();
    else if (start !== 'later') start(hooks, incarnation);
    return {
      id: name,
      view: () => ({ state: 'on stage', mailbox: 0, isolation: 'process', pid: 1_000 + incarnation }),
      stop: () => {
        this.events.push(`stop ${name}`);
        if (manner.stop !== 'deaf') hooks.exited(shutdown);
      },
      kill: () => {
        this.events.push(`kill ${name}`);
        if (manner.kill !== 'later') hooks.exited(killed);
      },
    };
  }
}

export type GroupOptions = Partial<Omit<SupervisorOptions, 'children'>>;

export const group = (children: readonly ChildDefinition[], options: GroupOptions = {}) =>
  defineSupervisor({ name: 'group', strategy: 'one_for_one', ...options, children });

/** A supervisor of `children`, not yet started; what it reports is kept. */
export const supervise = (
  children: readonly ChildDefinition[],
  options: GroupOptions = {},
  world: TestWorld = testWorld(),
) => {
  const exits: ExitReason[] = [];
  const reports = { started: 0 };
  const runtime = { ...world.world, facts: world.facts, observerOf: () => undefined };
  const unit = new SupervisorUnit(group(children, options), 'node-1', (name) => `node-1/${name}`, runtime, {
    started: () => {
      reports.started++;
    },
    exited: (reason) => void exits.push(reason),
  });
  const node = (name: string) => {
    const find = (nodes: ReturnType<SupervisorUnit['children']>): (typeof nodes)[number] | undefined =>
      nodes.find(({ id }) => id === `node-1/${name}`) ?? nodes.map((one) => find([...one.children])).find(Boolean);
    const found = find(unit.children());
    if (found === undefined) throw new Error(`no unit ${name}`);
    return found;
  };
  return { ...world, unit, exits, reports, node, phase: () => unit.view().state };
};
