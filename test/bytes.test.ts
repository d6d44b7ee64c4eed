/** Texts that stand for bytes and times have one spelling, and terms one meaning. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BytesTextError,
  concatBytes,
  formatRfc3339Nano,
  fromBase64,
  fromHex,
  fromUtf8,
  parseRfc3339Nano,
  rankOf,
  roundOf,
  TermError,
  TimeTextError,
  termOf,
  toBase64,
  toHex,
  u32Bytes,
  utf8,
} from '../protocol/index.ts';

describe('hex and base64', () => {
  it('agree with Buffer and come back unchanged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
      }),
    );
  });

  it('refuse every other spelling, naming field and character', () => {
    for (const [text, offset] of [
      ['0G', 1],
      ['AB', 0],
      ['0', 0],
      ['0x', 1],
      ['é0', 0],
    ] as const) {
      expect(() => fromHex(text, undefined, 'key')).toThrow(
        expect.objectContaining({ details: { field: 'key', offset } }),
      );
    }
    expect(() => fromHex('0011', 1)).toThrow(BytesTextError);
    for (const text of [
      'A',
      'AA',
      'AAA',
      'AA==\n',
      'AB==',
      'AAB=',
      '=AAA',
      'A===',
      'A=A=',
      'AA-_',
      ' AAA',
      'AAAé',
      '====',
    ]) {
      expect(() => fromBase64(text, 'payload')).toThrow(BytesTextError);
    }
  });

  it('base64 of any text is read as Buffer would write it, or refused', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 24 }), (text) => {
        try {
          expect(Buffer.from(fromBase64(text)).toString('base64')).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(BytesTextError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('text that is not UTF-8 is refused', () => {
    expect(fromUtf8(utf8('时间'))).toBe('时间');
    expect(() => fromUtf8(Uint8Array.of(0xff))).toThrow(BytesTextError);
    expect(concatBytes(u32Bytes(0xffff_fffe), utf8('a'))).toEqual(Uint8Array.of(255, 255, 255, 254, 97));
  });
});

describe('RFC3339Nano', () => {
  it('is compared as time, not as text', () => {
    expect(parseRfc3339Nano('2025-11-19T08:30:00.5Z')).toBeGreaterThan(parseRfc3339Nano('2025-11-19T08:30:00Z'));
    const [a, b] = ['2025-11-19T08:30:00.123456788Z', '2025-11-19T08:30:00.123456789Z'].map((text) =>
      parseRfc3339Nano(text),
    );
    expect((b ?? 0n) - (a ?? 0n)).toBe(1n);
  });

  it('comes back unchanged, without trailing zeros', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -62_000_000_000_000_000_000n, max: 253_402_300_799_999_999_999n }), (timeNs) => {
        expect(parseRfc3339Nano(formatRfc3339Nano(timeNs))).toBe(timeNs);
      }),
    );
    expect(formatRfc3339Nano(0n)).toBe('1970-01-01T00:00:00Z');
    expect(formatRfc3339Nano(1_500_000_000n)).toBe('1970-01-01T00:00:01.5Z');
    expect(formatRfc3339Nano(-1n)).toBe('1969-12-31T23:59:59.999999999Z');
    expect(() => formatRfc3339Nano(253_402_300_800_000_000_000n)).toThrow(TimeTextError);
    expect(() => formatRfc3339Nano(10n ** 30n)).toThrow(TimeTextError);
  });

  it.each([
    '',
    '2025-11-19',
    '2025-11-19T08:30:00',
    '2025-11-19T08:30:00+00:00',
    '2025-11-19t08:30:00z',
    '2025-02-30T00:00:00Z',
    '2025-13-01T00:00:00Z',
    '2025-11-19T24:00:00Z',
    '2025-11-19T23:59:60Z',
    '2025-11-19T08:30:00.Z',
    '2025-11-19T08:30:00.1234567891Z',
    ' 2025-11-19T08:30:00Z',
  ])('refuses "%s"', (text) => {
    expect(() => parseRfc3339Nano(text, 'issued_at')).toThrow(TimeTextError);
  });
});

describe('terms', () => {
  it('give round and rank back', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 24 - 1), fc.nat(255), (round, rank) => {
        expect([roundOf(termOf(round, rank)), rankOf(termOf(round, rank))]).toEqual([round, rank]);
      }),
    );
  });

  it('of a later round are higher, whatever the ranks', () => {
    expect(termOf(2, 0)).toBeGreaterThan(termOf(1, 255));
  });

  it('are refused out of range', () => {
    for (const [round, rank] of [
      [2 ** 24, 0],
      [0, 256],
      [-1, 0],
      [0.5, 0],
      [0, Number.NaN],
    ] as const) {
      expect(() => termOf(round, rank)).toThrow(TermError);
    }
    expect(() => roundOf(2 ** 32)).toThrow(TermError);
    expect(() => rankOf(-1)).toThrow(TermError);
  });
});
