/** The cryptography under everything: RFC vectors, Wycheproof, and OpenSSL against noble on every input they might differ. */
import { createPublicKey, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as native from '../protocol/crypto.ts';
import * as reference from '../protocol/cryptoReference.ts';
import { concatBytes, fromHex, KeyAgreementError, KeyLengthError, toHex, utf8 } from '../protocol/index.ts';
import { rfc7748, rfc8032 } from './vectors/rfc.ts';

const implementations = [
  ['OpenSSL', native],
  ['noble', reference],
] as const satisfies readonly (readonly [string, typeof native])[];

describe.each(implementations)('%s', (_name, crypto) => {
  it.each(rfc8032)('signs and verifies as RFC 8032 §7.1 says: $name', ({ seed, publicKey, message, signature }) => {
    const signer = crypto.createSigner(fromHex(seed));
    expect(toHex(signer.publicKey)).toBe(publicKey);
    expect(toHex(crypto.ed25519Public(fromHex(seed)))).toBe(publicKey);
    expect(toHex(signer.sign(fromHex(message)))).toBe(signature);
    expect(toHex(crypto.ed25519Sign(fromHex(seed), fromHex(message)))).toBe(signature);
    expect(crypto.ed25519Verify(fromHex(publicKey), fromHex(message), fromHex(signature))).toBe(true);
  });

  it('agrees on a secret as RFC 7748 §6.1 says', () => {
    const { alice, alicePublic, bob, bobPublic, shared } = rfc7748;
    expect(toHex(crypto.x25519Public(fromHex(alice)))).toBe(alicePublic);
    expect(toHex(crypto.x25519Public(fromHex(bob)))).toBe(bobPublic);
    expect(toHex(crypto.x25519Agree(fromHex(alice), fromHex(bobPublic)))).toBe(shared);
    expect(toHex(crypto.x25519Agree(fromHex(bob), fromHex(alicePublic)))).toBe(shared);
  });

  it('hashes the parts as if they were one', () => {
    const parts = ['iso', '', 'chron'].map(utf8);
    expect(crypto.sha256(...parts)).toEqual(crypto.sha256(utf8('isochron')));
    expect(crypto.hmacSha256(utf8('k'), ...parts)).toEqual(crypto.hmacSha256(utf8('k'), utf8('isochron')));
    expect(toHex(crypto.sha256())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('refuses a key of the wrong length by name', () => {
    const short = new Uint8Array(31);
    for (const run of [
      () => crypto.createSigner(short),
      () => crypto.ed25519Public(short),
      () => crypto.x25519Public(short),
      () => crypto.x25519Agree(short, new Uint8Array(32)),
      () => crypto.x25519Agree(new Uint8Array(32).fill(1), short),
    ]) {
      expect(run).toThrow(KeyLengthError);
    }
    expect(() => crypto.hkdfSha256(short, short, short, 255 * 32 + 1)).toThrow(RangeError);
  });

  it('verifies nothing, and throws nothing, for keys and signatures that are none', () => {
    const message = utf8('m');
    for (const length of [0, 31, 33, 64]) {
      expect(crypto.ed25519Verify(new Uint8Array(length), message, new Uint8Array(64))).toBe(false);
      expect(crypto.ed25519Verify(new Uint8Array(32).fill(9), message, new Uint8Array(length))).toBe(false);
    }
  });

  it('compares bytes', () => {
    expect(crypto.equalBytes(utf8('same'), utf8('same'))).toBe(true);
    expect(crypto.equalBytes(utf8('same'), utf8('sama'))).toBe(false);
    expect(crypto.equalBytes(utf8('same'), utf8('longer'))).toBe(false);
  });

  it('keeps verifying correctly when more keys come by than it remembers', () => {
    if (crypto === reference) return;
    const message = utf8('m');
    const signer = native.createSigner(new Uint8Array(32).fill(3));
    const signature = signer.sign(message);
    for (let i = 0; i < 5000; i++) {
      const stranger = signer.publicKey.slice();
      new DataView(stranger.buffer).setUint32(4, i);
      native.ed25519Verify(stranger, message, signature);
    }
    expect(native.ed25519Verify(signer.publicKey, message, signature)).toBe(true);
  });
});

describe('OpenSSL and noble', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const both = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
    const [a, b] = implementations.map(([, crypto]) => crypto.ed25519Verify(publicKey, message, signature));
    expect({ publicKey: toHex(publicKey), signature: toHex(signature), openssl: a }).toEqual({
      publicKey: toHex(publicKey),
      signature: toHex(signature),
      openssl: b,
    });
    return a === true;
  };

  it('give the same keys, signatures, secrets and hashes', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), fc.uint8Array({ maxLength: 200 }), (seed, other, message) => {
        expect(native.ed25519Sign(seed, message)).toEqual(reference.ed25519Sign(seed, message));
        expect(native.x25519Public(seed)).toEqual(reference.x25519Public(seed));
        const peer = native.x25519Public(other);
        expect(native.x25519Agree(seed, peer)).toEqual(reference.x25519Agree(seed, peer));
        expect(native.sha256(message)).toEqual(reference.sha256(message));
        expect(native.hmacSha256(seed, message)).toEqual(reference.hmacSha256(seed, message));
        expect(native.hkdfSha256(seed, other, message, 77)).toEqual(reference.hkdfSha256(seed, other, message, 77));
      }),
      { numRuns: 60 },
    );
  });

  it('accept and refuse the same damaged signatures', () => {
    const damage = fc.record({ at: fc.nat(95), bit: fc.nat(7), damaged: fc.boolean() });
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ maxLength: 40 }), damage, (seed, message, { at, bit, damaged }) => {
        const signer = native.createSigner(seed);
        const joined = concatBytes(signer.sign(message), signer.publicKey);
        if (damaged) joined[at] = (joined[at] ?? 0) ^ (1 << bit);
        expect(both(joined.subarray(64), message, joined.subarray(0, 64))).toBe(!damaged);
      }),
      { numRuns: 150 },
    );
  });

  const { Point } = ed25519;
  const order = Point.Fn.ORDER;
  const scalar = (value: bigint): Uint8Array =>
    Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
  const challenge = (...parts: Uint8Array[]): bigint =>
    sha512(concatBytes(...parts)).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n) % order;
  /** A point of order 8 (RFC 8032 encoding). */
  const torsion = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');

  it('refuse signatures that only the cofactored equation accepts', () => {
    const message = utf8('mixed order');
    const a = 12345n;
    const r = 67890n;
    // R carries a torsion component: [8](R + kA − SB) = 0 although R + kA ≠ SB.
    const A = Point.BASE.multiply(a).toBytes();
    const R = Point.BASE.multiply(r).add(torsion).toBytes();
    const s = (r + challenge(R, A, message) * a) % order;
    const signature = concatBytes(R, scalar(s));
    expect(ed25519.verify(signature, message, A, { zip215: false })).toBe(true);
    expect(both(A, message, signature)).toBe(false);
    // So may the key.
    const mixed = Point.BASE.multiply(a).add(torsion).toBytes();
    const plainR = Point.BASE.multiply(r).toBytes();
    const mixedS = (r + challenge(plainR, mixed, message) * a) % order;
    both(mixed, message, concatBytes(plainR, scalar(mixedS)));
  });

  it('refuse every key of small order, and every spelling of it', () => {
    const message = utf8('small order');
    let point = Point.ZERO;
    for (let i = 0; i < 8; i++, point = point.add(torsion)) {
      for (const sign of [0, 0x80]) {
        const key = point.toBytes();
        key[31] = (key[31] ?? 0) ^ sign;
        // R = [S]B, so that with k·A = 0 the equation would hold.
        const signature = concatBytes(Point.BASE.multiply(5n).toBytes(), scalar(5n));
        expect(both(key, message, signature)).toBe(false);
      }
    }
  });

  it('refuse keys, points and scalars that are not in canonical form', () => {
    const message = utf8('canonical');
    const signer = native.createSigner(new Uint8Array(32).fill(5));
    const signature = signer.sign(message);
    const s = signature.subarray(32).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
    expect(both(signer.publicKey, message, signature)).toBe(true);
    expect(both(signer.publicKey, message, concatBytes(signature.subarray(0, 32), scalar(s + order)))).toBe(false);
    for (let low = 0xed; low <= 0xff; low++) {
      const encoding = new Uint8Array(32).fill(0xff);
      encoding[0] = low;
      for (const top of [0x7f, 0xff]) {
        encoding[31] = top;
        expect(both(encoding, message, signature)).toBe(false);
        expect(both(signer.publicKey, message, concatBytes(encoding, signature.subarray(32)))).toBe(false);
      }
    }
  });

  it('refuse to agree with a point of small order', () => {
    for (const point of [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    ]) {
      for (const [, crypto] of implementations) {
        expect(() => crypto.x25519Agree(new Uint8Array(32).fill(1), fromHex(point))).toThrow(KeyAgreementError);
      }
    }
  });

  it('verify like a bare crypto.verify with a parsed key', () => {
    const signer = native.createSigner(new Uint8Array(32).fill(6));
    const message = utf8('bare');
    const der = concatBytes(fromHex('302a300506032b6570032100'), signer.publicKey);
    const key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
    expect(verify(null, message, key, signer.sign(message))).toBe(true);
  });
});

const folder = resolve(
  process.env.ISOCHRON_VECTORS ?? fileURLToPath(new URL('../../shared/data/wycheproof', import.meta.url)),
);
interface Case {
  readonly tcId: number;
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly [field: string]: string | number;
}
interface Group {
  readonly tests: readonly Case[];
  readonly publicKey?: { readonly pk: string };
  readonly tagSize?: number;
}
const groupsOf = (file: string): readonly Group[] =>
  (JSON.parse(readFileSync(resolve(folder, file), 'utf8')) as { testGroups: Group[] }).testGroups;
const bytesOf = (test: Case, field: string): Uint8Array => fromHex(String(test[field] ?? ''));

const present = existsSync(resolve(folder, 'ed25519_test.json'));
if (!present)
  process.stderr.write('Wycheproof vectors not found: set ISOCHRON_VECTORS to their folder to run them too.\n');

describe.runIf(present).each(implementations)('Wycheproof on %s', (_name, crypto) => {
  it('Ed25519: every signature is judged as it should be', () => {
    const wrong: number[] = [];
    for (const { publicKey, tests } of groupsOf('ed25519_test.json')) {
      for (const test of tests) {
        const valid = crypto.ed25519Verify(fromHex(publicKey?.pk ?? ''), bytesOf(test, 'msg'), bytesOf(test, 'sig'));
        if (valid !== (test.result === 'valid')) wrong.push(test.tcId);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('HKDF-SHA256: every output is right, oversized ones are refused', () => {
    for (const { tests } of groupsOf('hkdf_sha256_test.json')) {
      for (const test of tests) {
        const derive = () =>
          crypto.hkdfSha256(bytesOf(test, 'ikm'), bytesOf(test, 'salt'), bytesOf(test, 'info'), Number(test.size));
        if (test.result === 'valid') expect([test.tcId, toHex(derive())]).toEqual([test.tcId, test.okm]);
        else expect(derive).toThrow(RangeError);
      }
    }
  });

  it('HMAC-SHA256: every tag is judged as it should be', () => {
    for (const { tests, tagSize = 256 } of groupsOf('hmac_sha256_test.json')) {
      for (const test of tests) {
        const tag = crypto.hmacSha256(bytesOf(test, 'key'), bytesOf(test, 'msg')).subarray(0, tagSize / 8);
        expect([test.tcId, crypto.equalBytes(tag, bytesOf(test, 'tag'))]).toEqual([test.tcId, test.result === 'valid']);
      }
    }
  });

  it('X25519: every secret is right; the all-zero ones are refused', () => {
    for (const { tests } of groupsOf('x25519_test.json')) {
      for (const test of tests) {
        const agree = () => crypto.x25519Agree(bytesOf(test, 'private'), bytesOf(test, 'public'));
        if (test.shared === '00'.repeat(32)) expect(agree).toThrow(KeyAgreementError);
        else expect([test.tcId, toHex(agree())]).toEqual([test.tcId, test.shared]);
      }
    }
  });
});
