/**
 * Instance: one incarnation of an inline actor. One XState root actor, its effects, its subscriptions and timers in a
 * scope; every dispatch attributed to it; after any error everything it held is swept.
 */
import type { AnyEventObject } from 'xstate';
import type { Bus, BusMessage, BusRequest } from '../../bus/index.ts';
import type { ExitReason } from '../../machines/index.ts';
import { IsochronError, type Topic, type TopicSpec, topics, type Verb } from '../../protocol/index.ts';
import { type Attributed, runAs, runUnattributed } from './attribution.ts';
import {
  type About,
  type ActorWorld,
  type AnyDefinition,
  checkEffects,
  type Refusal,
  refuse,
  type Stated,
  statedBy,
} from './define.ts';
import { createEngine, type Engine, type EngineHost, isPromiseLike, type MachineView } from './engine.ts';
import { DefinitionError } from './errors.ts';
import type { FactBoard } from './facts.ts';
import { type BurstLog, oncePerBurst } from './logBurst.ts';
import { type Held, Scope, type ScopeOwner } from './scope.ts';
import type { Unit, UnitHooks, UnitView } from './unit.ts';

/** Sees the dispatches of an instance while somebody watches; must not throw. */
export type Observer = (event: AnyEventObject, snapshot: MachineView) => void;

/** What the runtime itself needs around an instance: the whole bus, and who watches. */
export type RuntimeWorld = Omit<ActorWorld, 'bus' | 'facts'> & {
  readonly bus: Bus;
  readonly facts: FactBoard;
  /** Who watches the unit of that id, asked once an incarnation. */
  readonly observerOf: (id: string) => Observer | undefined;
};

type AnyReceiver = (message: BusMessage, snapshot: MachineView) => Read;
type AnyAnswerer = (snapshot: MachineView, request: BusRequest, about: About) => unknown;
type Read = AnyEventObject | Refusal | undefined;
type Effects = Record<string, (...args: readonly unknown[]) => unknown>;

/** A burst of refusals has ended when nothing of its reason came for so long, ms: several beacons and heartbeats. */
const REFUSAL_BURST_MS = 10_000;

const errorCode = (error: unknown): string => (error instanceof IsochronError ? error.code : 'CRASH');
const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** An exit reason for anything that was thrown. */
export const exitOf = (error: unknown): ExitReason => ({
  type: 'error',
  code: errorCode(error),
  message: errorText(error),
});

/** `a.b` for nested states, `a(b | c)` for parallel ones: how a state value reads in one column. */
export const stateText = (value: unknown): string => {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '?';
  return Object.entries(value).map(regionText).join(' | ');
};

const regionText = ([region, inner]: [string, unknown]): string => {
  if (typeof inner === 'string') return `${region}.${inner}`;
  const regions = Object.keys(inner as object).length;
  if (regions === 0) return region;
  return regions === 1 ? `${region}.${stateText(inner)}` : `${region}(${stateText(inner)})`;
};

export class Instance implements Unit, Attributed, EngineHost, ScopeOwner {
  readonly id: string;
  readonly definition: AnyDefinition;
  readonly #world: RuntimeWorld;
  readonly #hooks: UnitHooks;
  readonly #scope: Scope;
  readonly #effects: Effects;
  readonly #engine: Engine;
  readonly #stated: readonly Stated[];
  #observer: Observer | undefined;
  #refusals: BurstLog | undefined;
  /** Its exit has been reported. A stopping one holds nothing any more, but is not over. */
  #over = false;
  #state = '';
  #stateSinceMs = 0;

  /** @throws what its definition throws: the start has failed, and nothing is held. */
  constructor(definition: AnyDefinition, id: string, world: RuntimeWorld, hooks: UnitHooks) {
    this.id = id;
    this.definition = definition;
    this.#hooks = hooks;
    this.#scope = new Scope(world.clock, this);
    const log = world.log.child({ actor: id.slice(id.indexOf('/') + 1) });
    this.#world = { ...world, clock: this.#scope.clock, log };
    this.#stated = statedBy(definition);
    this.#observer = world.observerOf(id);
    try {
      this.#effects = runAs(this, () => definition.effects(this.#world)) as unknown as Effects;
      checkEffects(definition, this.#effects);
      this.#engine = runAs(this, () => this.#createEngine());
    } catch (error) {
      this.#over = true;
      this.#scope.close();
      throw error;
    }
  }

  start(): void {
    this.guard(() => this.#engine.start());
    if (!this.#scope.open) return;
    this.guard(() => this.#listen());
    if (this.#scope.open) this.#hooks.started();
  }

  /** Delivers an event now, on this actor's account; events to a dead incarnation are counted and dropped. */
  deliver(event: AnyEventObject): void {
    if (!this.#scope.open) {
      this.#world.metrics.count('dead_letters_total', { actor: this.definition.name, reason: 'stopped' });
      return;
    }
    this.guard(() => this.#engine.send(event));
  }

  snapshot(): MachineView {
    return this.#engine.view();
  }

  view(): UnitView {
    return { state: stateText(this.#engine.view().value), mailbox: 0, isolation: 'inline', pid: null };
  }

  /** Watches every dispatch; `undefined` stops watching, and then watching costs nothing. */
  watch(observer: Observer | undefined): void {
    this.#observer = observer;
  }

  /** What is still held: all zero after an exit. */
  get held(): Held {
    return this.#scope.held;
  }

  /** Lets go of everything, then waits for running effects to settle; a deadline is the supervisor's business. */
  stop(): void {
    if (!this.#scope.open) return;
    const settling = this.#release();
    const stopped = () => this.#finish({ type: 'shutdown' });
    if (settling === undefined) stopped();
    else void settling.then(stopped);
  }

  kill(): void {
    this.#finish({ type: 'killed', signal: 'SIGKILL' });
  }

  crash(error: unknown): void {
    const { log, metrics } = this.#world;
    const stack = error instanceof Error ? error.stack : undefined;
    const fields = { code: errorCode(error), error: errorText(error), stack };
    if (this.#over) {
      // Nothing is left to restart, but an error that nobody sees is one that nobody mends.
      metrics.count('late_errors_total', { actor: this.definition.name });
      log.warn('late_error', fields);
      return;
    }
    log.error('actor_crashed', fields);
    this.#finish(exitOf(error));
  }

  // ── EngineHost, ScopeOwner ────────────────────────────────────────────────

  get watched(): boolean {
    return this.#observer !== undefined;
  }

  observe(event: AnyEventObject, snapshot: MachineView): void {
    try {
      this.#observer?.(event, snapshot);
    } catch (error) {
      // Whoever watches must never hurt whom it watches.
      this.#observer = undefined;
      this.#world.log.warn('observer_failed', { error: errorText(error) });
    }
  }

  act(effect: string, params: unknown): void {
    const result: unknown = this.#effects[effect]?.(params);
    if (isPromiseLike(result)) this.#scope.settle(result.then(undefined, (error: unknown) => this.crash(error)));
  }

  run(effect: string, input: unknown, controller: AbortController): unknown {
    this.#scope.begin(controller);
    const { signal } = controller;
    const send = (event: AnyEventObject): void => {
      if (!signal.aborted) this.deliver(event);
    };
    try {
      const result = this.#effects[effect]?.(input, signal, send);
      if (isPromiseLike(result)) this.#scope.settle(result);
      return result;
    } catch (error) {
      this.#scope.end(controller);
      throw error;
    }
  }

  endEffect(controller: AbortController): void {
    this.#scope.end(controller);
  }

  guard(run: () => void): void {
    try {
      runAs(this, run);
    } catch (error) {
      this.crash(error);
    }
  }

  releaseFailed(error: unknown): void {
    this.#world.log.warn('release_failed', { error: errorText(error) });
  }

  // ── Listening ─────────────────────────────────────────────────────────────

  #listen(): void {
    const { definition } = this;
    for (const [topic, receiver] of Object.entries(definition.receives?.(this.#world) ?? {})) {
      this.#listenTo(topic as Topic, receiver as AnyReceiver);
    }
    for (const [verb, answer] of Object.entries(definition.answers?.(this.#world) ?? {})) {
      this.#answerTo(verb as Verb, answer as AnyAnswerer);
    }
    for (const { fact, event } of definition.hears?.(this.#world) ?? []) {
      const deliver = (value: unknown) => {
        const heard = event(value);
        if (heard !== undefined) this.#engine.send(heard);
      };
      this.#scope.hold(this.#world.facts.hear(fact, (value) => this.#scope.clock.soon(() => deliver(value))));
    }
  }

  /** The carrier's loop belongs to nobody, whoever was the first to listen. */
  #listenTo(topic: Topic, receiver: AnyReceiver): void {
    const { bus } = this.#world;
    const spec: TopicSpec | undefined = topics[topic];
    if (spec === undefined) throw new DefinitionError(this.definition.name, 'receives', `'${topic}' is no topic`);
    const handler = (message: BusMessage): void => {
      if (this.#scope.open) this.guard(() => this.#receive(topic, receiver, message));
    };
    const listen = () => (spec.mode === 'say' ? bus.hear(topic, handler) : bus.receive(topic, handler));
    this.#scope.hold(runUnattributed(listen));
  }

  #receive(topic: Topic, receiver: AnyReceiver, message: BusMessage): void {
    const event = this.#read(receiver, message);
    if (event === undefined) return;
    if ('type' in event) this.#engine.send(event);
    else this.#refuse(topic, message.from, event.refused);
  }

  /** What others send must not kill: a receiver that throws has met a message it should have refused. */
  #read(receiver: AnyReceiver, message: BusMessage): Read {
    try {
      return receiver(message, this.#engine.view());
    } catch (error) {
      this.#world.log.debug('receiver_failed', { topic: message.topic, from: message.from, error: errorText(error) });
      return refuse(error instanceof IsochronError ? error.code : 'receiver_failed');
    }
  }

  #refuse(topic: Topic, from: string, reason: string): void {
    const { clock, log, metrics } = this.#world;
    metrics.count('messages_refused_total', { topic, reason });
    if (this.#refusals === undefined) {
      const refusals = oncePerBurst(log, clock, REFUSAL_BURST_MS);
      this.#refusals = refusals;
      this.#scope.hold(() => refusals.end());
    }
    this.#refusals.warn('message_refused', { topic, from, reason });
  }

  /** What it throws becomes an error reply: an asker must not be able to crash whom it asks. */
  #answerTo(verb: Verb, answer: AnyAnswerer): void {
    const handler = (request: BusRequest): unknown => {
      const stateMs = Math.round(this.#world.clock.elapsed() - this.#stateSinceMs);
      return runAs(this, () => answer(this.#engine.view(), request, { stateMs }));
    };
    this.#scope.hold(runUnattributed(() => this.#world.bus.answer(verb, handler)));
  }

  // ── Life and death ────────────────────────────────────────────────────────

  #createEngine(): Engine {
    const { definition } = this;
    return createEngine(definition.machine, definition.input(this.#world), this.#scope.clock, this, {
      next: (snapshot) => this.#changed(snapshot),
      failed: (error) => this.crash(error),
      done: () => {
        // XState also completes what is stopped.
        if (this.#scope.open) this.#finish({ type: 'normal' });
      },
    });
  }

  #changed(snapshot: MachineView): void {
    if (!this.#scope.open) return;
    try {
      for (const { fact, of } of this.#stated) {
        const value = of(snapshot);
        if (value !== undefined) this.#world.facts.state(fact, value);
      }
    } catch (error) {
      // XState would rethrow it to the process.
      this.crash(error);
      return;
    }
    const state = stateText(snapshot.value);
    if (state === this.#state) return;
    this.#world.log.debug('state_entered', { from: this.#state, to: state });
    this.#state = state;
    this.#stateSinceMs = this.#world.clock.elapsed();
  }

  #release(): Promise<unknown> | undefined {
    const settling = this.#scope.close();
    this.#observer = undefined;
    this.#engine.stop();
    for (const { fact } of this.#stated) this.#world.facts.orphan(fact);
    return settling;
  }

  #finish(reason: ExitReason): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#scope.open) void this.#release();
    this.#hooks.exited(reason);
  }
}
