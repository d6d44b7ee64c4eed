/**
 * The radio messages as values (3-interface §2; 000 §2.3, §8.1). Byte fields of a decoded message are views of the bytes it
 * came from: whoever decodes gives that buffer up.
 */

/** TLV type bytes of the messages that stand alone. */
export const messageTypes = {
  beacon: 0x01,
  election: 0x10,
  answer: 0x11,
  coordinator: 0x12,
  heartbeat: 0x13,
  sync_request: 0x30,
  sync_reply: 0x31,
} as const;
export type MessageName = keyof typeof messageTypes;

/** TLV types that only occur inside others. */
export const nestedTypes = { featureConfig: 0x02, pilotPlan: 0x03, beaconExtension: 0x04 } as const;

/** One UDP datagram on Ethernet without fragments: 1500 − 20 (IP) − 8 (UDP). */
export const beaconBytesMax = 1472;
/** Bounds of the counted fields: they keep a beacon within one datagram. */
export const pilotSlotsMax = 256;
export const trainingPatternBytesMax = 512;
export const signatureBytes = 64;

export interface PilotPlan {
  readonly frameDurationMs: number;
  readonly slotsPerFrame: number;
  /** Ascending, distinct, below `slotsPerFrame`. */
  readonly pilotSlots: readonly number[];
  readonly trainingPattern: Uint8Array;
}

export interface FeatureConfig {
  readonly version: number;
  /** 16 bytes. */
  readonly configId: Uint8Array;
  readonly pilotPlan: PilotPlan;
  readonly measurementWindowMs: number;
  readonly sampleCount: number;
  /** 8 bytes. */
  readonly subcarrierSeed: Uint8Array;
  readonly subcarrierCount: number;
  readonly quantizationAlpha: number;
  /** 32 bytes; see `featureConfigDigest`. */
  readonly digest: Uint8Array;
}

/** The signed time of the cluster. All times are cluster time, Unix ms. */
export interface BeaconFields {
  readonly type: 'beacon';
  readonly epoch: number;
  readonly timestampMs: number;
  readonly deltaTMs: number;
  /** 6 bytes: MAC of the head, who signs. */
  readonly clusterHead: Uint8Array;
  readonly beaconSeq: number;
  readonly featureConfig: FeatureConfig;
  readonly term: number;
  readonly epochStartMs: number;
}

interface Candidacy {
  /** 6 bytes: MAC of the sender, who signs. */
  readonly from: Uint8Array;
  readonly term: number;
  readonly uptimeS: number;
  readonly rttMs: number;
}
export interface ElectionFields extends Candidacy {
  readonly type: 'election';
}
export interface AnswerFields extends Candidacy {
  readonly type: 'answer';
}
export interface CoordinatorFields {
  readonly type: 'coordinator';
  readonly clusterHead: Uint8Array;
  readonly term: number;
}
export interface HeartbeatFields {
  readonly type: 'heartbeat';
  readonly from: Uint8Array;
  readonly term: number;
  readonly seq: number;
  readonly timestampMs: number;
}
export interface SyncRequestFields {
  readonly type: 'sync_request';
  readonly from: Uint8Array;
  readonly epoch: number;
  /** 16 bytes. */
  readonly nonce: Uint8Array;
  /** Local clock of the asker when it sent this. */
  readonly timestampMs: number;
}
export interface SyncReplyFields {
  readonly type: 'sync_reply';
  readonly from: Uint8Array;
  readonly nonce: Uint8Array;
  readonly requestTimestampMs: number;
  /** Cluster clock of the answerer when the request arrived; the beacon's timestamp is when it left. */
  readonly receiveTimeMs: number;
  /** Whole, with its own signature, which is verified separately. */
  readonly beacon: Beacon;
}

/** A message before it is signed. */
export type UnsignedMessage =
  | BeaconFields
  | ElectionFields
  | AnswerFields
  | CoordinatorFields
  | HeartbeatFields
  | SyncRequestFields
  | SyncReplyFields;

/** What a message gains by travelling. */
export interface Sealed {
  /** 64 bytes, Ed25519. */
  readonly signature: Uint8Array;
  /** The message as it travelled, header and signature included: what `verifyMessage` checks. */
  readonly bytes: Uint8Array;
}

export type Beacon = BeaconFields & Sealed;
export type ElectionMessage = ElectionFields & Sealed;
export type Answer = AnswerFields & Sealed;
export type Coordinator = CoordinatorFields & Sealed;
export type Heartbeat = HeartbeatFields & Sealed;
export type SyncRequest = SyncRequestFields & Sealed;
export type SyncReply = SyncReplyFields & Sealed;

/** Every message that stands alone, told apart by `type`. */
export type RadioMessage = Beacon | ElectionMessage | Answer | Coordinator | Heartbeat | SyncRequest | SyncReply;
