/** Election: gives the picture its polls, messages and durable term, and says what it hears and answers (decision 5). */

import type { BusMessage } from '../bus/index.ts';
import {
  type ElectionContext,
  type ElectionParams,
  electionMachine,
  nextTerm,
  type PeerParams,
  type Poll,
} from '../machines/index.ts';
import {
  type Answer,
  type ElectionFactor,
  type ElectionMessage,
  type ElectionReply,
  type Member,
  type Members,
  rankOf,
  signMessage,
  type UnsignedMessage,
} from '../protocol/index.ts';
import { tryStore } from './durable.ts';
import { clockFact, clusterNow, type HeadFact, headFact, membersFact } from './facts.ts';
import { checkTerm, openMessage, storedTerm, storeTerm } from './radio.ts';
import { type ActorWorld, defineActor, type EffectsOf, every, hears, refuse } from './system/index.ts';

/** u32 and u16 fields of a candidacy saturate rather than wrap. */
const UPTIME_S_MAX = 0xffff_ffff;
const RTT_MS_MAX = 0xffff;

/** What two validators are compared by. */
interface Strength {
  readonly mac: Uint8Array;
  readonly uptimeS: number;
  readonly rttMs: number;
}

const compareMacs = (a: Uint8Array, b: Uint8Array): number => {
  for (const [i, byte] of a.entries()) {
    if (byte !== b[i]) return byte - (b[i] ?? 0);
  }
  return 0;
};

const comparisons: Record<ElectionFactor, (a: Strength, b: Strength) => number> = {
  id: (a, b) => compareMacs(a.mac, b.mac),
  uptime: (a, b) => a.uptimeS - b.uptimeS,
  latency: (a, b) => b.rttMs - a.rttMs,
};

/** Lexicographic in the configured order; MACs, which are unique, break a tie. */
export const isStronger = (a: Strength, b: Strength, order: readonly ElectionFactor[]): boolean => {
  for (const factor of [...order, 'id'] as const) {
    const difference = comparisons[factor](a, b);
    if (difference !== 0) return difference > 0;
  }
  return false;
};

const otherValidators = (world: ActorWorld): readonly Member[] =>
  world.facts.get(membersFact)?.validators.filter(({ name }) => name !== world.identity.name) ?? [];

/** Validators that could be stronger: by MAC when that decides first, otherwise any. */
const rivalsOf = (world: ActorWorld, members: Members): string[] => {
  const byMac = world.config.parameters.electionPriority[0] === 'id';
  return members.validators
    .filter(({ name, mac }) => name !== world.identity.name && (!byMac || compareMacs(mac, world.identity.mac) > 0))
    .map(({ name }) => name);
};

// ── Effects ─────────────────────────────────────────────────────────────────

/** This validator's own strength, now. */
const strength = ({ clock, config, facts, identity }: ActorWorld): Strength => ({
  mac: identity.mac,
  uptimeS: Math.min(UPTIME_S_MAX, Math.floor((clock.elapsed() - config.startedAtMs) / 1000)),
  rttMs: Math.min(RTT_MS_MAX, Math.round(facts.get(clockFact)?.rttMs ?? 0)),
});

const electionEffects = (world: ActorWorld): EffectsOf<typeof electionMachine> => {
  const { bus, clock, config, identity, log, metrics } = world;
  const sealed = (message: UnsignedMessage) => signMessage(message, identity.cluster, identity.sign);
  const candidacy = (type: 'election' | 'answer', term: number) => {
    const { uptimeS, rttMs } = strength(world);
    return sealed({ type, from: identity.mac, term, uptimeS, rttMs });
  };
  return {
    askValidators: () => poll(world),
    beatHeart: ({ term }: { readonly term: number }, signal: AbortSignal) => {
      let seq = 0;
      const beat = () => {
        seq += 1;
        const timestampMs = Math.floor(clusterNow(world));
        bus.say('election.heartbeat', sealed({ type: 'heartbeat', from: identity.mac, term, seq, timestampMs }));
      };
      every(clock, config.parameters.heartbeatIntervalMs, beat, signal);
    },
    storeTerm: ({ term }: { readonly term: number }) => {
      // A term of one's own must be safe before it is said; that of another is only remembered.
      if (rankOf(term) === identity.rank) storeTerm(world, term);
      else tryStore(world, () => storeTerm(world, term));
    },
    sayCoordinator: ({ term }: { readonly term: number }) => {
      log.info('head_won', { term });
      bus.say('election.coordinator', sealed({ type: 'coordinator', clusterHead: identity.mac, term }));
    },
    tellElection: ({ term, rivals }: ElectionParams) => {
      log.info('election_started', { term, rivals: rivals.length });
      for (const rival of rivals) bus.tell(rival, 'election.election', candidacy('election', term));
    },
    tellAnswer: ({ name, term }: PeerParams) => bus.tell(name, 'election.answer', candidacy('answer', term)),
    countSplitBrain: ({ name, term }: PeerParams) => {
      metrics.count('split_brain_total');
      log.warn('split_brain', { rival: name, term });
    },
  };
};

/** Asks every other validator what it knows; silence is an answer too. */
const poll = async (world: ActorWorld): Promise<Poll> => {
  const { answerTimeoutMs, heartbeatIntervalMs } = world.config.parameters;
  const ask = ({ name }: Member) =>
    world.bus.ask(name, 'election.get', {}, { timeoutMs: answerTimeoutMs }).then(
      (reply) => reply as ElectionReply,
      () => undefined,
    );
  const replies = await Promise.all(otherValidators(world).map(ask));
  // Two heartbeats: whoever heard the same last one as we did does not call the head alive.
  const lately = (reply: ElectionReply) =>
    reply.clusterHead !== null &&
    reply.clusterHead !== world.identity.name &&
    (reply.headSilentMs ?? Number.POSITIVE_INFINITY) < 2 * heartbeatIntervalMs;
  return {
    headAlive: replies.some((reply) => reply !== undefined && lately(reply)),
    nobodyHadHead: replies.every((reply) => reply !== undefined && !reply.hadHead),
  };
};

// ── Edge ────────────────────────────────────────────────────────────────────

type Context = { readonly context: ElectionContext };

const electionReceivers = (world: ActorWorld) => {
  const { config, identity, clock } = world;
  const order = config.parameters.electionPriority;
  /** Last heartbeat of the present head: a replayed one is no sign of life. */
  let beat = { term: 0, seq: 0 };

  const strongerThanUs = ({ member, message }: { member: Member; message: ElectionMessage | Answer }) =>
    isStronger({ mac: member.mac, uptimeS: message.uptimeS, rttMs: message.rttMs }, strength(world), order);
  const heard = (name: string, term: number, announced: boolean) =>
    ({ type: 'head.heard', name, term, atMs: clock.elapsed(), announced }) as const;

  return {
    'election.heartbeat': (message: BusMessage, { context }: Context) => {
      const opened = openMessage(world, message, 'heartbeat');
      if ('refused' in opened) return opened;
      const { member } = opened;
      const { term, seq } = opened.message;
      const refusal = checkTerm(world, { member, term }, context.term);
      if (refusal !== undefined) return refusal;
      if (term < context.term) {
        return leads(context, identity.name)
          ? ({ type: 'rival.heard', name: member.name, term } as const)
          : refuse('stale_term');
      }
      if (term < beat.term || (term === beat.term && seq <= beat.seq)) return refuse('replayed');
      beat = { term, seq };
      return heard(member.name, term, false);
    },
    'election.coordinator': (message: BusMessage, { context }: Context) => {
      const opened = openMessage(world, message, 'coordinator');
      if ('refused' in opened) return opened;
      const { member } = opened;
      const refusal = checkTerm(world, { member, term: opened.message.term }, context.term);
      if (refusal !== undefined) return refusal;
      if (opened.message.term > context.term) return heard(member.name, opened.message.term, true);
      return refuse(opened.message.term < context.term ? 'stale_term' : 'replayed');
    },
    'election.election': (message: BusMessage, { context }: Context) => {
      const opened = openMessage(world, message, 'election');
      if ('refused' in opened) return opened;
      const { member } = opened;
      const refusal = checkTerm(world, { member, term: opened.message.term }, context.term);
      if (refusal !== undefined) return refusal;
      const stronger = strongerThanUs(opened);
      return { type: 'peer.stands', name: member.name, term: opened.message.term, stronger } as const;
    },
    'election.answer': (message: BusMessage, { context }: Context) => {
      const opened = openMessage(world, message, 'answer');
      if ('refused' in opened) return opened;
      const { member } = opened;
      if (member.role !== 'validator') return refuse('not_a_validator');
      if (opened.message.term !== nextTerm(context)) return refuse('unasked');
      if (!strongerThanUs(opened)) return refuse('weaker');
      return { type: 'peer.answered', name: member.name, term: opened.message.term } as const;
    },
  };
};

const leads = ({ head }: ElectionContext, self: string): boolean => head?.name === self;

// ── Definition ──────────────────────────────────────────────────────────────

export const election = defineActor({
  name: 'election',
  machine: electionMachine,
  input: (world) => {
    const { parameters } = world.config;
    const { electionTimeoutMs, answerTimeoutMs, coordinatorTimeoutMs, holdDownMs } = parameters;
    return {
      self: world.identity.name,
      rank: world.identity.rank ?? Number.NaN,
      timing: { electionTimeoutMs, answerTimeoutMs, coordinatorTimeoutMs, holdDownMs },
      term: storedTerm(world)?.term ?? 0,
      jitter: world.random.fraction(),
    };
  },
  effects: electionEffects,
  receives: electionReceivers,
  hears: (world) => [
    hears(membersFact, (members) =>
      members === null ? undefined : { type: 'membership.known', rivals: rivalsOf(world, members) },
    ),
    hears(clockFact, ({ synchronized }) => ({ type: 'epoch.synchronized', synchronized })),
  ],
  states: (state) => [
    state(headFact, (snapshot): HeadFact | null => {
      const { head } = snapshot.context;
      return head === null ? null : { ...head, self: snapshot.hasTag('leading') };
    }),
  ],
  answers: ({ clock }) => ({
    'election.get': ({ value, context }, _request, { stateMs }): ElectionReply => {
      const { head, term, hadHead, heardAtMs, self } = context;
      const state: string = typeof value === 'string' ? value : (Object.keys(value)[0] ?? '');
      const headSilentMs = head === null ? null : head.name === self ? 0 : Math.round(clock.elapsed() - heardAtMs);
      return { clusterHead: head?.name ?? null, term, state, sinceMs: stateMs, hadHead, headSilentMs };
    },
  }),
  operable: ['operator.stepDown'],
});
