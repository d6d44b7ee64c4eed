/**
 * Radio: what every actor does with a radio message before it believes it. Decode strictly, find the member by its MAC,
 * hold it against the sender NATS has authenticated, verify the signature. Anything that fails is refused by reason.
 */
import type { BusMessage } from '../bus/index.ts';
import {
  decodeMessage,
  IsochronError,
  type Member,
  type RadioMessage,
  rankOf,
  verifyMessage,
} from '../protocol/index.ts';
import { membersFact } from './facts.ts';
import { type ActorWorld, type Refusal, refuse } from './system/index.ts';
import { mayHaveCome } from './terms.ts';

/** A radio message whose signature holds, and the member who signed it. */
export interface Opened<M extends RadioMessage> {
  readonly message: M;
  readonly member: Member;
}

type Named = { readonly from: Uint8Array } | { readonly clusterHead: Uint8Array };

const macOf = (message: Named): Uint8Array => ('from' in message ? message.from : message.clusterHead);

const decoded = (payload: unknown): RadioMessage | Refusal => {
  if (!(payload instanceof Uint8Array)) return refuse('not_a_radio_message');
  try {
    return decodeMessage(payload);
  } catch (error) {
    return refuse(error instanceof IsochronError ? error.code.toLowerCase() : 'malformed');
  }
};

/** Opens a message of type `type`, whoever sent it. */
export const openMessage = <T extends RadioMessage['type']>(
  world: ActorWorld,
  { payload, from }: BusMessage,
  type: T,
): Opened<Extract<RadioMessage, { type: T }>> | Refusal => {
  const message = decoded(payload);
  if ('refused' in message) return message;
  if (message.type !== type) return refuse('wrong_type');
  const opened = verified(world, message as Extract<RadioMessage, { type: T }>);
  if ('refused' in opened) return opened;
  return opened.member.name === from ? opened : refuse('wrong_sender');
};

/** Verifies a message by the membership alone: for a beacon inside a reply. */
export const verified = <M extends RadioMessage>(world: ActorWorld, message: M): Opened<M> | Refusal => {
  const members = world.facts.get(membersFact);
  if (members === undefined || members === null) return refuse('no_membership');
  const member = members.byMac(macOf(message));
  if (member === undefined) return refuse('not_a_member');
  if (!verifyMessage(message, world.identity.cluster, member.peerKey)) return refuse('bad_signature');
  return { message, member };
};

/** A term may only be claimed by the validator whose rank it carries, and cannot run ahead of time (decision 5). */
export const checkTerm = (
  world: ActorWorld,
  { member, term }: { readonly member: Member; readonly term: number },
  known: number,
): Refusal | undefined => {
  if (member.role !== 'validator') return refuse('not_a_validator');
  if (rankOf(term) !== member.rank) return refuse('wrong_rank');
  return mayHaveCome(world, term, known) ? undefined : refuse('implausible_term');
};
