import { expect, test } from 'vitest';
import { plain } from '../actors/system/plain.ts';

test('what an actor holds becomes data that JSON and CBOR know', () => {
  const named = () => 1;
  const bytes = Uint8Array.of(1, 2);
  const held = {
    big: 2n ** 64n,
    named,
    map: new Map([['a', 1]]),
    set: new Set([1]),
    bytes,
    error: new RangeError('no'),
    none: null,
  };
  expect(plain(held)).toEqual({
    big: '18446744073709551616',
    named: { type: 'named' },
    map: [['a', 1]],
    set: [1],
    bytes,
    error: { name: 'RangeError', message: 'no' },
    none: null,
  });
});

test('a cycle ends', () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  expect(JSON.stringify(plain(cycle))).toContain('…');
});
