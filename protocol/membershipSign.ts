/** Issues membership (3-interface §3): the admin proof, the snapshot, and the bundle that makes somebody an administrator. */
import { z } from 'zod';
import { fromBase64, fromUtf8, toBase64, toHex, utf8 } from './bytes.ts';
import type { Signer } from './cryptoTypes.ts';
import { type Envelope, envelopeSchema, signEnvelope } from './envelope.ts';
import { IsochronError } from './errors.ts';
import { macText } from './identity.ts';
import {
  type AdminProofFields,
  type AdminProofJson,
  adminProofPayloadType,
  type Member,
  type MemberJson,
  membershipPayloadType,
  type SnapshotFields,
  type SnapshotJson,
} from './membershipTypes.ts';
import { encodeNkeyPublic } from './nkeys.ts';
import { formatRfc3339Nano } from './rfc3339.ts';

const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value));

/** The system key makes `fields.peerId` an administrator for a time. */
export const signAdminProof = (fields: AdminProofFields, systemSigner: Signer): Envelope => {
  const payload: AdminProofJson = {
    role: 'admin',
    cluster_id: fields.clusterId,
    peer_id: fields.peerId,
    valid_from: formatRfc3339Nano(fields.validFromNs),
    valid_to: formatRfc3339Nano(fields.validToNs),
  };
  return signEnvelope(adminProofPayloadType, json(payload), systemSigner);
};

const memberJson = (member: Member): MemberJson => ({
  peer_id: member.peerId,
  nats_key: member.natsKey,
  kex_key: toHex(member.kexKey),
  name: member.name,
  mac: macText(member.mac),
  ...(member.rank === undefined ? {} : { rank: member.rank }),
  role: member.role,
  addresses: [...member.addresses],
});

/**
 * Issues a snapshot; the issuer is `adminSigner`. Rules are not checked here: pass the result to `verifySnapshot` before
 * handing it out.
 */
export const signSnapshot = (fields: SnapshotFields, adminProof: Envelope, adminSigner: Signer): Envelope => {
  const payload: SnapshotJson = {
    cluster_id: fields.clusterId,
    issued_at: formatRfc3339Nano(fields.issuedAtNs),
    issuer_peer_id: encodeNkeyPublic(adminSigner.publicKey),
    seq: fields.seq,
    ...(fields.prevHash === undefined ? {} : { prev_hash: toHex(fields.prevHash) }),
    ...(fields.expiresAtNs === undefined ? {} : { expires_at: formatRfc3339Nano(fields.expiresAtNs) }),
    genesis_ms: fields.genesisMs,
    delta_t_ms: fields.deltaTMs,
    group_key: toHex(fields.groupKey),
    members: fields.members.map(memberJson),
    admin_proof: adminProof,
  };
  return signEnvelope(membershipPayloadType, json(payload), adminSigner);
};

const bundlePrefix = 'p2pos-admin://';

const bundleSchema = z.object({
  cluster_id: z.string().max(32),
  system_pubkey: z.string().max(64),
  admin_seed: z.string().max(64),
  admin_proof: envelopeSchema,
  operator_seed: z.string().max(64),
  bootstrap: z.array(z.string().max(256)).max(16),
});

/** Everything an administrator needs, secrets included. */
export interface AdminBundle {
  readonly clusterId: string;
  /** `U…` */
  readonly systemKey: string;
  /** `SU…` */
  readonly adminSeed: string;
  readonly adminProof: Envelope;
  /** `SU…` */
  readonly operatorSeed: string;
  /** NATS URLs. */
  readonly bootstrap: readonly string[];
}

/** A text is not an admin bundle. The text is never repeated: it holds seeds. */
export class AdminBundleError extends IsochronError {
  constructor(field: string, message: string) {
    super('ADMIN_BUNDLE_INVALID', 400, `${field}: ${message}`, { details: { field } });
  }
}

/** `p2pos-admin://…` */
export const encodeAdminBundle = (bundle: AdminBundle): string => {
  const fields: z.infer<typeof bundleSchema> = {
    cluster_id: bundle.clusterId,
    system_pubkey: bundle.systemKey,
    admin_seed: bundle.adminSeed,
    admin_proof: bundle.adminProof,
    operator_seed: bundle.operatorSeed,
    bootstrap: [...bundle.bootstrap],
  };
  return bundlePrefix + toBase64(json(fields));
};

const bundleFields = (text: string): unknown => {
  try {
    return JSON.parse(fromUtf8(fromBase64(text)));
  } catch {
    throw new AdminBundleError('admin bundle', 'expected base64 of JSON');
  }
};

/** @throws AdminBundleError naming the field; keys and proof inside are checked by whoever uses them. */
export const decodeAdminBundle = (text: string): AdminBundle => {
  const trimmed = text.trim();
  if (!trimmed.startsWith(bundlePrefix)) throw new AdminBundleError('admin bundle', `expected ${bundlePrefix}…`);
  const parsed = bundleSchema.safeParse(bundleFields(trimmed.slice(bundlePrefix.length)));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new AdminBundleError(issue?.path.join('.') ?? 'admin bundle', issue?.message ?? 'invalid');
  }
  const { data } = parsed;
  return {
    clusterId: data.cluster_id,
    systemKey: data.system_pubkey,
    adminSeed: data.admin_seed,
    adminProof: data.admin_proof,
    operatorSeed: data.operator_seed,
    bootstrap: data.bootstrap,
  };
};
