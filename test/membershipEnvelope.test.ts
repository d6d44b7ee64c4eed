/** The root of trust: a snapshot is believed only along the whole chain, and every way to break it has its own code. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AdminBundleError,
  decodeAdminBundle,
  encodeAdminBundle,
  fromBase64,
  fromUtf8,
  IsochronError,
  issuerClockSkewMs,
  Members,
  MembershipError,
  membershipPayloadType,
  membersMax,
  openEnvelope,
  preAuthEncoding,
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
  firstMember,
  issued,
  memberOf,
  members,
  nowMs,
  ns,
  proof,
  proofFields,
  refusal,
  stranger,
  system,
  systemKey,
  verify,
} from './support/membership.ts';

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
          // Any whole number from 0 on is a sequence number.
          fc.pre(!(key === 'seq' && Number.isInteger(value) && Number(value) >= 0));
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
