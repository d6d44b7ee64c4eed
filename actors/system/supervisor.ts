/**
 * Supervisor: carries out what `decide` decides. The rules are pure and elsewhere (machines/supervisor/decide.ts); here
 * is one exhaustive switch, the incarnations, and the timers of deadlines and backoffs.
 */
import {
  type ChildState,
  describeExit,
  type ExitReason,
  isAbnormal,
  type SupervisorAction,
  type SupervisorInput,
  type SupervisorState,
  supervisorMachine,
} from '../../machines/index.ts';
import type { TreeNode } from '../../protocol/index.ts';
import { runAs } from './attribution.ts';
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

/** One incarnation of a child, from the attempt to make it to its exit. */
interface Life {
  readonly incarnation: number;
  /** Undefined while it is being made. */
  unit: Unit | undefined;
  /** Why this supervisor kills it, which is what its end then means. */
  verdict: ExitReason | undefined;
}

interface Child {
  readonly definition: ChildDefinition;
  life: Life | undefined;
  /** Of a deadline or a backoff: never both. */
  timer: Timer | undefined;
}

export class SupervisorUnit implements Unit {
  readonly id: string;
  readonly definition: SupervisorDefinition;
  readonly #world: RuntimeWorld;
  readonly #idOf: IdOf;
  readonly #hooks: UnitHooks;
  readonly #instance: Instance;
  readonly #children: ReadonlyMap<string, Child>;
  readonly #todo: SupervisorAction[] = [];
  #acting = false;
  #started = false;
  /** Why it ended: only children that are being killed may be left. */
  #ended: ExitReason | undefined;
  #reported = false;

  constructor(definition: SupervisorDefinition, id: string, idOf: IdOf, world: RuntimeWorld, hooks: UnitHooks) {
    this.id = id;
    this.definition = definition;
    this.#idOf = idOf;
    this.#world = world;
    this.#hooks = hooks;
    this.#children = new Map(
      definition.children.map((child) => [
        child.definition.name,
        { definition: child, life: undefined, timer: undefined },
      ]),
    );
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

  /** Kills itself and every child: nothing of the subtree survives, and then it reports. */
  kill(): void {
    if (this.#ended === undefined) this.#instance.kill();
    else this.#killChildren();
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
    this.childUnit(name)?.kill();
  }

  childUnit(name: string): Unit | undefined {
    return this.#children.get(name)?.life?.unit;
  }

  childNames(): readonly string[] {
    return [...this.#children.keys()];
  }

  childId(name: string): string {
    return this.#idOf(name);
  }

  /** The children as a tree of plain data. */
  children(): TreeNode[] {
    return this.#state().children.map((state) => this.#childNode(state));
  }

  #childNode({ rules, status, wanted, lastExit, restarts, incarnation, upSinceMs }: ChildState): TreeNode {
    const child = this.#child(rules.id);
    const unit = child.life?.unit;
    const view = unit?.view();
    return {
      id: this.#idOf(rules.id),
      actor: child.definition.kind === 'supervisor' ? 'supervisor' : child.definition.definition.name,
      state: view?.state ?? '',
      status: statusOf(status, wanted, lastExit),
      restarts,
      incarnation,
      mailbox: view?.mailbox ?? 0,
      uptimeMs: upSinceMs === undefined ? 0 : Math.round(this.#world.clock.elapsed() - upSinceMs),
      isolation: view?.isolation ?? (child.definition.kind === 'program' ? 'process' : 'inline'),
      pid: view?.pid ?? null,
      ...(lastExit === undefined ? {} : { lastExit: { type: lastExit.type, detail: describeExit(lastExit) } }),
      children: unit instanceof SupervisorUnit ? unit.children() : [],
    };
  }

  // ── Acting ────────────────────────────────────────────────────────────────

  /** What the machine asks for, it gets once its own transition is over: a child never runs inside of it. */
  act(actions: readonly SupervisorAction[]): void {
    this.#todo.push(...actions);
  }

  #carryOut(): void {
    if (this.#acting) return;
    this.#acting = true;
    for (let action = this.#todo.shift(); action !== undefined; action = this.#todo.shift()) this.#do(action);
    this.#acting = false;
  }

  #do(action: SupervisorAction): void {
    switch (action.type) {
      case 'start':
        this.#startChild(this.#child(action.id), action.incarnation);
        break;
      case 'stop':
        this.#stopChild(this.#child(action.id), action.deadlineMs);
        break;
      case 'kill':
        this.killChild(action.id);
        break;
      case 'waitBackoff': {
        const { id, incarnation, delayMs } = action;
        this.#arm(this.#child(id), delayMs, () => this.#input({ type: 'backoff.ended', id, incarnation }));
        break;
      }
      case 'report':
        this.#report(action.id, action.reason, action.next);
        break;
      case 'exit':
        this.#end(action.reason);
    }
  }

  /** A unit may start, fail or end while it is being made; what it reports then is an input like any other. */
  #startChild(child: Child, incarnation: number): void {
    this.#disarm(child);
    const life: Life = { incarnation, unit: undefined, verdict: undefined };
    child.life = life;
    const { name } = child.definition.definition;
    const hooks: UnitHooks = {
      started: () => this.#input({ type: 'child.started', id: name, incarnation }),
      exited: (reason) => this.#childExited(child, life, reason),
    };
    const account = { id: this.#idOf(name), crash: (error: unknown) => this.#condemn(child, life, error) };
    try {
      const unit = runAs(account, () => this.#make(child.definition, hooks, incarnation));
      life.unit = unit;
      // A program is on its way once it is made; the others start when they can be found in the tree.
      if (unit instanceof Instance || unit instanceof SupervisorUnit) unit.start();
    } catch (error) {
      this.#childExited(child, life, exitOf(error));
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

  /** A stray error of a program's own code: what it started cannot be trusted any more. */
  #condemn(child: Child, life: Life, error: unknown): void {
    const { log } = this.#world;
    const reason = exitOf(error);
    const stack = error instanceof Error ? error.stack : undefined;
    const fields = { unit: this.#idOf(child.definition.definition.name), reason: describeExit(reason), stack };
    if (child.life !== life) {
      log.warn('late_error', fields);
      return;
    }
    log.error('program_crashed', fields);
    life.verdict = reason;
    life.unit?.kill();
  }

  #childExited(child: Child, life: Life, reason: ExitReason): void {
    if (child.life !== life) return;
    child.life = undefined;
    this.#disarm(child);
    if (this.#ended !== undefined) {
      this.#reportOnceAlone(this.#ended);
      return;
    }
    const told = life.verdict !== undefined && reason.type === 'killed' ? life.verdict : reason;
    const { name } = child.definition.definition;
    this.#input({ type: 'child.exited', id: name, incarnation: life.incarnation, reason: told });
  }

  #stopChild(child: Child, deadlineMs: number | undefined): void {
    const { life } = child;
    if (life === undefined) return;
    if (deadlineMs !== undefined) {
      this.#arm(child, deadlineMs, () => {
        life.verdict = { type: 'timeout', waitedMs: deadlineMs };
        const { name } = child.definition.definition;
        this.#input({ type: 'shutdown.overdue', id: name, incarnation: life.incarnation });
      });
    }
    life.unit?.stop();
  }

  #report(name: string, reason: ExitReason, next: string): void {
    const fields = { unit: this.#idOf(name), reason: describeExit(reason), next };
    this.#world.metrics.count('unit_exits_total', { unit: name, reason: reason.type });
    if (isAbnormal(reason) || next === 'give up') this.#world.log.warn('unit_exited', fields);
    else this.#world.log.info('unit_exited', fields);
  }

  // ── The end ───────────────────────────────────────────────────────────────

  /** The machine ends by itself once the group is down, and `exit` says why. Any other end leaves children. */
  #instanceExited(reason: ExitReason): void {
    if (reason.type !== 'normal') this.#end(reason);
  }

  #end(reason: ExitReason): void {
    this.#ended = reason;
    this.#todo.length = 0;
    this.#killChildren();
    this.#reportOnceAlone(reason);
  }

  /** A child of another process dies a little later than it is killed. */
  #reportOnceAlone(reason: ExitReason): void {
    if (this.#reported || [...this.#children.values()].some((child) => child.life !== undefined)) return;
    this.#reported = true;
    this.#hooks.exited(reason);
  }

  #killChildren(): void {
    for (const child of [...this.#children.values()].reverse()) {
      this.#disarm(child);
      child.life?.unit?.kill();
    }
  }

  // ── Small helpers ─────────────────────────────────────────────────────────

  #input(input: SupervisorInput): void {
    const moment = { nowMs: this.#world.clock.elapsed(), fraction: this.#world.random.fraction() };
    this.#instance.deliver({ type: 'supervisor.input', input, moment });
    this.#instance.guard(() => this.#carryOut());
    if (this.#started || this.#ended !== undefined || this.#state().phase !== 'running') return;
    this.#started = true;
    this.#hooks.started();
  }

  #state(): SupervisorState {
    return (this.#instance.snapshot().context as { readonly state: SupervisorState }).state;
  }

  #child(name: string): Child {
    const child = this.#children.get(name);
    if (child === undefined) throw new UnitNotFoundError(name);
    return child;
  }

  #arm(child: Child, delayMs: number, run: () => void): void {
    this.#disarm(child);
    child.timer = this.#world.clock.after(delayMs, () => {
      child.timer = undefined;
      run();
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
