/**
 * Epoch: every node's idea of the time of the cluster (000 §3.1.2, decisions 2, 3 and 9).
 *
 *   trust                                               count        calibration
 *   unsynchronized ──time.proved──▶ synchronized        waiting      resting ──calibrationInterval──▶ asking
 *         ▲                          │        ▲            │            ▲ ◀──── time.answered ────────┘
 *         │                    beaconTimeout  │ proved     ▼            └────── answerTimeout ────────┘
 *         │                          ▼        │         ticking
 *         └──(first start only)   progressing ┘
 *
 * Cluster time = monotonic clock + `baseMs`. Epochs are anchored at genesis, tick by themselves, and never go back.
 * A node that is not synchronised believes a beacon only inside a reply to its own nonce.
 */
import { assign, setup } from 'xstate';
import type { Beacon } from '../protocol/index.ts';
import { action, activity } from './placeholder.ts';

// ── Vocabulary ──────────────────────────────────────────────────────────────

/** What is stored before it is acted on, and read back at the next start. */
export type EpochRecord = { readonly epoch: number; readonly term: number; readonly seq: number };

export interface EpochTiming {
  readonly genesisMs: number;
  readonly epochDurationMs: number;
  readonly epochTolerance: number;
  readonly beaconTimeoutMs: number;
  readonly answerTimeoutMs: number;
  readonly calibrationIntervalMs: number;
}
export type EpochInput = {
  readonly timing: EpochTiming;
  readonly record: EpochRecord;
  /** Cluster time − monotonic time at start: the local wall clock, uncorrected. */
  readonly baseMs: number;
};

/** One two-way measurement: where cluster time would lie by it, and how long it took. */
export type ClockSample = { readonly baseMs: number; readonly rttMs: number; readonly atMs: number };
/** The request on its way: only its answer is listened to. */
export type Asked = { readonly nonce: Uint8Array; readonly sentAtMs: number };

export type EpochContext = {
  readonly timing: EpochTiming;
  readonly record: EpochRecord;
  readonly baseMs: number;
  /** Best measurements lately, newest last. */
  readonly samples: readonly ClockSample[];
  /** Last beacon accepted; its configuration is the one in force. */
  readonly beacon: Beacon | null;
  readonly head: string | null;
  /** Whose beacon made this node ask for the time. */
  readonly heardFrom: string | null;
  readonly asked: Asked | null;
  readonly everSynchronized: boolean;
};

export type EpochEvent =
  /** A valid, newer beacon whose freshness this node cannot judge, or that contradicts its clock. */
  | { readonly type: 'beacon.heard'; readonly head: string }
  /** A verified, fresh, newer beacon. */
  | { readonly type: 'beacon.accepted'; readonly head: string; readonly beacon: Beacon }
  /** This node leads and said this beacon itself. */
  | { readonly type: 'beacon.own'; readonly head: string; readonly beacon: Beacon }
  /** This node leads from now on. */
  | { readonly type: 'office.taken'; readonly atMs: number }
  | { readonly type: 'time.asked'; readonly asked: Asked }
  | { readonly type: 'time.answered'; readonly head: string; readonly beacon: Beacon; readonly sample: ClockSample }
  | {
      readonly type: 'time.requested';
      readonly from: string;
      readonly nonce: Uint8Array;
      readonly timestampMs: number;
      readonly receivedMs: number;
    }
  | { readonly type: 'epoch.began'; readonly epoch: number }
  | { readonly type: 'operator.calibrate' };

export type RecordParams = { readonly record: EpochRecord };
export type TickInput = { readonly baseMs: number; readonly epoch: number };
export type AskInput = { readonly head: string | null; readonly epoch: number };
export type ReplyParams = {
  readonly to: string;
  readonly nonce: Uint8Array;
  readonly requestTimestampMs: number;
  readonly receiveTimeMs: number;
  readonly beacon: Beacon | null;
};
type BeaconParams = { readonly head: string; readonly beacon: Beacon };
type SampleParams = { readonly sample: ClockSample };

/** Measurements kept to choose from. */
const SAMPLES_MAX = 8;
/** Measurements wanted soon after a start. */
const SAMPLES_AT_START = 4;
/** What a crystal may drift: 100 ppm (research/radio.md §5). An old measurement is as inexact as the drift since. */
const DRIFT = 1e-4;
/** A measurement may move the clock only by more than this: smaller corrections are within a beacon's resolution. */
const CORRECTION_MIN_MS = 0.05;

/** Least error: half a round trip, and the drift since (the clock filter of NTP, RFC 5905 §10). */
const mostExact = (samples: readonly ClockSample[], nowMs: number): ClockSample | undefined => {
  const error = ({ rttMs, atMs }: ClockSample) => rttMs / 2 + (nowMs - atMs) * DRIFT;
  return samples.toSorted((a, b) => error(a) - error(b))[0];
};

const beaconOf = ({ event }: { event: BeaconParams }): BeaconParams => ({ head: event.head, beacon: event.beacon });
const sampleOf = ({ event }: { event: SampleParams }): SampleParams => ({ sample: event.sample });
const recordNow = ({ context }: { context: EpochContext }): RecordParams => ({ record: context.record });

/** The epoch of a cluster time; anchored at genesis, never negative. */
export const epochAt = (clusterMs: number, timing: Pick<EpochTiming, 'genesisMs' | 'epochDurationMs'>): number =>
  Math.max(0, Math.floor((clusterMs - timing.genesisMs) / timing.epochDurationMs));

export const epochStart = (epoch: number, timing: Pick<EpochTiming, 'genesisMs' | 'epochDurationMs'>): number =>
  timing.genesisMs + epoch * timing.epochDurationMs;

/** [e − tolerance … e + tolerance] without negatives; empty before the first synchronisation. */
export const toleratedEpochs = ({ record, timing, everSynchronized }: EpochContext): number[] => {
  if (!everSynchronized) return [];
  const first = Math.max(0, record.epoch - timing.epochTolerance);
  return Array.from({ length: record.epoch + timing.epochTolerance - first + 1 }, (_, i) => first + i);
};

/** Whether (term, seq) is later than what was accepted last. */
export const isNewer = (record: EpochRecord, term: number, seq: number): boolean =>
  term > record.term || (term === record.term && seq > record.seq);

const initialContext = ({ timing, record, baseMs }: EpochInput): EpochContext => {
  for (const [name, value] of Object.entries(timing)) {
    const least = name === 'epochTolerance' || name === 'genesisMs' ? 0 : Number.MIN_VALUE;
    if (!(Number.isFinite(value) && value >= least)) throw new RangeError(`${name} must be a positive number`);
  }
  if (!Number.isFinite(baseMs)) throw new RangeError('baseMs must be a number');
  const none = { samples: [], beacon: null, head: null, heardFrom: null, asked: null };
  return { timing, record, baseMs, everSynchronized: false, ...none };
};

// ── Named parts ─────────────────────────────────────────────────────────────

const epoch = setup({
  types: {
    input: {} as EpochInput,
    context: {} as EpochContext,
    events: {} as EpochEvent,
    tags: {} as 'synchronized' | 'alone',
  },
  actors: {
    tick: activity<TickInput>(),
    askTime: activity<AskInput>(),
  },
  actions: {
    storeRecord: action<RecordParams>(),
    storeConfig: action<{ readonly beacon: Beacon }>(),
    answerTime: action<ReplyParams>(),

    accept: assign(({ context }, { head, beacon }: BeaconParams) => ({
      head,
      heardFrom: null,
      beacon,
      everSynchronized: true,
      // What was measured against another head's clock says nothing of this one's.
      samples: beacon.term > context.record.term ? [] : context.samples,
      record: { epoch: Math.max(context.record.epoch, beacon.epoch), term: beacon.term, seq: beacon.beaconSeq },
    })),
    measure: assign(({ context }, { sample }: SampleParams) => {
      const samples = [...context.samples, sample].slice(-SAMPLES_MAX);
      const best = mostExact(samples, sample.atMs) ?? sample;
      const moves = Math.abs(best.baseMs - context.baseMs) > CORRECTION_MIN_MS;
      return { samples, asked: null, baseMs: moves ? best.baseMs : context.baseMs };
    }),
    /**
     * A head whose epochs are ahead of its clock moves the clock: nobody believes an epoch that does not follow from the
     * time it comes with, and epochs never go back. The others take the time from their head.
     */
    catchUp: assign(({ context }, { atMs }: { readonly atMs: number }) => {
      const leastMs = epochStart(context.record.epoch, context.timing) - atMs;
      return leastMs > context.baseMs ? { baseMs: leastMs, samples: [], asked: null } : {};
    }),
    forgetSamples: assign({ samples: [] }),
    rememberAsked: assign((_, { asked }: { readonly asked: Asked }) => ({ asked })),
    forgetAsked: assign({ asked: null }),
    hearOf: assign((_, { head }: { readonly head: string }) => ({ heardFrom: head })),
    advance: assign(({ context }, { epoch: next }: { readonly epoch: number }) => ({
      record: { ...context.record, epoch: Math.max(context.record.epoch, next) },
    })),
  },
  guards: {
    isNewerBeacon: ({ context }, { beacon }: BeaconParams) => isNewer(context.record, beacon.term, beacon.beaconSeq),
    knowsHead: ({ context }) => (context.heardFrom ?? context.head) !== null,
    /** Whoever was asked may be dead; a beacon from another head is worth a new question. */
    isOtherHead: ({ context }, { head }: { readonly head: string }) => head !== (context.heardFrom ?? context.head),
    isLater: ({ context }, { epoch: next }: { readonly epoch: number }) => next > context.record.epoch,
  },
  delays: {
    beaconTimeout: ({ context }) => context.timing.beaconTimeoutMs,
    answerTimeout: ({ context }) => context.timing.answerTimeoutMs,
    /** The first measurements follow each other quickly: right after a start they are the least exact. */
    calibrationInterval: ({ context: { samples, timing } }) =>
      samples.length < SAMPLES_AT_START ? timing.answerTimeoutMs : timing.calibrationIntervalMs,
  },
});

type Requested = Extract<EpochEvent, { type: 'time.requested' }>;
const replyOf = ({ context, event }: { context: EpochContext; event: Requested }): ReplyParams => ({
  to: event.from,
  nonce: event.nonce,
  requestTimestampMs: event.timestampMs,
  receiveTimeMs: event.receivedMs,
  beacon: context.beacon,
});

/** A beacon is stored before anything it changes is shown. */
const acceptIt = [
  { type: 'accept', params: beaconOf },
  { type: 'storeRecord', params: recordNow },
  { type: 'storeConfig', params: beaconOf },
] as const;
const newer = { type: 'isNewerBeacon', params: beaconOf } as const;
const hearOf = {
  type: 'hearOf',
  params: ({ event }: { event: { readonly head: string } }) => ({ head: event.head }),
} as const;
const otherHead = {
  type: 'isOtherHead',
  params: ({ event }: { event: { readonly head: string } }) => ({ head: event.head }),
} as const;
const catchUp = {
  type: 'catchUp',
  params: ({ event }: { event: { readonly atMs: number } }) => ({ atMs: event.atMs }),
} as const;
const measureIt = { type: 'measure', params: sampleOf } as const;

// ── Diagram ─────────────────────────────────────────────────────────────────

export const epochMachine = epoch.createMachine({
  id: 'epoch',
  context: ({ input }) => initialContext(input),
  type: 'parallel',
  states: {
    trust: {
      initial: 'unsynchronized',
      states: {
        unsynchronized: {
          description: 'Has heard nothing it can believe; tolerates no epoch.',
          on: {
            'time.answered': { guard: newer, target: 'synchronized', actions: acceptIt },
            'beacon.own': { guard: newer, target: 'synchronized', actions: acceptIt },
          },
        },
        synchronized: {
          description: 'A fresh beacon was accepted within beaconTimeout.',
          tags: 'synchronized',
          after: { beaconTimeout: 'progressing' },
          on: {
            'time.requested': { actions: { type: 'answerTime', params: replyOf } },
            'beacon.accepted': { guard: newer, target: 'synchronized', reenter: true, actions: acceptIt },
            'beacon.own': { guard: newer, target: 'synchronized', reenter: true, actions: acceptIt },
            'time.answered': { guard: newer, target: 'synchronized', reenter: true, actions: acceptIt },
          },
        },
        progressing: {
          description:
            'No beacon for beaconTimeout: counts epochs alone, and believes only an answer to its own nonce.',
          tags: 'alone',
          entry: 'forgetSamples',
          on: {
            'time.answered': { target: 'synchronized', guard: newer, actions: acceptIt },
            'beacon.own': { target: 'synchronized', guard: newer, actions: acceptIt },
          },
        },
      },
    },
    count: {
      initial: 'waiting',
      states: {
        waiting: {
          description: 'Does not know the phase yet.',
          on: { 'time.answered': 'ticking', 'beacon.own': 'ticking', 'office.taken': { actions: catchUp } },
        },
        ticking: {
          description: 'Epochs begin by themselves, beacon or not.',
          invoke: {
            id: 'ticker',
            src: 'tick',
            input: ({ context }) => ({ baseMs: context.baseMs, epoch: context.record.epoch }),
          },
          on: {
            'epoch.began': {
              guard: { type: 'isLater', params: ({ event }) => ({ epoch: event.epoch }) },
              actions: [
                { type: 'advance', params: ({ event }) => ({ epoch: event.epoch }) },
                { type: 'storeRecord', params: recordNow },
              ],
            },
            'time.answered': { target: 'ticking', reenter: true },
            'office.taken': { target: 'ticking', reenter: true, actions: catchUp },
          },
        },
      },
    },
    calibration: {
      initial: 'resting',
      states: {
        resting: {
          description: 'Trusts its correction until the next calibration.',
          after: {
            calibrationInterval: [
              { guard: 'knowsHead', target: 'asking' },
              { target: 'resting', reenter: true },
            ],
          },
          on: {
            'beacon.heard': { target: 'asking', actions: hearOf },
            'operator.calibrate': 'asking',
          },
        },
        asking: {
          description: 'Has asked for the time with a fresh nonce and waits for the one answer to it.',
          invoke: {
            id: 'asker',
            src: 'askTime',
            input: ({ context }) => ({ head: context.heardFrom ?? context.head, epoch: context.record.epoch }),
          },
          after: { answerTimeout: { target: 'resting', actions: 'forgetAsked' } },
          on: {
            'beacon.heard': { guard: otherHead, target: 'asking', reenter: true, actions: hearOf },
            'time.asked': { actions: { type: 'rememberAsked', params: ({ event }) => ({ asked: event.asked }) } },
            'time.answered': { target: 'resting', actions: measureIt },
          },
        },
      },
    },
  },
});
