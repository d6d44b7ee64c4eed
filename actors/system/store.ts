/**
 * Durable state of one node: a single SQLite file (libsql, WAL, synchronous=FULL), one writer. When `put` returns the
 * value is on disk: terms, epochs, nonces and `Ci` are written before any message that depends on them leaves
 * (ARCHITECTURE.md, "The seams").
 *
 * The file is locked for as long as it is open, by the operating system, so that a killed process leaves no lock.
 * Facts about libsql 0.5.29 this file works around: `.get()` adds a field unless `.raw()`; binding a lone Buffer aborts
 * the process, so parameters always go in an array; prepared statements keep the connection, and with it the lock,
 * alive after `close()`, so `close` first leaves the exclusive mode; its `transaction` rolls back twice on a full disk and
 * hides the reason.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import Database from 'libsql';
import { checkKey, type DamageHandler, decodeEntry, encodeEntry } from './storeEntries.ts';
import { StoreError, type StoreErrorCode } from './storeErrors.ts';
import type { Store, StoreValue } from './world.ts';

/** Version of the tables below. A file of another version is refused, never guessed at. */
const schemaVersion = 1;

/** Smallest limit that holds the empty tables, in bytes. */
const fileBytesMin = 65_536;

/** Smallest page of an SQLite file, in bytes. */
const pageBytesMin = 512;

/** How long to wait for the lock, in ms: two processes that start at once must not refuse each other. */
const lockWaitMs = 200;

const schema = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE entry (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  INSERT INTO meta VALUES ('schema', '${schemaVersion}');
`;

export interface StoreOptions {
  /** Told of an entry that is damaged; it then counts as missing. */
  readonly onDamage?: DamageHandler;
  /** Largest size of the file, at least 64 KiB; a put beyond it is `STORE_FULL`. Default: the disk. */
  readonly bytesMax?: number;
}

const codeOf: Readonly<Record<string, StoreErrorCode>> = {
  SQLITE_FULL: 'STORE_FULL',
  SQLITE_BUSY: 'STORE_LOCKED',
  SQLITE_LOCKED: 'STORE_LOCKED',
  SQLITE_NOTADB: 'STORE_UNREADABLE',
  SQLITE_CORRUPT: 'STORE_UNREADABLE',
  ENOSPC: 'STORE_FULL',
};

const reasonOf: Readonly<Record<StoreErrorCode, string>> = {
  STORE_FULL: 'the disk is full; nothing was written',
  STORE_LOCKED: 'another process has this store open',
  STORE_UNREADABLE: 'not a store of isochron, or damaged',
  STORE_FAILED: 'cannot be opened, read or written',
  STORE_CLOSED: 'the store is closed',
  STORE_INVALID: 'invalid',
};

const errorCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

const toStoreError = (file: string, error: unknown): StoreError => {
  if (error instanceof StoreError) return error;
  const text = error instanceof Error ? error.message : String(error);
  // Extended codes refine the primary one: SQLITE_IOERR_WRITE, SQLITE_BUSY_SNAPSHOT.
  const primary = errorCode(error).split('_').slice(0, 2).join('_');
  const code = codeOf[primary] ?? 'STORE_FAILED';
  return new StoreError(code, file, `${reasonOf[code]} (${text})`, error);
};

interface Statements {
  readonly get: Database.Statement;
  readonly put: Database.Statement;
  readonly remove: Database.Statement;
  readonly keys: Database.Statement;
}

const prepare = (db: Database.Database): Statements => ({
  get: db.prepare('SELECT value FROM entry WHERE key = ?').raw(),
  put: db.prepare('INSERT INTO entry VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value'),
  remove: db.prepare('DELETE FROM entry WHERE key = ?'),
  keys: db.prepare('SELECT key FROM entry WHERE key >= ? AND key < ? ORDER BY key').raw(),
});

class SqliteStore implements Store {
  readonly #file: string;
  readonly #db: Database.Database;
  readonly #statements: Statements;
  readonly #onDamage: DamageHandler;
  #isOpen = true;

  constructor(file: string, db: Database.Database, onDamage: DamageHandler) {
    this.#file = file;
    this.#db = db;
    this.#statements = prepare(db);
    this.#onDamage = onDamage;
  }

  get(key: string): StoreValue | undefined {
    checkKey(this.#file, key);
    const row = this.#do(() => this.#statements.get.get([key]));
    if (!Array.isArray(row)) return undefined;
    if (row[0] instanceof Uint8Array) return decodeEntry(key, row[0], this.#onDamage);
    this.#onDamage(key, 'not bytes');
    return undefined;
  }

  put(key: string, value: StoreValue): void {
    const entry = encodeEntry(this.#file, key, value);
    this.#do(() => this.#statements.put.run([key, entry]));
  }

  putAll(entries: Readonly<Record<string, StoreValue>>): void {
    const encoded = Object.entries(entries).map(([key, value]) => [key, encodeEntry(this.#file, key, value)]);
    this.#do(() => this.#inTransaction(() => encoded.map((pair) => this.#statements.put.run(pair))));
  }

  delete(key: string): void {
    checkKey(this.#file, key);
    this.#do(() => this.#statements.remove.run([key]));
  }

  keys(prefix: string): readonly string[] {
    // Keys end at 0x7e, so prefix + 0x7f is above all that start with it.
    const rows = this.#do(() => this.#statements.keys.all([prefix, `${prefix}\x7f`]));
    return rows.map((row) => String(Array.isArray(row) ? row[0] : row));
  }

  /** Cannot fail: what was put is durable already. On a full disk the file stays locked until the process ends. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    release(this.#db, () => this.#db.pragma('journal_mode = DELETE'));
  }

  #inTransaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #do<T>(work: () => T): T {
    if (!this.#isOpen) throw new StoreError('STORE_CLOSED', this.#file, reasonOf.STORE_CLOSED);
    try {
      return work();
    } catch (error) {
      throw toStoreError(this.#file, error);
    }
  }
}

/** Gives the file's lock back, as far as the disk lets it: SQLite leaves the exclusive mode at the next read. */
const release = (db: Database.Database, leaveWal: () => void): void => {
  try {
    leaveWal();
    db.pragma('locking_mode = NORMAL');
    rows(db, 'SELECT count(*) FROM sqlite_schema');
  } catch {
    // The operating system releases what is left when the process ends.
  } finally {
    db.close();
  }
};

const rows = (db: Database.Database, sql: string): readonly unknown[] => db.prepare(sql).raw().all([]).flat();

const refuse = (file: string, reason: string): never => {
  throw new StoreError('STORE_UNREADABLE', file, reason);
};

const checkSchema = (file: string, db: Database.Database): void => {
  const tables = rows(db, "SELECT count(*) FROM sqlite_schema WHERE name IN ('meta', 'entry')")[0];
  if (tables !== 2) refuse(file, 'a database, but not a store of isochron');
  const damage = rows(db, 'PRAGMA quick_check')[0];
  if (damage !== 'ok') refuse(file, `damaged (${String(damage)})`);
  const version = rows(db, "SELECT value FROM meta WHERE name = 'schema'")[0];
  if (version !== String(schemaVersion))
    refuse(file, `has schema ${String(version)}; this version reads ${schemaVersion}`);
};

/** Nothing is written before the file is known to be ours: it may be someone's database. */
const setUp = (file: string, db: Database.Database, bytesMax: number | undefined): void => {
  // The exclusive mode before WAL: no shared memory file, and the lock is never given back in between.
  db.pragma('locking_mode = EXCLUSIVE');
  db.exec('BEGIN EXCLUSIVE; COMMIT;');
  const isNew = rows(db, 'SELECT count(*) FROM sqlite_schema')[0] === 0;
  if (!isNew) checkSchema(file, db);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  if (bytesMax !== undefined)
    db.pragma(`max_page_count = ${Math.floor(bytesMax / Number(rows(db, 'PRAGMA page_size')[0]))}`);
  if (isNew) db.exec(`BEGIN IMMEDIATE; ${schema} COMMIT;`);
};

/** Readable by its owner alone. An existing file is not opened here: closing it would drop this process's locks on it. */
const createFile = (file: string): void => {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    const { size } = statSync(file);
    // SQLite would take a file of a few bytes for an empty database and write over it.
    if (size > 0 && size < pageBytesMin) refuse(file, `${size} bytes cannot be a store`);
  }
};

/**
 * Opens the store in `file`, which is created (mode 0600) when missing; its folder must exist.
 * @throws StoreError `STORE_LOCKED` when a process has it open, `STORE_UNREADABLE` for a file that is not a store or is
 * damaged (it is left as it is), `STORE_FULL`, `STORE_FAILED`; `details.file` names the file.
 */
export const openStore = (file: string, options: StoreOptions = {}): Store => {
  const { onDamage = () => {}, bytesMax } = options;
  if (bytesMax !== undefined && !(bytesMax >= fileBytesMin)) {
    throw new RangeError(`bytesMax must be at least ${fileBytesMin}; got ${bytesMax}`);
  }
  let db: Database.Database | undefined;
  try {
    createFile(file);
    db = new Database(file, { timeout: lockWaitMs });
    setUp(file, db, bytesMax);
    return new SqliteStore(file, db, onDamage);
  } catch (error) {
    if (db) release(db, () => {});
    throw toStoreError(file, error);
  }
};
