/**
 * Epoch: gives the picture its ticks, its calibration and its durable record, and decides at the edge which beacons may
 * be believed (3-interface §2; decisions 2, 3, 9).
 */
import type { BusMessage } from '../bus/index.ts';
import {
  type ClockSample,
  type EpochContext,
  epochAt,
  epochMachine,
  epochStart,
  isNewer,
  toleratedEpochs,
} from '../machines/index.ts';
import {
  type Beacon,
  type EpochReply,
  encodeFeatureConfig,
  equalBytes,
  featureConfigToJson,
  IsochronError,
  isFeatureConfigIntact,
  type Member,
  signMessage,
} from '../protocol/index.ts';
import { CONFIG_KEY } from './beacon.ts';
import { tryStore } from './durable.ts';
import { clockFact, clusterNow, configFact, headFact, ownBeaconFact } from './facts.ts';
import { checkTerm, openMessage, verified } from './radio.ts';
import {
  type ActorWorld,
  defineActor,
  type EffectsOf,
  hears,
  type Refusal,
  refuse,
  type Timer,
} from './system/index.ts';
import { learnTerm } from './terms.ts';

const RECORD_KEY = 'epoch.record';
const NONCE_BYTES = 16;
/** Clocks on the wire are whole milliseconds, cut off: on average half a one is lost. */
const HALF_MS = 0.5;

const readRecord = ({ store }: ActorWorld) => {
  const stored = store.get(RECORD_KEY) as { epoch?: number; term?: number; seq?: number } | undefined;
  return { epoch: stored?.epoch ?? 0, term: stored?.term ?? 0, seq: stored?.seq ?? 0 };
};

// ── Effects ─────────────────────────────────────────────────────────────────

const epochEffects = (world: ActorWorld): EffectsOf<typeof epochMachine> => {
  const { bus, clock, identity, log, random, store } = world;
  const anchor = anchorOf(world);
  let logged = -1;
  /** The configuration on disk, as far as this actor knows. */
  let kept: Uint8Array = new Uint8Array();
  return {
    storeRecord: ({ record }) => {
      tryStore(world, () => store.put(RECORD_KEY, record));
      learnTerm(world, record.term);
      if (record.epoch === logged) return;
      logged = record.epoch;
      log.info('epoch_began', { epoch: record.epoch, term: record.term });
    },
    storeConfig: ({ beacon }) => {
      const bytes = encodeFeatureConfig(beacon.featureConfig);
      if (equalBytes(kept, bytes)) return;
      if (tryStore(world, () => store.put(CONFIG_KEY, bytes))) kept = bytes;
    },
    answerTime: ({ to, nonce, requestTimestampMs, receiveTimeMs, beacon }) => {
      if (beacon === null) return;
      const reply = {
        type: 'sync_reply',
        from: identity.mac,
        nonce,
        requestTimestampMs,
        receiveTimeMs,
        beacon,
      } as const;
      bus.tell(to, 'resync.reply', signMessage(reply, identity.cluster, identity.sign));
    },
    tick: ({ baseMs }, signal, send) => {
      let timer: Timer | undefined;
      /** `due`: the epoch this was armed for; a clock that reads a hair early must not arm it again for the same one. */
      const begin = (due: number) => {
        const clusterMs = clock.elapsed() + baseMs;
        const epoch = Math.max(due, epochAt(clusterMs, anchor));
        timer = clock.after(Math.max(0, epochStart(epoch + 1, anchor) - clusterMs), () => begin(epoch + 1));
        send({ type: 'epoch.began', epoch });
      };
      signal.addEventListener('abort', () => timer !== undefined && clock.cancel(timer), { once: true });
      begin(0);
    },
    askTime: ({ head, epoch }, _signal, send) => {
      if (head === null || head === identity.name) return;
      const nonce = random.bytes(NONCE_BYTES);
      const timestampMs = Math.floor(clock.now());
      const request = { type: 'sync_request', from: identity.mac, epoch, nonce, timestampMs } as const;
      const bytes = signMessage(request, identity.cluster, identity.sign);
      send({ type: 'time.asked', asked: { nonce, sentAtMs: clock.elapsed() } });
      bus.tell(head, 'resync.request', bytes);
    },
  };
};

const anchorOf = ({ config }: ActorWorld) => ({
  genesisMs: config.genesisMs,
  epochDurationMs: config.parameters.epochDurationMs,
});

// ── Edge: which beacons may be believed ─────────────────────────────────────

type Context = { readonly context: EpochContext; hasTag(tag: 'synchronized' | 'alone'): boolean };
type Heard = { readonly message: Beacon; readonly member: Member };

/** Everything about a beacon but its freshness. */
const checkBeacon = (world: ActorWorld, { message, member }: Heard, { record }: EpochContext): Refusal | undefined => {
  const { parameters } = world.config;
  const anchor = anchorOf(world);
  const highest = Math.max(record.term, world.facts.get(headFact)?.term ?? 0);
  const { term, epoch, timestampMs } = message;
  const badTerm = checkTerm(world, { member, term }, highest);
  if (badTerm !== undefined) return badTerm;
  if (term < highest) return refuse('stale_term');
  if (message.deltaTMs !== parameters.epochDurationMs) return refuse('wrong_delta_t');
  if (message.epochStartMs !== epochStart(epoch, anchor)) return refuse('wrong_epoch_start');
  const anchored = epochAt(timestampMs, anchor);
  // A head keeps the highest epoch it accepted, so it may run ahead of its clock, but not by more than it may count alone.
  if (epoch < anchored || epoch > anchored + 1 + parameters.maxLocalEpochs) return refuse('implausible_epoch');
  return isFeatureConfigIntact(message.featureConfig) ? undefined : refuse('bad_digest');
};

const epochReceivers = (world: ActorWorld) => {
  const { clock, config, identity } = world;
  const { parameters } = config;
  const isValidator = identity.role === 'validator';

  const onBeacon = (bus: BusMessage, snapshot: Context) => {
    const opened = openMessage(world, bus, 'beacon');
    if ('refused' in opened) return opened;
    const { message, member } = opened;
    const refusal = checkBeacon(world, opened, snapshot.context);
    if (refusal !== undefined) return refusal;
    if (!isNewer(snapshot.context.record, message.term, message.beaconSeq)) return refuse('replayed');
    if (!snapshot.hasTag('synchronized')) return { type: 'beacon.heard', head: member.name } as const;
    const lateMs = clusterNow(world) - message.timestampMs;
    if (Math.abs(lateMs) <= parameters.beaconFreshnessMs)
      return { type: 'beacon.accepted', head: member.name, beacon: message } as const;
    // A new head that tells another time: one of the two clocks is wrong, and a nonce shows which time the head means.
    if (message.term > snapshot.context.record.term) return { type: 'beacon.heard', head: member.name } as const;
    return refuse('not_fresh');
  };

  const onReply = (bus: BusMessage, { context }: Context) => {
    const arrivedMs = clock.elapsed();
    const opened = openMessage(world, bus, 'sync_reply');
    if ('refused' in opened) return opened;
    const { asked } = context;
    if (asked === null) return refuse('unasked');
    const { nonce, receiveTimeMs, beacon } = opened.message;
    if (!equalBytes(nonce, asked.nonce)) return refuse('wrong_nonce');
    if (opened.member.role !== 'validator') return refuse('not_a_validator');
    const heard = verified(world, beacon);
    if ('refused' in heard) return heard;
    const refusal = checkBeacon(world, heard, context);
    if (refusal !== undefined) return refusal;
    if (Math.abs(receiveTimeMs - beacon.timestampMs) > parameters.beaconTimeoutMs) return refuse('not_fresh');
    const sample = measure(asked.sentAtMs, arrivedMs, receiveTimeMs);
    return { type: 'time.answered', head: heard.member.name, beacon, sample } as const;
  };

  const onRequest = (bus: BusMessage, snapshot: Context) => {
    if (!isValidator || !snapshot.hasTag('synchronized')) return refuse('not_synchronized');
    const receivedMs = Math.floor(clusterNow(world));
    const opened = openMessage(world, bus, 'sync_request');
    if ('refused' in opened) return opened;
    const { nonce, timestampMs } = opened.message;
    return { type: 'time.requested', from: opened.member.name, nonce, timestampMs, receivedMs } as const;
  };

  return {
    'beacon.beacon': onBeacon,
    'resync.reply': onReply,
    ...(isValidator ? { 'resync.request': onRequest } : {}),
  };
};

/** Two-way measurement: the answerer read its clock half a round trip before the answer came. */
const measure = (sentAtMs: number, arrivedMs: number, receiveTimeMs: number): ClockSample => ({
  baseMs: receiveTimeMs + HALF_MS - (sentAtMs + arrivedMs) / 2,
  rttMs: arrivedMs - sentAtMs,
  atMs: arrivedMs,
});

// ── Answers ─────────────────────────────────────────────────────────────────

/** Nothing has been heard yet, so there is no configuration to give. */
export class NotConfiguredError extends IsochronError {
  constructor() {
    super('NOT_CONFIGURED', 503, 'no feature configuration has been accepted yet');
  }
}

const MICROSECONDS = 1000;
const rounded = (ms: number): number => Math.round(ms * MICROSECONDS) / MICROSECONDS;

const epochReply = (world: ActorWorld, snapshot: Context): EpochReply => {
  const { context } = snapshot;
  const { epoch, term } = context.record;
  return {
    epoch,
    epochStartMs: epochStart(epoch, anchorOf(world)),
    epochDurationMs: world.config.parameters.epochDurationMs,
    synchronized: snapshot.hasTag('synchronized'),
    toleratedEpochs: toleratedEpochs(context),
    clusterHead: context.head,
    term,
    configVersion: context.beacon?.featureConfig.version ?? null,
    offsetMs: rounded(context.baseMs + world.clock.elapsed() - world.clock.now()),
  };
};

// ── Definition ──────────────────────────────────────────────────────────────

export const epoch = defineActor({
  name: 'epoch',
  machine: epochMachine,
  input: (world) => {
    const { genesisMs, parameters } = world.config;
    const { epochDurationMs, epochTolerance, beaconTimeoutMs, answerTimeoutMs, calibrationIntervalMs } = parameters;
    return {
      timing: { genesisMs, epochDurationMs, epochTolerance, beaconTimeoutMs, answerTimeoutMs, calibrationIntervalMs },
      record: readRecord(world),
      baseMs: world.clock.now() - world.clock.elapsed(),
    };
  },
  effects: epochEffects,
  receives: epochReceivers,
  hears: ({ clock, identity }) => [
    hears(ownBeaconFact, (beacon) =>
      beacon === null ? undefined : { type: 'beacon.own', head: identity.name, beacon },
    ),
    hears(headFact, (head) => (head?.self ? { type: 'office.taken', atMs: clock.elapsed() } : undefined)),
  ],
  states: (state) => [
    state(clockFact, (snapshot) => {
      const { baseMs, head, record, samples } = snapshot.context;
      const { epoch, term } = record;
      const rttMs = samples.length === 0 ? 0 : Math.min(...samples.map((sample) => sample.rttMs));
      return { baseMs, epoch, term, head, synchronized: snapshot.hasTag('synchronized'), rttMs };
    }),
    state(configFact, ({ context }) => context.beacon?.featureConfig ?? null),
  ],
  answers: (world) => ({
    'epoch.get': (snapshot) => epochReply(world, snapshot),
    'epoch.valid': ({ context }, { payload }) => ({
      valid: toleratedEpochs(context).includes((payload as { readonly epoch: number }).epoch),
    }),
    'config.get': ({ context }) => {
      if (context.beacon === null) throw new NotConfiguredError();
      return featureConfigToJson(context.beacon.featureConfig);
    },
  }),
  operable: ['operator.calibrate'],
});
