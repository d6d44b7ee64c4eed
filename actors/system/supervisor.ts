/**
 * Supervisor: carries out what `decide` decides. The rules are pure and elsewhere (machines/supervisor/decide.ts); here
 * is one exhaustive switch, the incarnations, and the timers of deadlines and backoffs.
 */
import {
  describeExit,
  type ExitReason,
  type SupervisorAction,
  type SupervisorInput,
  type SupervisorState,
  supervisorMachine,
} from '../../machines/index.ts';
import type { TreeNode } from '../../protocol/index.ts';
import { anyDefinition, defineActor } from './define.ts';
import { UnitNotFoundError } from './errors.ts';
import { exitOf, Instance, type RuntimeWorld } from './instance.ts';
import { type ChildDefinition, rulesOf, type SupervisorDefinition } from './tree.ts';
import type { Unit, UnitHooks, UnitView } from './unit.ts';
import type { Timer } from './world.ts';

/** The world of a supervisor's own machine: who acts for it. */
type RunnerWorld = RuntimeWorld & { readonly runner: SupervisorUnit };

const pictureOf = (definition: SupervisorDefinition) => ({
  strategy: definition.strategy,
  intensity: definition.intensity,
  periodMs: definition.periodMs,
  children: definition.children.map(rulesOf),
});

/** One definition for all supervisors: the machine is provided once. */
const supervisorActor = anyDefinition(
  defineActor({
    name: 'supervisor',
    machine: supervisorMachine,
    input: (world) => ({ rules: pictureOf((world as unknown as RunnerWorld).runner.definition) }),
    effects: (world) => ({ act: ({ actions }) => (world as unknown as RunnerWorld).runner.act(actions) }),
  }),
);

/** Gives a child its id: `<node>/<name>` on a node, the bare name on `host`. */
export type IdOf = (name: string) => string;

interface Child {
  readonly definition: ChildDefinition;
  unit: Unit | undefined;
  incarnation: number;
  timer: Timer | undefined;
  /** When a stop was asked, to say how long it was waited for. */
  overdueMs: number | undefined;
}

export class SupervisorUnit implements Unit {
  readonly id: string;
  readonly definition: SupervisorDefinition;
  readonly #world: RuntimeWorld;
  readonly #idOf: IdOf;
  readonly #hooks: UnitHooks;
  readonly #instance: Instance;
  readonly #children = new Map<string, Child>();
  #started = false;
  #killed = false;
  #exitReason: ExitReason | undefined;

  constructor(definition: SupervisorDefinition, id: string, idOf: IdOf, world: RuntimeWorld, hooks: UnitHooks) {
    this.id = id;
    this.definition = definition;
    this.#idOf = idOf;
    this.#world = world;
    this.#hooks = hooks;
    for (const child of definition.children) {
      const fresh: Child = {
        definition: child,
        unit: undefined,
        incarnation: 0,
        timer: undefined,
        overdueMs: undefined,
      };
      this.#children.set(child.definition.name, fresh);
    }
    const runner: RunnerWorld = { ...world, runner: this };
    this.#instance = new Instance(supervisorActor, id, runner, {
      started: () => this.#input({ type: 'start' }),
      exited: (reason) => this.#instanceExited(reason),
    });
  }

  start(): void {
    this.#instance.start();
  }

  stop(): void {
    this.#input({ type: 'shutdown' });
  }

  /** Kills every child and then itself: nothing of the subtree survives. */
  kill(): void {
    if (this.#killed) return;
    this.#killed = true;
    this.#killChildren();
    this.#instance.kill();
  }

  view(): UnitView {
    return this.#instance.view();
  }

  instance(): Instance {
    return this.#instance;
  }

  // ── Commands ──────────────────────────────────────────────────────────────

  command(type: 'command.start' | 'command.stop' | 'command.restart', name: string): void {
    this.#input({ type, id: name });
  }

  killChild(name: string): void {
    this.#child(name).unit?.kill();
  }

  childUnit(name: string): Unit | undefined {
    return this.#children.get(name)?.unit;
  }

  childNames(): readonly string[] {
    return [...this.#children.keys()];
  }

  childId(name: string): string {
    return this.#idOf(name);
  }

  /** The children as a tree of plain data. */
  children(): TreeNode[] {
    const states = this.#state().children;
    return states.map((state) => {
      const child = this.#child(state.rules.id);
      const { unit } = child;
      const view = unit?.view();
      const running = state.status === 'up' && unit !== undefined;
      return {
        id: this.#idOf(state.rules.id),
        actor: child.definition.kind === 'supervisor' ? 'supervisor' : child.definition.definition.name,
        state: view?.state ?? '',
        status: statusOf(state.status, state.wanted, state.lastExit),
        restarts: state.restarts,
        incarnation: state.incarnation,
        mailbox: view?.mailbox ?? 0,
        uptimeMs: running ? Math.round(this.#world.clock.elapsed() - state.startedAtMs) : 0,
        isolation: view?.isolation ?? (child.definition.kind === 'program' ? 'process' : 'inline'),
        pid: view?.pid ?? null,
        ...(state.lastExit === undefined
          ? {}
          : { lastExit: { type: state.lastExit.type, detail: describeExit(state.lastExit) } }),
        children: unit instanceof SupervisorUnit ? unit.children() : [],
      };
    });
  }

  // ── Acting ────────────────────────────────────────────────────────────────

  act(actions: readonly SupervisorAction[]): void {
    for (const action of actions) this.#do(action);
  }

  #do(action: SupervisorAction): void {
    switch (action.type) {
      case 'start':
        return this.#startChild(action.id, action.incarnation);
      case 'stop':
        return this.#stopChild(action.id, action.incarnation, action.deadlineMs);
      case 'kill':
        return this.#child(action.id).unit?.kill();
      case 'waitBackoff': {
        const { id, incarnation, delayMs } = action;
        return this.#arm(this.#child(id), delayMs, { type: 'backoff.ended', id, incarnation });
      }
      case 'report':
        return this.#report(action.id, action.reason, action.next);
      case 'exit':
        return this.#exit(action.reason);
    }
  }

  #startChild(name: string, incarnation: number): void {
    const child = this.#child(name);
    child.incarnation = incarnation;
    this.#disarm(child);
    const hooks: UnitHooks = {
      started: () => this.#input({ type: 'child.started', id: name, incarnation }),
      exited: (reason) => this.#childExited(name, incarnation, reason),
    };
    try {
      const unit = this.#make(child.definition, hooks, incarnation);
      // A unit may have ended while it was being made.
      if (child.incarnation === incarnation) child.unit = unit;
      if (unit instanceof Instance || unit instanceof SupervisorUnit) unit.start();
    } catch (error) {
      this.#childExited(name, incarnation, exitOf(error));
    }
  }

  #make(child: ChildDefinition, hooks: UnitHooks, incarnation: number): Unit {
    const id = this.#idOf(child.definition.name);
    switch (child.kind) {
      case 'actor':
        return new Instance(child.definition, id, this.#world, hooks);
      case 'supervisor':
        return new SupervisorUnit(child.definition, id, this.#idOf, this.#world, hooks);
      case 'program':
        return child.definition.start(hooks, incarnation);
    }
  }

  #childExited(name: string, incarnation: number, reason: ExitReason): void {
    const child = this.#child(name);
    if (child.incarnation !== incarnation) return;
    this.#disarm(child);
    child.unit = undefined;
    const overdue = child.overdueMs;
    child.overdueMs = undefined;
    // A unit killed because it would not stop says so, not that somebody killed it.
    const told: ExitReason =
      overdue !== undefined && reason.type === 'killed' ? { type: 'timeout', waitedMs: overdue } : reason;
    this.#input({ type: 'child.exited', id: name, incarnation, reason: told });
  }

  #stopChild(name: string, incarnation: number, deadlineMs: number | undefined): void {
    const child = this.#child(name);
    if (deadlineMs !== undefined) {
      this.#arm(child, deadlineMs, { type: 'shutdown.overdue', id: name, incarnation }, () => {
        child.overdueMs = deadlineMs;
      });
    }
    child.unit?.stop();
  }

  #report(name: string, reason: ExitReason, next: string): void {
    const fields = { unit: this.#idOf(name), reason: describeExit(reason), next };
    this.#world.metrics.count('unit_exits_total', { unit: name, reason: reason.type });
    if (next === 'stay down') this.#world.log.info('unit_exited', fields);
    else this.#world.log.warn('unit_exited', fields);
  }

  #exit(reason: ExitReason): void {
    for (const child of this.#children.values()) this.#disarm(child);
    this.#exitReason = reason;
  }

  /** The machine ends by itself once stopped (`normal`); what the group ended with is what counts. */
  #instanceExited(reason: ExitReason): void {
    if (reason.type !== 'normal') this.#killChildren();
    this.#hooks.exited(reason.type === 'normal' ? (this.#exitReason ?? { type: 'shutdown' }) : reason);
  }

  #killChildren(): void {
    for (const child of this.#children.values()) {
      this.#disarm(child);
      const { unit } = child;
      child.incarnation = -1;
      child.unit = undefined;
      unit?.kill();
    }
  }

  // ── Small helpers ─────────────────────────────────────────────────────────

  #input(input: SupervisorInput): void {
    const moment = { nowMs: this.#world.clock.elapsed(), fraction: this.#world.random.fraction() };
    this.#instance.deliver({ type: 'supervisor.input', input, moment });
    if (!this.#started && this.#state().phase === 'running') {
      this.#started = true;
      this.#hooks.started();
    }
  }

  #state(): SupervisorState {
    return (this.#instance.snapshot().context as { readonly state: SupervisorState }).state;
  }

  #child(name: string): Child {
    const child = this.#children.get(name);
    if (child === undefined) throw new UnitNotFoundError(name);
    return child;
  }

  #arm(child: Child, delayMs: number, input: SupervisorInput, before: () => void = () => {}): void {
    this.#disarm(child);
    child.timer = this.#world.clock.after(delayMs, () => {
      child.timer = undefined;
      before();
      this.#input(input);
    });
  }

  #disarm(child: Child): void {
    if (child.timer !== undefined) this.#world.clock.cancel(child.timer);
    child.timer = undefined;
  }
}

const statusOf = (
  status: 'down' | 'starting' | 'up' | 'stopping' | 'waiting',
  wanted: boolean,
  lastExit: ExitReason | undefined,
): TreeNode['status'] => {
  switch (status) {
    case 'up':
      return 'running';
    case 'waiting':
      return 'restarting';
    case 'starting':
    case 'stopping':
      return status;
    case 'down':
      if (wanted) return 'starting';
      return lastExit?.type === 'error' ? 'failed' : 'stopped';
  }
};
