/**
 * Reads radio messages (3-interface §2, docs/wire.md). Fields are read in wire order: object literals evaluate top to
 * bottom. They are written out rather than spread from shared parts: a spread costs more than all reads of a message.
 * Semantics (freshness, terms, membership, signatures) are the receiver's business.
 */
import {
  type Answer,
  type Beacon,
  beaconBytesMax,
  type Coordinator,
  type ElectionMessage,
  type FeatureConfig,
  type Heartbeat,
  messageTypes,
  nestedTypes,
  type PilotPlan,
  pilotSlotsMax,
  type RadioMessage,
  type SyncReply,
  type SyncRequest,
  signatureBytes,
  trainingPatternBytesMax,
} from './messages.ts';
import { WireError } from './wireError.ts';
import { WireReader } from './wireReader.ts';

/**
 * Reads one whole radio message.
 * @returns the message; its byte fields and `bytes` are views of `bytes`, which must not change afterwards.
 * @throws WireError naming field and offset, whatever the bytes are.
 */
export const decodeMessage = (bytes: Uint8Array): RadioMessage => {
  const reader = new WireReader(bytes);
  const type = reader.openMessage();
  const message = decodeBody(reader, type);
  reader.closeMessage();
  return message;
};

/**
 * Reads a feature configuration on its own, as `encodeFeatureConfig` writes it: for stores, never for the radio.
 * @throws WireError
 */
export const decodeFeatureConfig = (bytes: Uint8Array): FeatureConfig => {
  const reader = new WireReader(bytes);
  const config = decodeConfig(reader);
  reader.requireNothingAfter();
  return config;
};

const decodeBody = (reader: WireReader, type: number): RadioMessage => {
  switch (type) {
    case messageTypes.beacon:
      return decodeBeacon(reader, 0);
    case messageTypes.election:
      return decodeElection(reader);
    case messageTypes.answer:
      return decodeAnswer(reader);
    case messageTypes.coordinator:
      return decodeCoordinator(reader);
    case messageTypes.heartbeat:
      return decodeHeartbeat(reader);
    case messageTypes.sync_request:
      return decodeSyncRequest(reader);
    case messageTypes.sync_reply:
      return decodeSyncReply(reader);
    default:
      throw new WireError(
        'WIRE_UNKNOWN_TYPE',
        'type',
        0,
        `no message has type 0x${type.toString(16).padStart(2, '0')}`,
      );
  }
};

/** The fields of a beacon whose header, at `start`, has been read. */
const decodeBeacon = (reader: WireReader, start: number): Beacon => {
  reader.requireSize(start, beaconBytesMax);
  const epoch = reader.u32('epoch');
  const timestampMs = reader.u64('timestamp');
  const deltaTMs = reader.u32('delta_t');
  const clusterHead = reader.bytes(6, 'cluster_head_id');
  const beaconSeq = reader.u32('beacon_seq');
  const featureConfig = decodeConfig(reader);
  const outer = reader.open(nestedTypes.beaconExtension, 'beacon_ext');
  const term = reader.u32('term');
  const epochStartMs = reader.u64('epoch_start');
  reader.close(outer);
  return {
    type: 'beacon',
    epoch,
    timestampMs,
    deltaTMs,
    clusterHead,
    beaconSeq,
    featureConfig,
    term,
    epochStartMs,
    signature: readSignature(reader),
    bytes: reader.view(start, reader.offset),
  };
};

const decodeConfig = (reader: WireReader): FeatureConfig => {
  const outer = reader.open(nestedTypes.featureConfig, 'feature_config');
  const config = {
    version: reader.u32('version'),
    configId: reader.bytes(16, 'config_id'),
    pilotPlan: decodePilotPlan(reader),
    measurementWindowMs: reader.u32('measurement_window_ms'),
    sampleCount: reader.u16('sample_count'),
    subcarrierSeed: reader.bytes(8, 'subcarrier_seed'),
    subcarrierCount: reader.u16('subcarrier_count'),
    quantizationAlpha: reader.f64('quantization_alpha'),
    digest: reader.bytes(32, 'digest'),
  };
  reader.close(outer);
  return config;
};

const decodePilotPlan = (reader: WireReader): PilotPlan => {
  const outer = reader.open(nestedTypes.pilotPlan, 'pilot_plan');
  const frameDurationMs = reader.u32('frame_duration_ms');
  const slotsPerFrame = reader.u16('slots_per_frame');
  const pilotSlots = decodeSlots(reader, slotsPerFrame);
  const size = readCount(reader, 'm', trainingPatternBytesMax);
  const trainingPattern = reader.bytes(size, 'training_pattern');
  reader.close(outer);
  return { frameDurationMs, slotsPerFrame, pilotSlots, trainingPattern };
};

const decodeSlots = (reader: WireReader, slotsPerFrame: number): number[] => {
  const count = readCount(reader, 'n', pilotSlotsMax);
  const slots: number[] = [];
  let previous = -1;
  for (let i = 0; i < count; i++) {
    const at = reader.offset;
    const slot = reader.u16('slot');
    if (slot <= previous) throw reader.error('WIRE_FIELD', 'slot', at, `slot ${slot} after ${previous}: not ascending`);
    if (slot >= slotsPerFrame)
      throw reader.error('WIRE_FIELD', 'slot', at, `slot ${slot} of a frame of ${slotsPerFrame}`);
    slots.push(slot);
    previous = slot;
  }
  return slots;
};

const readCount = (reader: WireReader, field: string, max: number): number => {
  const at = reader.offset;
  const count = reader.u16(field);
  if (count > max) throw reader.error('WIRE_FIELD', field, at, `${count}, more than ${max}`);
  return count;
};

const readSignature = (reader: WireReader): Uint8Array => reader.bytes(signatureBytes, 'signature');

const decodeElection = (reader: WireReader): ElectionMessage => ({
  type: 'election',
  from: reader.bytes(6, 'from'),
  term: reader.u32('term'),
  uptimeS: reader.u32('uptime_s'),
  rttMs: reader.u16('rtt_ms'),
  signature: readSignature(reader),
  bytes: reader.view(0, reader.offset),
});

const decodeAnswer = (reader: WireReader): Answer => ({
  type: 'answer',
  from: reader.bytes(6, 'from'),
  term: reader.u32('term'),
  uptimeS: reader.u32('uptime_s'),
  rttMs: reader.u16('rtt_ms'),
  signature: readSignature(reader),
  bytes: reader.view(0, reader.offset),
});

const decodeCoordinator = (reader: WireReader): Coordinator => ({
  type: 'coordinator',
  clusterHead: reader.bytes(6, 'cluster_head'),
  term: reader.u32('term'),
  signature: readSignature(reader),
  bytes: reader.view(0, reader.offset),
});

const decodeHeartbeat = (reader: WireReader): Heartbeat => ({
  type: 'heartbeat',
  from: reader.bytes(6, 'from'),
  term: reader.u32('term'),
  seq: reader.u32('seq'),
  timestampMs: reader.u64('timestamp'),
  signature: readSignature(reader),
  bytes: reader.view(0, reader.offset),
});

const decodeSyncRequest = (reader: WireReader): SyncRequest => ({
  type: 'sync_request',
  from: reader.bytes(6, 'from'),
  epoch: reader.u32('epoch'),
  nonce: reader.bytes(16, 'nonce'),
  timestampMs: reader.u64('timestamp'),
  signature: readSignature(reader),
  bytes: reader.view(0, reader.offset),
});

const decodeSyncReply = (reader: WireReader): SyncReply => ({
  type: 'sync_reply',
  from: reader.bytes(6, 'from'),
  nonce: reader.bytes(16, 'nonce'),
  requestTimestampMs: reader.u64('request_timestamp'),
  receiveTimeMs: reader.u64('receive_time'),
  beacon: decodeEmbeddedBeacon(reader),
  signature: readSignature(reader),
  bytes: reader.view(0, reader.offset),
});

const decodeEmbeddedBeacon = (reader: WireReader): Beacon => {
  const start = reader.offset;
  const outer = reader.open(messageTypes.beacon, 'beacon');
  const beacon = decodeBeacon(reader, start);
  reader.close(outer);
  return beacon;
};
