/** Every way a membership snapshot can be wrong has its own code, and names the part that is wrong (3-interface §3). */
import { describe, expect, it } from 'vitest';
import {
  adminProofPayloadType,
  fromBase64,
  fromUtf8,
  issuerClockSkewMs,
  type MembershipError,
  membershipPayloadType,
  signAdminProof,
  signEnvelope,
  toBase64,
  utf8,
} from '../protocol/index.ts';
import {
  admin,
  adminId,
  envelopeOf,
  firstMember,
  issued,
  members,
  nowMs,
  ns,
  proof,
  proofFields,
  refusal,
  stranger,
  system,
  verify,
  withMembers,
} from './support/membership.ts';

describe('a snapshot is refused', () => {
  const envelope = envelopeOf();
  const cases: [string, MembershipError['code'], string, () => unknown][] = [
    ['when it is nothing', 'MEMBERSHIP_ENVELOPE_INVALID', 'envelope', () => verify(undefined)],
    ['when it is text', 'MEMBERSHIP_ENVELOPE_INVALID', 'envelope', () => verify('envelope')],
    [
      'without signatures',
      'MEMBERSHIP_ENVELOPE_INVALID',
      'envelope.signatures',
      () => verify({ ...envelope, signatures: [] }),
    ],
    [
      'with more signatures than anyone needs',
      'MEMBERSHIP_ENVELOPE_INVALID',
      'envelope.signatures',
      () => verify({ ...envelope, signatures: Array.from({ length: 9 }, () => envelope.signatures[0]) }),
    ],
    [
      'with a key id that is no key',
      'MEMBERSHIP_ENVELOPE_INVALID',
      'envelope.signatures.0.keyid',
      () => verify({ ...envelope, signatures: [{ ...envelope.signatures[0], keyid: 'admin' }] }),
    ],
    [
      'when its payload is not base64',
      'MEMBERSHIP_ENVELOPE_INVALID',
      'envelope.payload',
      () => verify({ ...envelope, payload: `${envelope.payload.slice(0, -4)}@@@@` }),
    ],
    [
      'of another payload type',
      'MEMBERSHIP_PAYLOAD_TYPE',
      'payloadType',
      () => verify(signEnvelope('application/json', fromBase64(envelope.payload), admin)),
    ],
    [
      'relabelled from another payload type',
      'MEMBERSHIP_SIGNATURE_INVALID',
      'signatures',
      () =>
        verify({
          ...signEnvelope(adminProofPayloadType, fromBase64(envelope.payload), admin),
          payloadType: membershipPayloadType,
        }),
    ],
    [
      'when the payload has changed',
      'MEMBERSHIP_SIGNATURE_INVALID',
      'signatures',
      () =>
        verify({
          ...envelope,
          payload: toBase64(utf8(fromUtf8(fromBase64(envelope.payload)).replace('device-1', 'device-2'))),
        }),
    ],
    [
      'signed by somebody else in the issuer’s name',
      'MEMBERSHIP_SIGNATURE_INVALID',
      'issuer_peer_id',
      () => verify(issued(() => {}, stranger)),
    ],
    [
      'that is no JSON',
      'MEMBERSHIP_PAYLOAD_INVALID',
      'payload',
      () => verify(signEnvelope(membershipPayloadType, utf8('{'), admin)),
    ],
    [
      'that is no UTF-8',
      'MEMBERSHIP_PAYLOAD_INVALID',
      'payload',
      () => verify(signEnvelope(membershipPayloadType, Uint8Array.of(0x22, 0xff, 0x22), admin)),
    ],
    [
      'that is a list',
      'ADMIN_PROOF_MISSING',
      'admin_proof',
      () => verify(signEnvelope(membershipPayloadType, utf8('[]'), admin)),
    ],
    [
      'that is null',
      'MEMBERSHIP_PAYLOAD_INVALID',
      'payload',
      () => verify(signEnvelope(membershipPayloadType, utf8('null'), admin)),
    ],
    [
      'with a field of the wrong type',
      'MEMBERSHIP_PAYLOAD_INVALID',
      'payload.seq',
      () => verify(issued((json) => (json.seq = '1'))),
    ],
    [
      'with a time that is none',
      'MEMBERSHIP_PAYLOAD_INVALID',
      'payload.issued_at',
      () => verify(issued((json) => (json.issued_at = 'yesterday'))),
    ],
    [
      'with a group key that is no key',
      'MEMBERSHIP_PAYLOAD_INVALID',
      'payload.group_key',
      () => verify(issued((json) => (json.group_key = 'AB'))),
    ],
    [
      'with a member key that is no key',
      'MEMBERSHIP_PAYLOAD_INVALID',
      'payload.members.0.peer_id',
      () => verify(issued((json) => (firstMember(json).peer_id = `U${'A'.repeat(55)}`))),
    ],
    [
      'with a NATS key that is no key',
      'MEMBERSHIP_PAYLOAD_INVALID',
      'payload.members.0.nats_key',
      () => verify(issued((json) => (firstMember(json).nats_key = 'none'))),
    ],
    [
      'with a MAC that is none',
      'MEMBERSHIP_PAYLOAD_INVALID',
      'payload.members.0.mac',
      () => verify(issued((json) => (firstMember(json).mac = '02:00'))),
    ],
    [
      'with a name outside [a-z0-9-]',
      'MEMBERSHIP_PAYLOAD_INVALID',
      'payload.members.0.name',
      () => verify(withMembers({ name: 'a.b' })),
    ],
    [
      'with a role that none has',
      'MEMBERSHIP_PAYLOAD_INVALID',
      'payload.members.0.role',
      () => verify(issued((json) => (firstMember(json).role = 'cluster_head'))),
    ],
    ['without members', 'MEMBERSHIP_PAYLOAD_INVALID', 'payload.members', () => verify(envelopeOf({ members: [] }))],
    [
      'of another cluster than the node’s',
      'MEMBERSHIP_WRONG_CLUSTER',
      'cluster_id',
      () => verify(envelope, { clusterId: 'other' }),
    ],
    ['once it has expired', 'MEMBERSHIP_EXPIRED', 'expires_at', () => verify(envelopeOf({ expiresAtNs: ns(nowMs) }))],
    [
      'from the future',
      'MEMBERSHIP_FROM_FUTURE',
      'issued_at',
      () => verify(envelopeOf({ issuedAtNs: ns(nowMs + issuerClockSkewMs) + 1n })),
    ],
    [
      'with a reserved name',
      'MEMBERSHIP_NAME_RESERVED',
      'members.2.name',
      () => verify(withMembers({}, {}, { name: 'host' })),
    ],
    [
      'with a validator without rank',
      'MEMBERSHIP_RANK_MISSING',
      'members.0.rank',
      () => verify(withMembers({ rank: undefined })),
    ],
    [
      'with a device that has a rank',
      'MEMBERSHIP_RANK_NOT_VALIDATOR',
      'members.2.rank',
      () => verify(withMembers({}, {}, { rank: 3 })),
    ],
    [
      'with a name twice',
      'MEMBERSHIP_DUPLICATE_NAME',
      'members.1.name',
      () => verify(withMembers({}, { name: 'validator-1' })),
    ],
    [
      'with a MAC twice',
      'MEMBERSHIP_DUPLICATE_MAC',
      'members.2.mac',
      () => verify(withMembers({}, {}, { mac: members[0]!.mac })),
    ],
    ['with a rank twice', 'MEMBERSHIP_DUPLICATE_RANK', 'members.1.rank', () => verify(withMembers({}, { rank: 1 }))],
    [
      'with a member key twice',
      'MEMBERSHIP_DUPLICATE_PEER',
      'members.1.peer_id',
      () => verify(withMembers({}, { peerId: members[0]!.peerId })),
    ],
    [
      'with a NATS key twice',
      'MEMBERSHIP_DUPLICATE_NATS_KEY',
      'members.1.nats_key',
      () => verify(withMembers({}, { natsKey: members[0]!.natsKey })),
    ],
    [
      'with an agreement key twice',
      'MEMBERSHIP_DUPLICATE_KEX_KEY',
      'members.1.kex_key',
      () => verify(withMembers({}, { kexKey: members[0]!.kexKey })),
    ],
    [
      'when a key both signs and connects',
      'MEMBERSHIP_SHARED_KEY',
      'members.1.nats_key',
      () => verify(withMembers({}, { natsKey: members[0]!.peerId })),
    ],
    [
      'without an admin proof',
      'ADMIN_PROOF_MISSING',
      'admin_proof',
      () => verify(issued((json) => delete json.admin_proof)),
    ],
    [
      'with an admin proof that is null',
      'ADMIN_PROOF_MISSING',
      'admin_proof',
      () => verify(issued((json) => (json.admin_proof = null))),
    ],
    [
      'with an admin proof of another type',
      'ADMIN_PROOF_INVALID',
      'payloadType',
      () => verify(envelopeOf({}, signEnvelope(membershipPayloadType, fromBase64(proof.payload), system))),
    ],
    [
      'with an admin proof for another role',
      'ADMIN_PROOF_INVALID',
      'admin_proof.role',
      () =>
        verify(
          envelopeOf(
            {},
            signEnvelope(
              adminProofPayloadType,
              utf8(fromUtf8(fromBase64(proof.payload)).replace('"admin"', '"viewer"')),
              system,
            ),
          ),
        ),
    ],
    [
      'with an admin proof signed by somebody else',
      'ADMIN_PROOF_UNTRUSTED',
      'admin_proof',
      () => verify(envelopeOf({}, signAdminProof(proofFields, stranger))),
    ],
    [
      'with an admin proof the administrator signed for himself',
      'ADMIN_PROOF_UNTRUSTED',
      'admin_proof',
      () => verify(envelopeOf({}, signAdminProof(proofFields, admin))),
    ],
    [
      'under another system key',
      'ADMIN_PROOF_UNTRUSTED',
      'admin_proof',
      () => verify(envelope, { systemKey: adminId }),
    ],
    [
      'with an admin proof for another cluster',
      'ADMIN_PROOF_WRONG_CLUSTER',
      'admin_proof.cluster_id',
      () => verify(envelopeOf({}, signAdminProof({ ...proofFields, clusterId: 'other' }, system))),
    ],
    [
      'with somebody else’s admin proof',
      'ADMIN_PROOF_WRONG_PEER',
      'admin_proof.peer_id',
      () => verify(envelopeOf({}, proof, stranger)),
    ],
    [
      'before the admin proof holds',
      'ADMIN_PROOF_NOT_YET_VALID',
      'admin_proof.valid_from',
      () =>
        verify(
          envelopeOf(
            {},
            signAdminProof({ ...proofFields, validFromNs: ns(nowMs + issuerClockSkewMs) + 10n ** 9n }, system),
          ),
        ),
    ],
    [
      'after the admin proof has run out',
      'ADMIN_PROOF_EXPIRED',
      'admin_proof.valid_to',
      () => verify(envelope, { nowMs: Number(proofFields.validToNs / 1_000_000n) + 1 }),
    ],
    [
      'issued after the admin proof had run out',
      'ADMIN_PROOF_EXPIRED',
      'admin_proof.valid_to',
      () => verify(envelopeOf({ issuedAtNs: proofFields.validToNs + 1n })),
    ],
  ];

  it.each(cases)('%s: %s', (_when, code, field, run) => {
    const error = refusal(run);
    expect([error.code, error.details.field]).toEqual([code, field]);
    expect(error.status).toBe(400);
  });

  it('for one reason at a time, each with its own code', () => {
    const codes = new Set(cases.map(([, code]) => code));
    expect(codes.size).toBeGreaterThanOrEqual(23);
  });
});
