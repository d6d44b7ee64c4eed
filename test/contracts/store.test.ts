/** One suite for both stores. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach } from 'vitest';
import { createMemoryStore } from '../../actors/system/memoryStore.ts';
import { openStore } from '../../actors/system/store.ts';
import type { Store } from '../../actors/system/world.ts';
import { storeContract } from './storeContract.ts';

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

const kept = (store: Store): Store => {
  cleanUps.push(() => store.close());
  return store;
};

storeContract('a file', (options = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'isochron-store-'));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'data.sqlite');
  const store = kept(openStore(file, options));
  return {
    store,
    reopen: () => {
      store.close();
      return kept(openStore(file));
    },
    reopenDamaged: (key, damage, onDamage) => {
      store.close();
      const db = new Database(file);
      const [entry] = db.prepare('SELECT value FROM entry WHERE key = ?').raw().get([key]) as [Uint8Array];
      db.prepare('UPDATE entry SET value = ? WHERE key = ?').run([Buffer.from(damage(entry)), key]);
      db.close();
      return kept(openStore(file, { onDamage }));
    },
  };
});

storeContract('memory', (options = {}) => {
  const store = createMemoryStore(options);
  return {
    store,
    reopen: () => createMemoryStore({ image: store.crash('keep') }),
    reopenDamaged: (key, damage, onDamage) => {
      const image = new Map(store.crash('keep'));
      image.set(key, damage(image.get(key) ?? new Uint8Array()));
      return createMemoryStore({ image, onDamage });
    },
  };
});
