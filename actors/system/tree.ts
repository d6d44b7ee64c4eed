/** How a supervision tree is written down: data, checked whole before any child starts (OTP `check_childspec`). */
import type { AnyStateMachine } from 'xstate';
import type { Backoff, ChildRules, Restart, Shutdown, Strategy } from '../../machines/index.ts';
import { type ActorDefinition, type AnyDefinition, anyDefinition } from './define.ts';
import { DefinitionError } from './errors.ts';
import type { Unit, UnitHooks } from './unit.ts';

/** How a child is treated; every field has OTP's default. */
export interface ChildOptions {
  readonly restart?: Restart;
  readonly shutdown?: Shutdown;
  readonly backoff?: Backoff;
}

/** Anything else that can be started: a process, a managed server. */
export interface ProgramDefinition {
  readonly name: string;
  start(hooks: UnitHooks, incarnation: number): Unit;
}

export type ChildDefinition =
  | { readonly kind: 'actor'; readonly definition: AnyDefinition; readonly options: ChildOptions }
  | { readonly kind: 'supervisor'; readonly definition: SupervisorDefinition; readonly options: ChildOptions }
  | { readonly kind: 'program'; readonly definition: ProgramDefinition; readonly options: ChildOptions };

export interface SupervisorDefinition {
  readonly name: string;
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly periodMs: number;
  readonly children: readonly ChildDefinition[];
}

/** OTP: a worker has five seconds to stop politely. */
const WORKER_SHUTDOWN_MS = 5_000;
/** OTP allows one restart in five seconds; a little more patience suits children that depend on radios and disks. */
const INTENSITY = 5;
const PERIOD_MS = 10_000;

/** Crash, restart at once, then back off: a first failure is usually transient, a second seldom is. */
export const defaultBackoff: Backoff = { minMs: 20, maxMs: 5_000, jitter: 0.2, resetAfterMs: 10_000 };

export const actor = <M extends AnyStateMachine>(
  definition: ActorDefinition<M>,
  options: ChildOptions = {},
): ChildDefinition => ({ kind: 'actor', definition: anyDefinition(definition), options });

export const program = (definition: ProgramDefinition, options: ChildOptions = {}): ChildDefinition => ({
  kind: 'program',
  definition,
  options,
});

export interface SupervisorOptions {
  readonly name: string;
  readonly strategy: Strategy;
  readonly intensity?: number;
  readonly periodMs?: number;
  readonly children: readonly ChildDefinition[];
}

/** Names become parts of ids and subjects. */
const NAME = /^[a-zA-Z0-9-]{1,32}$/;
const STRATEGIES: readonly string[] = ['one_for_one', 'one_for_all', 'rest_for_one'] satisfies Strategy[];

/**
 * A supervisor and its children, in start order.
 * @throws DefinitionError on a bad or duplicate name (in the whole subtree: ids are flat), an unknown strategy, a bad
 * limit, or a backoff that does not hold together.
 */
export const defineSupervisor = (options: SupervisorOptions): SupervisorDefinition => {
  const definition = { intensity: INTENSITY, periodMs: PERIOD_MS, ...options };
  const bad = (field: string, message: string) => new DefinitionError(options.name, field, message);
  if (!NAME.test(definition.name)) throw bad('name', 'must be 1 to 32 letters, digits or dashes');
  if (!STRATEGIES.includes(definition.strategy)) throw bad('strategy', `must be one of ${STRATEGIES.join(', ')}`);
  if (!(Number.isSafeInteger(definition.intensity) && definition.intensity >= 0))
    throw bad('intensity', 'must be a whole number, 0 or more');
  if (!(definition.periodMs > 0)) throw bad('periodMs', 'must be positive');
  const names = namesBelow(definition);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw bad('children', `names '${twice}' twice`);
  for (const { definition: child, options: how } of definition.children) {
    if (!NAME.test(child.name)) throw bad('children', `names '${child.name}': 1 to 32 letters, digits or dashes`);
    checkOptions(child.name, how);
  }
  return definition;
};

const namesBelow = ({ children }: SupervisorDefinition): string[] =>
  children.flatMap((child) => [
    child.definition.name,
    ...(child.kind === 'supervisor' ? namesBelow(child.definition) : []),
  ]);

export const supervisor = (definition: SupervisorDefinition, options: ChildOptions = {}): ChildDefinition => ({
  kind: 'supervisor',
  definition,
  options,
});

const checkOptions = (name: string, { shutdown, backoff }: ChildOptions): void => {
  if (typeof shutdown === 'number' && !(shutdown >= 0 && Number.isFinite(shutdown))) {
    throw new DefinitionError(name, 'shutdown', "must be 'kill', 'infinity' or milliseconds ≥ 0");
  }
  if (backoff === undefined) return;
  const { minMs, maxMs, jitter, resetAfterMs } = backoff;
  if (!(minMs >= 0 && maxMs >= minMs && Number.isFinite(maxMs)))
    throw new DefinitionError(name, 'backoff', 'needs 0 ≤ minMs ≤ maxMs');
  if (!(jitter >= 0 && jitter <= 1)) throw new DefinitionError(name, 'backoff.jitter', 'must lie in 0 … 1');
  if (!(resetAfterMs >= 0)) throw new DefinitionError(name, 'backoff.resetAfterMs', 'must be 0 or more');
};

/** The rules `decide` needs; a supervisor child gets unlimited time to stop, as in OTP. */
export const rulesOf = (child: ChildDefinition): ChildRules => ({
  id: child.definition.name,
  restart: child.options.restart ?? 'permanent',
  shutdown: child.options.shutdown ?? (child.kind === 'supervisor' ? 'infinity' : WORKER_SHUTDOWN_MS),
  backoff: child.options.backoff ?? defaultBackoff,
});
