/** Membership as values and as the JSON that is signed (3-interface §3; seed document 003 gives the snake_case names). */
import { z } from 'zod';
import { envelopeSchema } from './envelope.ts';
import { type ErrorDetails, IsochronError } from './errors.ts';
import { isName, type MemberRole, memberRoles } from './roles.ts';

export const membershipPayloadType = 'application/vnd.isochron.membership+json';
export const adminProofPayloadType = 'application/vnd.isochron.admin-proof+json';

/** Validators, gateways and single devices; large fleets are enrolled elsewhere (decision 11). */
export const membersMax = 1000;
const addressesMax = 16;
const addressLengthMax = 256;

export type MembershipErrorCode =
  | 'MEMBERSHIP_ENVELOPE_INVALID'
  | 'MEMBERSHIP_PAYLOAD_TYPE'
  | 'MEMBERSHIP_PAYLOAD_INVALID'
  | 'MEMBERSHIP_SIGNATURE_INVALID'
  | 'MEMBERSHIP_WRONG_CLUSTER'
  | 'MEMBERSHIP_EXPIRED'
  | 'MEMBERSHIP_FROM_FUTURE'
  | 'MEMBERSHIP_TOO_MANY_MEMBERS'
  | 'MEMBERSHIP_NAME_RESERVED'
  | 'MEMBERSHIP_RANK_MISSING'
  | 'MEMBERSHIP_RANK_NOT_VALIDATOR'
  | 'MEMBERSHIP_DUPLICATE_NAME'
  | 'MEMBERSHIP_DUPLICATE_MAC'
  | 'MEMBERSHIP_DUPLICATE_RANK'
  | 'MEMBERSHIP_DUPLICATE_PEER'
  | 'MEMBERSHIP_DUPLICATE_NATS_KEY'
  | 'MEMBERSHIP_DUPLICATE_KEX_KEY'
  | 'MEMBERSHIP_SHARED_KEY'
  | 'ADMIN_PROOF_MISSING'
  | 'ADMIN_PROOF_INVALID'
  | 'ADMIN_PROOF_UNTRUSTED'
  | 'ADMIN_PROOF_WRONG_CLUSTER'
  | 'ADMIN_PROOF_WRONG_PEER'
  | 'ADMIN_PROOF_NOT_YET_VALID'
  | 'ADMIN_PROOF_EXPIRED';

/** A membership document is refused. `details.field` names the part, `details.value` the duplicate where there is one. */
export class MembershipError extends IsochronError {
  declare readonly code: MembershipErrorCode;

  constructor(code: MembershipErrorCode, field: string, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(code, 400, `${field}: ${message}`, { details: { field, ...details }, cause });
  }
}

const hexText = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `expected ${bytes} bytes in lower-case hex`);
const nameText = z.string().refine(isName, 'expected [a-z0-9-]{1,32}');
const nkeyText = z.string().max(64);
const timeText = z.string().max(40);
const unixMs = z.int().nonnegative();

const memberSchema = z.object({
  peer_id: nkeyText,
  nats_key: nkeyText,
  kex_key: hexText(32),
  name: nameText,
  mac: z.string().max(17),
  rank: z.int().min(0).max(255).nullish(),
  role: z.enum(memberRoles),
  addresses: z.array(z.string().max(addressLengthMax)).max(addressesMax),
});
export type MemberJson = z.infer<typeof memberSchema>;

/** The payload of a snapshot. Unknown fields are ignored: they are signed too, and later versions may add some. */
export const snapshotSchema = z.object({
  cluster_id: nameText,
  issued_at: timeText,
  issuer_peer_id: nkeyText,
  seq: z.int().nonnegative(),
  prev_hash: hexText(32).nullish(),
  expires_at: timeText.nullish(),
  genesis_ms: unixMs,
  delta_t_ms: z.int().min(1).max(0xffff_ffff),
  group_key: hexText(32),
  members: z.array(memberSchema).min(1),
  admin_proof: envelopeSchema,
});
export type SnapshotJson = z.infer<typeof snapshotSchema>;

export const adminProofSchema = z.object({
  role: z.literal('admin'),
  cluster_id: nameText,
  peer_id: nkeyText,
  valid_from: timeText,
  valid_to: timeText,
});
export type AdminProofJson = z.infer<typeof adminProofSchema>;

export interface Member {
  readonly name: string;
  readonly role: MemberRole;
  /** `U…`: the member key, which signs messages. */
  readonly peerId: string;
  /** The same, 32 bytes: what `verifyMessage` takes. */
  readonly peerKey: Uint8Array;
  /** `U…`: the key that connects to NATS. */
  readonly natsKey: string;
  /** X25519, 32 bytes. */
  readonly kexKey: Uint8Array;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Validators only. */
  readonly rank?: number | undefined;
  readonly addresses: readonly string[];
}

/** What an administrator decides; `signSnapshot` makes an envelope of it. */
export interface SnapshotFields {
  readonly clusterId: string;
  readonly issuedAtNs: bigint;
  readonly seq: number;
  /** SHA-256 of the payload before this one. */
  readonly prevHash?: Uint8Array;
  readonly expiresAtNs?: bigint;
  readonly genesisMs: number;
  readonly deltaTMs: number;
  /** Ed25519, 32 bytes: verifies admission tokens. */
  readonly groupKey: Uint8Array;
  readonly members: readonly Member[];
}

/** A verified membership. */
export interface Snapshot extends SnapshotFields {
  readonly issuerPeerId: string;
  /** SHA-256 of the payload bytes: the `prev_hash` of the next one. */
  readonly hash: Uint8Array;
  readonly adminProof: AdminProof;
}

export interface AdminProofFields {
  readonly clusterId: string;
  /** `U…` of the administrator who may issue snapshots. */
  readonly peerId: string;
  readonly validFromNs: bigint;
  readonly validToNs: bigint;
}
export type AdminProof = AdminProofFields;
