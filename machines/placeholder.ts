/**
 * Placeholders: the effects a picture names but does not have. `actors/` provides them; until then they throw.
 * A forgotten promise would otherwise be swallowed by `onError` and look like an ordinary failure (style/models §4).
 */
import { type CallbackActorLogic, type EventObject, fromCallback, fromPromise, type PromiseActorLogic } from 'xstate';

/** action: happens at once. task: ends with a result. activity: lasts as long as its state. */
export type PlaceholderKind = 'action' | 'task' | 'activity';

const kindOf: unique symbol = Symbol('placeholder');

/** Tells placeholders from complete parts, and tasks from activities, to the runtime and to the type checker. */
export interface Placeholder<Kind extends PlaceholderKind> {
  readonly [kindOf]: Kind;
}

const marked = <Kind extends PlaceholderKind, T extends object>(kind: Kind, part: T): T & Placeholder<Kind> =>
  Object.assign(part, { [kindOf]: kind });

const unprovided = (): never => {
  throw new Error('unprovided effect: define the actor with defineActor()');
};

/** What some `actors/*.ts` must provide for this action or actor; undefined for a part that is complete. */
export const placeholderKind = (part: unknown): PlaceholderKind | undefined =>
  (part as Partial<Placeholder<PlaceholderKind>> | null | undefined)?.[kindOf];

/** An effect that happens at once: `(params) => void`. */
export const action = <Params = undefined>(): ((args: unknown, params: Params) => void) =>
  marked('action', () => unprovided());

/** An effect that ends with a result: `(input, signal) => Promise<Output>`; leaving the state aborts the signal. */
export const task = <Output, Input = undefined>(): PromiseActorLogic<Output, Input> & Placeholder<'task'> =>
  marked('task', fromPromise<Output, Input>(unprovided));

/** An effect that lasts as long as its state: `(input, signal, send) => void`; `send` delivers to the machine. */
export const activity = <Input = undefined>(): CallbackActorLogic<EventObject, Input> & Placeholder<'activity'> =>
  marked('activity', fromCallback<EventObject, Input>(unprovided));
