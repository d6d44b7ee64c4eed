/**
 * Verifies a membership envelope (3-interface §3, decision 11): system key → admin proof → administrator → snapshot.
 * Signatures are checked over the bytes as they came, before those bytes are read. Pure: the time is an argument.
 */
import type { z } from 'zod';
import { fromHex, fromUtf8 } from './bytes.ts';
import { sha256 } from './crypto.ts';
import { type Envelope, envelopeSchema, openEnvelope } from './envelope.ts';
import { IsochronError } from './errors.ts';
import { parseMac } from './identity.ts';
import {
  type AdminProof,
  adminProofPayloadType,
  adminProofSchema,
  type Member,
  type MemberJson,
  MembershipError,
  type MembershipErrorCode,
  membershipPayloadType,
  membersMax,
  type Snapshot,
  type SnapshotJson,
  snapshotSchema,
} from './membershipTypes.ts';
import { assertUniqueMembers } from './membershipUnique.ts';
import { decodeNkeyPublic } from './nkeys.ts';
import { parseRfc3339Nano } from './rfc3339.ts';

/** How far an issuer's clock may be ahead of ours. */
export const issuerClockSkewMs = 60_000;

export interface SnapshotExpectations {
  /** `U…`: the key everything hangs on. */
  readonly systemKey: string;
  readonly clusterId?: string;
  /**
   * Unix ms. Left out, the snapshot is judged as of its own `issued_at`: for one this node accepted before, read again at
   * a start when no clock can be trusted yet.
   */
  readonly nowMs?: number;
}

/**
 * Verifies and reads a snapshot.
 * @param envelope whatever came: parsed JSON of unknown shape.
 * @throws MembershipError with one code a reason.
 */
export const verifySnapshot = (envelope: unknown, expected: SnapshotExpectations): Snapshot => {
  const { payload, signers } = open(
    envelope,
    membershipPayloadType,
    'MEMBERSHIP_ENVELOPE_INVALID',
    'MEMBERSHIP_PAYLOAD_TYPE',
  );
  if (signers.length === 0)
    throw new MembershipError('MEMBERSHIP_SIGNATURE_INVALID', 'signatures', 'no signature holds');
  const json = readSnapshot(payload);
  if (!signers.includes(json.issuer_peer_id)) {
    throw new MembershipError('MEMBERSHIP_SIGNATURE_INVALID', 'issuer_peer_id', 'the issuer did not sign this');
  }
  if (expected.clusterId !== undefined && json.cluster_id !== expected.clusterId) {
    throw new MembershipError('MEMBERSHIP_WRONG_CLUSTER', 'cluster_id', `expected ${expected.clusterId}`, {
      value: json.cluster_id,
    });
  }
  const adminProof = verifyAdminProof(json.admin_proof, { systemKey: expected.systemKey });
  const snapshot = snapshotOf(json, adminProof, sha256(payload));
  assertIssuer(snapshot);
  assertCurrent(snapshot, expected.nowMs === undefined ? snapshot.issuedAtNs : nanoseconds(expected.nowMs));
  return snapshot;
};

/**
 * Verifies that the system key made an administrator; `nowMs` given, also that the proof holds now.
 * @throws MembershipError
 */
export const verifyAdminProof = (
  envelope: unknown,
  expected: { readonly systemKey: string; readonly nowMs?: number },
): AdminProof => {
  const { payload, signers } = open(envelope, adminProofPayloadType, 'ADMIN_PROOF_INVALID', 'ADMIN_PROOF_INVALID');
  if (!signers.includes(expected.systemKey)) {
    throw new MembershipError('ADMIN_PROOF_UNTRUSTED', 'admin_proof', 'not signed by the system key');
  }
  const json = parse(adminProofSchema, payload, 'ADMIN_PROOF_INVALID', 'admin_proof');
  const proof = reading('ADMIN_PROOF_INVALID', 'admin_proof', () => ({
    clusterId: json.cluster_id,
    peerId: json.peer_id,
    validFromNs: parseRfc3339Nano(json.valid_from, 'valid_from'),
    validToNs: parseRfc3339Nano(json.valid_to, 'valid_to'),
  }));
  if (expected.nowMs !== undefined) assertProofHolds(proof, nanoseconds(expected.nowMs));
  return proof;
};

const nanoseconds = (timeMs: number): bigint => BigInt(Math.floor(timeMs)) * 1_000_000n;
const skewNs = BigInt(issuerClockSkewMs) * 1_000_000n;

const assertProofHolds = (proof: AdminProof, atNs: bigint): void => {
  if (atNs + skewNs < proof.validFromNs) {
    throw new MembershipError('ADMIN_PROOF_NOT_YET_VALID', 'admin_proof.valid_from', 'lies in the future');
  }
  if (atNs > proof.validToNs) throw new MembershipError('ADMIN_PROOF_EXPIRED', 'admin_proof.valid_to', 'has passed');
};

/** The administrator of the proof issued this, for this cluster. */
const assertIssuer = ({ adminProof, clusterId, issuerPeerId }: Snapshot): void => {
  if (adminProof.clusterId !== clusterId) {
    throw new MembershipError('ADMIN_PROOF_WRONG_CLUSTER', 'admin_proof.cluster_id', `expected ${clusterId}`, {
      value: adminProof.clusterId,
    });
  }
  if (adminProof.peerId !== issuerPeerId) {
    throw new MembershipError('ADMIN_PROOF_WRONG_PEER', 'admin_proof.peer_id', `expected the issuer, ${issuerPeerId}`);
  }
};

/** Valid when it was issued, and now. */
const assertCurrent = ({ adminProof, expiresAtNs, issuedAtNs }: Snapshot, nowNs: bigint): void => {
  assertProofHolds(adminProof, issuedAtNs);
  assertProofHolds(adminProof, nowNs);
  if (issuedAtNs > nowNs + skewNs) {
    throw new MembershipError('MEMBERSHIP_FROM_FUTURE', 'issued_at', `more than ${issuerClockSkewMs} ms in the future`);
  }
  if (expiresAtNs !== undefined && nowNs >= expiresAtNs)
    throw new MembershipError('MEMBERSHIP_EXPIRED', 'expires_at', 'has passed');
};

const open = (envelope: unknown, payloadType: string, invalid: MembershipErrorCode, wrongType: MembershipErrorCode) => {
  const parsed = envelopeSchema.safeParse(envelope);
  if (!parsed.success) throw invalidShape(parsed.error, invalid, 'envelope');
  const read: Envelope = parsed.data;
  if (read.payloadType !== payloadType) throw new MembershipError(wrongType, 'payloadType', `expected ${payloadType}`);
  return reading(invalid, 'envelope', () => openEnvelope(read));
};

/** Runs a reader; whatever text it refuses becomes one membership error naming the field. */
const reading = <T>(code: MembershipErrorCode, path: string, read: () => T): T => {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof IsochronError) || cause instanceof MembershipError) throw cause;
    const { field = '' } = cause.details;
    throw new MembershipError(code, `${path}.${field}`, cause.message, {}, cause);
  }
};

const invalidShape = (error: z.ZodError, code: MembershipErrorCode, path: string): MembershipError => {
  const issue = error.issues[0];
  const field = [path, ...(issue?.path ?? [])].join('.');
  return new MembershipError(code, field, issue?.message ?? 'invalid', {}, error);
};

const parseJson = (payload: Uint8Array, code: MembershipErrorCode, path: string): unknown => {
  try {
    return JSON.parse(fromUtf8(payload));
  } catch (cause) {
    throw new MembershipError(code, path, 'not JSON', {}, cause);
  }
};

const parse = <T>(schema: z.ZodType<T>, payload: Uint8Array, code: MembershipErrorCode, path: string): T => {
  const parsed = schema.safeParse(parseJson(payload, code, path));
  if (!parsed.success) throw invalidShape(parsed.error, code, path);
  return parsed.data;
};

/** Cheap refusals come before the schema walks a long list. */
const readSnapshot = (payload: Uint8Array): SnapshotJson => {
  const json = parseJson(payload, 'MEMBERSHIP_PAYLOAD_INVALID', 'payload');
  if (typeof json === 'object' && json !== null) {
    if (!('admin_proof' in json) || json.admin_proof === null)
      throw new MembershipError('ADMIN_PROOF_MISSING', 'admin_proof', 'missing');
    if ('members' in json && Array.isArray(json.members) && json.members.length > membersMax) {
      throw new MembershipError(
        'MEMBERSHIP_TOO_MANY_MEMBERS',
        'members',
        `${json.members.length}, more than ${membersMax}`,
      );
    }
  }
  const parsed = snapshotSchema.safeParse(json);
  if (!parsed.success) throw invalidShape(parsed.error, 'MEMBERSHIP_PAYLOAD_INVALID', 'payload');
  return parsed.data;
};

const snapshotOf = (json: SnapshotJson, adminProof: AdminProof, hash: Uint8Array): Snapshot =>
  reading('MEMBERSHIP_PAYLOAD_INVALID', 'payload', () => {
    const members = json.members.map(memberOf);
    assertUniqueMembers(members);
    return {
      clusterId: json.cluster_id,
      issuedAtNs: parseRfc3339Nano(json.issued_at, 'issued_at'),
      issuerPeerId: json.issuer_peer_id,
      seq: json.seq,
      ...(json.prev_hash ? { prevHash: fromHex(json.prev_hash, 32, 'prev_hash') } : {}),
      ...(json.expires_at ? { expiresAtNs: parseRfc3339Nano(json.expires_at, 'expires_at') } : {}),
      genesisMs: json.genesis_ms,
      deltaTMs: json.delta_t_ms,
      groupKey: fromHex(json.group_key, 32, 'group_key'),
      members,
      hash,
      adminProof,
    };
  });

const memberOf = (json: MemberJson, index: number): Member => {
  const at = `members.${index}`;
  decodeNkeyPublic(json.nats_key, `${at}.nats_key`);
  return {
    name: json.name,
    role: json.role,
    peerId: json.peer_id,
    peerKey: decodeNkeyPublic(json.peer_id, `${at}.peer_id`),
    natsKey: json.nats_key,
    kexKey: fromHex(json.kex_key, 32, `${at}.kex_key`),
    mac: parseMac(json.mac, `${at}.mac`),
    ...(json.rank === null || json.rank === undefined ? {} : { rank: json.rank }),
    addresses: json.addresses,
  };
};
