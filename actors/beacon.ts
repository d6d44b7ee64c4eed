/** Beacon: gives the picture its broadcast (000 §3.1.1). Beacons are numbered within a term; a restarted head starts a new one. */
import { beaconMachine, epochAt, epochStart } from '../machines/index.ts';
import {
  type Beacon,
  decodeFeatureConfig,
  decodeMessage,
  type FeatureConfig,
  makeFeatureConfig,
  signMessage,
} from '../protocol/index.ts';
import { clockFact, clusterNow, configFact, headFact, ownBeaconFact } from './facts.ts';
import { type ActorWorld, defineActor, every, hears } from './system/index.ts';

/** Where the epoch actor keeps the configuration in force. */
export const CONFIG_KEY = 'config.current';

const CONFIG_ID_BYTES = 16;
const SEED_BYTES = 8;
/** Long enough to correlate against noise, short enough to leave a beacon in one datagram. */
const TRAINING_PATTERN_BYTES = 32;

/** Within a term numbers go on, also when this actor alone was restarted: the fact outlives it. */
const lastSeq = ({ facts }: ActorWorld, term: number): number => {
  const last = facts.get(ownBeaconFact);
  return last?.term === term ? last.beaconSeq : 0;
};

/** The configuration in force, the one stored, or the cluster's first. */
const currentConfig = ({ facts, store, random, config }: ActorWorld): FeatureConfig => {
  const known = facts.get(configFact);
  if (known !== undefined && known !== null) return known;
  const stored = store.get(CONFIG_KEY);
  if (stored instanceof Uint8Array) return decodeFeatureConfig(stored);
  return makeFeatureConfig(config.parameters, {
    version: 1,
    configId: random.bytes(CONFIG_ID_BYTES),
    seed: random.bytes(SEED_BYTES),
    trainingPattern: random.bytes(TRAINING_PATTERN_BYTES),
  });
};

const makeBeacon = (world: ActorWorld, term: number, seq: number, featureConfig: FeatureConfig): Uint8Array => {
  const { config, facts, identity } = world;
  const deltaTMs = config.parameters.epochDurationMs;
  const anchor = { genesisMs: config.genesisMs, epochDurationMs: deltaTMs };
  const timestampMs = Math.floor(clusterNow(world));
  const epoch = Math.max(epochAt(timestampMs, anchor), facts.get(clockFact)?.epoch ?? 0);
  const beacon = {
    type: 'beacon',
    epoch,
    timestampMs,
    deltaTMs,
    clusterHead: identity.mac,
    beaconSeq: seq,
    featureConfig,
    term,
    epochStartMs: epochStart(epoch, anchor),
  } as const;
  return signMessage(beacon, identity.cluster, identity.sign);
};

export const beacon = defineActor({
  name: 'beacon',
  machine: beaconMachine,
  input: () => undefined,

  effects: (world) => ({
    broadcastBeacons: ({ term }, signal, send) => {
      let seq = lastSeq(world, term);
      const featureConfig = currentConfig(world);
      const broadcast = () => {
        seq += 1;
        const bytes = makeBeacon(world, term, seq, featureConfig);
        world.bus.say('beacon.beacon', bytes);
        send({ type: 'beacon.sent', beacon: decodeMessage(bytes) as Beacon });
      };
      broadcast();
      every(world.clock, world.config.parameters.beaconIntervalMs, broadcast, signal);
    },
  }),

  hears: () => [
    hears(headFact, (head) => (head?.self ? { type: 'head.won', term: head.term } : { type: 'head.lost' })),
  ],
  states: (state) => [state(ownBeaconFact, ({ context }) => context.last)],
});
