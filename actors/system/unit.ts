/** A supervised unit, whatever runs it: an inline actor, a supervisor, a process. The supervisor knows no more than this. */
import type { ExitReason } from '../../machines/index.ts';

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
  /** Ends it now; it reports through `UnitHooks.exited`. */
  kill(): void;
}

/**
 * How a unit reports. `started` once it does its work, `exited` once nothing of it is left; what it reports after that
 * is ignored.
 */
export interface UnitHooks {
  started(): void;
  exited(reason: ExitReason): void;
}
