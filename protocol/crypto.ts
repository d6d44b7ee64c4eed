/**
 * Cryptography by Node's OpenSSL: the only file that imports node:crypto. `cryptoReference.ts` exports the same functions
 * written on noble, for browsers and for the differential test; the two must agree on every input.
 * Ed25519 is RFC 8032, strict: canonical encodings, S < L, no public key of small order, cofactorless equation.
 */
import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { assertBytes, KeyAgreementError, type Signer } from './cryptoTypes.ts';
import { isSafeEd25519Key } from './ed25519Key.ts';

/** RFC 8410 wrappings around 32 raw bytes. */
const spki = (oid: string) => Buffer.from(`302a300506032b65${oid}032100`, 'hex');
const pkcs8 = (oid: string) => Buffer.from(`302e020100300506032b65${oid}04220420`, 'hex');
const ed25519Spki = spki('70');
const ed25519Pkcs8 = pkcs8('70');
const x25519Spki = spki('6e');
const x25519Pkcs8 = pkcs8('6e');

/** Parsed public keys kept: four clusters of 1 000 members. A KeyObject costs 15 µs to make, a verification 60 µs. */
const publicKeysMax = 4096;
/** A key that must not verify anything is remembered as `undefined`. */
const publicKeys = new Map<string, KeyObject | undefined>();

const plain = (bytes: Buffer): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);

const publicKeyObject = (prefix: Buffer, key: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([prefix, key]), format: 'der', type: 'spki' });

const privateKeyObject = (prefix: Buffer, key: Uint8Array): KeyObject => {
  const der = Buffer.concat([prefix, key]);
  const object = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return object;
};

const rawPublic = (privateKey: KeyObject): Uint8Array =>
  plain(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32)).slice();

/** SHA-256 of the parts one after another. */
export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return plain(hash.digest());
};

/** HMAC-SHA256 (RFC 2104) of the parts one after another. */
export const hmacSha256 = (key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array => {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return plain(hmac.digest());
};

/**
 * HKDF-SHA256 (RFC 5869), extract and expand.
 * @throws RangeError when `length` is more than 255 · 32 bytes.
 */
export const hkdfSha256 = (ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', ikm, salt, info, length));

/** The public key of a 32-byte seed (RFC 8032 §5.1.5). */
export const ed25519Public = (seed: Uint8Array): Uint8Array =>
  rawPublic(privateKeyObject(ed25519Pkcs8, assertBytes(seed, 32, 'seed')));

/** Holds a parsed key, so that signing costs what the signature costs. */
export const createSigner = (seed: Uint8Array): Signer => {
  const key = privateKeyObject(ed25519Pkcs8, assertBytes(seed, 32, 'seed'));
  return { publicKey: rawPublic(key), sign: (message) => plain(sign(null, message, key)) };
};

/** Signs once; `createSigner` for more. */
export const ed25519Sign = (seed: Uint8Array, message: Uint8Array): Uint8Array => createSigner(seed).sign(message);

const verifyingKey = (publicKey: Uint8Array): KeyObject | undefined => {
  const text = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.length).toString('latin1');
  const known = publicKeys.get(text);
  if (known !== undefined || publicKeys.has(text)) return known;
  const object = isSafeEd25519Key(publicKey) ? publicKeyObject(ed25519Spki, publicKey) : undefined;
  if (publicKeys.size >= publicKeysMax) publicKeys.delete(publicKeys.keys().next().value ?? '');
  publicKeys.set(text, object);
  return object;
};

/** True when `signature` is the key's over `message`. Never throws: a malformed key or signature is simply not valid. */
export const ed25519Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const key = verifyingKey(publicKey);
  return key !== undefined && verify(null, message, key, signature);
};

/** The public key of a 32-byte X25519 secret (RFC 7748 §6.1). */
export const x25519Public = (secret: Uint8Array): Uint8Array =>
  rawPublic(privateKeyObject(x25519Pkcs8, assertBytes(secret, 32, 'secret')));

/**
 * The shared secret of two X25519 keys, 32 bytes.
 * @throws KeyAgreementError when the peer's point is of small order: the secret would be known to everyone (RFC 7748 §6.1).
 */
export const x25519Agree = (secret: Uint8Array, publicKey: Uint8Array): Uint8Array => {
  const privateKey = privateKeyObject(x25519Pkcs8, assertBytes(secret, 32, 'secret'));
  const peer = publicKeyObject(x25519Spki, assertBytes(publicKey, 32, 'publicKey'));
  try {
    return plain(diffieHellman({ privateKey, publicKey: peer }));
  } catch (cause) {
    throw new KeyAgreementError({ cause });
  }
};

/** Compares in constant time; different lengths are different at once. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
