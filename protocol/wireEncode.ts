/** Writes radio messages (3-interface §2, docs/wire.md). Every message has exactly one encoding. */
import {
  type AnswerFields,
  type BeaconFields,
  beaconBytesMax,
  type ElectionFields,
  type FeatureConfig,
  type HeartbeatFields,
  messageTypes,
  nestedTypes,
  type PilotPlan,
  pilotSlotsMax,
  type RadioMessage,
  type Sealed,
  type SyncReplyFields,
  type SyncRequestFields,
  signatureBytes,
  trainingPatternBytesMax,
  type UnsignedMessage,
} from './messages.ts';
import { headerBytes } from './wireReader.ts';
import { WireWriter } from './wireWriter.ts';

/** A message with its signature, however it was made; `bytes` is not needed. */
export type SignedMessage = RadioMessage | (UnsignedMessage & Pick<Sealed, 'signature'>);

/** One writer for all: encoding is synchronous and never nested, and a beacon a second should not cost 2 KB a second. */
const writer = new WireWriter();

/**
 * The bytes of a signed message.
 * @throws WireError for a value that a receiver would refuse.
 */
export const encodeMessage = (message: SignedMessage): Uint8Array => {
  writer.reset();
  writeMessage(message);
  writer.bytes(message.signature, signatureBytes, 'signature');
  return writer.written().slice();
};

/**
 * The bytes of a message up to its signature, outer length already counting it: what `signMessage` signs.
 * The result is a view that the next encoding overwrites.
 */
export const encodeUnsigned = (message: UnsignedMessage): Uint8Array => {
  writer.reset();
  writeMessage(message);
  return writer.written();
};

/** The whole 0x02 value with its header, as beacons carry it. */
export const encodeFeatureConfig = (config: FeatureConfig): Uint8Array => {
  writer.reset();
  writeConfig(config);
  return writer.written().slice();
};

/** The 0x02 value from its first byte to just before `digest`; a view that the next encoding overwrites. */
export const encodeDigestInput = (config: Omit<FeatureConfig, 'digest'>): Uint8Array => {
  writer.reset();
  writer.open(nestedTypes.featureConfig, 'feature_config');
  writeConfigFields(config);
  return writer.written(headerBytes);
};

/** Everything but the signature, whose length the header counts. */
const writeMessage = (message: UnsignedMessage): void => {
  writer.openMessage(messageTypes[message.type]);
  writeFields(message);
  writer.closeMessage(signatureBytes);
};

const writeFields = (message: UnsignedMessage): void => {
  switch (message.type) {
    case 'beacon':
      writeBeacon(message);
      break;
    case 'election':
    case 'answer':
      writeCandidacy(message);
      break;
    case 'coordinator':
      writer.bytes(message.clusterHead, 6, 'cluster_head');
      writer.u32(message.term, 'term');
      break;
    case 'heartbeat':
      writeHeartbeat(message);
      break;
    case 'sync_request':
      writeSyncRequest(message);
      break;
    case 'sync_reply':
      writeSyncReply(message);
      break;
  }
};

const writeHeartbeat = (message: HeartbeatFields): void => {
  writer.bytes(message.from, 6, 'from');
  writer.u32(message.term, 'term');
  writer.u32(message.seq, 'seq');
  writer.u64(message.timestampMs, 'timestamp');
};

const writeSyncRequest = (message: SyncRequestFields): void => {
  writer.bytes(message.from, 6, 'from');
  writer.u32(message.epoch, 'epoch');
  writer.bytes(message.nonce, 16, 'nonce');
  writer.u64(message.timestampMs, 'timestamp');
};

const writeCandidacy = (message: ElectionFields | AnswerFields): void => {
  writer.bytes(message.from, 6, 'from');
  writer.u32(message.term, 'term');
  writer.u32(message.uptimeS, 'uptime_s');
  writer.u16(message.rttMs, 'rtt_ms');
};

const writeSyncReply = (message: SyncReplyFields): void => {
  writer.bytes(message.from, 6, 'from');
  writer.bytes(message.nonce, 16, 'nonce');
  writer.u64(message.requestTimestampMs, 'request_timestamp');
  writer.u64(message.receiveTimeMs, 'receive_time');
  const start = writer.open(messageTypes.beacon, 'beacon');
  writeBeacon(message.beacon);
  writer.bytes(message.beacon.signature, signatureBytes, 'signature');
  writer.close(start);
};

const writeBeacon = (beacon: BeaconFields): void => {
  const start = writer.offset - headerBytes;
  writer.u32(beacon.epoch, 'epoch');
  writer.u64(beacon.timestampMs, 'timestamp');
  writer.u32(beacon.deltaTMs, 'delta_t');
  writer.bytes(beacon.clusterHead, 6, 'cluster_head_id');
  writer.u32(beacon.beaconSeq, 'beacon_seq');
  writeConfig(beacon.featureConfig);
  const extension = writer.open(nestedTypes.beaconExtension, 'beacon_ext');
  writer.u32(beacon.term, 'term');
  writer.u64(beacon.epochStartMs, 'epoch_start');
  writer.close(extension);
  const size = writer.offset + signatureBytes - start;
  writer.require(size <= beaconBytesMax, '', `${size} bytes, more than ${beaconBytesMax}`);
};

const writeConfig = (config: FeatureConfig): void => {
  const start = writer.open(nestedTypes.featureConfig, 'feature_config');
  writeConfigFields(config);
  writer.bytes(config.digest, 32, 'digest');
  writer.close(start);
};

const writeConfigFields = (config: Omit<FeatureConfig, 'digest'>): void => {
  writer.u32(config.version, 'version');
  writer.bytes(config.configId, 16, 'config_id');
  writePilotPlan(config.pilotPlan);
  writer.u32(config.measurementWindowMs, 'measurement_window_ms');
  writer.u16(config.sampleCount, 'sample_count');
  writer.bytes(config.subcarrierSeed, 8, 'subcarrier_seed');
  writer.u16(config.subcarrierCount, 'subcarrier_count');
  writer.f64(config.quantizationAlpha, 'quantization_alpha');
};

const writePilotPlan = (plan: PilotPlan): void => {
  const start = writer.open(nestedTypes.pilotPlan, 'pilot_plan');
  writer.u32(plan.frameDurationMs, 'frame_duration_ms');
  writer.u16(plan.slotsPerFrame, 'slots_per_frame');
  writeSlots(plan);
  const size = plan.trainingPattern.length;
  writer.require(size <= trainingPatternBytesMax, 'm', `${size}, more than ${trainingPatternBytesMax}`);
  writer.u16(size, 'm');
  writer.bytes(plan.trainingPattern, size, 'training_pattern');
  writer.close(start);
};

const writeSlots = ({ pilotSlots, slotsPerFrame }: PilotPlan): void => {
  writer.require(pilotSlots.length <= pilotSlotsMax, 'n', `${pilotSlots.length}, more than ${pilotSlotsMax}`);
  writer.u16(pilotSlots.length, 'n');
  let previous = -1;
  for (const slot of pilotSlots) {
    writer.require(slot > previous, 'slot', `slot ${slot} after ${previous}: not ascending`);
    writer.require(slot < slotsPerFrame, 'slot', `slot ${slot} of a frame of ${slotsPerFrame}`);
    writer.u16(slot, 'slot');
    previous = slot;
  }
};
