/**
 * Election of the cluster head: a bully with fencing terms (000 §3.3.1, decision 5).
 *
 *   unconfigured ─▶ starting ──────────▶ following ◀───────────── leading
 *                      │  (nobody has       │ ▲ │ holdDown &        ▲ │ newer head
 *                      │   had a head)      │ │ │ stronger          │ │
 *                      │        electionTimeout│ └──────────┐       │ │
 *                      │                    ▼ │ head alive  ▼       │ │
 *                      ├──────────────▶ checking ──────▶ electing ─▶ claiming
 *                      │                    ▲              │ answered │ not stored
 *                      │                    └── waiting ◀──┘          ▼
 *                      └───────────────────────────────────────── abstaining
 *
 * A term is round · 256 + rank and is stored before anything that uses it leaves, so two validators never claim the same
 * one, even apart. Whoever hears a newer head follows it, from any state.
 */
import { assign, setup } from 'xstate';
import { nextTerm, rankOf, roundOf, termOf } from '../protocol/index.ts';
import { action, activity, task } from './placeholder.ts';

// ── Vocabulary ──────────────────────────────────────────────────────────────

export interface ElectionTiming {
  readonly electionTimeoutMs: number;
  readonly answerTimeoutMs: number;
  readonly coordinatorTimeoutMs: number;
  readonly holdDownMs: number;
}
export type ElectionInput = {
  readonly self: string;
  readonly rank: number;
  readonly timing: ElectionTiming;
  /** Highest term ever used or heard, from the store; 0 if none. */
  readonly term: number;
  /** In [0, 1): spreads the hold-down of validators that started together. */
  readonly jitter: number;
};
export type Head = { readonly name: string; readonly term: number };
export type ElectionContext = ElectionInput & {
  /** Validators that could be stronger than this one; they are asked before it claims. */
  readonly rivals: readonly string[];
  readonly head: Head | null;
  /** Monotonic time at which the head was last heard. */
  readonly heardAtMs: number;
  /** Whether this life has ever known a head: a restarted validator must not elect at once. */
  readonly hadHead: boolean;
  readonly synchronized: boolean;
};

/** What the other validators said when asked. */
export type Poll = {
  /** Somebody has lately heard a head whose term is not behind this validator's. */
  readonly headAlive: boolean;
  /** Every other validator answered, and none has had a head since it started. */
  readonly nobodyHadHead: boolean;
  /** Highest plausible term anybody asked has seen: whoever was away must not claim one that others have passed. */
  readonly term: number;
};

export type ElectionEvent =
  | { readonly type: 'membership.known'; readonly rivals: readonly string[] }
  | { readonly type: 'epoch.synchronized'; readonly synchronized: boolean }
  /** `announced`: it says so itself for the first time; otherwise it has been leading already. */
  | {
      readonly type: 'head.heard';
      readonly name: string;
      readonly term: number;
      readonly atMs: number;
      readonly announced: boolean;
    }
  | { readonly type: 'rival.heard'; readonly name: string; readonly term: number }
  | { readonly type: 'peer.stands'; readonly name: string; readonly term: number; readonly stronger: boolean }
  | { readonly type: 'peer.answered'; readonly name: string; readonly term: number }
  /** Members believe only heads of this term or later. */
  | { readonly type: 'term.seen'; readonly term: number }
  | { readonly type: 'operator.stepDown' };

export type TermParams = { readonly term: number };
export type PeerParams = { readonly name: string; readonly term: number };
export type ElectionParams = { readonly term: number; readonly rivals: readonly string[] };
type HeadParams = { readonly name: string; readonly term: number; readonly atMs: number };

/** A hold-down is lengthened by up to this part of itself. */
const HOLD_DOWN_SPREAD = 0.25;

const headOf = ({ event }: { event: HeadParams }): HeadParams => ({
  name: event.name,
  term: event.term,
  atMs: event.atMs,
});
const peerOf = ({ event }: { event: PeerParams }): PeerParams => ({ name: event.name, term: event.term });
const termNow = ({ context }: { context: ElectionContext }): TermParams => ({ term: context.term });
const candidacyOf = ({ context }: { context: ElectionContext }): ElectionParams => ({
  term: nextTerm(context),
  rivals: context.rivals,
});

const initialContext = (input: ElectionInput): ElectionContext => {
  for (const [name, value] of Object.entries(input.timing)) {
    if (!(Number.isFinite(value) && value > 0)) throw new RangeError(`${name} must be positive`);
  }
  if (!(input.jitter >= 0 && input.jitter < 1)) throw new RangeError('jitter must lie in [0, 1)');
  if (rankOf(termOf(0, input.rank)) !== input.rank) throw new RangeError('rank must fit in a byte');
  return { ...input, rivals: [], head: null, heardAtMs: 0, hadHead: false, synchronized: false };
};

// ── Named parts ─────────────────────────────────────────────────────────────

const election = setup({
  types: {
    input: {} as ElectionInput,
    context: {} as ElectionContext,
    events: {} as ElectionEvent,
    tags: {} as 'settled' | 'leading' | 'seeking',
  },
  actors: {
    askValidators: task<Poll>(),
    /** Stores the term this validator is about to claim; fails when it cannot. */
    storeClaim: task<void, TermParams>(),
    beatHeart: activity<TermParams>(),
    /** Asks members, again and again, whether they have seen a later term than this head's. */
    watchTerms: activity<TermParams>(),
  },
  actions: {
    storeTerm: action<TermParams>(),
    noteVictory: action<TermParams>(),
    sayCoordinator: action<TermParams>(),
    tellElection: action<ElectionParams>(),
    tellAnswer: action<PeerParams>(),
    countSplitBrain: action<PeerParams>(),

    learnRivals: assign((_, { rivals }: { readonly rivals: readonly string[] }) => ({ rivals })),
    learnSynchronized: assign((_, { synchronized }: { readonly synchronized: boolean }) => ({ synchronized })),
    follow: assign((_, { name, term, atMs }: HeadParams) => ({
      head: { name, term },
      term,
      heardAtMs: atMs,
      hadHead: true,
    })),
    learnTerm: assign(({ context }, { term }: TermParams) => ({ term: Math.max(context.term, term) })),
    loseHead: assign({ head: null }),
    claimTerm: assign(({ context }) => {
      const term = nextTerm(context);
      return { term, head: { name: context.self, term }, hadHead: true };
    }),
  },
  guards: {
    isNewerHead: ({ context }, { term }: TermParams) =>
      term > context.term || (term === context.term && context.head === null),
    /** In `leading` no other node can own the present term: its rank is part of it. */
    isKnownHead: ({ context }, { term }: TermParams) => term === context.term,
    /** A hand-over announces itself; a head that is already beating was leading at the same time. */
    isHandOver: ({ context }, { term, announced }: { readonly term: number; readonly announced: boolean }) =>
      announced && term > context.term,
    isLaterTerm: ({ context }, { term }: TermParams) => term > context.term,
    /** It has seen a later term than this head's, so whoever has too believes this head no more. */
    isAhead: ({ context }, { term, stronger }: { readonly term: number; readonly stronger: boolean }) =>
      !stronger && roundOf(term) > roundOf(context.term) + 1,
    isWeaker: (_, { stronger }: { readonly stronger: boolean }) => !stronger,
    hasNoRival: ({ context }) => context.rivals.length === 0,
    mayTakeOver: ({ context }) =>
      context.synchronized && context.head !== null && !context.rivals.includes(context.head.name),
    isHeadAlive: (_, { headAlive }: Poll) => headAlive,
    hasNobodyHadHead: (_, { nobodyHadHead }: Poll) => nobodyHadHead,
  },
  delays: {
    followFirst: ({ context }) => 2 * context.timing.electionTimeoutMs,
    pollAgain: ({ context }) => context.timing.answerTimeoutMs,
    electionTimeout: ({ context }) => context.timing.electionTimeoutMs,
    answerTimeout: ({ context }) => context.timing.answerTimeoutMs,
    coordinatorTimeout: ({ context }) => context.timing.coordinatorTimeoutMs,
    holdDown: ({ context }) => context.timing.holdDownMs * (1 + HOLD_DOWN_SPREAD * context.jitter),
  },
});

const newerHead = {
  type: 'isNewerHead',
  params: ({ event }: { event: HeadParams }) => ({ term: event.term }),
} as const;
const knownHead = {
  type: 'isKnownHead',
  params: ({ event }: { event: HeadParams }) => ({ term: event.term }),
} as const;
const handOver = {
  type: 'isHandOver',
  params: ({ event }: { event: HeadParams & { readonly announced: boolean } }) => ({
    term: event.term,
    announced: event.announced,
  }),
} as const;
const weakerPeer = {
  type: 'isWeaker',
  params: ({ event }: { event: { readonly stronger: boolean } }) => ({ stronger: event.stronger }),
} as const;
const aheadPeer = {
  type: 'isAhead',
  params: ({ event }: { event: { readonly term: number; readonly stronger: boolean } }) => ({
    term: event.term,
    stronger: event.stronger,
  }),
} as const;
const learnTerm = {
  type: 'learnTerm',
  params: ({ event }: { event: { readonly output: Poll } }) => ({ term: event.output.term }),
} as const;
const answer = { type: 'tellAnswer', params: peerOf } as const;
const followIt = [
  { type: 'follow', params: headOf },
  { type: 'storeTerm', params: termNow },
] as const;

// ── Diagram ─────────────────────────────────────────────────────────────────

export const electionMachine = election.createMachine({
  id: 'election',
  context: ({ input }) => initialContext(input),
  initial: 'unconfigured',
  on: {
    'membership.known': {
      actions: { type: 'learnRivals', params: ({ event }) => ({ rivals: event.rivals }) },
    },
    'epoch.synchronized': {
      actions: { type: 'learnSynchronized', params: ({ event }) => ({ synchronized: event.synchronized }) },
    },
    'head.heard': [
      { guard: newerHead, target: '.following', actions: followIt },
      { guard: knownHead, target: '.following', actions: { type: 'follow', params: headOf } },
    ],
    'peer.stands': { guard: weakerPeer, actions: answer },
  },
  states: {
    unconfigured: {
      description: 'Waits for a membership that names the validators.',
      on: {
        'membership.known': {
          target: 'starting',
          actions: { type: 'learnRivals', params: ({ event }) => ({ rivals: event.rivals }) },
        },
        'peer.stands': {},
      },
    },
    starting: {
      description: 'Follows first: asks who leads, and elects at once only where nobody has had a head.',
      tags: 'seeking',
      initial: 'asking',
      after: { followFirst: 'checking' },
      on: { 'peer.stands': {} },
      states: {
        asking: {
          invoke: {
            id: 'poll',
            src: 'askValidators',
            onDone: [
              {
                guard: { type: 'hasNobodyHadHead', params: ({ event }) => event.output },
                target: '#election.electing',
                actions: learnTerm,
              },
              { target: 'pausing', actions: learnTerm },
            ],
            onError: 'pausing',
          },
        },
        pausing: { after: { pollAgain: 'asking' } },
      },
    },
    following: {
      description: 'Trusts the head until it falls silent; a stronger validator takes over after its hold-down.',
      tags: 'settled',
      type: 'parallel',
      on: { 'head.heard': { guard: newerHead, target: 'following', reenter: true, actions: followIt } },
      states: {
        hearing: {
          initial: 'listening',
          states: {
            listening: {
              after: { electionTimeout: '#election.checking' },
              on: {
                'head.heard': [
                  { guard: newerHead, target: '#election.following', reenter: true, actions: followIt },
                  { guard: knownHead, target: 'listening', reenter: true, actions: { type: 'follow', params: headOf } },
                ],
              },
            },
          },
        },
        patience: {
          initial: 'holding',
          states: {
            holding: {
              after: {
                holdDown: [
                  { guard: 'mayTakeOver', target: '#election.electing' },
                  { target: 'holding', reenter: true },
                ],
              },
            },
          },
        },
      },
    },
    checking: {
      description: 'Asks whether others still hear a head before disturbing it.',
      tags: 'seeking',
      invoke: {
        id: 'poll',
        src: 'askValidators',
        onDone: [
          {
            guard: { type: 'isHeadAlive', params: ({ event }) => event.output },
            target: 'starting',
            actions: learnTerm,
          },
          { target: 'electing', actions: ['loseHead', learnTerm] },
        ],
        onError: { target: 'electing', actions: 'loseHead' },
      },
    },
    electing: {
      description: 'Stands for election; any stronger validator answers. A head it means to relieve does not stop it.',
      tags: 'seeking',
      entry: { type: 'tellElection', params: candidacyOf },
      always: { guard: 'hasNoRival', target: 'claiming' },
      after: { answerTimeout: 'claiming' },
      on: {
        'peer.answered': 'waiting',
        'head.heard': [{ guard: newerHead, target: 'following', actions: followIt }, {}],
      },
    },
    waiting: {
      description: 'A stronger validator has answered and should win.',
      tags: 'seeking',
      after: { coordinatorTimeout: 'checking' },
    },
    claiming: {
      description: 'Has won, and stores its term before anybody may hear of it.',
      tags: 'seeking',
      invoke: {
        id: 'claim',
        src: 'storeClaim',
        input: ({ context }) => ({ term: nextTerm(context) }),
        onDone: 'leading',
        onError: 'abstaining',
      },
      // The heartbeats of a head it is about to relieve do not stop it here either.
      on: { 'head.heard': [{ guard: newerHead, target: 'following', actions: followIt }, {}] },
    },
    abstaining: {
      description:
        'Cannot store a term, so it may not lead: follows whoever does, stands in nobody’s way, tries again.',
      tags: 'seeking',
      after: { electionTimeout: 'starting' },
      on: { 'peer.stands': {} },
    },
    leading: {
      description: 'Leads the cluster in its own term; the only state in which beacons are sent.',
      tags: ['settled', 'leading'],
      entry: ['claimTerm', { type: 'noteVictory', params: termNow }, { type: 'sayCoordinator', params: termNow }],
      invoke: [
        { id: 'heart', src: 'beatHeart', input: termNow },
        { id: 'watch', src: 'watchTerms', input: termNow },
      ],
      on: {
        'head.heard': [
          { guard: handOver, target: 'following', actions: followIt },
          {
            guard: newerHead,
            target: 'following',
            actions: [{ type: 'countSplitBrain', params: peerOf }, ...followIt],
          },
        ],
        'rival.heard': {
          description: 'A head of an older term: told who leads now, it steps down.',
          actions: [
            { type: 'countSplitBrain', params: peerOf },
            { type: 'sayCoordinator', params: termNow },
          ],
        },
        'peer.stands': [
          {
            guard: aheadPeer,
            target: 'claiming',
            actions: [answer, { type: 'learnTerm', params: ({ event }) => ({ term: event.term }) }],
          },
          { guard: weakerPeer, actions: [answer, { type: 'sayCoordinator', params: termNow }] },
        ],
        'term.seen': {
          description: 'Others have passed it while it was apart: it claims a term that they can follow.',
          guard: { type: 'isLaterTerm', params: ({ event }) => ({ term: event.term }) },
          target: 'claiming',
          actions: { type: 'learnTerm', params: ({ event }) => ({ term: event.term }) },
        },
        'operator.stepDown': { target: 'starting', actions: 'loseHead' },
      },
    },
  },
});
