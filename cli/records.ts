/**
 * Which clusters run on this machine (3-interface §4): `up` writes one record a cluster under the XDG state folder, so that
 * a second terminal finds it. A record whose process is gone counts for nothing and is removed by whoever meets it.
 */
import { readdirSync, readFileSync, realpathSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { sha256, toHex, utf8 } from '../protocol/index.ts';
import { AlreadyRunningError } from './errors.ts';
import { systemCodeOf } from './exitCodes.ts';
import { makeDirectory } from './files/makeDirectory.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** One cluster run by `up`. */
export interface ClusterRecord {
  /** Absolute, without symbolic links. */
  readonly dir: string;
  /** `nats://host:port`; null while it starts. */
  readonly nats: string | null;
  /** URL of the console; null when there is none. */
  readonly console: string | null;
  /** The `up` that runs it. */
  readonly pid: number;
  /** Made for this run and removed with it. */
  readonly temporary: boolean;
}

/** Directories of clusters without one of their own: `<tmp>/isochron-up-XXXXXX`. */
export const temporaryPrefix = 'isochron-up-';

/** A record is a file anybody may have edited: only what `up` itself makes is ever removed. */
const isTemporaryDir = (dir: string): boolean => {
  try {
    return dirname(dir) === realpathSync(tmpdir()) && basename(dir).startsWith(temporaryPrefix);
  } catch {
    // There is no temporary folder, so nothing in it is ours to remove.
    return false;
  }
};

const OWNER_ONLY = 0o600;
const OWNER_ONLY_DIR = 0o700;
/** Characters of the digest that names a record: 64 bits, enough for the clusters of one person. */
const nameChars = 16;

/** `$XDG_STATE_HOME/isochron/clusters`, by default below `~/.local/state` (XDG Base Directory 0.8). */
export const stateDirectory = (env: Env): string => {
  const home = env.XDG_STATE_HOME;
  const base = home?.startsWith('/') ? home : join(env.HOME ?? homedir(), '.local', 'state');
  return join(base, 'isochron', 'clusters');
};

/** Whether a process runs. Another user's counts: it exists. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
};

/** Whether that process is an `up`: its number may have been given to another since. Where nobody can say, it is. */
const isUp = (pid: number): boolean => {
  if (!isAlive(pid)) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('up');
  } catch {
    return true;
  }
};

export class Records {
  readonly #directory: string;
  readonly #isUp: (pid: number) => boolean;

  constructor(env: Env, isRunning: (pid: number) => boolean = isUp) {
    this.#directory = stateDirectory(env);
    this.#isUp = isRunning;
  }

  /** Clusters that run now, the started ones. */
  running(): readonly ClusterRecord[] {
    return this.live().filter(({ nats }) => nats !== null);
  }

  /** All whose process lives, starting ones too. */
  live(): readonly ClusterRecord[] {
    return this.#files()
      .map((file) => this.#read(file))
      .filter((record) => record !== undefined)
      .sort((a, b) => (a.dir < b.dir ? -1 : 1));
  }

  /** The record of a directory, if its process lives. */
  of(dir: string): ClusterRecord | undefined {
    return this.#read(this.#file(dir));
  }

  /**
   * Takes a directory for this process: of two who try at once, one gets it.
   * @throws AlreadyRunningError naming the pid
   */
  claim(record: ClusterRecord): void {
    makeDirectory(this.#directory, OWNER_ONLY_DIR);
    const file = this.#file(record.dir);
    this.#alone(file, () => {
      const held = parse(file);
      if (held !== undefined && this.#isUp(held.pid)) throw new AlreadyRunningError(record.dir, held.pid);
      renameSync(this.#draft(record), file);
    });
  }

  /** Replaces this process's record, atomically. */
  update(record: ClusterRecord): void {
    renameSync(this.#draft(record), this.#file(record.dir));
  }

  /** Removes the record of a directory if it is this process's. */
  release(dir: string, pid: number): void {
    if (this.of(dir)?.pid === pid) rmSync(this.#file(dir), { force: true });
  }

  #file(dir: string): string {
    return join(this.#directory, `${toHex(sha256(utf8(dir))).slice(0, nameChars)}.json`);
  }

  #draft(record: ClusterRecord): string {
    const draft = `${this.#file(record.dir)}.${record.pid}`;
    writeFileSync(draft, `${JSON.stringify(record)}\n`, { mode: OWNER_ONLY });
    return draft;
  }

  #files(): readonly string[] {
    try {
      return readdirSync(this.#directory)
        .filter((name) => name.endsWith('.json'))
        .map((name) => join(this.#directory, name));
    } catch {
      return [];
    }
  }

  #read(file: string): ClusterRecord | undefined {
    const record = parse(file);
    if (record === undefined) return undefined;
    if (this.#isUp(record.pid)) return record;
    this.#alone(file, () => this.#removeStale(file));
    return undefined;
  }

  /** Read again: since it was found stale, somebody may have claimed the directory. */
  #removeStale(file: string): void {
    const record = parse(file);
    if (record === undefined || this.#isUp(record.pid)) return;
    rmSync(file, { force: true });
    if (record.temporary && isTemporaryDir(record.dir)) rmSync(record.dir, { recursive: true, force: true });
  }

  /** Runs `change` while no other process changes that record; each holds the lock for less than a millisecond. */
  #alone(file: string, change: () => void): void {
    const lock = `${file}.lock`;
    for (let tries = 0; !tryLock(lock); tries++) {
      const holder = holderOf(lock);
      if (tries >= LOCK_TRIES_MAX || (holder !== undefined && !isAlive(holder))) unlinkQuietly(lock);
      Atomics.wait(pause, 0, 0, LOCK_PAUSE_MS);
    }
    try {
      change();
    } finally {
      unlinkQuietly(lock);
    }
  }
}

/** Far longer than anybody holds the lock, who is not stopped. */
const LOCK_TRIES_MAX = 200;
const LOCK_PAUSE_MS = 5;
const pause = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

const tryLock = (lock: string): boolean => {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx', mode: OWNER_ONLY });
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
};

/** Undefined while it is being written, or when it is gone. */
const holderOf = (lock: string): number | undefined => {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
};

const unlinkQuietly = (file: string): void => {
  try {
    unlinkSync(file);
  } catch {
    // Somebody else removed it.
  }
};

const parse = (file: string): ClusterRecord | undefined => {
  try {
    const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isRecord(json) ? json : undefined;
  } catch {
    return undefined;
  }
};

const isRecord = (json: unknown): json is ClusterRecord => {
  if (typeof json !== 'object' || json === null) return false;
  const { dir, nats, pid } = json as Partial<Record<keyof ClusterRecord, unknown>>;
  return (
    typeof dir === 'string' && (nats === null || typeof nats === 'string') && Number.isInteger(pid) && Number(pid) > 0
  );
};
