/**
 * Engine: the one file that runs XState. It provides a machine once, finds an instance's effects by its actor system,
 * and wraps dispatch for inspection (XState's own `inspect` costs 40 %; XState 6 changes this API).
 */
import {
  type ActorScope,
  type ActorSystem,
  type AnyActorRef,
  type AnyEventObject,
  type AnyStateMachine,
  createActor,
  type Snapshot,
} from 'xstate';
import { placeholdersOf } from './define.ts';
import type { Clock, Timer } from './world.ts';

/** What the engine needs of the instance it runs a machine for. */
export interface EngineHost {
  /** Whether anybody watches; checked before the observation is built. */
  readonly watched: boolean;
  observe(event: AnyEventObject, snapshot: MachineView): void;
  act(effect: string, params: unknown): void;
  /** Runs a task or an activity until `controller` aborts. What it throws, its machine handles or dies of. */
  run(effect: string, input: unknown, controller: AbortController): unknown;
  endEffect(controller: AbortController): void;
}

/** The public part of a machine snapshot, without its generics. */
export interface MachineView {
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly value: unknown;
  readonly context: unknown;
  readonly tags: ReadonlySet<string>;
  readonly error: unknown;
}

export interface Engine {
  start(): void;
  send(event: AnyEventObject): void;
  view(): MachineView;
  stop(): void;
}

export interface EngineObserver {
  next(snapshot: MachineView): void;
  failed(error: unknown): void;
  done(): void;
}

type System = ActorSystem<{ actors: Record<string, AnyActorRef> }>;
const hosts = new WeakMap<object, EngineHost>();
const provided = new WeakMap<AnyStateMachine, AnyStateMachine>();

const hostOf = (system: object): EngineHost => {
  const host = hosts.get(system);
  if (host === undefined) throw new Error('an effect ran outside its system');
  return host;
};

/** Starts nothing yet: `start()` enters the initial state, and fails if the machine's context factory threw. */
export const createEngine = (
  machine: AnyStateMachine,
  input: unknown,
  clock: Clock,
  host: EngineHost,
  observer: EngineObserver,
): Engine => {
  const actor = createActor(providedOf(machine), {
    input,
    clock: {
      setTimeout: (run: (...args: unknown[]) => void, delayMs: number) => clock.after(delayMs, run),
      clearTimeout: (timer: Timer) => clock.cancel(timer),
    },
  });
  hosts.set(actor.system, host);
  actor.subscribe({
    next: (snapshot) => observer.next(snapshot as MachineView),
    error: (error) => observer.failed(error),
    complete: () => observer.done(),
  });
  return {
    start: () => actor.start(),
    send: (event) => actor.send(event),
    view: () => actor.getSnapshot() as MachineView,
    stop: () => actor.stop(),
  };
};

/** Effects are found by instance, so all definitions of one machine share what is provided. */
const providedOf = (machine: AnyStateMachine): AnyStateMachine => {
  const known = provided.get(machine);
  if (known !== undefined) return known;
  const fresh = observable(provide(machine));
  provided.set(machine, fresh);
  return fresh;
};

const provide = (machine: AnyStateMachine): AnyStateMachine => {
  const { actions, actors, tasks } = placeholdersOf(machine);
  return machine.provide({
    actions: Object.fromEntries(
      actions.map((name) => [
        name,
        ({ system }: { system: object }, params: unknown) => hostOf(system).act(name, params),
      ]),
    ),
    actors: Object.fromEntries(actors.map((name) => [name, effectLogic(name, tasks.includes(name))])),
  });
};

type Scope = ActorScope<Snapshot<unknown>, AnyEventObject, System>;

const observable = (machine: AnyStateMachine): AnyStateMachine =>
  Object.create(machine, {
    transition: {
      value: (snapshot: Snapshot<unknown>, event: AnyEventObject, scope: Scope) => {
        const next = machine.transition(snapshot as never, event, scope as never);
        const host = hosts.get(scope.system);
        if (host?.watched) host.observe(event, next as MachineView);
        return next;
      },
    },
  }) as AnyStateMachine;

type EffectSnapshot = Snapshot<unknown> & { readonly input: unknown };
const EFFECT_DONE = 'effect.done';
const EFFECT_FAILED = 'effect.failed';

const controllers = new WeakMap<object, AbortController>();

/**
 * Logic of an invoked effect: a task ends with its promise; an activity lasts until its state is left, and a promise it
 * returns can only fail it.
 */
const effectLogic = (name: string, isTask: boolean) => ({
  getInitialSnapshot: (_scope: unknown, input: unknown): EffectSnapshot => ({
    status: 'active',
    output: undefined,
    error: undefined,
    input,
  }),
  transition: (snapshot: EffectSnapshot, event: AnyEventObject, { self, system }: Scope): EffectSnapshot => {
    switch (event.type) {
      case EFFECT_DONE:
        release(self, system);
        return { ...snapshot, status: 'done', output: event.output, error: undefined };
      case EFFECT_FAILED:
        release(self, system);
        return { ...snapshot, status: 'error', error: event.error, output: undefined };
      case 'xstate.stop':
        release(self, system);
        return { ...snapshot, status: 'stopped', output: undefined, error: undefined };
      default:
        return snapshot;
    }
  },
  start: (snapshot: EffectSnapshot, { self, system }: Scope): void => {
    const controller = new AbortController();
    controllers.set(self, controller);
    const result = hostOf(system).run(name, snapshot.input, controller);
    const report = (event: AnyEventObject) => {
      if (!controller.signal.aborted) self.send(event);
    };
    const done = (output: unknown) => report({ type: EFFECT_DONE, output });
    const failed = (error: unknown) => report({ type: EFFECT_FAILED, error });
    if (isTask) Promise.resolve(result).then(done, failed);
    else if (isPromiseLike(result)) result.then(undefined, failed);
  },
  getPersistedSnapshot: (snapshot: EffectSnapshot) => snapshot,
});

/** A promise, from whatever library. */
export const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function';

const release = (self: object, system: object): void => {
  const controller = controllers.get(self);
  if (controller !== undefined) hostOf(system).endEffect(controller);
};
