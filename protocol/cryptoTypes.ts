/** What both implementations of the cryptography share: types, errors, argument checks. */
import { IsochronError, type IsochronErrorOptions } from './errors.ts';

/** Signs with a key that stays inside. */
export interface Signer {
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array;
  /** Ed25519 over `message`, 64 bytes (RFC 8032). */
  sign(message: Uint8Array): Uint8Array;
}

/** An X25519 agreement gave the all-zero secret: the peer's key is of small order. */
export class KeyAgreementError extends IsochronError {
  constructor(options: IsochronErrorOptions = {}) {
    super('KEY_AGREEMENT_FAILED', 400, "the peer's X25519 key is of small order", options);
  }
}

/** A key is not of its length. `details.field` names it. */
export class KeyLengthError extends IsochronError {
  constructor(field: string, length: number, expected: number) {
    super('KEY_LENGTH', 400, `${field}: ${length} bytes, expected ${expected}`, { details: { field } });
  }
}

/** @throws KeyLengthError */
export const assertBytes = (bytes: Uint8Array, length: number, field: string): Uint8Array => {
  if (bytes.length !== length) throw new KeyLengthError(field, bytes.length, length);
  return bytes;
};
