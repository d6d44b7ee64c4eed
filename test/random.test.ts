/** Randomness: repeatable from its seed, independent between forks, uniform enough; and the real one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom, createSeededRandom, integerBelow, jitter } from '../actors/system/random.ts';

const draw = (seed: number, count = 8) => {
  const random = createSeededRandom(seed);
  return Array.from({ length: count }, () => random.fraction());
};

describe('seeded randomness', () => {
  it('repeats exactly: these values may never change, or printed seeds lose their meaning', () => {
    const random = createSeededRandom(42);
    expect(Buffer.from(random.bytes(12)).toString('hex')).toMatchInlineSnapshot(`"304dc2239dd4af9b30be55e7"`);
    expect(random.fraction()).toMatchInlineSnapshot(`0.5103580993273814`);
    expect(random.fork('validator-1').fraction()).toMatchInlineSnapshot(`0.15902474198793937`);
  });

  it('repeats for any seed and differs between seeds', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
        expect(draw(a)).toEqual(draw(a));
        if (a !== b) expect(draw(a)).not.toEqual(draw(b));
      }),
    );
  });

  it('says its seed', () => {
    expect(createSeededRandom(7).seed).toBe(7);
  });

  it('forks by name alone: what others draw changes nothing', () => {
    const quiet = createSeededRandom(1);
    const busy = createSeededRandom(1);
    for (let i = 0; i < 100; i++) busy.fraction();
    busy.fork('other').fraction();
    expect(busy.fork('loss').fraction()).toBe(quiet.fork('loss').fraction());
    expect(quiet.fork('loss').fraction()).not.toBe(quiet.fork('jitter').fraction());
    expect(quiet.fork('a').fork('b').seed).not.toBe(quiet.fork('b').fork('a').seed);
    expect(createSeededRandom(quiet.fork('loss').seed).fraction()).toBe(quiet.fork('loss').fraction());
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN])('refuses the seed %s', (seed) => {
    expect(() => createSeededRandom(seed)).toThrow(RangeError);
  });
});

describe.each([
  ['seeded', () => createSeededRandom(20_261_121)],
  ['real', createRandom],
] as const)('%s randomness', (_, create) => {
  it('gives the bytes asked for', () => {
    const random = create();
    for (const length of [0, 1, 3, 4, 5, 16, 1_000]) {
      const bytes = random.bytes(length);
      expect([bytes.length, bytes.constructor]).toEqual([length, Uint8Array]);
    }
    expect(() => random.bytes(-1)).toThrow(RangeError);
  });

  it('is uniform: fractions fill [0, 1) evenly and every bit of a byte is set half of the time', () => {
    const random = create();
    const draws = 50_000;
    const bins = new Array(20).fill(0);
    for (let i = 0; i < draws; i++) bins[Math.floor(random.fraction() * bins.length)]++;
    // Chi-squared with 19 degrees of freedom is above 70 once in 10^8 runs.
    const expected = draws / bins.length;
    expect(bins.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)).toBeLessThan(70);
    const bytes = random.bytes(draws);
    for (let bit = 0; bit < 8; bit++) {
      const set = bytes.reduce((sum, byte) => sum + ((byte >> bit) & 1), 0);
      expect(Math.abs(set / draws - 0.5)).toBeLessThan(0.015);
    }
  });

  it('draws integers below a bound and jitter within its share', () => {
    const random = create();
    const seen = new Set<number>();
    for (let i = 0; i < 1_000; i++) {
      seen.add(integerBelow(random, 5));
      expect(Math.abs(jitter(random, 200, 0.1) - 200)).toBeLessThanOrEqual(20);
    }
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4]);
    for (const bound of [0, -1, 1.5, Number.NaN]) expect(() => integerBelow(random, bound)).toThrow(RangeError);
  });
});
