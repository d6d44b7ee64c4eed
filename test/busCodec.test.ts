/** What travels: JSON and CBOR come back as they went, and nothing a stranger sends does more than raise a typed error. */
import { Encoder } from 'cbor-x';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCbor, encodeCbor } from '../bus/cbor.ts';
import { decodePayload, encodePayload, formatOf } from '../bus/codec.ts';
import { IsochronError } from '../protocol/index.ts';

const bytesOf = (data: string | Uint8Array): Uint8Array =>
  typeof data === 'string' ? new TextEncoder().encode(data) : data;
const hex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const code = (expected: string) => expect.objectContaining({ code: expected });

const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'grapheme' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('record'),
  ),
  list: fc.array(tie('value'), { maxLength: 5 }),
  // `__proto__` is a key JSON can carry and objects cannot hold as any other.
  record: fc.dictionary(
    fc.string().filter((key) => key !== '__proto__'),
    tie('value'),
    { maxKeys: 5, noNullPrototype: true },
  ),
})).value;

describe('payloads', () => {
  it('come back from JSON as JSON says, with or without the header', () => {
    fc.assert(
      fc.property(values, (value) => {
        const { data, contentType } = encodePayload(value);
        const bytes = bytesOf(data);
        expect(decodePayload(bytes, formatOf(bytes, contentType))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('come back from CBOR as they were, bytes included, even without the header', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          fc.oneof(values, fc.uint8Array()),
          { noNullPrototype: true },
        ),
        (value) => {
          const bytes = bytesOf(encodePayload(value, 'cbor').data);
          expect(formatOf(bytes, undefined)).toBe('cbor');
          expect(decodePayload(bytes, 'cbor')).toEqual(value);
        },
      ),
    );
  });

  it('of our own encoder pass the scanner whatever cbor-x chose to write', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, maxDepth: 4 }), (value) => {
        let encoded: Uint8Array;
        try {
          encoded = encodeCbor(value);
        } catch {
          return;
        }
        try {
          decodeCbor(encoded);
        } catch (error) {
          // Bigints beyond 64 bits and other exotics need tags, which the interface has not.
          expect(error).toEqual(code('PAYLOAD_MALFORMED'));
        }
      }),
    );
  });

  it('turn bytes into lower-case hex in JSON wherever they are, and leave what knows its own JSON alone', () => {
    const when = new Date(0);
    expect(encodePayload({ a: [Uint8Array.of(0xab, 1)], b: { c: Uint8Array.of() }, when })).toMatchObject({
      data: '{"a":["ab01"],"b":{"c":""},"when":"1970-01-01T00:00:00.000Z"}',
    });
  });

  it('that a format cannot carry are refused', () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    for (const value of [loop, { n: 1n }, () => 1, Symbol('x')])
      expect(() => encodePayload(value)).toThrow(code('PAYLOAD_UNENCODABLE'));
    expect(() => encodePayload(loop, 'cbor')).toThrow(code('PAYLOAD_UNENCODABLE'));
  });

  it('name their format by the header, its parameters and case aside', () => {
    expect(formatOf(Uint8Array.of(), ' Application/CBOR ; x=y')).toBe('cbor');
    expect(formatOf(Uint8Array.of(), 'application/vnd.isochron.tlv')).toBe('tlv');
    expect(formatOf(Uint8Array.of(0x5b), '')).toBe('json');
    expect(formatOf(Uint8Array.of(0x22), undefined)).toBe('cbor');
    expect(() => formatOf(Uint8Array.of(), 'application/xml')).toThrow(code('FORMAT_UNSUPPORTED'));
  });

  it('that were kept do not keep, or follow, the buffer they came in', () => {
    const chunk = Buffer.from([0, 1, 2, 3]);
    const kept = decodePayload(chunk.subarray(1, 3), 'tlv') as Uint8Array;
    chunk.fill(9);
    expect(kept).toEqual(Uint8Array.of(1, 2));
    expect(kept.buffer.byteLength).toBe(2);
  });
});

describe('bytes from strangers', () => {
  it('raise nothing but a typed error, in every format', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom('json', 'cbor', 'tlv'), (bytes, format) => {
        try {
          decodePayload(bytes, format as 'json');
        } catch (error) {
          expect(error).toBeInstanceOf(IsochronError);
          expect(error).toEqual(code('PAYLOAD_MALFORMED'));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('in CBOR with one byte changed or lost never do worse', () => {
    const valid = new Encoder({ useRecords: false, tagUint8Array: false }).encode({
      list: [1, 'two', { three: Uint8Array.of(3) }],
      big: 2 ** 40,
      f: 1.5,
    });
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(255), fc.boolean(), (at, byte, cut) => {
        const bytes = cut ? valid.subarray(0, at) : Uint8Array.from(valid, (old, i) => (i === at ? byte : old));
        try {
          decodePayload(bytes, 'cbor');
        } catch (error) {
          expect(error).toEqual(code('PAYLOAD_MALFORMED'));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['nothing of an array that claims 2^32 - 1 items', '9affffffff', 0],
    ['nothing of a map that claims 2^64 - 1 entries', 'bbffffffffffffffff', 0],
    ['a string longer than the message', '7900ff61', 0],
    ['a truncated integer', '1901', 0],
    ['bytes after the value', 'a000', 1],
    ['a reserved length', '1c', 0],
    ['a tag', 'c11a514b67b0', 0],
    ['a private tag of cbor-x in an array', '81d8698101', 1],
    ['a map key that is no text', 'a10102', 1],
    ['a break outside an indefinite item', 'ff', 0],
    ['an indefinite array without an end', '9f01', 2],
    ['bytes in chunks', '5f4101420203ff', 0],
    ['text in chunks', 'a17f6161ff00', 1],
    ['65 nested arrays', `${'81'.repeat(66)}00`, 65],
  ])('%s: the error names the offset', (_, text, offset) => {
    expect(() => decodePayload(hex(text), 'cbor')).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_MALFORMED', details: { format: 'cbor', offset } }),
    );
  });

  it.each([
    ['a0', {}],
    ['9f0102ff', [1, 2]],
    ['bf616101ff', { a: 1 }],
    ['1b0020000000000001', 2n ** 53n + 1n],
    ['f97e00', Number.NaN],
    ['820af6', [10, null]],
    [`${'81'.repeat(64)}00`, expect.anything()],
  ])('%s is plain CBOR', (text, value) => {
    expect(decodePayload(hex(text), 'cbor')).toEqual(value);
  });

  it('cannot reach a prototype', () => {
    for (const bytes of [
      new TextEncoder().encode('{"__proto__":{"polluted":1}}'),
      hex('a1695f5f70726f746f5f5fa168706f6c6c7574656401'),
    ]) {
      const value = decodePayload(bytes, formatOf(bytes, undefined)) as object;
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
    }
  });
});
