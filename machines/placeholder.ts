/**
 * Placeholders: the effects a picture names but does not have. `actors/` provides them; until then they throw.
 * A forgotten promise would otherwise be swallowed by `onError` and look like an ordinary failure (style/models §4).
 */
import { type CallbackActorLogic, type EventObject, fromCallback, fromPromise, type PromiseActorLogic } from 'xstate';

const placeholders = new WeakSet<object>();

const marked = <T extends object>(placeholder: T): T => {
  placeholders.add(placeholder);
  return placeholder;
};

const unprovided = (): never => {
  throw new Error('unprovided effect: define the actor with defineActor()');
};

/** True for an action or actor that some `actors/*.ts` must provide. */
export const isPlaceholder = (part: unknown): boolean =>
  (typeof part === 'object' || typeof part === 'function') && part !== null && placeholders.has(part);

/** An effect that happens at once: `(params) => void`. */
export const action = <Params = undefined>(): ((args: unknown, params: Params) => void) => marked(() => unprovided());

/** An effect that ends with a result: `(input, signal) => Promise<Output>`; leaving the state aborts the signal. */
export const task = <Output, Input = undefined>(): PromiseActorLogic<Output, Input> =>
  marked(fromPromise<Output, Input>(unprovided));

/** An effect that lasts as long as its state: `(input, signal, send) => void`; `send` delivers to the machine. */
export const activity = <Input = undefined>(): CallbackActorLogic<EventObject, Input> =>
  marked(fromCallback<EventObject, Input>(unprovided));
