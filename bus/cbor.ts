/**
 * CBOR (RFC 8949) as the bus speaks it: text-keyed maps, no tags, no strings in chunks.
 * Bytes from outside are walked once before cbor-x sees them, because it allocates what a header claims (an array of
 * 2^26 items from five bytes) and turns private tags into objects of its own.
 */
import { Decoder, Encoder } from 'cbor-x';
import { PayloadMalformedError } from './errors.ts';

/** Deeper nesting than any message of ours; keeps recursion off the stack's end. */
const depthMax = 64;

const options = { useRecords: false, mapsAsObjects: true, tagUint8Array: false, variableMapSize: true } as const;
const encoder = new Encoder(options);
const decoder = new Decoder(options);

/** A copy, because cbor-x reuses its buffer's memory for the next value. */
export const encodeCbor = (value: unknown): Uint8Array => new Uint8Array(encoder.encode(value));

/** @throws PayloadMalformedError with the offset of the first byte that is wrong. */
export const decodeCbor = (bytes: Uint8Array): unknown => {
  // A plain view: cbor-x hands out byte strings of the input's class, and a Buffer is not equal to a Uint8Array.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = skipItem(plain, 0, 0);
  if (end !== plain.length) throw malformed('bytes after the value', end);
  try {
    return decoder.decode(plain);
  } catch (cause) {
    throw new PayloadMalformedError('cbor', cause instanceof Error ? cause.message : 'undecodable', { cause });
  }
};

const malformed = (message: string, offset: number): PayloadMalformedError =>
  new PayloadMalformedError('cbor', message, { offset });

const BREAK = 0xff;
const INDEFINITE = 31;

/** Offset just after the item that starts at `at`. */
const skipItem = (bytes: Uint8Array, at: number, depth: number): number => {
  if (depth > depthMax) throw malformed(`nested deeper than ${depthMax}`, at);
  const initial = bytes[at];
  if (initial === undefined) throw malformed('truncated', at);
  const major = initial >> 5;
  const info = initial & 0x1f;
  if (info === INDEFINITE) return skipIndefinite(bytes, at, major, depth);
  const width = argumentWidth(info, at);
  const next = at + 1 + width;
  if (next > bytes.length) throw malformed('truncated', at);
  if (major === 0 || major === 1 || major === 7) return next;
  if (major === 6) throw malformed('tags are not part of this interface', at);
  const count = argument(bytes, at + 1, info, width);
  if (count > bytes.length - next) throw malformed('length beyond the end', at);
  if (major === 2 || major === 3) return next + count;
  return skipItems(bytes, next, major, count, depth);
};

/** Bytes that the argument of an initial byte takes: 0, 1, 2, 4 or 8. */
const argumentWidth = (info: number, at: number): number => {
  if (info < 24) return 0;
  if (info > 27) throw malformed('reserved length', at);
  return 1 << (info - 24);
};

const argument = (bytes: Uint8Array, at: number, info: number, width: number): number => {
  if (width === 0) return info;
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
};

/** `count` elements of an array (major 4) or entries of a map (major 5). */
const skipItems = (bytes: Uint8Array, at: number, major: number, count: number, depth: number): number => {
  let next = at;
  for (let i = 0; i < count; i++) {
    if (major === 5) next = skipKey(bytes, next, depth);
    next = skipItem(bytes, next, depth + 1);
  }
  return next;
};

const skipKey = (bytes: Uint8Array, at: number, depth: number): number => {
  const major = (bytes[at] ?? 0) >> 5;
  if (at < bytes.length && major !== 3) throw malformed('map keys must be text', at);
  return skipItem(bytes, at, depth + 1);
};

const skipIndefinite = (bytes: Uint8Array, at: number, major: number, depth: number): number => {
  if (major === 2 || major === 3) throw malformed('strings in chunks are not part of this interface', at);
  if (major !== 4 && major !== 5) throw malformed('break outside an indefinite item', at);
  let next = at + 1;
  while (bytes[next] !== BREAK) {
    if (major === 5) next = skipKey(bytes, next, depth);
    next = skipItem(bytes, next, depth + 1);
  }
  return next + 1;
};
