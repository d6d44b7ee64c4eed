/** Crashes of the memory store: what a disk may do to the last write, and what the next start sees. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryStore, type StoreImage } from '../actors/system/memoryStore.ts';
import { StoreError } from '../actors/system/storeErrors.ts';

const reopen = (image: StoreImage) => {
  const damaged: string[] = [];
  return { store: createMemoryStore({ image, onDamage: (key) => damaged.push(key) }), damaged };
};

const written = () => {
  const store = createMemoryStore();
  store.putAll({ 'election.term': 1, 'epoch.now': 10 });
  store.put('election.term', 2);
  return store;
};

describe('a crash of the memory store', () => {
  it('keeps the last write, when the disk did', () => {
    const { store, damaged } = reopen(written().crash('keep'));
    expect([store.get('election.term'), store.get('epoch.now'), damaged]).toEqual([2, 10, []]);
  });

  it('loses the last write and no other, when the disk lied', () => {
    const { store, damaged } = reopen(written().crash('lose'));
    expect([store.get('election.term'), store.get('epoch.now'), damaged]).toEqual([1, 10, []]);
  });

  it('tears the last write, which then counts as missing and is reported', () => {
    const { store, damaged } = reopen(written().crash('tear'));
    expect([store.get('election.term'), store.get('epoch.now')]).toEqual([undefined, 10]);
    expect(damaged).toEqual(['election.term']);
  });

  it('takes entries put together as one write', () => {
    const store = written();
    store.putAll({ 'election.term': 3, 'epoch.now': 11, 'epoch.new': 1 });
    const lost = reopen(store.crash('lose')).store;
    expect([lost.get('election.term'), lost.get('epoch.now'), lost.keys('')]).toEqual([
      2,
      10,
      ['election.term', 'epoch.now'],
    ]);
  });

  it('can lose a deletion', () => {
    const store = written();
    store.delete('election.term');
    expect(reopen(store.crash('lose')).store.get('election.term')).toBe(2);
  });

  it('has nothing to lose once the state before is reopened', () => {
    const again = createMemoryStore({ image: written().crash('keep') });
    expect(reopen(again.crash('lose')).store.get('election.term')).toBe(2);
  });

  it('ends the store', () => {
    const store = written();
    store.crash('keep');
    expect(() => store.put('a', 1)).toThrow(expect.objectContaining({ code: 'STORE_CLOSED' }));
  });

  it('an image is a moment: later writes do not change it', () => {
    const store = written();
    const image = store.image();
    store.put('election.term', 9);
    expect(reopen(image).store.get('election.term')).toBe(2);
  });

  it('survives any bytes on the disk: every entry is whole or missing', () => {
    const image = written().crash('keep');
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.nat(63),
        fc.integer({ min: 1, max: 255 }),
        (noise, place, flip) => {
          const term = image.get('election.term') ?? new Uint8Array();
          const flipped = term.map((byte, i) => (i === place % term.length ? byte ^ flip : byte));
          for (const bytes of [noise, flipped]) {
            const { store, damaged } = reopen(new Map([...image, ['election.term', bytes]]));
            expect(store.get('election.term')).toBeUndefined();
            expect(damaged).toEqual(['election.term']);
            expect(store.get('epoch.now')).toBe(10);
          }
        },
      ),
    );
  });

  it('notices an entry filed under another key', () => {
    const image = written().crash('keep');
    const swapped = new Map([['epoch.now', image.get('election.term') ?? new Uint8Array()]]);
    expect(reopen(swapped).damaged).toEqual([]);
    const { store, damaged } = reopen(swapped);
    expect(store.get('epoch.now')).toBeUndefined();
    expect(damaged).toEqual(['epoch.now']);
  });
});

describe('a store error', () => {
  it('names the file, what happened, and keeps the cause', () => {
    const cause = new Error('x');
    const error = new StoreError('STORE_FULL', 'data.sqlite', 'the disk is full', cause);
    expect(error).toMatchObject({ code: 'STORE_FULL', status: 507, message: 'data.sqlite: the disk is full', cause });
    expect(error.details).toEqual({ file: 'data.sqlite' });
    expect(error.code).toBe('STORE_FULL');
  });
});
