/**
 * The material of a new cluster (3-interface §3): every key, the signed membership and the shares of the group key.
 * Pure: `init` writes it to files, a simulation keeps it in memory.
 */

import { fromHex } from './bytes.ts';
import { createSigner } from './crypto.ts';
import type { Envelope } from './envelope.ts';
import { dealGroupKey } from './groupKey.ts';
import { generateKexKey, generateNkey, type KexKey, type Nkey } from './identity.ts';
import { signAdminProof, signSnapshot } from './membershipSign.ts';
import type { Member } from './membershipTypes.ts';
import { decodeNkeyPublic, decodeNkeySeed } from './nkeys.ts';
import type { MemberRole } from './roles.ts';

export interface ClusterPlan {
  readonly cluster: string;
  readonly validators: number;
  readonly devices: number;
  /** When epoch 0 begins, Unix ms; also when the snapshot is issued. */
  readonly genesisMs: number;
  readonly deltaTMs: number;
  readonly random: (length: number) => Uint8Array;
}

/** Everything one node keeps; only the public parts are in the membership. */
export interface NodeMaterial {
  readonly name: string;
  readonly role: MemberRole;
  readonly rank: number | undefined;
  readonly mac: Uint8Array;
  readonly member: Nkey;
  readonly nats: Nkey;
  readonly kex: KexKey;
  /** Validators only; see `dealGroupKey`. */
  readonly groupShare: Uint8Array | undefined;
}

export interface ClusterMaterial {
  readonly system: Nkey;
  readonly admin: Nkey;
  readonly adminProof: Envelope;
  readonly membership: Envelope;
  readonly nodes: readonly NodeMaterial[];
}

const NS_PER_MS = 1_000_000n;
/** An administrator's mandate: long enough to live with, short enough to be renewed. */
const ADMIN_PROOF_MS = 365 * 24 * 3_600_000;
/** Locally administered, so that no real radio has it. */
const MAC_PREFIX = 0x02;
const MAC_KIND: Record<MemberRole, number> = { validator: 0xff, device: 0x01, client: 0x02 };

/** Ascending with the index, so that the last validator is the strongest; validators above devices. */
const macOf = (role: MemberRole, index: number): Uint8Array =>
  Uint8Array.of(MAC_PREFIX, MAC_KIND[role], 0, 0, index >> 8, index & 0xff);

/** Draws all keys of a new cluster and signs its first membership. */
export const dealCluster = async (plan: ClusterPlan): Promise<ClusterMaterial> => {
  const { cluster, genesisMs, deltaTMs, random } = plan;
  const system = generateNkey(random);
  const admin = generateNkey(random);
  const group = await dealGroupKey({ validators: plan.validators, random });
  const node = (role: MemberRole, index: number): NodeMaterial => ({
    name: `${role}-${index}`,
    role,
    rank: role === 'validator' ? index : undefined,
    mac: macOf(role, index),
    member: generateNkey(random),
    nats: generateNkey(random),
    kex: generateKexKey(random),
    groupShare: role === 'validator' ? group.shares[index - 1] : undefined,
  });
  const from1 = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
  const nodes = [
    ...from1(plan.validators).map((index) => node('validator', index)),
    ...from1(plan.devices).map((index) => node('device', index)),
  ];
  const issuedAtNs = BigInt(Math.floor(genesisMs)) * NS_PER_MS;
  const adminProof = signAdminProof(
    {
      clusterId: cluster,
      peerId: admin.publicKey,
      validFromNs: issuedAtNs,
      validToNs: issuedAtNs + BigInt(ADMIN_PROOF_MS) * NS_PER_MS,
    },
    createSigner(decodeNkeySeed(system.seed)),
  );
  const membership = signSnapshot(
    {
      clusterId: cluster,
      issuedAtNs,
      seq: 1,
      genesisMs,
      deltaTMs,
      groupKey: group.groupKey,
      members: nodes.map(publicPart),
    },
    adminProof,
    createSigner(decodeNkeySeed(admin.seed)),
  );
  return { system, admin, adminProof, membership, nodes };
};

const publicPart = (node: NodeMaterial): Member => ({
  name: node.name,
  role: node.role,
  peerId: node.member.publicKey,
  peerKey: decodeNkeyPublic(node.member.publicKey),
  natsKey: node.nats.publicKey,
  kexKey: fromHex(node.kex.publicKey),
  mac: node.mac,
  ...(node.rank === undefined ? {} : { rank: node.rank }),
  addresses: [],
});
