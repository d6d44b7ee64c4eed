/** Asks with types: replies are checked against the verb's schema at the edge, like everything that comes over the bus. */
import type { AskOptions, Bus } from '../bus/index.ts';
import { IsochronError, type Verb, type VerbReply, type VerbRequest, verbs } from '../protocol/index.ts';

/** What asking needs of a bus. */
export type Asker = Pick<Bus, 'ask'>;

/** A node answered with something else than its verb promises: another version, or a bug. */
export class ReplyInvalidError extends IsochronError {
  constructor(to: string, verb: string, field: string, message: string) {
    super('REPLY_INVALID', 502, `${to} answered ${verb} with a bad ${field}: ${message}`, {
      details: { to, verb, field },
    });
  }
}

/** @throws ReplyInvalidError, and what `Bus.ask` throws */
export const askVerb = async <V extends Verb>(
  bus: Asker,
  to: string,
  verb: V,
  request: VerbRequest<V>,
  options?: AskOptions,
): Promise<VerbReply<V>> => {
  const reply = await bus.ask(to, verb, request, options);
  const parsed = verbs[verb].reply.safeParse(reply);
  if (parsed.success) return parsed.data as VerbReply<V>;
  const issue = parsed.error.issues[0];
  throw new ReplyInvalidError(to, verb, issue?.path.join('.') || 'reply', issue?.message ?? 'invalid');
};
