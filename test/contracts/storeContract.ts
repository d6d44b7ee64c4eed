/** What every `Store` must do, on disk or in memory. */
import { describe, expect, it } from 'vitest';
import type { Store, StoreValue } from '../../actors/system/world.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens what it left behind. */
  reopen(): Store;
  /** Damages the entry of `key` at rest, then opens the store again; damage is reported to `onDamage`. */
  reopenDamaged(key: string, damage: (entry: Uint8Array) => Uint8Array, onDamage: (key: string) => void): Store;
}

/** Opens an empty store; the caller cleans up. */
export type OpenStore = (options?: { bytesMax?: number }) => StoreUnderTest;

const values: Record<string, StoreValue> = {
  zero: 0,
  negative: -1,
  fraction: 0.1,
  large: 2 ** 53,
  notANumber: Number.NaN,
  infinite: Number.POSITIVE_INFINITY,
  smallBigint: 5n,
  bigint: 2n ** 70n,
  negativeBigint: -(2n ** 64n),
  empty: '',
  text: 'grün 🌱\u0000',
  yes: true,
  no: false,
  nothing: null,
  noBytes: new Uint8Array(),
  bytes: Uint8Array.of(0, 255, 1),
  list: [1, ['two', null], { three: 3n }],
  record: { term: 513, head: 'validator-1', seen: [Uint8Array.of(1)], inner: {} },
};

const code = (expected: string) => expect.objectContaining({ code: expected });

export const storeContract = (name: string, open: OpenStore): void => {
  describe(`${name} as a store`, () => {
    it.each(Object.entries(values))('gives back what was put: %s', (_, value) => {
      const under = open();
      under.store.put('a.value', value);
      expect(under.store.get('a.value')).toStrictEqual(value);
      expect(under.reopen().get('a.value')).toStrictEqual(value);
    });

    it('knows nothing of a key never put', () => {
      expect(open().store.get('election.term')).toBeUndefined();
    });

    it('keeps the last of several values', () => {
      const { store } = open();
      for (const term of [1, 2, 3]) store.put('election.term', term);
      expect(store.get('election.term')).toBe(3);
      expect(store.keys('')).toEqual(['election.term']);
    });

    it('is not changed by what callers do to a value before or after', () => {
      const { store } = open();
      const put = { nonce: Uint8Array.of(1, 2, 3) };
      store.put('a', put);
      put.nonce[0] = 9;
      const got = store.get('a') as { nonce: Uint8Array };
      expect(got.nonce).toEqual(Uint8Array.of(1, 2, 3));
      got.nonce[0] = 9;
      expect(store.get('a')).toEqual({ nonce: Uint8Array.of(1, 2, 3) });
    });

    it('forgets what was deleted, and deleting twice is nothing', () => {
      const under = open();
      under.store.put('a', 1);
      under.store.delete('a');
      under.store.delete('a');
      expect(under.store.get('a')).toBeUndefined();
      expect(under.reopen().keys('')).toEqual([]);
    });

    it('lists the keys with a prefix, ascending, and no others', () => {
      const { store } = open();
      for (const key of ['nonce.b', 'nonce.a', 'nonce', 'nonces.x', 'epoch.now', 'nonce.~', 'nonce.Z'])
        store.put(key, 1);
      expect(store.keys('nonce.')).toEqual(['nonce.Z', 'nonce.a', 'nonce.b', 'nonce.~']);
      expect(store.keys('')).toEqual(['epoch.now', 'nonce', 'nonce.Z', 'nonce.a', 'nonce.b', 'nonce.~', 'nonces.x']);
      expect(store.keys('zz')).toEqual([]);
    });

    it('puts several entries together', () => {
      const under = open();
      under.store.putAll({ 'a.one': 1, 'a.two': 2 });
      under.store.putAll({});
      const again = under.reopen();
      expect([again.get('a.one'), again.get('a.two')]).toEqual([1, 2]);
    });

    it('puts none of several entries when one cannot be stored', () => {
      const { store } = open();
      store.put('a.one', 0);
      const bad = { at: new Date(0) } as unknown as StoreValue;
      expect(() => store.putAll({ 'a.one': 1, 'a.two': bad })).toThrow(code('STORE_INVALID'));
      expect(store.get('a.one')).toBe(0);
      expect(store.keys('')).toEqual(['a.one']);
    });

    it('refuses what it could not give back, and names the part', () => {
      const { store } = open();
      const refuse = (value: unknown, part: string) =>
        expect(() => store.put('a', value as StoreValue)).toThrow(
          expect.objectContaining({ code: 'STORE_INVALID', message: expect.stringContaining(part) }),
        );
      refuse(undefined, 'value is undefined');
      refuse({ a: [1, undefined] }, 'value.a.1 is undefined');
      refuse({ f: () => 1 }, 'value.f is function');
      refuse(new Map(), 'value is not a plain object');
      refuse(new Float64Array(1), 'value is not a plain object');
      refuse(Symbol('s'), 'value is symbol');
      refuse(JSON.parse('{"__proto__": {"admin": true}}'), '__proto__');
      refuse('x'.repeat(1_048_577), '1048576');
      let deep: StoreValue = 1;
      for (let i = 0; i < 40; i++) deep = [deep];
      refuse(deep, 'nested');
      const circle: unknown[] = [];
      circle.push(circle);
      refuse(circle, 'nested');
      expect(store.keys('')).toEqual([]);
    });

    it.each(['', 'a b', 'ä', 'a\n', 'a\u0000', 'k'.repeat(201)])('refuses the key %j', (key) => {
      const { store } = open();
      expect(() => store.put(key, 1)).toThrow(code('STORE_INVALID'));
      expect(() => store.putAll({ [key]: 1 })).toThrow(code('STORE_INVALID'));
      expect(() => store.get(key)).toThrow(code('STORE_INVALID'));
      expect(() => store.delete(key)).toThrow(code('STORE_INVALID'));
    });

    it('is of no use once closed, and closing twice is nothing', () => {
      const { store } = open();
      store.put('a', 1);
      store.close();
      store.close();
      for (const use of [
        () => store.get('a'),
        () => store.put('a', 2),
        () => store.putAll({ a: 2 }),
        () => store.delete('a'),
        () => store.keys(''),
      ]) {
        expect(use).toThrow(code('STORE_CLOSED'));
      }
    });

    it('says when it is full, keeps the old values, and lives on', () => {
      const { store } = open({ bytesMax: 200_000 });
      store.put('election.term', 7);
      const chunk = new Uint8Array(20_000);
      const fill = () => {
        for (let i = 0; i < 50; i++) store.put(`fill.${i}`, chunk);
      };
      expect(fill).toThrow(code('STORE_FULL'));
      const filled = store.keys('fill.').length;
      expect(filled).toBeGreaterThan(2);
      const before = store.keys('');
      const all = Object.fromEntries(['x', 'y', 'z', 'election.term'].map((key) => [key, new Uint8Array(80_000)]));
      expect(() => store.putAll(all)).toThrow(code('STORE_FULL'));
      expect(store.keys('')).toEqual(before);
      expect(store.get('election.term')).toBe(7);
      for (const key of store.keys('fill.')) store.delete(key);
      store.put('election.term', 8);
      store.put('fill.again', chunk);
      expect(store.get('election.term')).toBe(8);
    });

    it.each([
      ['torn', (entry: Uint8Array) => entry.subarray(0, entry.length >> 1)],
      ['empty', () => new Uint8Array()],
      ['one flipped bit', (entry: Uint8Array) => entry.map((byte, i) => (i === entry.length - 1 ? byte ^ 1 : byte))],
    ])('counts a damaged entry (%s) as missing, reports it, and keeps the others', (_, damage) => {
      const under = open();
      under.store.putAll({ 'a.good': 'good', 'a.bad': { term: 513 } });
      const damaged: string[] = [];
      const store = under.reopenDamaged('a.bad', damage, (key) => damaged.push(key));
      expect(store.get('a.bad')).toBeUndefined();
      expect(store.get('a.good')).toBe('good');
      expect(damaged).toEqual(['a.bad']);
      store.put('a.bad', 'new');
      expect(store.get('a.bad')).toBe('new');
    });
  });
};
