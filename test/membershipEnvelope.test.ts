/** The root of trust: a snapshot is believed only along the whole chain, and every way to break it has its own code. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AdminBundleError,
  adminProofPayloadType,
  decodeAdminBundle,
  type Envelope,
  encodeAdminBundle,
  fromBase64,
  fromUtf8,
  IsochronError,
  issuerClockSkewMs,
  type Member,
  Members,
  MembershipError,
  membershipPayloadType,
  membersMax,
  openEnvelope,
  preAuthEncoding,
  type Snapshot,
  type SnapshotExpectations,
  type SnapshotJson,
  sha256,
  signAdminProof,
  signEnvelope,
  toBase64,
  utf8,
  verifyAdminProof,
  verifySnapshot,
} from '../protocol/index.ts';
import {
  admin,
  adminId,
  envelopeOf,
  fields,
  memberOf,
  members,
  nowMs,
  ns,
  proof,
  proofFields,
  stranger,
  system,
  systemKey,
} from './support/membership.ts';

const verify = (envelope: unknown, expected: Partial<SnapshotExpectations> = {}): Snapshot =>
  verifySnapshot(envelope, { systemKey, nowMs, ...expected });
const refusal = (run: () => unknown): MembershipError => {
  try {
    run();
  } catch (error) {
    if (error instanceof MembershipError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};
/** The payload changed as JSON and signed again: what a faulty issuer would send. */
const issued = (change: (json: Record<string, unknown>) => void, signer = admin): Envelope => {
  const json = JSON.parse(fromUtf8(fromBase64(envelopeOf().payload))) as SnapshotJson & Record<string, unknown>;
  change(json);
  return signEnvelope(membershipPayloadType, utf8(JSON.stringify(json)), signer);
};
const firstMember = (json: Record<string, unknown>): Record<string, unknown> =>
  (json.members as Record<string, unknown>[])[0] as Record<string, unknown>;
const withMembers = (...changes: Partial<Member>[]): Envelope =>
  envelopeOf({ members: members.map((member, i) => ({ ...member, ...changes[i] })) });

describe('a membership snapshot', () => {
  it('signed along the chain is read whole', () => {
    const envelope = envelopeOf({ prevHash: new Uint8Array(32).fill(9), expiresAtNs: ns(nowMs + 1000) });
    const snapshot = verify(envelope, { clusterId: 'lab' });
    expect(snapshot).toEqual({
      ...fields,
      prevHash: new Uint8Array(32).fill(9),
      expiresAtNs: ns(nowMs + 1000),
      issuerPeerId: adminId,
      hash: sha256(fromBase64(envelope.payload)),
      adminProof: proofFields,
    });
  });

  it('survives being sent as JSON', () => {
    expect(verify(JSON.parse(JSON.stringify(envelopeOf())))).toEqual(verify(envelopeOf()));
  });

  it('may carry fields that only later versions know', () => {
    const later = issued((json) => {
      json.future = { x: 1 };
      firstMember(json).future = 1;
    });
    expect(verify(later).members).toEqual(members);
  });

  it('may be signed by more than its issuer', () => {
    const envelope = envelopeOf();
    const second = signEnvelope(membershipPayloadType, fromBase64(envelope.payload), stranger);
    expect(verify({ ...envelope, signatures: [...second.signatures, ...envelope.signatures] }).seq).toBe(1);
  });

  it('of the largest cluster is accepted, one member more is not', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => memberOf(`device-${i}`, 'device', i));
    const all = many(membersMax);
    expect(verify(envelopeOf({ members: all })).members).toHaveLength(membersMax);
    const more = envelopeOf({ members: [...all, memberOf('one-more', 'device', membersMax)] });
    expect(refusal(() => verify(more)).code).toBe('MEMBERSHIP_TOO_MANY_MEMBERS');
  });
});

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

describe('time', () => {
  it('is forgiven a minute of skew between clocks', () => {
    expect(verify(envelopeOf({ issuedAtNs: ns(nowMs + issuerClockSkewMs) })).seq).toBe(1);
    const young = signAdminProof({ ...proofFields, validFromNs: ns(nowMs + issuerClockSkewMs) }, system);
    expect(verify(envelopeOf({}, young)).seq).toBe(1);
  });

  it('left out, is the time of issue: a node without a clock can start from what it accepted before', () => {
    expect(verifySnapshot(envelopeOf(), { systemKey }).seq).toBe(1);
    const expired = envelopeOf({ issuedAtNs: proofFields.validToNs + 1n });
    expect(refusal(() => verifySnapshot(expired, { systemKey })).code).toBe('ADMIN_PROOF_EXPIRED');
  });

  it('of an admin proof alone is checked when asked for', () => {
    expect(verifyAdminProof(proof, { systemKey })).toEqual(proofFields);
    expect(verifyAdminProof(proof, { systemKey, nowMs })).toEqual(proofFields);
    expect(refusal(() => verifyAdminProof(proof, { systemKey, nowMs: nowMs + 2 * 3_600_000 })).code).toBe(
      'ADMIN_PROOF_EXPIRED',
    );
  });
});

describe('whatever an envelope holds', () => {
  it('it ends in a snapshot or a MembershipError', () => {
    const whole = JSON.stringify(envelopeOf());
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.string({ maxLength: 3 }), fc.nat(4), (at, text, cut) => {
        let envelope: unknown;
        try {
          envelope = JSON.parse(whole.slice(0, at) + text + whole.slice(at + cut));
        } catch {
          return;
        }
        try {
          expect(verify(envelope)).toEqual(verify(envelopeOf()));
        } catch (error) {
          if (!(error instanceof MembershipError)) throw error;
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('and whatever its signed payload holds', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom('members', 'admin_proof', 'issued_at', 'seq', 'cluster_id', 'group_key'),
        (value, key) => {
          const run = () => verify(issued((json) => (json[key] = value)));
          expect(refusal(run)).toBeInstanceOf(IsochronError);
        },
      ),
      { numRuns: 300, examples: [[{ __proto__: null }, 'members']] },
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(
          refusal(() => verify(signEnvelope(membershipPayloadType, utf8(JSON.stringify(value)), admin))),
        ).toBeInstanceOf(MembershipError);
      }),
      { numRuns: 200 },
    );
  });
});

describe('DSSE', () => {
  it('signs the bytes its specification says', () => {
    // The example of the DSSE protocol page.
    const pae = preAuthEncoding('http://example.com/HelloWorld', utf8('hello world'));
    expect(fromUtf8(pae)).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  it('counts only signatures that hold', () => {
    const signed = signEnvelope('text/plain', utf8('x'), admin);
    const forged = { keyid: systemKey, sig: signed.signatures[0]!.sig };
    expect(openEnvelope({ ...signed, signatures: [forged, ...signed.signatures] }).signers).toEqual([adminId]);
  });
});

describe('members', () => {
  const found = new Members(verify(envelopeOf()));

  it('are found by name, MAC, peer and rank', () => {
    const [first, second, device] = members;
    expect(found.byName('validator-2')).toEqual(second);
    expect(found.byMac(first!.mac)).toEqual(first);
    expect(found.byMac('020000000003')).toEqual(device);
    expect(found.byPeerId(device!.peerId)).toEqual(device);
    expect(found.byRank(2)).toEqual(second);
    for (const nobody of [found.byName('x'), found.byMac(new Uint8Array(6)), found.byPeerId(''), found.byRank(9)]) {
      expect(nobody).toBeUndefined();
    }
  });

  it('include the validators, strongest first', () => {
    expect(found.validators.map(({ name }) => name)).toEqual(['validator-2', 'validator-1']);
    expect(found.all).toHaveLength(3);
  });
});

describe('an admin bundle', () => {
  const bundle = {
    clusterId: 'lab',
    systemKey,
    adminSeed: 'SU1',
    adminProof: proof,
    operatorSeed: 'SU2',
    bootstrap: ['nats://127.0.0.1:4222'],
  };

  it('comes back unchanged', () => {
    const text = encodeAdminBundle(bundle);
    expect(text).toMatch(/^p2pos-admin:\/\/[A-Za-z0-9+/]+=*$/);
    expect(decodeAdminBundle(`${text}\n`)).toEqual(bundle);
  });

  it.each(['', 'p2pos-admin://', 'p2pos-admin://e30=', 'p2pos-admin://%%%%', `http://${toBase64(utf8('{}'))}`])(
    'is refused: "%s"',
    (text) => {
      expect(() => decodeAdminBundle(text)).toThrow(AdminBundleError);
    },
  );
});
