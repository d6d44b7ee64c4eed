/**
 * Which Ed25519 public keys may verify at all. OpenSSL accepts y ≥ p and points of small order, noble in strict mode
 * neither; with a small-order key one signature fits many messages. Both implementations ask here first, so that Node and
 * a browser never disagree about a signature.
 */
import { toHex } from './bytes.ts';

/** y of the points of order 1, 2, 4 and 8 (RFC 8032 §5.1.2 encoding, sign bit cleared), canonical. */
const smallOrderY: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
]);

/** True when y < p = 2^255 − 19, that is, when it is spelled the one right way. */
const isCanonicalY = (y: Uint8Array): boolean => {
  if (y[31] !== 0x7f || (y[0] ?? 0) < 0xed) return true;
  return y.subarray(1, 31).some((byte) => byte !== 0xff);
};

/** False for encodings with y ≥ p and for points of small order. Says nothing about whether the point is on the curve. */
export const isSafeEd25519Key = (key: Uint8Array): boolean => {
  if (key.length !== 32) return false;
  const y = key.slice();
  y[31] = (y[31] ?? 0) & 0x7f;
  return isCanonicalY(y) && !smallOrderY.has(toHex(y));
};
