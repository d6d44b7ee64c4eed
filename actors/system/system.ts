/**
 * System: one node's supervision tree, and the verbs by which people see and steer it (3-interface §1: `supervisor.*`,
 * `actor.*`, `live.watch`). Everything it does on behalf of a person is written to the audit log.
 */
import type { AnyEventObject } from 'xstate';
import type { BusRequest } from '../../bus/index.ts';
import type { ExitReason } from '../../machines/index.ts';
import { type TreeNode, type Verb, type VerbSpec, verbs } from '../../protocol/index.ts';
import { runUnattributed } from './attribution.ts';
import { NotOperableError, StartFailedError, UnitNotFoundError, UnitStateError, WrongNodeError } from './errors.ts';
import { FactBoard } from './facts.ts';
import { Instance, type Observer, type RuntimeWorld } from './instance.ts';
import { plain } from './plain.ts';
import { type IdOf, SupervisorUnit } from './supervisor.ts';
import type { SupervisorDefinition } from './tree.ts';
import type { Unit } from './unit.ts';
import type { Timer, World } from './world.ts';

export interface SystemOptions {
  readonly world: World;
  readonly tree: SupervisorDefinition;
  /** `<node>/<name>` unless said; `host` names its nodes by their bare names. */
  readonly idOf?: IdOf;
  /** The whole tree has ended: by `stop`, or because its supervisor gave up. */
  readonly onExit: (reason: ExitReason) => void;
}

/** Where a unit hangs. */
interface Place {
  readonly parent: SupervisorUnit;
  readonly name: string;
  readonly unit: Unit | undefined;
}

type Handler = (request: BusRequest) => unknown;

export class System {
  readonly facts = new FactBoard();
  readonly #world: World;
  readonly #root: SupervisorUnit;
  readonly #idOf: IdOf;
  readonly #onExit: (reason: ExitReason) => void;
  readonly #leases = new Map<string, Timer>();
  readonly #releases: (() => void)[] = [];
  readonly #startedAtMs: number;
  #starting: Promise<void> | undefined;
  #exit: ExitReason | undefined;
  #whenStarted: () => void = () => {};
  #whenExited: (reason: ExitReason) => void = () => {};

  constructor({ world, tree, idOf, onExit }: SystemOptions) {
    const { name } = world.identity;
    this.#world = world;
    this.#onExit = onExit;
    this.#startedAtMs = world.clock.elapsed();
    this.#idOf = idOf ?? ((child) => `${name}/${child}`);
    const runtime: RuntimeWorld = { ...world, facts: this.facts, observerOf: (id) => this.#observerOf(id) };
    this.#root = new SupervisorUnit(tree, name, this.#idOf, runtime, {
      started: () => this.#whenStarted(),
      exited: (reason) => this.#exited(reason),
    });
  }

  /**
   * Serves the verbs and starts the tree; resolves once every child is up. Of a tree that ends before, `onExit` tells
   * too, so whoever listens there may ignore the rejection.
   * @throws StartFailedError with the exit reason of the tree.
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Stops the tree in reverse order; `onExit` follows. */
  stop(): void {
    if (this.#starting === undefined) this.#exited({ type: 'shutdown' });
    else this.#root.stop();
  }

  #start(): Promise<void> {
    const starting = new Promise<void>((resolve, reject) => {
      this.#whenStarted = resolve;
      this.#whenExited = (reason) => reject(new StartFailedError(reason));
    });
    starting.catch(() => {});
    if (this.#exit !== undefined) this.#whenExited(this.#exit);
    else {
      this.#serve();
      this.#root.start();
    }
    return starting;
  }

  /** What the owner does next is on nobody's account, and not on the stack of who ended last. */
  #exited(reason: ExitReason): void {
    if (this.#exit !== undefined) return;
    this.#exit = reason;
    this.#release();
    this.#whenExited(reason);
    runUnattributed(() => this.#world.clock.soon(() => this.#onExit(reason)));
  }

  /** The tree as plain data, root included. */
  tree(): TreeNode {
    const { state } = this.#root.view();
    return {
      id: this.#root.id,
      actor: 'node',
      state,
      status: statusOfRoot(state),
      restarts: 0,
      incarnation: 1,
      mailbox: 0,
      uptimeMs: Math.round(this.#world.clock.elapsed() - this.#startedAtMs),
      isolation: 'process',
      pid: process.pid,
      children: this.#root.children(),
    };
  }

  /** The running inline actor of that id. @throws UnitNotFoundError, WrongNodeError, UnitStateError */
  actor(id: string): Instance {
    const { unit } = this.#find(id);
    if (unit instanceof Instance) return unit;
    if (unit instanceof SupervisorUnit) return unit.instance();
    throw new UnitStateError(id, unit === undefined ? 'is not running' : 'is a process: ask it for its actors');
  }

  // ── Verbs ─────────────────────────────────────────────────────────────────

  #serve(): void {
    const handlers: { readonly [V in Verb]?: Handler } = {
      'supervisor.tree': () => this.tree(),
      'supervisor.restart': ({ payload }) => this.#command('command.restart', payload as { id: string }),
      'supervisor.stop': ({ payload }) => this.#command('command.stop', payload as { id: string }),
      'supervisor.start': ({ payload }) => this.#command('command.start', payload as { id: string }),
      'supervisor.kill': ({ payload }) => this.#kill(payload as { id: string }),
      'actor.send': ({ payload }) => this.#send(payload as { id: string; event: AnyEventObject }),
      'actor.snapshot': ({ payload }) => this.#snapshot(payload as { id: string }),
      'actor.definition': ({ payload }) => this.#definition(payload as { id: string }),
      'live.watch': ({ payload }) => this.#lease(payload as { actor: string; ttlMs: number }),
    };
    for (const [verb, handler] of Object.entries(handlers)) {
      this.#releases.push(this.#world.bus.answer(verb, this.#audited(verb as Verb, handler)));
    }
  }

  #audited(verb: Verb, handler: Handler): Handler {
    const spec: VerbSpec = verbs[verb];
    if (spec.audited === undefined) return handler;
    return (request) => {
      const { id, by, event } = request.payload as { id: string; by?: string; event?: AnyEventObject };
      this.#world.log.info('audit', { verb, from: request.from, by: by ?? 'unknown', id, event: event?.type });
      return handler(request);
    };
  }

  #command(type: 'command.start' | 'command.stop' | 'command.restart', { id }: { id: string }): { done: true } {
    const { parent, name } = this.#find(id);
    parent.command(type, name);
    return { done: true };
  }

  #kill({ id }: { id: string }): { done: true } {
    const { parent, name, unit } = this.#find(id);
    if (unit === undefined) throw new UnitStateError(id, 'is not running');
    parent.killChild(name);
    return { done: true };
  }

  #send({ id, event }: { id: string; event: AnyEventObject }): { done: true } {
    const instance = this.actor(id);
    const operable: readonly string[] = instance.definition.operable ?? [];
    if (!operable.includes(event.type)) throw new NotOperableError(id, event.type, operable);
    instance.deliver(event);
    return { done: true };
  }

  #snapshot({ id }: { id: string }) {
    const instance = this.actor(id);
    const { value, tags, context } = instance.snapshot();
    const { name, operable } = instance.definition;
    return { id, actor: name, value, tags: [...tags], context: plain(context), operable: [...(operable ?? [])] };
  }

  #definition({ id }: { id: string }) {
    const { name, machine } = this.actor(id).definition;
    return { id, actor: name, definition: plain(machine.config) };
  }

  // ── Live inspection ───────────────────────────────────────────────────────

  #lease({ actor, ttlMs }: { actor: string; ttlMs: number }): { subject: string; ttlMs: number } {
    const { bus, clock } = this.#world;
    const id = this.#idOf(actor);
    const instance = this.actor(id);
    // Also after an observation that failed: the next lease is another try, and fails to who asks for it.
    const afresh = !instance.watched;
    if (afresh) {
      bus.live(actor, { ...envelope(clock.now(), id, '@xstate.actor'), snapshot: plainSnapshot(instance.snapshot()) });
    }
    const known = this.#leases.get(id);
    if (known !== undefined) clock.cancel(known);
    this.#leases.set(
      id,
      clock.after(ttlMs, () => this.#endLease(id)),
    );
    if (afresh) instance.watch(this.#observerOf(id));
    return { subject: `live.${bus.node}.${actor}`, ttlMs };
  }

  #endLease(id: string): void {
    this.#leases.delete(id);
    const unit = this.#places().find((one) => one.parent.childId(one.name) === id)?.unit;
    if (unit instanceof Instance) unit.watch(undefined);
    else if (unit instanceof SupervisorUnit) unit.instance().watch(undefined);
  }

  #observerOf(id: string): Observer | undefined {
    if (!this.#leases.has(id)) return undefined;
    const { bus, clock } = this.#world;
    const actor = id.slice(id.indexOf('/') + 1);
    return (event, snapshot) => {
      bus.live(actor, { ...envelope(clock.now(), id, '@xstate.event'), event: plain(event) });
      bus.live(actor, {
        ...envelope(clock.now(), id, '@xstate.snapshot'),
        event: plain(event),
        snapshot: plainSnapshot(snapshot),
      });
    };
  }

  // ── Finding units ─────────────────────────────────────────────────────────

  #find(id: string): Place {
    const place = this.#places().find((one) => one.parent.childId(one.name) === id);
    if (place !== undefined) return place;
    const { name } = this.#world.identity;
    const node = id.split('/')[0];
    if (node !== name && id.includes('/')) throw new WrongNodeError(id, name);
    if (id === name) throw new UnitStateError(id, "is the whole node: ask 'host'");
    throw new UnitNotFoundError(id);
  }

  #places(): Place[] {
    const places: Place[] = [];
    const walk = (parent: SupervisorUnit): void => {
      for (const name of parent.childNames()) {
        const unit = parent.childUnit(name);
        places.push({ parent, name, unit });
        if (unit instanceof SupervisorUnit) walk(unit);
      }
    };
    walk(this.#root);
    return places;
  }

  #release(): void {
    for (const timer of this.#leases.values()) this.#world.clock.cancel(timer);
    this.#leases.clear();
    for (const release of this.#releases) release();
    this.#releases.length = 0;
  }
}

const statusOfRoot = (phase: string): TreeNode['status'] => {
  switch (phase) {
    case 'starting':
    case 'restarting':
    case 'stopping':
    case 'stopped':
      return phase;
    default:
      return 'running';
  }
};

/** Version of the inspection envelope; XState 6 reduces the event set, ours must not change with it. */
const ENVELOPE_VERSION = 1;

const envelope = (atMs: number, actor: string, type: string) => ({ v: ENVELOPE_VERSION, type, actor, atMs });

const plainSnapshot = ({ value, tags, context, status }: ReturnType<Instance['snapshot']>) => ({
  value,
  tags: [...tags],
  context: plain(context),
  status,
});
