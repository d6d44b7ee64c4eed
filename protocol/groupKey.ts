/**
 * The key a cluster signs admission tokens with (decision 4), dealt once by `init`. Threshold 1: every validator holds the
 * seed and signs alone with plain Ed25519. Threshold ≥ 2: FROST(Ed25519, SHA-512) shares (RFC 9591, Appendix C trusted
 * dealer), whose joint signature verifies as plain Ed25519 with the same group key.
 */
import type { FROST, FrostPublic, FrostSecret } from '@noble/curves/abstract/frost.js';
import { concatBytes, utf8 } from './bytes.ts';
import { ed25519Public, equalBytes, sha256 } from './crypto.ts';
import { IsochronError } from './errors.ts';
import type { RandomBytes } from './identity.ts';

/** Ranks are u8, so there are never more validators. */
const validatorsMax = 255;
const magic = utf8('ISOCHRON-MAT-SHARE');
const formatVersion = 1;
/** Of a SHA-256 over the rest: tells a damaged file from a sound one before its keys are used. */
const checksumBytes = 8;

/** A group key cannot be dealt so, or a share file is damaged. `details.field` names the part. */
export class GroupKeyError extends IsochronError {
  constructor(field: string, message: string, cause?: unknown) {
    super('GROUP_KEY_INVALID', 400, `${field}: ${message}`, { details: { field }, cause });
  }
}

/** Loaded when a threshold above 1 needs it: 40 ms and 9 MB that most processes never use. */
const loadFrost = async (): Promise<FROST> => (await import('@noble/curves/ed25519.js')).ed25519_FROST;

interface ShareHeader {
  /** How many validators must sign together. */
  readonly threshold: number;
  readonly validators: number;
  /** 1 … validators. */
  readonly index: number;
  /** Ed25519, 32 bytes. */
  readonly groupKey: Uint8Array;
}
/** What one validator holds. */
export type GroupShare =
  | (ShareHeader & { readonly scheme: 'ed25519'; readonly seed: Uint8Array })
  | (ShareHeader & { readonly scheme: 'frost'; readonly secret: FrostSecret; readonly public: FrostPublic });

export interface DealtGroupKey {
  readonly groupKey: Uint8Array;
  readonly threshold: number;
  /** One for each validator, index 1 first, as `parseGroupShare` reads them. Secret. */
  readonly shares: readonly Uint8Array[];
}

/** A majority from three validators on; below, each signs alone, or the cluster would stop with one of them. */
export const defaultThreshold = (validators: number): number => (validators <= 2 ? 1 : Math.floor(validators / 2) + 1);

/**
 * Deals a fresh group key.
 * @throws GroupKeyError when the threshold is not in 1 … validators.
 */
export const dealGroupKey = async (options: {
  readonly validators: number;
  readonly threshold?: number;
  readonly random: RandomBytes;
}): Promise<DealtGroupKey> => {
  const { validators, random } = options;
  const threshold = options.threshold ?? defaultThreshold(validators);
  if (!(Number.isInteger(validators) && validators >= 1 && validators <= validatorsMax)) {
    throw new GroupKeyError('validators', `${validators} is no integer in 1…${validatorsMax}`);
  }
  if (!(Number.isInteger(threshold) && threshold >= 1 && threshold <= validators)) {
    throw new GroupKeyError('threshold', `${threshold} is no integer in 1…${validators}`);
  }
  return threshold === 1 ? dealSeed(validators, random) : dealFrost(await loadFrost(), validators, threshold, random);
};

const sealed = (bytes: Uint8Array): Uint8Array => concatBytes(bytes, sha256(bytes).subarray(0, checksumBytes));

const header = ({ threshold, validators, index, groupKey }: ShareHeader): Uint8Array =>
  concatBytes(magic, Uint8Array.of(formatVersion, threshold, validators, index), groupKey);

/** Bytes of their own, as noble's types ask for. */
type Bytes = Uint8Array<ArrayBuffer>;

const indices = (validators: number): number[] => Array.from({ length: validators }, (_, i) => i + 1);

const dealSeed = (validators: number, random: RandomBytes): DealtGroupKey => {
  const seed = random(32);
  const groupKey = ed25519Public(seed);
  const shareOf = (index: number) => sealed(concatBytes(header({ threshold: 1, validators, index, groupKey }), seed));
  return { groupKey, threshold: 1, shares: indices(validators).map(shareOf) };
};

const dealFrost = (frost: FROST, validators: number, threshold: number, random: RandomBytes): DealtGroupKey => {
  const identifierOf = (index: number): string => frost.Identifier.fromNumber(index);
  const identifiers = indices(validators).map(identifierOf);
  const rng = (length = 32) => Uint8Array.from(random(length));
  const dealt = frost.trustedDealer({ min: threshold, max: validators }, identifiers, undefined, rng);
  const commitments = dealt.public.commitments;
  const groupKey = part(commitments[0], 'commitments');
  const verifying = identifiers.map((identifier) => part(dealt.public.verifyingShares[identifier], 'verifyingShares'));
  const shareOf = (index: number) => {
    const secret = part(dealt.secretShares[identifierOf(index)]?.signingShare, 'signingShare');
    return sealed(
      concatBytes(header({ threshold, validators, index, groupKey }), secret, ...commitments, ...verifying),
    );
  };
  return { groupKey, threshold, shares: indices(validators).map(shareOf) };
};

const part = (bytes: Uint8Array | undefined, field: string): Uint8Array => {
  if (bytes === undefined) throw new GroupKeyError(field, 'missing');
  return bytes;
};

/**
 * Reads a share and checks that it belongs to its group key.
 * Layout: `ISOCHRON-MAT-SHARE`, version 1, threshold u8, validators u8, index u8, group key 32, secret 32; from threshold 2
 * on also the dealer's commitments (threshold × 32) and the verifying shares (validators × 32, index 1 first); last the
 * first 8 bytes of the SHA-256 of everything before.
 * @throws GroupKeyError
 */
export const parseGroupShare = async (bytes: Uint8Array): Promise<GroupShare> => {
  const start = magic.length;
  if (bytes.length < start + 68 || !equalBytes(bytes.subarray(0, start), magic))
    throw new GroupKeyError('share', 'not a share of a group key');
  const [version = 0, threshold = 0, validators = 0, index = 0] = bytes.subarray(start, start + 4);
  if (version !== formatVersion) throw new GroupKeyError('version', `${version}, expected ${formatVersion}`);
  if (threshold < 1 || threshold > validators) throw new GroupKeyError('threshold', `${threshold} of ${validators}`);
  if (index < 1 || index > validators) throw new GroupKeyError('index', `${index} of ${validators}`);
  const keys = start + 4;
  const expected = keys + 64 + (threshold === 1 ? 0 : 32 * (threshold + validators)) + checksumBytes;
  if (bytes.length !== expected) throw new GroupKeyError('share', `${bytes.length} bytes, expected ${expected}`);
  if (!equalBytes(bytes, sealed(bytes.subarray(0, -checksumBytes))))
    throw new GroupKeyError('checksum', 'the share is damaged');
  const at = (position: number): Bytes => bytes.slice(keys + 32 * position, keys + 32 * (position + 1));
  const head = { threshold, validators, index, groupKey: at(0) };
  return threshold === 1 ? seedShare(head, at(1)) : frostShare(await loadFrost(), head, at);
};

const seedShare = (head: ShareHeader, seed: Uint8Array): GroupShare => {
  if (!equalBytes(ed25519Public(seed), head.groupKey)) throw new GroupKeyError('seed', 'is not of this group key');
  return { ...head, scheme: 'ed25519', seed };
};

const frostShare = (frost: FROST, head: ShareHeader, at: (position: number) => Bytes): GroupShare => {
  const { threshold, validators, index, groupKey } = head;
  const identifierOf = (of: number): string => frost.Identifier.fromNumber(of);
  const commitments = Array.from({ length: threshold }, (_, i) => at(2 + i));
  const verifyingShares = Object.fromEntries(
    indices(validators).map((i) => [identifierOf(i), at(1 + threshold + i)] as const),
  );
  const frostPublic = { signers: { min: threshold, max: validators }, commitments, verifyingShares };
  const secret = { identifier: identifierOf(index), signingShare: at(1) };
  if (!equalBytes(part(commitments[0], 'commitments'), groupKey))
    throw new GroupKeyError('commitments', 'are not of this group key');
  try {
    frost.validateSecret(secret, frostPublic);
  } catch (cause) {
    throw new GroupKeyError('secret', 'does not fit the commitments', cause);
  }
  return { ...head, scheme: 'frost', secret, public: frostPublic };
};
