/**
 * Reads the rotated log files of a cluster, `<dir>/logs/<node>.ndjson` and older ones `<node>.<n>.ndjson`, merged by time,
 * and follows them through rotation: a file is known by its inode, so that the rest of a renamed one is still read.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const logLevelNames = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevelName = (typeof logLevelNames)[number];

/** What to show: every line that fits all of it. */
export interface LogFilter {
  /** Nodes and actors, as ids; empty = all. */
  readonly ids: readonly string[];
  readonly level: LogLevelName;
  /** Unix ms. */
  readonly sinceMs: number;
}

export interface LogLine {
  readonly timeMs: number;
  /** The raw line, without its end. */
  readonly text: string;
}

/** How far a node's log has been read. */
interface Position {
  readonly inode: number;
  readonly offset: number;
}

interface LogFile {
  readonly path: string;
  readonly inode: number;
  readonly bytes: number;
}

const logName = /^([a-z0-9-]{1,32})(?:\.(\d+))?\.ndjson$/;

/** The files of each node, newest first. An absent folder has none. */
const listFiles = (directory: string): ReadonlyMap<string, readonly LogFile[]> => {
  const found = new Map<string, { readonly order: number; readonly file: LogFile }[]>();
  for (const name of namesIn(directory)) {
    const [, node, order] = logName.exec(name) ?? [];
    const file = node === undefined ? undefined : fileAt(join(directory, name));
    if (node === undefined || file === undefined) continue;
    found.set(node, [...(found.get(node) ?? []), { order: Number(order ?? 0), file }]);
  }
  return new Map(
    [...found].map(([node, files]) => [node, files.sort((a, b) => a.order - b.order).map(({ file }) => file)]),
  );
};

const namesIn = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
};

/** Undefined when it was rotated away meanwhile. */
const fileAt = (path: string): LogFile | undefined => {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() ? { path, inode: stat.ino, bytes: stat.size } : undefined;
};

/** Nodes that have logs, by name. */
export const loggedNodes = (directory: string): readonly string[] => [...listFiles(directory).keys()];

// ── One line ────────────────────────────────────────────────────────────────

interface Facts {
  readonly time?: unknown;
  readonly level?: unknown;
  readonly node?: unknown;
  readonly actor?: unknown;
}

const factsOf = (text: string): Facts | undefined => {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
};

/** What is no JSON object (a crash report, a torn tail) passes unless an actor is asked for: it belongs to its node. */
const fits = (facts: Facts | undefined, node: string, { ids, level }: LogFilter): boolean => {
  const wanted = ids.length === 0 || ids.some((id) => id === node || id === `${node}/${String(facts?.actor)}`);
  if (!wanted || facts === undefined) return wanted;
  const rank = logLevelNames.indexOf(facts.level as LogLevelName);
  return rank < 0 || rank >= logLevelNames.indexOf(level);
};

const timeOf = (facts: Facts | undefined, otherwise: number): number =>
  typeof facts?.time === 'number' && Number.isFinite(facts.time) ? facts.time : otherwise;

const mayConcern = (node: string, ids: readonly string[]): boolean =>
  ids.length === 0 || ids.some((id) => id === node || id.startsWith(`${node}/`));

// ── Files ───────────────────────────────────────────────────────────────────

const NEWLINE = 0x0a;

/** The bytes from `offset` on; of a file that became shorter, all: it was emptied and starts anew. */
const bytesFrom = (path: string, offset: number): { readonly start: number; readonly bytes: Buffer } => {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const start = offset <= size ? offset : 0;
    const bytes = Buffer.alloc(size - start);
    const read = readSync(fd, bytes, 0, bytes.length, start);
    return { start, bytes: bytes.subarray(0, read) };
  } finally {
    closeSync(fd);
  }
};

interface Part {
  readonly lines: readonly string[];
  /** Offset after the last of them. */
  readonly end: number;
}

/** The whole lines from `offset` on; of a file that is written no more, the torn last one too. */
const linesFrom = (file: LogFile, offset: number, isCurrent: boolean): Part => {
  try {
    const { start, bytes } = bytesFrom(file.path, offset);
    const length = isCurrent ? bytes.lastIndexOf(NEWLINE) + 1 : bytes.length;
    const lines = bytes.toString('utf8', 0, length).split('\n');
    return { lines: lines.filter((line) => line !== ''), end: start + length };
  } catch (error) {
    // Rotated away between listing and reading.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { lines: [], end: offset };
    throw error;
  }
};

const byTime = (a: LogLine, b: LogLine): number => a.timeMs - b.timeMs;

/** The logs of one folder: what they hold, and then what comes. */
export class LogReader {
  readonly #directory: string;
  readonly #filter: LogFilter;
  readonly #positions = new Map<string, Position>();

  constructor(directory: string, filter: LogFilter) {
    this.#directory = directory;
    this.#filter = filter;
  }

  /** The last `linesMax` lines that fit, oldest first. Called before `next`, if at all. */
  read(linesMax: number): readonly LogLine[] {
    const lines = [...listFiles(this.#directory)].flatMap(([node, files]) =>
      mayConcern(node, this.#filter.ids) ? this.#lastOf(node, files, linesMax) : [],
    );
    return linesMax === 0 ? [] : lines.sort(byTime).slice(-linesMax);
  }

  /** The lines that came since the last call, of all nodes, oldest first. */
  next(): readonly LogLine[] {
    const lines = [...listFiles(this.#directory)].flatMap(([node, files]) =>
      mayConcern(node, this.#filter.ids) ? this.#newOf(node, files) : [],
    );
    return lines.sort(byTime);
  }

  /** Backwards through the files of a node, until there are enough lines or they are too old. */
  #lastOf(node: string, files: readonly LogFile[], linesMax: number): readonly LogLine[] {
    const backwards: LogLine[] = [];
    let newerMs = Number.POSITIVE_INFINITY;
    for (const [age, file] of files.entries()) {
      const { lines, end } = linesFrom(file, 0, age === 0);
      if (age === 0) this.#positions.set(node, { inode: file.inode, offset: end });
      for (const text of lines.toReversed()) {
        if (backwards.length >= linesMax) return backwards.reverse();
        const facts = factsOf(text);
        newerMs = timeOf(facts, newerMs);
        if (newerMs < this.#filter.sinceMs) return backwards.reverse();
        if (fits(facts, node, this.#filter)) backwards.push({ timeMs: newerMs, text });
      }
    }
    return backwards.reverse();
  }

  #newOf(node: string, files: readonly LogFile[]): readonly LogLine[] {
    const position = this.#positions.get(node);
    const [current] = files;
    if (current === undefined || (current.inode === position?.inode && current.bytes === position.offset)) return [];
    const found = files.findIndex(({ inode }) => inode === position?.inode);
    // Rotated away since, or a node that had no log before: everything there is is new.
    const oldest = found < 0 ? files.length - 1 : found;
    const added: LogLine[] = [];
    for (let age = oldest; age >= 0; age--) {
      const file = files[age];
      if (file === undefined) continue;
      const offset = age === found ? (position?.offset ?? 0) : 0;
      const { lines, end } = linesFrom(file, offset, age === 0);
      this.#positions.set(node, { inode: file.inode, offset: end });
      added.push(...this.#fitting(node, lines));
    }
    return added;
  }

  #fitting(node: string, lines: readonly string[]): readonly LogLine[] {
    let lastMs = Number.NEGATIVE_INFINITY;
    return lines.flatMap((text) => {
      const facts = factsOf(text);
      lastMs = timeOf(facts, lastMs);
      return fits(facts, node, this.#filter) ? [{ timeMs: lastMs, text }] : [];
    });
  }
}
