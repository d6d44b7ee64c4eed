/** Keys as text: the same as NATS' own tools write them, one spelling each, and never repeated in an error. */
import { fromSeed } from '@nats-io/nkeys';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeNkeyPublic,
  decodeNkeySeed,
  ed25519Verify,
  encodeNkeyPublic,
  encodeNkeySeed,
  fromHex,
  generateKexKey,
  generateMac,
  generateNkey,
  isNkeyPublic,
  MacError,
  macText,
  NkeyError,
  nkeyOf,
  nkeyPublicOfSeed,
  nkeySigner,
  parseMac,
  utf8,
  x25519Agree,
} from '../protocol/index.ts';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('an nkey', () => {
  it('is the one the NATS library makes of the same seed', () => {
    fc.assert(
      fc.property(bytes32, fc.uint8Array({ maxLength: 40 }), (seed, message) => {
        const own = nkeyOf(seed);
        const theirs = fromSeed(utf8(own.seed));
        expect(own.publicKey).toBe(theirs.getPublicKey());
        expect(nkeyPublicOfSeed(own.seed)).toBe(own.publicKey);
        expect(nkeySigner(own.seed).sign(message)).toEqual(new Uint8Array(theirs.sign(message)));
        expect(ed25519Verify(decodeNkeyPublic(own.publicKey), message, theirs.sign(message))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('comes back unchanged from text', () => {
    fc.assert(
      fc.property(bytes32, (key) => {
        expect(decodeNkeyPublic(encodeNkeyPublic(key))).toEqual(key);
        expect(decodeNkeySeed(encodeNkeySeed(key))).toEqual(key);
        expect(decodeNkeySeed(`  ${encodeNkeySeed(key)}\n`)).toEqual(key);
      }),
    );
  });

  it('has 56 characters from U, its seed 58 from SU', () => {
    const { seed, publicKey } = nkeyOf(new Uint8Array(32).fill(4));
    expect(publicKey).toMatch(/^U[A-Z2-7]{55}$/);
    expect(seed).toMatch(/^SU[A-Z2-7]{56}$/);
  });

  it('is refused after any one character has changed', () => {
    const { seed, publicKey } = nkeyOf(new Uint8Array(32).fill(5));
    for (const [text, decode] of [
      [publicKey, decodeNkeyPublic],
      [seed, decodeNkeySeed],
    ] as const) {
      for (let i = 0; i < text.length; i++) {
        for (const character of ['A', '7', 'a', '1', ' ', 'é']) {
          if (text[i] === character) continue;
          const changed = text.slice(0, i) + character + text.slice(i + 1);
          if (changed.trim() === text) continue;
          expect(() => decode(changed)).toThrow(NkeyError);
        }
      }
    }
  });

  it('is refused when it is of another kind, cut, or empty', () => {
    const { seed, publicKey } = nkeyOf(new Uint8Array(32).fill(6));
    for (const text of [
      '',
      'U',
      publicKey.slice(0, -1),
      `${publicKey}A`,
      seed,
      publicKey.toLowerCase(),
      `A${publicKey.slice(1)}`,
    ]) {
      expect(isNkeyPublic(text)).toBe(false);
      expect(() => decodeNkeyPublic(text, 'peer_id')).toThrow(/^peer_id: /);
    }
    for (const text of ['', publicKey, seed.slice(1)]) expect(() => decodeNkeySeed(text)).toThrow(NkeyError);
    expect(() => encodeNkeyPublic(new Uint8Array(31))).toThrow(NkeyError);
    expect(() => encodeNkeySeed(new Uint8Array(33))).toThrow(NkeyError);
  });

  it('that is wrong is never shown: it may be a seed', () => {
    const { seed } = nkeyOf(new Uint8Array(32).fill(8));
    const damaged = `${seed.slice(0, -1)}${seed.endsWith('A') ? 'B' : 'A'}`;
    try {
      decodeNkeySeed(damaged, 'member.nk');
    } catch (error) {
      expect(JSON.stringify([String(error), (error as NkeyError).details])).not.toContain(damaged.slice(4, 20));
    }
  });
});

describe('material of a node', () => {
  let next = 0;
  const random = (length: number): Uint8Array => Uint8Array.from({ length }, () => next++ & 0xff);

  it('comes from the random bytes alone', () => {
    const ones = (length: number) => new Uint8Array(length).fill(1);
    expect(generateNkey(ones)).toEqual(nkeyOf(new Uint8Array(32).fill(1)));
    expect(generateNkey(random)).not.toEqual(generateNkey(random));
    expect(generateKexKey(ones)).toEqual(generateKexKey(ones));
  });

  it('includes an agreement key that agrees', () => {
    const [a, b] = [generateKexKey(random), generateKexKey(random)];
    const [ab, ba] = [
      x25519Agree(fromHex(a.secret), fromHex(b.publicKey)),
      x25519Agree(fromHex(b.secret), fromHex(a.publicKey)),
    ];
    expect(ab).toEqual(ba);
  });

  it('includes a MAC that no real radio has', () => {
    for (let i = 0; i < 100; i++) expect((generateMac(random)[0] ?? 0) & 0x03).toBe(0x02);
  });

  it('shows a MAC as text and reads it back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (mac) => {
        expect(parseMac(macText(mac))).toEqual(mac);
        expect(parseMac(macText(mac).toUpperCase().replaceAll(':', ''))).toEqual(mac);
      }),
    );
    expect(macText(Uint8Array.of(2, 0, 0, 0, 0, 1))).toBe('02:00:00:00:00:01');
    for (const text of [
      '',
      '02:00:00:00:00',
      '02:00:00:00:00:0g',
      '02-00-00-00-00-01',
      '02:00:00:00:0001',
      '0200000000010',
    ]) {
      expect(() => parseMac(text, 'members.0.mac')).toThrow(MacError);
    }
    expect(() => macText(new Uint8Array(5))).toThrow(MacError);
  });
});
