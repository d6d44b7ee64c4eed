/**
 * The store of simulations and tests: the contract of the real one, entries kept as the same bytes, and a crash on
 * demand. A disk may keep the last write, lose it, or tear it; the first two leave a whole store, the third a damaged
 * entry, which counts as missing.
 */

import { checkKey, type DamageHandler, decodeEntry, encodeEntry } from './storeEntries.ts';
import { StoreError } from './storeErrors.ts';
import type { Store, StoreValue } from './world.ts';

/** What a store looks like when it is closed: key to entry, as bytes. */
export type StoreImage = ReadonlyMap<string, Uint8Array>;

/** What a crash does to the last write. */
export type CrashFate = 'keep' | 'lose' | 'tear';

export interface MemoryStoreOptions {
  /** Starts from what a store before it left behind. */
  readonly image?: StoreImage;
  /** Names the store in errors. */
  readonly name?: string;
  /** Told of an entry that is damaged; it then counts as missing. */
  readonly onDamage?: DamageHandler;
  /** Keys and entries together, in bytes; a put beyond it is `STORE_FULL`. Default: no limit. */
  readonly bytesMax?: number;
}

export interface MemoryStore extends Store {
  /** What is on the disk now; later writes do not change it. */
  image(): StoreImage;
  /** Closes the store as a crash would and returns what it leaves on the disk. */
  crash(fate: CrashFate): StoreImage;
}

class MapStore implements MemoryStore {
  readonly #name: string;
  readonly #onDamage: DamageHandler;
  readonly #bytesMax: number;
  readonly #entries: Map<string, Uint8Array>;
  /** What the last write replaced: key to the entry before, `undefined` when there was none. */
  #replaced: ReadonlyMap<string, Uint8Array | undefined> = new Map();
  #bytes = 0;
  #isOpen = true;

  constructor(options: MemoryStoreOptions) {
    this.#name = options.name ?? ':memory:';
    this.#onDamage = options.onDamage ?? (() => {});
    this.#bytesMax = options.bytesMax ?? Number.POSITIVE_INFINITY;
    this.#entries = new Map(options.image);
    for (const [key, entry] of this.#entries) this.#bytes += key.length + entry.length;
  }

  get(key: string): StoreValue | undefined {
    this.#check(key);
    const entry = this.#entries.get(key);
    return entry && decodeEntry(key, entry, this.#onDamage);
  }

  put(key: string, value: StoreValue): void {
    this.putAll({ [key]: value });
  }

  putAll(entries: Readonly<Record<string, StoreValue>>): void {
    this.#checkOpen();
    this.#write(new Map(Object.entries(entries).map(([key, value]) => [key, encodeEntry(this.#name, key, value)])));
  }

  delete(key: string): void {
    this.#check(key);
    this.#write(new Map([[key, undefined]]));
  }

  keys(prefix: string): readonly string[] {
    this.#checkOpen();
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  close(): void {
    this.#isOpen = false;
  }

  image(): StoreImage {
    return new Map(this.#entries);
  }

  crash(fate: CrashFate): StoreImage {
    this.close();
    const image = new Map(this.#entries);
    for (const [key, before] of this.#replaced) {
      const written = image.get(key);
      if (fate === 'tear' && written) image.set(key, written.subarray(0, written.length >> 1));
      if (fate === 'lose') setOrDelete(image, key, before);
    }
    return image;
  }

  /** `undefined` deletes. */
  #write(changes: ReadonlyMap<string, Uint8Array | undefined>): void {
    const replaced = new Map([...changes.keys()].map((key) => [key, this.#entries.get(key)]));
    const bytes = this.#bytes + sizeOf(changes) - sizeOf(replaced);
    if (bytes > this.#bytesMax && bytes > this.#bytes) {
      throw new StoreError('STORE_FULL', this.#name, 'the disk is full; nothing was written');
    }
    for (const [key, entry] of changes) setOrDelete(this.#entries, key, entry);
    this.#bytes = bytes;
    this.#replaced = replaced;
  }

  #check(key: string): void {
    this.#checkOpen();
    checkKey(this.#name, key);
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw new StoreError('STORE_CLOSED', this.#name, 'the store is closed');
  }
}

const setOrDelete = (map: Map<string, Uint8Array>, key: string, entry: Uint8Array | undefined): void => {
  if (entry) map.set(key, entry);
  else map.delete(key);
};

const sizeOf = (changes: ReadonlyMap<string, Uint8Array | undefined>): number => {
  let bytes = 0;
  for (const [key, entry] of changes) if (entry) bytes += key.length + entry.length;
  return bytes;
};

/** A store that lives as long as its process. */
export const createMemoryStore = (options: MemoryStoreOptions = {}): MemoryStore => new MapStore(options);
