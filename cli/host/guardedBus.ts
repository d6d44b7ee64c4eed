/**
 * The bus of `host`, which refuses to stop the server that everything reaches it through: nobody could ask for it to be
 * started again. To restart or kill it is allowed, since its supervisor brings it back.
 */
import type { Bus, RequestHandler } from '../../bus/index.ts';
import { ServerNeededError } from '../errors.ts';
import { natsUnitName } from './natsProgram.ts';

/** Whether that command would lock everybody out. */
export const locksOut = (verb: string, id: unknown): boolean => verb === 'supervisor.stop' && id === natsUnitName;

const guarded =
  (verb: string, handler: RequestHandler): RequestHandler =>
  (request) => {
    const { id } = request.payload as { readonly id?: unknown };
    if (locksOut(verb, id)) throw new ServerNeededError(natsUnitName);
    return handler(request);
  };

export const guardedBus = (bus: Bus): Bus => ({
  node: bus.node,
  cluster: bus.cluster,
  status: () => bus.status(),
  onStatus: (listener) => bus.onStatus(listener),
  say: (topic, payload, options) => bus.say(topic, payload, options),
  tell: (to, topic, payload, options) => bus.tell(to, topic, payload, options),
  ask: (to, verb, request, options) => bus.ask(to, verb, request, options),
  hear: (topic, handler) => bus.hear(topic, handler),
  receive: (topic, handler) => bus.receive(topic, handler),
  answer: (verb, handler) => bus.answer(verb, guarded(verb, handler)),
  setReady: (ready) => bus.setReady(ready),
  live: (actor, envelope) => bus.live(actor, envelope),
  watch: (node, actor, handler) => bus.watch(node, actor, handler),
  flush: () => bus.flush(),
  drain: () => bus.drain(),
});
