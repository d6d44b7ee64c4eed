/**
 * NATS subjects (3-interface §1): `iso.v1.<cluster>.<mode>.…`, built and parsed here and nowhere else.
 * The publisher's name is always read from the subject itself, because the server has authenticated that token.
 */
import { isName } from '../protocol/index.ts';
import { BusNameError } from './errors.ts';

/** Token of `<from>` in an ask subject, counted from 1 as ADR-32 tools count: what metadata `{"from":"6"}` names. */
export const askFromToken = 6;
/** Every reply goes here; a reply subject anywhere else is an attempt to make a node speak for someone (3-interface §1). */
export const inboxRoot = '_INBOX.';

const DOTTED = /^[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,64}$/;
const ACTOR = /^[A-Za-z0-9_-]{1,64}(\/[A-Za-z0-9_-]{1,64}){0,7}$/;

/** @throws BusNameError unless `text` is `[a-z0-9-]{1,32}`. */
export const checkName = (field: string, text: string): string => {
  if (!isName(text)) throw new BusNameError(field, text, '[a-z0-9-]{1,32}');
  return text;
};

/** @throws BusNameError unless `text` names a node that can be addressed; `any` is not one. */
export const checkNode = (field: string, text: string): string => {
  if (text === 'any') throw new BusNameError(field, text, 'the name of one node');
  return checkName(field, text);
};

/** `<concern>.<message>` or `<concern>.<verb>`. @throws BusNameError */
export const checkDotted = (field: string, text: string): string => {
  if (!DOTTED.test(text)) throw new BusNameError(field, text, '<concern>.<name>');
  return text;
};

/** An actor path `a/b` becomes the tokens `a.b`. @throws BusNameError */
export const actorTokens = (actor: string): string => {
  if (!ACTOR.test(actor)) throw new BusNameError('actor', actor, 'an actor path such as election or ledger/sync');
  return actor.replaceAll('/', '.');
};

/** The subjects of one node in one cluster. */
export interface Subjects {
  /** `iso.v1.<cluster>.` */
  readonly prefix: string;
  /** `live.<me>.` */
  readonly live: string;
  /** `tell.<me>.`, what others tell this node. */
  readonly toldTo: string;
  /** `ask.<me>.` */
  readonly askedOf: string;
  /** `ask.any.` */
  readonly askedOfAny: string;
  /** `_INBOX.<me>.` */
  readonly inbox: string;
  /** @throws BusNameError, like all that take names */
  say(topic: string): string;
  tell(to: string, topic: string): string;
  ask(to: string, verb: string): string;
  liveOf(node: string): string;
  heard(topic: string): string;
  received(topic: string): string;
}

/** @throws BusNameError when the cluster or node cannot be subject tokens. */
export const subjectsOf = (cluster: string, node: string): Subjects => {
  checkName('cluster', cluster);
  checkNode('node', node);
  const prefix = `iso.v1.${cluster}.`;
  const sayings = remembered((_, topic) => `${prefix}say.${node}.${checkDotted('topic', topic)}`);
  return {
    prefix,
    live: `${prefix}live.${node}.`,
    toldTo: `${prefix}tell.${node}.`,
    askedOf: `${prefix}ask.${node}.`,
    askedOfAny: `${prefix}ask.any.`,
    inbox: `${inboxRoot}${node}.`,
    say: (topic) => sayings('', topic),
    tell: remembered((to, topic) => `${prefix}tell.${checkNode('to', to)}.${node}.${checkDotted('topic', topic)}`),
    ask: remembered((to, verb) => `${prefix}ask.${checkName('to', to)}.${node}.${checkDotted('verb', verb)}`),
    liveOf: (of) => `${prefix}live.${checkNode('node', of)}.`,
    heard: (topic) => `${prefix}say.*.${checkDotted('topic', topic)}`,
    received: (topic) => `${prefix}tell.${node}.*.${checkDotted('topic', topic)}`,
  };
};

/** Subjects remembered a mode: names may come from outside, so they are bounded. */
const rememberedMax = 1_024;

/** A node says few things to few nodes: finding a subject it has built costs a tenth of checking and building it again. */
const remembered = (build: (to: string, topic: string) => string): ((to: string, topic: string) => string) => {
  const known = new Map<string, Map<string, string>>();
  let count = 0;
  return (to, topic) => {
    const found = known.get(to)?.get(topic);
    if (found !== undefined) return found;
    const subject = build(to, topic);
    if (++count > rememberedMax) {
      known.clear();
      count = 1;
    }
    const topics = known.get(to) ?? new Map<string, string>();
    known.set(to, topics.set(topic, subject));
    return subject;
  };
};

/** Who sent a message, and what follows the name in its subject. */
export interface Sender {
  readonly from: string;
  readonly topic: string;
}
export type SenderReader = (subject: string) => Sender | undefined;

/**
 * Reads `<from>.<topic>` at `start`; undefined when `<from>` is no node's name. Messages come in runs, so the last subject
 * is remembered.
 */
export const senderReader = (start: number): SenderReader => {
  let last = '';
  let sender: Sender | undefined;
  return (subject) => {
    if (subject !== last) {
      sender = readSender(subject, start);
      last = subject;
    }
    return sender;
  };
};

const readSender = (subject: string, start: number): Sender | undefined => {
  const end = subject.indexOf('.', start);
  if (end < 0) return undefined;
  const from = subject.slice(start, end);
  return isName(from) && from !== 'any' ? { from, topic: subject.slice(end + 1) } : undefined;
};

/** Mode and tokens of a subject of this interface, for tools that watch it (`isochron tail`). */
export interface ParsedSubject {
  readonly cluster: string;
  readonly mode: 'say' | 'tell' | 'ask' | 'live';
  readonly from: string;
  /** Only for tell and ask; `any` for a queue group. */
  readonly to?: string;
  /** `<concern>.<name>`, or the actor path for live. */
  readonly topic: string;
}

/** Undefined for a subject that is not of this interface. */
export const parseSubject = (subject: string): ParsedSubject | undefined => {
  const [iso, version, cluster, mode, first, second, ...rest] = subject.split('.');
  if (iso !== 'iso' || version !== 'v1' || !cluster || !first || !second) return undefined;
  if (mode === 'live') return { cluster, mode, from: first, topic: [second, ...rest].join('/') };
  if (mode === 'say' && rest.length === 1) return { cluster, mode, from: first, topic: `${second}.${rest[0]}` };
  if ((mode === 'tell' || mode === 'ask') && rest.length === 2) {
    return { cluster, mode, to: first, from: second, topic: rest.join('.') };
  }
  return undefined;
};
