/**
 * How a store's entries look at rest, the same on disk and in memory: CRC-32 (big-endian) over key, a zero byte and
 * value, then the value in CBOR (RFC 8949). The checksum covers the key, so that a value filed under another name is
 * noticed too. It guards against damage, not against an adversary with access to the file.
 */
import { crc32 } from 'node:zlib';
import { Encoder } from 'cbor-x';
import { StoreError } from './storeErrors.ts';
import type { StoreValue } from './world.ts';

/** Largest value at rest, in bytes: the store holds terms and nonces; bulk belongs elsewhere. */
export const valueBytesMax = 1_048_576;

/** Deepest nesting of a value: far more than state needs, far less than the stack allows. */
const valueDepthMax = 32;

const checksumBytes = 4;

/** Printable ASCII without spaces: sorts alike in every language and is safe in a log line. */
const keyPattern = /^[\x21-\x7e]{1,200}$/;

/** What a damaged entry is reported with, once for each reading of it. */
export type DamageHandler = (key: string, reason: string) => void;

const cbor = new Encoder({ useRecords: false, mapsAsObjects: true, tagUint8Array: false, variableMapSize: true });

/** @throws StoreError `STORE_INVALID` unless `key` is 1 to 200 printable ASCII characters without spaces. */
export const checkKey = (file: string, key: string): void => {
  if (typeof key !== 'string' || !keyPattern.test(key)) {
    throw new StoreError(
      'STORE_INVALID',
      file,
      `key ${JSON.stringify(key)} is not 1 to 200 printable ASCII characters`,
    );
  }
};

/** Names the first part of `value` that would not come back as it is; `undefined` when all of it would. */
const findUnstorable = (value: unknown, path: string, depth: number): string | undefined => {
  if (value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return undefined;
  if (value instanceof Uint8Array) return undefined;
  if (typeof value !== 'object') return `${path} is ${typeof value}`;
  if (depth === valueDepthMax) return `${path} is nested more than ${valueDepthMax} deep`;
  if (Array.isArray(value)) return findFirst(value.entries(), path, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return `${path} is not a plain object`;
  if (Object.hasOwn(value, '__proto__')) return `${path} has a field named __proto__`;
  return findFirst(Object.entries(value), path, depth);
};

const findFirst = (parts: Iterable<[string | number, unknown]>, path: string, depth: number): string | undefined => {
  for (const [name, part] of parts) {
    const found = findUnstorable(part, `${path}.${name}`, depth + 1);
    if (found) return found;
  }
  return undefined;
};

const checksum = (key: string, body: Uint8Array): number => crc32(body, crc32(`${key}\0`));

/** @throws StoreError `STORE_INVALID` for what a store cannot hold. */
export const encodeEntry = (file: string, key: string, value: StoreValue): Uint8Array => {
  checkKey(file, key);
  const unstorable = findUnstorable(value, 'value', 0);
  if (unstorable) throw new StoreError('STORE_INVALID', file, `${key}: ${unstorable}`);
  const body = cbor.encode(value);
  if (body.length > valueBytesMax) {
    throw new StoreError(
      'STORE_INVALID',
      file,
      `${key}: ${body.length} bytes exceed the ${valueBytesMax} a value may have`,
    );
  }
  const entry = new Uint8Array(checksumBytes + body.length);
  new DataView(entry.buffer).setUint32(0, checksum(key, body));
  entry.set(body, checksumBytes);
  return entry;
};

/** The value, or `undefined` after reporting when the entry is damaged. The result shares no memory with `entry`. */
export const decodeEntry = (key: string, entry: Uint8Array, onDamage: DamageHandler): StoreValue | undefined => {
  const copy = new Uint8Array(entry);
  const reason = findDamage(key, copy);
  if (reason === undefined) return cbor.decode(copy.subarray(checksumBytes));
  onDamage(key, reason);
  return undefined;
};

const findDamage = (key: string, entry: Uint8Array): string | undefined => {
  if (entry.length <= checksumBytes) return `only ${entry.length} bytes`;
  const stored = new DataView(entry.buffer).getUint32(0);
  return stored === checksum(key, entry.subarray(checksumBytes)) ? undefined : 'the checksum does not match';
};
