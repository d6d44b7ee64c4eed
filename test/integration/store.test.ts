/** The store between real processes: one writer, no lock left by the dead, nothing acknowledged ever lost. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../actors/system/store.ts';
import type { Store } from '../../actors/system/world.ts';

const built = fileURLToPath(new URL('../../dist/actors/system/store.js', import.meta.url));

/** Writes pairs for as long as it lives and says each number once it is durable. */
const writer = `
  const { openStore } = await import(process.argv[1]);
  try {
    const store = openStore(process.argv[2]);
    for (let n = Number(store.get('pair.one') ?? 0) + 1; ; n++) {
      if (n % 2 === 0) store.putAll({ 'pair.one': n, 'pair.two': n });
      else { store.put('pair.one', n); store.put('pair.two', n); }
      await new Promise((resolve) => process.stdout.write(n + '\\n', resolve));
    }
  } catch (error) {
    console.log(error.code);
  }
`;

let folder: string;
let file: string;
const children: ChildProcess[] = [];
const stores: Store[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'isochron-store-'));
  file = join(folder, 'data.sqlite');
});

afterEach(async () => {
  for (const store of stores.splice(0)) store.close();
  await Promise.all(children.splice(0).map(kill));
  rmSync(folder, { recursive: true });
});

const open = (): Store => {
  const store = openStore(file);
  stores.push(store);
  return store;
};

const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
};

const startWriter = () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', writer, built, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  return { child, lines };
};

/** Lets a writer acknowledge `count` pairs, kills it, and returns the last number it acknowledged. */
const writeAndKill = async (count: number): Promise<number> => {
  const { child, lines } = startWriter();
  let last = '';
  let seen = 0;
  for await (const line of lines) {
    last = line;
    if (++seen === count) child.kill('SIGKILL');
  }
  await kill(child);
  return Number(last);
};

describe('a store between processes', () => {
  it('has one writer: the second is refused, in its own and in another process', async () => {
    const store = open();
    expect(() => openStore(file)).toThrow(expect.objectContaining({ code: 'STORE_LOCKED', details: { file } }));
    const { lines } = startWriter();
    const [said] = await once(lines, 'line');
    expect(said).toBe('STORE_LOCKED');
    store.put('still', 'works');
    expect(store.get('still')).toBe('works');
  });

  it('is given back by close', async () => {
    open().close();
    const { lines } = startWriter();
    const [said] = await once(lines, 'line');
    expect(said).toBe('1');
  });

  it('loses nothing it acknowledged, and leaves no lock, however often its process is killed', async () => {
    for (let round = 0; round < 8; round++) {
      const acknowledged = await writeAndKill(20 + 7 * round);
      const store = open();
      const [one, two] = [Number(store.get('pair.one')), Number(store.get('pair.two'))];
      expect(two).toBeGreaterThanOrEqual(acknowledged);
      // Even numbers are put together, so only an odd one may stand half written.
      expect(one === two || (one % 2 === 1 && one === two + 1)).toBe(true);
      store.close();
    }
  });

  it('is readable by its owner alone', () => {
    open().put('a', 1);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

describe('a file that is no store', () => {
  const unreadable = (reason: string) =>
    expect.objectContaining({ code: 'STORE_UNREADABLE', details: { file }, message: expect.stringContaining(reason) });

  it.each([
    ['text', 'not a database, whatever its name says. '.repeat(500), 'not a store'],
    ['a few bytes', 'x', '1 bytes cannot be a store'],
  ])('is refused by name and left as it is: %s', (_, content, reason) => {
    writeFileSync(file, content);
    expect(() => openStore(file)).toThrow(unreadable(reason));
    expect(statSync(file).size).toBe(content.length);
  });

  it('is refused when it is the database of something else, which stays usable', () => {
    const db = new Database(file);
    db.exec('CREATE TABLE person (name TEXT)');
    db.close();
    expect(() => openStore(file)).toThrow(unreadable('not a store of isochron'));
    const again = new Database(file);
    expect(again.prepare('SELECT count(*) FROM person').raw().get([])).toEqual([0]);
    expect(again.prepare('PRAGMA journal_mode').raw().get([])).toEqual(['delete']);
    again.close();
  });

  it('is refused when a newer version wrote it', () => {
    open().close();
    const db = new Database(file);
    db.exec("UPDATE meta SET value = '2'");
    db.close();
    expect(() => openStore(file)).toThrow(unreadable('has schema 2; this version reads 1'));
  });

  it('is refused when whole pages are damaged', () => {
    const store = open();
    for (let i = 0; i < 100; i++) store.put(`k.${i}`, new Uint8Array(1_000));
    store.close();
    const db = new Database(file);
    const [pages] = db.prepare('PRAGMA page_count').raw().get([]) as [number];
    db.close();
    expect(pages).toBeGreaterThan(20);
    const bytes = readFileSync(file).fill(0xaa, 4_096 * 5, 4_096 * 7);
    writeFileSync(file, bytes);
    expect(() => openStore(file)).toThrow(unreadable('damaged'));
  });

  it('names a folder that is missing', () => {
    const missing = join(folder, 'none', 'data.sqlite');
    expect(() => openStore(missing)).toThrow(
      expect.objectContaining({ code: 'STORE_FAILED', message: expect.stringContaining(missing) }),
    );
  });

  it('refuses a size limit that holds nothing', () => {
    expect(() => openStore(file, { bytesMax: 100 })).toThrow(RangeError);
  });
});
