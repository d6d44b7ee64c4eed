/** Radio messages for tests: one plain example of each, and fast-check arbitraries that reach every bound. */
import fc from 'fast-check';
import {
  type BeaconFields,
  createSigner,
  decodeMessage,
  type FeatureConfig,
  labParameters,
  makeFeatureConfig,
  type RadioMessage,
  signMessage,
  type UnsignedMessage,
} from '../../protocol/index.ts';

export const clusterId = 'lab';
export const signer = createSigner(new Uint8Array(32).fill(7));

const filled = (length: number, first: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);
const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);

export const featureConfig: FeatureConfig = makeFeatureConfig(labParameters, {
  version: 3,
  configId: filled(16, 0x10),
  seed: filled(8, 0x20),
  trainingPattern: filled(4, 0xa0),
});

export const beaconFields: BeaconFields = {
  type: 'beacon',
  epoch: 7,
  timestampMs: 1_763_541_037_250,
  deltaTMs: 5000,
  clusterHead: mac,
  beaconSeq: 42,
  featureConfig,
  term: 257,
  epochStartMs: 1_763_541_035_000,
};

/** Signs with the test key and reads the result back. */
export const signed = <M extends UnsignedMessage>(message: M): RadioMessage & { readonly type: M['type'] } =>
  decodeMessage(signMessage(message, clusterId, signer.sign)) as RadioMessage & { readonly type: M['type'] };

/** One of each type. */
export const examples: readonly UnsignedMessage[] = [
  beaconFields,
  { type: 'election', from: mac, term: 257, uptimeS: 60, rttMs: 3 },
  { type: 'answer', from: mac, term: 258, uptimeS: 61, rttMs: 4 },
  { type: 'coordinator', clusterHead: mac, term: 258 },
  { type: 'heartbeat', from: mac, term: 258, seq: 9, timestampMs: 1_763_541_037_300 },
  { type: 'sync_request', from: mac, epoch: 7, nonce: filled(16, 0x40), timestampMs: 1_763_541_037_000 },
  {
    type: 'sync_reply',
    from: mac,
    nonce: filled(16, 0x40),
    requestTimestampMs: 1_763_541_037_000,
    receiveTimeMs: 1_763_541_037_004,
    beacon: signed(beaconFields),
  },
];

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const time = fc.maxSafeNat();
const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const pilotPlan = fc.integer({ min: 0, max: 0xffff }).chain((slotsPerFrame) =>
  fc.record({
    frameDurationMs: u32,
    slotsPerFrame: fc.constant(slotsPerFrame),
    pilotSlots:
      slotsPerFrame === 0
        ? fc.constant([])
        : fc
            .uniqueArray(fc.integer({ min: 0, max: slotsPerFrame - 1 }), { maxLength: 256, size: 'max' })
            .map((slots) => slots.sort((a, b) => a - b)),
    trainingPattern: fc.uint8Array({ maxLength: 512, size: 'max' }),
  }),
);

export const anyFeatureConfig: fc.Arbitrary<FeatureConfig> = fc.record({
  version: u32,
  configId: bytesOf(16),
  pilotPlan,
  measurementWindowMs: u32,
  sampleCount: u16,
  subcarrierSeed: bytesOf(8),
  subcarrierCount: u16,
  quantizationAlpha: fc.double({ noNaN: true, noDefaultInfinity: true }),
  digest: bytesOf(32),
});

const anyBeacon: fc.Arbitrary<BeaconFields> = fc.record({
  type: fc.constant('beacon' as const),
  epoch: u32,
  timestampMs: time,
  deltaTMs: u32,
  clusterHead: bytesOf(6),
  beaconSeq: u32,
  featureConfig: anyFeatureConfig,
  term: u32,
  epochStartMs: time,
});

const candidacy = { from: bytesOf(6), term: u32, uptimeS: u32, rttMs: u16 };

/** Any message that can be encoded. */
export const anyMessage: fc.Arbitrary<UnsignedMessage> = fc.oneof(
  anyBeacon,
  fc.record({ type: fc.constant('election' as const), ...candidacy }),
  fc.record({ type: fc.constant('answer' as const), ...candidacy }),
  fc.record({ type: fc.constant('coordinator' as const), clusterHead: bytesOf(6), term: u32 }),
  fc.record({ type: fc.constant('heartbeat' as const), from: bytesOf(6), term: u32, seq: u32, timestampMs: time }),
  fc.record({
    type: fc.constant('sync_request' as const),
    from: bytesOf(6),
    epoch: u32,
    nonce: bytesOf(16),
    timestampMs: time,
  }),
  fc.record({
    type: fc.constant('sync_reply' as const),
    from: bytesOf(6),
    nonce: bytesOf(16),
    requestTimestampMs: time,
    receiveTimeMs: time,
    beacon: anyBeacon.map((beacon) => signed(beacon)),
  }),
);
