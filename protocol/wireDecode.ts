/**
 * Reads radio messages (3-interface §2, docs/wire.md). Fields are read in wire order: object literals evaluate top to
 * bottom. Semantics (freshness, terms, membership, signatures) are the receiver's business.
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
import { headerBytes, WireReader } from './wireReader.ts';

/**
 * Reads one whole radio message.
 * @returns the message; its byte fields and `bytes` are views of `bytes`, which must not change afterwards.
 * @throws WireError naming field and offset, whatever the bytes are.
 */
export const decodeMessage = (bytes: Uint8Array): RadioMessage => {
  const reader = new WireReader(bytes);
  const type = reader.openMessage();
  const message = decodeBody(reader, type);
  reader.closeMessage(message.type);
  return message;
};

/**
 * Reads a feature configuration on its own, as `encodeFeatureConfig` writes it: for stores, never for the radio.
 * @throws WireError
 */
export const decodeFeatureConfig = (bytes: Uint8Array): FeatureConfig => {
  const reader = new WireReader(bytes);
  const config = decodeConfig(reader, 'feature_config');
  if (reader.offset !== bytes.length) {
    throw new WireError(
      'WIRE_TRAILING',
      'feature_config',
      reader.offset,
      `${bytes.length - reader.offset} bytes after it`,
    );
  }
  return config;
};

const decodeBody = (reader: WireReader, type: number): RadioMessage => {
  switch (type) {
    case messageTypes.beacon:
      return decodeBeacon(reader, 0, '');
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

/** The fields of a beacon whose header, at `start`, has been read. `path` prefixes field names when it is embedded. */
const decodeBeacon = (reader: WireReader, start: number, path: string): Beacon => {
  const fields = {
    type: 'beacon' as const,
    epoch: reader.u32(`${path}epoch`),
    timestampMs: reader.u64(`${path}timestamp`),
    deltaTMs: reader.u32(`${path}delta_t`),
    clusterHead: reader.bytes(6, `${path}cluster_head_id`),
    beaconSeq: reader.u32(`${path}beacon_seq`),
    featureConfig: decodeConfig(reader, `${path}feature_config`),
  };
  const outer = reader.open(nestedTypes.beaconExtension, `${path}beacon_ext`);
  const term = reader.u32(`${path}beacon_ext.term`);
  const epochStartMs = reader.u64(`${path}beacon_ext.epoch_start`);
  reader.close(outer, `${path}beacon_ext`);
  const signature = reader.bytes(signatureBytes, `${path}signature`);
  const size = reader.offset - start;
  if (size > beaconBytesMax)
    throw new WireError('WIRE_LENGTH', `${path}beacon`, start, `${size} bytes, more than ${beaconBytesMax}`);
  return { ...fields, term, epochStartMs, signature, bytes: reader.view(start, reader.offset) };
};

const decodeConfig = (reader: WireReader, path: string): FeatureConfig => {
  const outer = reader.open(nestedTypes.featureConfig, path);
  const config = {
    version: reader.u32(`${path}.version`),
    configId: reader.bytes(16, `${path}.config_id`),
    pilotPlan: decodePilotPlan(reader, `${path}.pilot_plan`),
    measurementWindowMs: reader.u32(`${path}.measurement_window_ms`),
    sampleCount: reader.u16(`${path}.sample_count`),
    subcarrierSeed: reader.bytes(8, `${path}.subcarrier_seed`),
    subcarrierCount: reader.u16(`${path}.subcarrier_count`),
    quantizationAlpha: reader.f64(`${path}.quantization_alpha`),
    digest: reader.bytes(32, `${path}.digest`),
  };
  reader.close(outer, path);
  return config;
};

const decodePilotPlan = (reader: WireReader, path: string): PilotPlan => {
  const outer = reader.open(nestedTypes.pilotPlan, path);
  const frameDurationMs = reader.u32(`${path}.frame_duration_ms`);
  const slotsPerFrame = reader.u16(`${path}.slots_per_frame`);
  const pilotSlots = decodeSlots(reader, slotsPerFrame, path);
  const size = readCount(reader, `${path}.m`, trainingPatternBytesMax);
  const trainingPattern = reader.bytes(size, `${path}.training_pattern`);
  reader.close(outer, path);
  return { frameDurationMs, slotsPerFrame, pilotSlots, trainingPattern };
};

const decodeSlots = (reader: WireReader, slotsPerFrame: number, path: string): number[] => {
  const count = readCount(reader, `${path}.n`, pilotSlotsMax);
  const field = `${path}.slot`;
  const slots: number[] = [];
  let previous = -1;
  for (let i = 0; i < count; i++) {
    const at = reader.offset;
    const slot = reader.u16(field);
    if (slot <= previous) throw new WireError('WIRE_FIELD', field, at, `slot ${slot} after ${previous}: not ascending`);
    if (slot >= slotsPerFrame)
      throw new WireError('WIRE_FIELD', field, at, `slot ${slot} of a frame of ${slotsPerFrame}`);
    slots.push(slot);
    previous = slot;
  }
  return slots;
};

const readCount = (reader: WireReader, field: string, max: number): number => {
  const at = reader.offset;
  const count = reader.u16(field);
  if (count > max) throw new WireError('WIRE_FIELD', field, at, `${count}, more than ${max}`);
  return count;
};

const seal = (reader: WireReader) => ({
  signature: reader.bytes(signatureBytes, 'signature'),
  bytes: reader.view(0, reader.offset),
});

const decodeElection = (reader: WireReader): ElectionMessage => ({
  type: 'election',
  ...decodeCandidacy(reader),
  ...seal(reader),
});

const decodeAnswer = (reader: WireReader): Answer => ({ type: 'answer', ...decodeCandidacy(reader), ...seal(reader) });

const decodeCandidacy = (reader: WireReader) => ({
  from: reader.bytes(6, 'from'),
  term: reader.u32('term'),
  uptimeS: reader.u32('uptime_s'),
  rttMs: reader.u16('rtt_ms'),
});

const decodeCoordinator = (reader: WireReader): Coordinator => ({
  type: 'coordinator',
  clusterHead: reader.bytes(6, 'cluster_head'),
  term: reader.u32('term'),
  ...seal(reader),
});

const decodeHeartbeat = (reader: WireReader): Heartbeat => ({
  type: 'heartbeat',
  from: reader.bytes(6, 'from'),
  term: reader.u32('term'),
  seq: reader.u32('seq'),
  timestampMs: reader.u64('timestamp'),
  ...seal(reader),
});

const decodeSyncRequest = (reader: WireReader): SyncRequest => ({
  type: 'sync_request',
  from: reader.bytes(6, 'from'),
  epoch: reader.u32('epoch'),
  nonce: reader.bytes(16, 'nonce'),
  timestampMs: reader.u64('timestamp'),
  ...seal(reader),
});

const decodeSyncReply = (reader: WireReader): SyncReply => ({
  type: 'sync_reply',
  from: reader.bytes(6, 'from'),
  nonce: reader.bytes(16, 'nonce'),
  requestTimestampMs: reader.u64('request_timestamp'),
  receiveTimeMs: reader.u64('receive_time'),
  beacon: decodeEmbeddedBeacon(reader),
  ...seal(reader),
});

const decodeEmbeddedBeacon = (reader: WireReader): Beacon => {
  const start = reader.offset;
  const outer = reader.open(messageTypes.beacon, 'beacon');
  const beacon = decodeBeacon(reader, start, 'beacon.');
  reader.close(outer, 'beacon');
  return beacon;
};

/** The shortest message there is, COORDINATOR: anything shorter need not be looked at. */
export const messageBytesMin = headerBytes + 6 + 4 + signatureBytes;
