/** A supervised unit, whatever runs it: an inline actor, a supervisor, a process. The supervisor knows no more than this. */
import type { ChildRules, ExitReason } from '../../machines/index.ts';

/** What a unit shows of itself. */
export interface UnitView {
  readonly state: string;
  readonly mailbox: number;
  readonly isolation: 'inline' | 'thread' | 'process';
  readonly pid: number | null;
}

/** One incarnation of a unit, running or on its way there. */
export interface Unit {
  readonly id: string;
  view(): UnitView;
  /** Asks it to end; it reports through `UnitHooks.exited`. Called at most once. */
  stop(): void;
  /** Ends it now. */
  kill(): void;
}

/** How a unit reports. `exited` is called exactly once, and nothing after it. */
export interface UnitHooks {
  started(): void;
  exited(reason: ExitReason): void;
}

/** How to make incarnations of a unit. */
export interface UnitSpec {
  readonly rules: ChildRules;
  /** Name of the actor, supervisor or program. */
  readonly actor: string;
  /** A throw counts as a failed start. */
  start(hooks: UnitHooks, incarnation: number): Unit;
}
