/**
 * Content negotiation (3-interface §1): JSON, CBOR or, on say and tell, raw TLV. Without a `Content-Type` an empty payload
 * is `{}`, a first byte `{` or `[` means JSON, anything else CBOR. JSON that starts so travels without the header, which
 * keeps the common case free of header parsing. In JSON, bytes are lower-case hex; bulk bytes are base64 by their schema.
 */

import type { Format } from './bus.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { FormatUnsupportedError, PayloadMalformedError, PayloadUnencodableError } from './errors.ts';
import type { Frame } from './transport.ts';

export const contentTypeHeader = 'Content-Type';
export const contentTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  cbor: 'application/cbor',
  tlv: 'application/vnd.isochron.tlv',
};

/** A payload ready to send. `contentType` is undefined when the bytes speak for themselves. */
export interface Encoded {
  readonly data: string | Uint8Array;
  readonly contentType: string | undefined;
}

const EMPTY: Encoded = { data: '', contentType: undefined };
const BRACE = 0x7b;
const BRACKET = 0x5b;

/**
 * A `Uint8Array` payload is TLV whatever `format` says; `undefined` is the empty payload.
 * @throws PayloadUnencodableError
 */
export const encodePayload = (payload: unknown, format: 'json' | 'cbor' = 'json'): Encoded => {
  if (payload instanceof Uint8Array) return { data: payload, contentType: contentTypes.tlv };
  if (payload === undefined) return EMPTY;
  try {
    if (format === 'cbor') return { data: encodeCbor(payload), contentType: contentTypes.cbor };
    const text = JSON.stringify(holdsBytes(payload) ? hexed(payload) : payload);
    if (text === undefined) throw new TypeError(`a ${typeof payload} has no JSON form`);
    const first = text.charCodeAt(0);
    return { data: text, contentType: first === BRACE || first === BRACKET ? undefined : contentTypes.json };
  } catch (cause) {
    throw new PayloadUnencodableError(format, cause);
  }
};

/** The format of received bytes. @throws FormatUnsupportedError for a content type that is none of ours. */
export const formatOf = (data: Uint8Array, contentType: string | undefined): Format =>
  contentType === undefined || contentType === '' ? formatStarting(data[0]) : formatNamed(contentType);

const formatStarting = (first: number | undefined): Format =>
  first === undefined || first === BRACE || first === BRACKET ? 'json' : 'cbor';

const formatNamed = (contentType: string): Format => {
  const essence = contentType.split(';', 1)[0]?.trim().toLowerCase();
  if (essence === contentTypes.json) return 'json';
  if (essence === contentTypes.cbor) return 'cbor';
  if (essence === contentTypes.tlv) return 'tlv';
  throw new FormatUnsupportedError(contentType.slice(0, 100));
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** TLV bytes come back as a copy, so that keeping them does not keep the whole network chunk alive. @throws PayloadMalformedError */
export const decodePayload = (data: Uint8Array, format: Format): unknown => {
  if (format === 'tlv') return new Uint8Array(data);
  if (data.length === 0) return {};
  if (format === 'cbor') return decodeCbor(data);
  return parseJson(readText(data));
};

const readText = (data: Uint8Array): string => {
  try {
    return utf8.decode(data);
  } catch (cause) {
    throw new PayloadMalformedError('json', 'not UTF-8', { cause });
  }
};

type Carried = Pick<Frame, 'data' | 'text' | 'firstByte'>;

/** `formatOf` a frame. @throws FormatUnsupportedError */
export const frameFormat = (frame: Carried, contentType: string | undefined): Format => {
  if (contentType !== undefined && contentType !== '') return formatNamed(contentType);
  return formatStarting(frame.firstByte === undefined ? frame.data[0] : frame.firstByte());
};

/** `decodePayload` of a frame. @throws PayloadMalformedError */
export const decodeFrame = (frame: Carried, format: Format): unknown => {
  const text = format === 'json' ? frame.text?.() : undefined;
  if (text === undefined) return decodePayload(frame.data, format);
  return text === '' ? {} : parseJson(text);
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PayloadMalformedError('json', cause instanceof Error ? cause.message : 'undecodable', { cause });
  }
};

/** Whether any `Uint8Array` hides in the value: `JSON.stringify` with a replacer costs several times this walk. */
const holdsBytes = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Uint8Array) return true;
  if (Array.isArray(value)) return value.some(holdsBytes);
  for (const key in value) {
    if (holdsBytes((value as Record<string, unknown>)[key])) return true;
  }
  return false;
};

const hexed = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(hexed);
  if ('toJSON' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hexed(item)]));
};

const toHex = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
};
