/** A small cluster's membership for tests: system key, administrator, two validators and a device; and ways to spoil it. */
import {
  createSigner,
  type Envelope,
  encodeNkeyPublic,
  fromBase64,
  fromHex,
  fromUtf8,
  generateKexKey,
  generateNkey,
  type Member,
  type MemberRole,
  MembershipError,
  membershipPayloadType,
  nkeySigner,
  type Snapshot,
  type SnapshotExpectations,
  type SnapshotFields,
  type SnapshotJson,
  signAdminProof,
  signEnvelope,
  signSnapshot,
  utf8,
  verifySnapshot,
} from '../../protocol/index.ts';

export const nowMs = 1_763_541_030_000;
export const ns = (timeMs: number): bigint => BigInt(timeMs) * 1_000_000n;
const hourMs = 3_600_000;

/** Repeatable bytes, never the same twice. */
export const counter = () => {
  let next = 1;
  return (length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    new DataView(bytes.buffer).setUint32(0, next++);
    return bytes;
  };
};

const random = counter();
export const system = createSigner(random(32));
export const admin = createSigner(random(32));
export const stranger = createSigner(random(32));
export const systemKey = encodeNkeyPublic(system.publicKey);
export const adminId = encodeNkeyPublic(admin.publicKey);

export const memberOf = (name: string, role: MemberRole, index: number, rank?: number): Member => {
  const member = generateNkey(random);
  return {
    name,
    role,
    peerId: member.publicKey,
    peerKey: nkeySigner(member.seed).publicKey,
    natsKey: generateNkey(random).publicKey,
    kexKey: fromHex(generateKexKey(random).publicKey),
    mac: Uint8Array.of(2, 0, 0, 0, index >> 8, index & 0xff),
    ...(rank === undefined ? {} : { rank }),
    addresses: [`/dns4/${name}.example/tcp/4222`],
  };
};

export const members: readonly Member[] = [
  memberOf('validator-1', 'validator', 1, 1),
  memberOf('validator-2', 'validator', 2, 2),
  memberOf('device-1', 'device', 3),
];

export const fields: SnapshotFields = {
  clusterId: 'lab',
  issuedAtNs: ns(nowMs) + 123_456_789n,
  seq: 1,
  genesisMs: nowMs,
  deltaTMs: 30_000,
  groupKey: createSigner(random(32)).publicKey,
  members,
};

export const proofFields = {
  clusterId: 'lab',
  peerId: adminId,
  validFromNs: ns(nowMs - hourMs),
  validToNs: ns(nowMs + hourMs),
};
export const proof: Envelope = signAdminProof(proofFields, system);

/** A valid envelope, but for what `change` says. */
export const envelopeOf = (change: Partial<SnapshotFields> = {}, adminProof = proof, signer = admin): Envelope =>
  signSnapshot({ ...fields, ...change }, adminProof, signer);

export const verify = (envelope: unknown, expected: Partial<SnapshotExpectations> = {}): Snapshot =>
  verifySnapshot(envelope, { systemKey, nowMs, ...expected });
export const refusal = (run: () => unknown): MembershipError => {
  try {
    run();
  } catch (error) {
    if (error instanceof MembershipError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};
/** The payload changed as JSON and signed again: what a faulty issuer would send. */
export const issued = (change: (json: Record<string, unknown>) => void, signer = admin): Envelope => {
  const json = JSON.parse(fromUtf8(fromBase64(envelopeOf().payload))) as SnapshotJson & Record<string, unknown>;
  change(json);
  return signEnvelope(membershipPayloadType, utf8(JSON.stringify(json)), signer);
};
export const firstMember = (json: Record<string, unknown>): Record<string, unknown> =>
  (json.members as Record<string, unknown>[])[0] as Record<string, unknown>;
export const withMembers = (...changes: Partial<Member>[]): Envelope =>
  envelopeOf({ members: members.map((member, i) => ({ ...member, ...changes[i] })) });
