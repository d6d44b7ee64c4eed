/**
 * Instance: one incarnation of an inline actor. One XState root actor, its effects, its subscriptions and timers in a
 * scope; every dispatch attributed to it; after any error everything it held is swept.
 */
import type { AnyEventObject } from 'xstate';
import type { Bus, BusMessage, BusRequest } from '../../bus/index.ts';
import type { ExitReason } from '../../machines/index.ts';
import { IsochronError, type Topic, topics, type Verb } from '../../protocol/index.ts';
import { type Attributed, runAs } from './attribution.ts';
import {
  type About,
  type ActorWorld,
  type AnyDefinition,
  checkEffects,
  type Refusal,
  type Stated,
  statedBy,
} from './define.ts';
import { createEngine, type Engine, type EngineHost, type MachineView } from './engine.ts';
import { Scope } from './scope.ts';
import type { Unit, UnitHooks, UnitView } from './unit.ts';

/** Sees the dispatches of an instance while somebody watches; must not throw. */
export type Observer = (event: AnyEventObject, snapshot: MachineView) => void;

/** What the runtime itself needs around an instance: the whole bus, and who watches. */
export type RuntimeWorld = Omit<ActorWorld, 'bus'> & {
  readonly bus: Bus;
  /** Who watches the unit of that id, asked once an incarnation. */
  readonly observerOf: (id: string) => Observer | undefined;
};

type AnyReceiver = (message: BusMessage, snapshot: MachineView) => AnyEventObject | Refusal | undefined;
type AnyAnswerer = (snapshot: MachineView, request: BusRequest, about: About) => unknown;
type Effects = Record<string, (...args: readonly unknown[]) => unknown>;

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

export class Instance implements Unit, Attributed, EngineHost {
  readonly id: string;
  readonly definition: AnyDefinition;
  readonly #world: RuntimeWorld;
  readonly #hooks: UnitHooks;
  readonly #scope: Scope;
  readonly #effects: Effects;
  readonly #engine: Engine;
  #observer: Observer | undefined;
  readonly #stated: readonly Stated[];
  #state = '';
  #stateSinceMs = 0;

  /** @throws what the machine's input or context factory throws: the start has failed. */
  constructor(definition: AnyDefinition, id: string, world: RuntimeWorld, hooks: UnitHooks) {
    this.id = id;
    this.definition = definition;
    this.#hooks = hooks;
    this.#scope = new Scope(world.clock, (run) => this.#guard(run));
    this.#world = { ...world, clock: this.#scope.clock, log: world.log.child({ actor: definition.name }) };
    this.#stated = statedBy(definition);
    this.#observer = world.observerOf(id);
    this.#effects = definition.effects(this.#world) as unknown as Effects;
    checkEffects(definition, this.#effects);
    this.#engine = createEngine(definition, definition.input(this.#world), this.#scope.clock, this, {
      next: (snapshot) => this.#changed(snapshot),
      failed: (error) => this.crash(error),
      done: () => this.#finish({ type: 'normal' }),
    });
  }

  start(): void {
    this.#guard(() => this.#engine.start());
    if (!this.#scope.open) return;
    this.#guard(() => this.#listen());
    if (this.#scope.open) this.#hooks.started();
  }

  /** Delivers an event now, on this actor's account; events to a dead incarnation are counted and dropped. */
  deliver(event: AnyEventObject): void {
    if (!this.#scope.open) {
      this.#world.metrics.count('dead_letters_total', { actor: this.definition.name, reason: 'stopped' });
      return;
    }
    this.#guard(() => this.#engine.send(event));
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
  get held(): Scope['held'] {
    return this.#scope.held;
  }

  stop(): void {
    if (!this.#scope.open) return;
    const settling = this.#release();
    const exited = () => this.#hooks.exited({ type: 'shutdown' });
    if (settling === undefined) exited();
    else void settling.then(exited);
  }

  kill(): void {
    this.#finish({ type: 'killed', signal: 'SIGKILL' });
  }

  crash(error: unknown): void {
    if (!this.#scope.open) return;
    const fields = {
      code: errorCode(error),
      error: errorText(error),
      stack: error instanceof Error ? error.stack : undefined,
    };
    this.#world.log.error('actor_crashed', fields);
    this.#finish(exitOf(error));
  }

  // ── EngineHost ────────────────────────────────────────────────────────────

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
    if (result instanceof Promise) result.catch((error: unknown) => this.crash(error));
  }

  run(effect: string, input: unknown, controller: AbortController): unknown {
    this.#scope.begin(controller);
    const { signal } = controller;
    const send = (event: AnyEventObject): void => {
      if (!signal.aborted) this.deliver(event);
    };
    const result = this.#effects[effect]?.(input, signal, send);
    if (result instanceof Promise) this.#scope.settle(result);
    return result;
  }

  endEffect(controller: AbortController): void {
    this.#scope.end(controller);
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
    for (const heard of definition.hears?.(this.#world) ?? []) {
      const deliver = (value: unknown) => {
        const event = heard.event(value);
        if (event !== undefined) this.#scope.clock.soon(() => this.deliver(event));
      };
      this.#scope.hold(this.#world.facts.hear(heard.fact, deliver));
    }
  }

  #listenTo(topic: Topic, receiver: AnyReceiver): void {
    const { bus } = this.#world;
    const handler = (message: BusMessage): void => {
      const event = this.#scope.open ? receiver(message, this.#engine.view()) : undefined;
      if (event === undefined) return;
      if ('refused' in event) this.#refuse(topic, message.from, (event as Refusal).refused);
      else this.deliver(event as AnyEventObject);
    };
    this.#scope.hold(topics[topic].mode === 'say' ? bus.hear(topic, handler) : bus.receive(topic, handler));
  }

  #refuse(topic: Topic, from: string, reason: string): void {
    this.#world.metrics.count('messages_refused_total', { topic, reason });
    this.#world.log.warn('message_refused', { topic, from, reason });
  }

  #answerTo(verb: Verb, answer: AnyAnswerer): void {
    const handler = (request: BusRequest): unknown => {
      const stateMs = Math.round(this.#world.clock.elapsed() - this.#stateSinceMs);
      return answer(this.#engine.view(), request, { stateMs });
    };
    this.#scope.hold(this.#world.bus.answer(verb, handler));
  }

  // ── Life and death ────────────────────────────────────────────────────────

  #changed(snapshot: MachineView): void {
    if (!this.#scope.open) return;
    for (const stated of this.#stated) {
      const value = stated.of(snapshot);
      if (value !== undefined) this.#world.facts.state(stated.fact, value);
    }
    const state = stateText(snapshot.value);
    if (state === this.#state) return;
    this.#world.log.debug('state_entered', { from: this.#state, to: state });
    this.#state = state;
    this.#stateSinceMs = this.#world.clock.elapsed();
  }

  #guard(run: () => void): void {
    try {
      runAs(this, run);
    } catch (error) {
      this.crash(error);
    }
  }

  #release(): Promise<unknown> | undefined {
    const settling = this.#scope.close();
    this.#observer = undefined;
    this.#engine.stop();
    return settling;
  }

  #finish(reason: ExitReason): void {
    if (!this.#scope.open) return;
    void this.#release();
    this.#hooks.exited(reason);
  }
}
