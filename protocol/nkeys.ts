/**
 * NATS nkeys: Ed25519 keys as text (base32 without padding of prefix, key, CRC-16 little-endian), user kind only: `U…` and
 * `SU…`. Own code: @nats-io/nkeys keeps its codec private, brings a third Ed25519 implementation and does not report what
 * is wrong. Format: nats-io/nkeys `strkey.go`; CRC-16/XMODEM.
 */
import { createSigner, ed25519Public } from './crypto.ts';
import type { Signer } from './cryptoTypes.ts';
import { IsochronError } from './errors.ts';

/** A text is not the nkey it should be. `details.field` names it; the text itself is never repeated: it may be a seed. */
export class NkeyError extends IsochronError {
  constructor(field: string, expected: string) {
    super('NKEY_INVALID', 400, `${field}: expected ${expected}`, { details: { field } });
  }
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const userPrefix = 20 << 3;
const seedPrefix = 18 << 3;
/** A seed's two prefix bytes share 16 bits: 5 for `S`, 8 for the kind, 3 unused (the key starts at the third byte). */
const userSeedPrefix = [seedPrefix | (userPrefix >> 5), (userPrefix & 31) << 3] as const;

/** CRC-16/XMODEM: polynomial 0x1021, start 0. */
const crc16 = (bytes: Uint8Array): number => {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1;
  }
  return crc;
};

const toBase32 = (bytes: Uint8Array): string => {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += alphabet.charAt((held >> (bits - 5)) & 31);
  }
  return bits === 0 ? text : text + alphabet.charAt((held << (5 - bits)) & 31);
};

/** `undefined` for a foreign character or unused bits that are not zero: every key has one spelling. */
const fromBase32 = (text: string): Uint8Array | undefined => {
  const bytes = new Uint8Array((text.length * 5) >> 3);
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const character of text) {
    const value = alphabet.indexOf(character);
    if (value < 0) return undefined;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  return (held & ((1 << bits) - 1)) === 0 ? bytes : undefined;
};

const encode = (prefix: readonly number[], key: Uint8Array): string => {
  const bytes = new Uint8Array(prefix.length + 34);
  bytes.set(prefix);
  bytes.set(key, prefix.length);
  const crc = crc16(bytes.subarray(0, -2));
  bytes.set([crc & 0xff, crc >> 8], bytes.length - 2);
  return toBase32(bytes);
};

const decode = (text: string, prefix: readonly number[]): Uint8Array | undefined => {
  const length = Math.ceil(((prefix.length + 34) * 8) / 5);
  const bytes = text.length === length ? fromBase32(text) : undefined;
  if (bytes === undefined || !prefix.every((byte, i) => bytes[i] === byte)) return undefined;
  const crc = crc16(bytes.subarray(0, -2));
  if (bytes.at(-2) !== (crc & 0xff) || bytes.at(-1) !== crc >> 8) return undefined;
  return bytes.slice(prefix.length, -2);
};

const checked = (key: Uint8Array, field: string): Uint8Array => {
  if (key.length !== 32) throw new NkeyError(field, '32 bytes');
  return key;
};

/** `U…`, 56 characters, of a 32-byte Ed25519 public key. @throws NkeyError */
export const encodeNkeyPublic = (publicKey: Uint8Array): string =>
  encode([userPrefix], checked(publicKey, 'publicKey'));

/** `SU…`, 58 characters, of a 32-byte Ed25519 seed. @throws NkeyError */
export const encodeNkeySeed = (seed: Uint8Array): string => encode(userSeedPrefix, checked(seed, 'seed'));

/** The 32 bytes of a `U…`. @throws NkeyError naming `field` */
export const decodeNkeyPublic = (text: string, field = 'nkey'): Uint8Array => {
  const key = decode(text, [userPrefix]);
  if (key === undefined) throw new NkeyError(field, 'a public user nkey (U…, 56 characters)');
  return key;
};

/** The 32 bytes of an `SU…`; surrounding white space of a key file is forgiven. @throws NkeyError naming `field` */
export const decodeNkeySeed = (text: string, field = 'nkey seed'): Uint8Array => {
  const seed = decode(text.trim(), userSeedPrefix);
  if (seed === undefined) throw new NkeyError(field, 'a user nkey seed (SU…, 58 characters)');
  return seed;
};

export const isNkeyPublic = (text: string): boolean => decode(text, [userPrefix]) !== undefined;

/** `U…` of an `SU…`. @throws NkeyError */
export const nkeyPublicOfSeed = (seed: string): string => encodeNkeyPublic(ed25519Public(decodeNkeySeed(seed)));

/** Signs messages with the key of an `SU…`. @throws NkeyError */
export const nkeySigner = (seed: string, field?: string): Signer => createSigner(decodeNkeySeed(seed, field));
