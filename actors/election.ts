/** Election: gives the picture its polls, messages and durable term, and says what it hears and answers (decision 5). */

import type { BusMessage } from '../bus/index.ts';
import {
  type ElectionContext,
  type ElectionParams,
  electionMachine,
  type PeerParams,
  type Poll,
} from '../machines/index.ts';
import {
  type Answer,
  type ElectionFactor,
  type ElectionMessage,
  type ElectionReply,
  type EpochReply,
  IsochronError,
  type Member,
  type Members,
  nextTerm,
  signMessage,
  type UnsignedMessage,
} from '../protocol/index.ts';
import { tryStore } from './durable.ts';
import { clockFact, clusterNow, type HeadFact, headFact, membersFact } from './facts.ts';
import { checkTerm, openMessage } from './radio.ts';
import { type ActorWorld, defineActor, type EffectsOf, every, hears, oncePerBurst, refuse } from './system/index.ts';
import { claimTerm, knownTerm, learnTerm, mayHaveCome } from './terms.ts';

/** u32 and u16 fields of a candidacy saturate rather than wrap. */
const UPTIME_S_MAX = 0xffff_ffff;
const RTT_MS_MAX = 0xffff;

/** Two heads have found together when neither was heard for so long, ms. */
const SPLIT_BURST_MS = 10_000;

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

/** The disk cannot take the term this validator has won, so it may not claim it. */
class TermNotStoredError extends IsochronError {
  constructor(term: number) {
    super('TERM_NOT_STORED', 503, `term ${term} could not be stored, so it is not claimed`, { details: { term } });
  }
}

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
  const splits = oncePerBurst(log, clock, SPLIT_BURST_MS);
  let said = { term: 0, atMs: Number.NEGATIVE_INFINITY };
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
    watchTerms: ({ term }, signal, send) => {
      const look = async () => {
        const seen = await termSeen(world);
        if (seen > term) send({ type: 'term.seen', term: seen });
      };
      every(clock, config.parameters.electionTimeoutMs, () => void look(), signal);
    },
    storeTerm: ({ term }) => learnTerm(world, term),
    storeClaim: async ({ term }) => {
      if (!tryStore(world, () => claimTerm(world, term))) throw new TermNotStoredError(term);
    },
    noteVictory: ({ term }) => log.info('head_won', { term }),
    sayCoordinator: ({ term }) => {
      const nowMs = clock.elapsed();
      // What makes a head repeat itself comes from others, who must not decide how often it speaks.
      if (term === said.term && nowMs - said.atMs < config.parameters.heartbeatIntervalMs) return;
      said = { term, atMs: nowMs };
      bus.say('election.coordinator', sealed({ type: 'coordinator', clusterHead: identity.mac, term }));
    },
    tellElection: ({ term, rivals }: ElectionParams) => {
      log.info('election_started', { term, rivals: rivals.length });
      for (const rival of rivals) bus.tell(rival, 'election.election', candidacy('election', term));
    },
    tellAnswer: ({ name, term }: PeerParams) => bus.tell(name, 'election.answer', candidacy('answer', term)),
    countSplitBrain: ({ name, term }: PeerParams) => {
      metrics.count('split_brain_total');
      splits.warn('split_brain', { reason: 'two_heads', rival: name, term });
    },
  };
};

/** Devices asked which terms they have seen: enough that one of them was there. */
const DEVICES_ASKED = 8;

/** What a node answers, or undefined: silence is an answer too. */
const asked = async <Reply>(
  { bus, config }: ActorWorld,
  name: string,
  verb: 'election.get' | 'epoch.get',
): Promise<Reply | undefined> => {
  try {
    return (await bus.ask(name, verb, {}, { timeoutMs: config.parameters.answerTimeoutMs })) as Reply;
  } catch {
    return undefined;
  }
};

/** Highest term that some devices have seen and that can have come about. */
const termSeen = async (world: ActorWorld): Promise<number> => {
  const replies = await Promise.all(someDevices(world).map((name) => asked<EpochReply>(world, name, 'epoch.get')));
  return highestTerm(world, replies);
};

const highestTerm = (world: ActorWorld, replies: readonly ({ readonly term: number } | undefined)[]): number => {
  const known = knownTerm(world);
  const terms = replies.map((reply) => reply?.term ?? 0).filter((term) => mayHaveCome(world, term, known));
  return Math.max(known, ...terms);
};

/** Names of up to `DEVICES_ASKED` devices, others each time. */
const someDevices = ({ facts, random }: ActorWorld): string[] => {
  const devices = facts.get(membersFact)?.devices ?? [];
  const first = Math.floor(random.fraction() * devices.length);
  return [...devices.slice(first), ...devices.slice(0, first)].slice(0, DEVICES_ASKED).map(({ name }) => name);
};

/** Asks every other validator what it knows, and a few devices how far terms have come. */
const poll = async (world: ActorWorld): Promise<Poll> => {
  const { config, identity } = world;
  const [replies, seen] = await Promise.all([
    Promise.all(otherValidators(world).map(({ name }) => asked<ElectionReply>(world, name, 'election.get'))),
    termSeen(world),
  ]);
  const known = knownTerm(world);
  // Two heartbeats: whoever heard the same last one as we did does not call the head alive.
  const lately = ({ clusterHead, headSilentMs, term }: ElectionReply) =>
    clusterHead !== null &&
    clusterHead !== identity.name &&
    term >= known &&
    (headSilentMs ?? Number.POSITIVE_INFINITY) < 2 * config.parameters.heartbeatIntervalMs;
  return {
    headAlive: replies.some((reply) => reply !== undefined && lately(reply)),
    nobodyHadHead: replies.every((reply) => reply !== undefined && !reply.hadHead),
    term: Math.max(seen, highestTerm(world, replies)),
  };
};

// ── Edge ────────────────────────────────────────────────────────────────────

type Context = { readonly context: ElectionContext };

const electionReceivers = (world: ActorWorld) => {
  const { config, identity, clock } = world;
  const order = config.parameters.electionPriority;
  /** Last heartbeat of each validator: a replayed one is no sign of life, and of no second head either. */
  const beats = new Map<string, { readonly term: number; readonly seq: number }>();
  const isReplayed = (name: string, term: number, seq: number): boolean => {
    const last = beats.get(name);
    return last !== undefined && (term < last.term || (term === last.term && seq <= last.seq));
  };

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
      if (isReplayed(member.name, term, seq)) return refuse('replayed');
      beats.set(member.name, { term, seq });
      if (term < context.term) {
        return leads(context, identity.name)
          ? ({ type: 'rival.heard', name: member.name, term } as const)
          : refuse('stale_term');
      }
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
      // Whoever stands for an old term has not heard this head yet, and will with its next heartbeat.
      if (opened.message.term <= context.term && leads(context, identity.name)) return refuse('stale_term');
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
      term: knownTerm(world),
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
