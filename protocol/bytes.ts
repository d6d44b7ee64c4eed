/**
 * Bytes and their text forms: hex, base64 (RFC 4648 §4, strict) and UTF-8. Own code because `Buffer` is Node's alone and
 * `atob` forgives whitespace and missing padding, while keys and envelopes must have one spelling.
 */
import { IsochronError } from './errors.ts';

/** A text is not the hex or base64 it should be. `details.field` names it, `details.offset` the first wrong character. */
export class BytesTextError extends IsochronError {
  constructor(field: string, expected: string, offset: number) {
    super('BYTES_TEXT_INVALID', 400, `${field}: expected ${expected}`, { details: { field, offset } });
  }
}

const hexOf: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lower-case hex. */
export const toHex = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += hexOf[byte];
  return text;
};

const nibbleOf = (code: number): number => {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
};

/**
 * Reads lower-case hex; with `length`, of exactly so many bytes.
 * @throws BytesTextError
 */
export const fromHex = (text: string, length = text.length >> 1, field = 'hex'): Uint8Array => {
  const expected = `${length} bytes in lower-case hex`;
  if (text.length !== 2 * length) throw new BytesTextError(field, expected, Math.min(text.length, 2 * length));
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const high = nibbleOf(text.charCodeAt(2 * i));
    const low = nibbleOf(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) throw new BytesTextError(field, expected, high < 0 ? 2 * i : 2 * i + 1);
    bytes[i] = (high << 4) | low;
  }
  return bytes;
};

const base64Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const base64Values = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) base64Values[base64Alphabet.charCodeAt(i)] = i;
/** Values above 127 are no base64 character either. */
const base64Value = (code: number): number => base64Values[code] ?? -1;

/** Base64 with padding. */
export const toBase64 = (bytes: Uint8Array): string => {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += base64Alphabet.charAt(word >> 18) + base64Alphabet.charAt((word >> 12) & 63);
    text += left > 1 ? base64Alphabet.charAt((word >> 6) & 63) : '=';
    text += left > 2 ? base64Alphabet.charAt(word & 63) : '=';
  }
  return text;
};

const base64Expected = 'base64 with padding and without spaces';

/**
 * Reads base64 in its one canonical spelling: padded, no spaces, unused bits zero.
 * @throws BytesTextError
 */
export const fromBase64 = (text: string, field = 'base64'): Uint8Array => {
  if (text.length % 4 !== 0) throw new BytesTextError(field, base64Expected, text.length);
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < digits; i++) {
    const value = base64Value(text.charCodeAt(i));
    if (value < 0) throw new BytesTextError(field, base64Expected, i);
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  if ((held & ((1 << bits) - 1)) !== 0) throw new BytesTextError(field, base64Expected, digits - 1);
  return bytes;
};

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** @throws BytesTextError when the bytes are not UTF-8. */
export const fromUtf8 = (bytes: Uint8Array, field = 'text'): string => {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new BytesTextError(field, 'UTF-8', 0);
  }
};

export const concatBytes = (...parts: readonly Uint8Array[]): Uint8Array => {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
};

/** `value` as four bytes, big-endian. */
export const u32Bytes = (value: number): Uint8Array =>
  Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
