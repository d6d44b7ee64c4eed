/**
 * The functions of `crypto.ts` on noble instead of OpenSSL: what a browser build uses in its place, and what the
 * differential test holds `crypto.ts` against. Slower by an order of magnitude.
 */
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as nobleSha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes } from './bytes.ts';
import { assertBytes, KeyAgreementError, type Signer } from './cryptoTypes.ts';
import { isSafeEd25519Key } from './ed25519Key.ts';

export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => nobleSha256(concatBytes(...parts));

export const hmacSha256 = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array =>
  hmac(nobleSha256, key, concatBytes(...parts));

export const hkdfSha256 = (ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array => {
  if (length > 255 * 32) throw new RangeError(`HKDF-SHA256 gives at most ${255 * 32} bytes, not ${length}`);
  return hkdf(nobleSha256, ikm, salt, info, length);
};

export const ed25519Public = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(assertBytes(seed, 32, 'seed'));

export const createSigner = (seed: Uint8Array): Signer => {
  const held = assertBytes(seed, 32, 'seed').slice();
  return { publicKey: ed25519Public(held), sign: (message) => ed25519.sign(message, held) };
};

export const ed25519Sign = (seed: Uint8Array, message: Uint8Array): Uint8Array => createSigner(seed).sign(message);

export const ed25519Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  if (signature.length !== 64 || !isSafeEd25519Key(publicKey)) return false;
  return (
    ed25519.verify(signature, message, publicKey, { zip215: false }) && isCofactorless(publicKey, message, signature)
  );
};

/**
 * noble checks [8][S]B = [8]R + [8][k]A, OpenSSL R = [S]B − [k]A byte for byte (both allowed by RFC 8032 §5.1.7). A signer
 * can make signatures that only the first accepts, so the second is checked as well.
 */
const isCofactorless = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  const { Point } = ed25519;
  const order = Point.Fn.ORDER;
  const r = signature.subarray(0, 32);
  const k = littleEndian(sha512(concatBytes(r, publicKey, message))) % order;
  const s = littleEndian(signature.subarray(32)) % order;
  const expected = Point.BASE.multiplyUnsafe(s).subtract(Point.fromBytes(publicKey).multiplyUnsafe(k));
  return equalBytes(expected.toBytes(), r);
};

const littleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);

export const x25519Public = (secret: Uint8Array): Uint8Array => x25519.getPublicKey(assertBytes(secret, 32, 'secret'));

export const x25519Agree = (secret: Uint8Array, publicKey: Uint8Array): Uint8Array => {
  assertBytes(secret, 32, 'secret');
  assertBytes(publicKey, 32, 'publicKey');
  try {
    return x25519.getSharedSecret(secret, publicKey);
  } catch (cause) {
    throw new KeyAgreementError({ cause });
  }
};

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
};
