/**
 * `defineActor`: a picture + its effects + what it listens to. Data, not a class (2-architecture, "An actor").
 * The machine is provided once per definition; effects are found by instance, because a `provide` per instance costs
 * eight times the time and ten times the memory (research/actors.md §4).
 */
import type {
  AnyEventObject,
  AnyStateMachine,
  CallbackActorLogic,
  EventFromLogic,
  InputFrom,
  PromiseActorLogic,
  SnapshotFrom,
  StateMachine,
} from 'xstate';
import type { Bus, BusMessage, BusRequest } from '../../bus/index.ts';
import { type Placeholder, type PlaceholderKind, placeholderKind } from '../../machines/index.ts';
import type { Topic, Verb } from '../../protocol/index.ts';
import { DefinitionError } from './errors.ts';
import type { Fact, FactReader } from './facts.ts';
import type { World } from './world.ts';

/** What an effect may do on the bus; listening is declared by `receives` and `answers`, so that it can be swept. */
export type SendingBus = Pick<Bus, 'node' | 'cluster' | 'status' | 'say' | 'tell' | 'ask'>;

/** What an actor's code receives: the World, and the facts of its node; `states` and `hears` are how it takes part. */
export type ActorWorld = Omit<World, 'bus'> & { readonly bus: SendingBus; readonly facts: FactReader };

type ActionsOf<M> =
  M extends StateMachine<
    infer _C,
    infer _E,
    infer _Ch,
    infer _A,
    infer TAction,
    infer _G,
    infer _D,
    infer _V,
    infer _T,
    infer _I,
    infer _O,
    infer _Em,
    infer _M,
    infer _S,
    infer _TM
  >
    ? TAction
    : never;
type SourcesOf<M> =
  M extends StateMachine<
    infer _C,
    infer _E,
    infer _Ch,
    infer TActor,
    infer _A,
    infer _G,
    infer _D,
    infer _V,
    infer _T,
    infer _I,
    infer _O,
    infer _Em,
    infer _M,
    infer _S,
    infer _TM
  >
    ? TActor
    : never;

/** Delivers an event to the actor's own machine. */
export type Send<M extends AnyStateMachine> = (event: EventFromLogic<M>) => void;

/** Told apart by their marks: the types of XState's promise and callback logic overlap. */
type EffectOf<Logic, M extends AnyStateMachine> =
  Logic extends Placeholder<'task'>
    ? Logic extends PromiseActorLogic<infer Output, infer Input, infer _E>
      ? (input: Input, signal: AbortSignal) => Promise<Output>
      : never
    : Logic extends Placeholder<'activity'>
      ? Logic extends CallbackActorLogic<infer _Ev, infer Input, infer _Em>
        ? (input: Input, signal: AbortSignal, send: Send<M>) => void
        : never
      : never;

/**
 * The port of a picture: one plain function per placeholder.
 * (A conditional type, because TypeScript resolves those, and not mapped types, while it still infers `M`.)
 */
export type EffectsOf<M extends AnyStateMachine> = M extends AnyStateMachine
  ? {
      readonly [A in ActionsOf<M> as A['type']]?: (params: A['params']) => void;
    } & {
      readonly [S in SourcesOf<M> as S['src']]: EffectOf<S['logic'], M>;
    }
  : never;

/** A message that decoded but must not be acted on; counted by reason, logged once a burst. */
export interface Refusal {
  readonly refused: string;
}
export const refuse = (reason: string): Refusal => ({ refused: reason });

/** A fact an actor states: recomputed after every transition, stated when it changed; `undefined` states nothing. */
export interface Stated {
  readonly fact: Fact<unknown>;
  readonly of: (snapshot: unknown) => unknown;
}
/** Given to `states`, so that the snapshot is typed by the machine. */
export type State<S> = <T>(fact: Fact<T>, of: (snapshot: S) => T | undefined) => Stated;
const stateOf: State<unknown> = (fact, of) => ({ fact: fact as Fact<unknown>, of });

/** A fact an actor hears, as an event of its machine; `undefined` is not delivered. */
export interface Heard<E extends AnyEventObject> {
  readonly fact: Fact<unknown>;
  readonly event: (value: unknown) => E | undefined;
}

export const hears = <T, const E extends AnyEventObject>(
  fact: Fact<T>,
  event: (value: T) => E | undefined,
): Heard<E> => ({ fact: fact as Fact<unknown>, event: (value) => event(value as T) });

/** Decodes, verifies and translates at the edge; may read the snapshot, never changes anything. */
export type Receiver<M extends AnyStateMachine> = (
  message: BusMessage,
  snapshot: SnapshotFrom<M>,
) => EventFromLogic<M> | Refusal | undefined;

/** What the runtime knows of an actor and its machine does not. */
export interface About {
  /** How long the present state value has lasted. */
  readonly stateMs: number;
}
export type Answerer<M extends AnyStateMachine> = (
  snapshot: SnapshotFrom<M>,
  request: BusRequest,
  about: About,
) => unknown | Promise<unknown>;

/** Conditional for the same reason as `EffectsOf`: so that a literal `type` stays one without `as const`. */
type ReceiversOf<M extends AnyStateMachine> = M extends AnyStateMachine
  ? { readonly [T in Topic]?: Receiver<M> }
  : never;
type AnswerersOf<M extends AnyStateMachine> = M extends AnyStateMachine
  ? { readonly [V in Verb]?: Answerer<M> }
  : never;

export interface ActorDefinition<M extends AnyStateMachine> {
  /** Unique within a node; the last part of the unit's id. */
  readonly name: string;
  readonly machine: M;
  /** Checked by the machine's context factory; throws on bad values. */
  readonly input: (world: ActorWorld) => InputFrom<NoInfer<M>>;
  readonly effects: (world: ActorWorld) => EffectsOf<M>;
  /** Bus message → decode → verify → event. */
  readonly receives?: (world: ActorWorld) => ReceiversOf<M>;
  readonly hears?: (world: ActorWorld) => readonly Heard<EventFromLogic<NoInfer<M>>>[];
  readonly states?: (state: State<SnapshotFrom<NoInfer<M>>>) => readonly Stated[];
  readonly answers?: (world: ActorWorld) => AnswerersOf<M>;
  /** Events that people may send from outside; all others are refused. */
  readonly operable?: readonly EventFromLogic<NoInfer<M>>['type'][];
}

/** A definition of any machine, as the runtime holds it. */
export type AnyDefinition = ActorDefinition<AnyStateMachine>;

type Implementations = { readonly actions: Record<string, unknown>; readonly actors: Record<string, unknown> };

/** The placeholders of a machine, by name: what `effects` must provide, no more and no less. */
export interface Placeholders {
  readonly actions: readonly string[];
  readonly actors: readonly string[];
  /** Of `actors`, those that end with a result. */
  readonly tasks: readonly string[];
}

const namesOf = (parts: Record<string, unknown>, ...kinds: readonly PlaceholderKind[]): string[] =>
  Object.keys(parts).filter((name) => kinds.some((kind) => placeholderKind(parts[name]) === kind));

export const placeholdersOf = (machine: AnyStateMachine): Placeholders => {
  const { actions, actors } = machine.implementations as unknown as Implementations;
  return {
    actions: namesOf(actions, 'action'),
    actors: namesOf(actors, 'task', 'activity'),
    tasks: namesOf(actors, 'task'),
  };
};

/**
 * Checks a definition and returns it unchanged.
 * @throws DefinitionError when the name is not `[a-zA-Z][a-zA-Z0-9-]*` or an operable event is not one of the machine's.
 */
export const defineActor = <M extends AnyStateMachine>(definition: ActorDefinition<M>): ActorDefinition<M> => {
  if (!/^[a-zA-Z][a-zA-Z0-9-]{0,31}$/.test(definition.name)) {
    throw new DefinitionError(definition.name, 'name', 'must be a letter followed by letters, digits or dashes');
  }
  const known = new Set<string>(definition.machine.events.map(String));
  for (const type of definition.operable ?? []) {
    if (!known.has(type))
      throw new DefinitionError(definition.name, 'operable', `'${type}' is not an event of its machine`);
  }
  return definition;
};

/** @throws DefinitionError naming the first placeholder that is missing or too much. */
export const checkEffects = (definition: AnyDefinition, effects: object): void => {
  const { actions, actors } = placeholdersOf(definition.machine);
  const wanted = new Set([...actions, ...actors]);
  const missing = [...wanted].find((name) => typeof (effects as Record<string, unknown>)[name] !== 'function');
  if (missing !== undefined) throw new DefinitionError(definition.name, missing, 'is a placeholder without an effect');
  const extra = Object.keys(effects).find((name) => !wanted.has(name));
  if (extra !== undefined) throw new DefinitionError(definition.name, extra, 'is an effect without a placeholder');
};

/** The facts a definition states, for the runtime. */
export const statedBy = (definition: AnyDefinition): readonly Stated[] => definition.states?.(stateOf as never) ?? [];

/** Erases the machine's types where the runtime treats all actors alike. */
export const anyDefinition = <M extends AnyStateMachine>(definition: ActorDefinition<M>): AnyDefinition =>
  definition as unknown as AnyDefinition;
