/** Reading and following rotated logs, on real files. */
import { appendFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LogFilter, LogReader, loggedNodes } from '../cli/logReader.ts';
import { temporaryDirectory } from './support/temporary.ts';

const everything: LogFilter = { ids: [], level: 'debug', sinceMs: Number.NEGATIVE_INFINITY };

const line = (time: number, node: string, more: object = {}): string =>
  `${JSON.stringify({ level: 'info', time, node, action: `a${time}`, ...more })}\n`;

/** A folder of logs, and what its reader says in times. */
const logs = (filter: Partial<LogFilter> = {}) => {
  const dir = temporaryDirectory();
  const reader = new LogReader(dir, { ...everything, ...filter });
  const path = (name: string) => join(dir, `${name}.ndjson`);
  return {
    dir,
    path,
    write: (name: string, ...lines: string[]) => appendFileSync(path(name), lines.join('')),
    /** As the rotation of `up`: `x.1` is the file before `x`. */
    rotate: (name: string) => {
      for (const n of [2, 1]) {
        try {
          renameSync(path(`${name}.${n}`), path(`${name}.${n + 1}`));
        } catch {
          // None that old yet.
        }
      }
      renameSync(path(name), path(`${name}.1`));
    },
    read: (linesMax = 100) => reader.read(linesMax).map(({ timeMs }) => timeMs),
    texts: (linesMax = 100) => reader.read(linesMax).map(({ text }) => text),
    next: () => reader.next().map(({ timeMs }) => timeMs),
  };
};

describe('reading', () => {
  it('merges all nodes by time, the older files of each included', () => {
    const { write, read, path, dir } = logs();
    write('a', line(5, 'a'), line(7, 'a'));
    writeFileSync(path('a.1'), line(3, 'a') + line(4, 'a'));
    writeFileSync(path('a.2'), line(1, 'a'));
    write('b', line(2, 'b'), line(6, 'b'));
    expect(read()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(loggedNodes(dir)).toEqual(['a', 'b']);
  });

  it('stops at as many lines as are asked for, the last ones', () => {
    const { write, read, path } = logs();
    writeFileSync(path('a.1'), line(1, 'a') + line(2, 'a'));
    write('a', line(4, 'a'), line(5, 'a'));
    write('b', line(3, 'b'));
    expect(read(3)).toEqual([3, 4, 5]);
    expect(read(0)).toEqual([]);
  });

  it('takes lines younger than a time, of a level and worse', () => {
    const { write, read } = logs({ sinceMs: 3, level: 'warn' });
    write(
      'a',
      line(1, 'a', { level: 'error' }),
      line(3, 'a', { level: 'warn' }),
      line(4, 'a'),
      line(5, 'a', { level: 'error' }),
    );
    expect(read()).toEqual([3, 5]);
  });

  it('takes the lines of nodes and of actors asked for', () => {
    const { write, read } = logs({ ids: ['a', 'b/epoch'] });
    write('a', line(1, 'a'));
    write('b', line(2, 'b'), line(3, 'b', { actor: 'epoch' }), line(4, 'b', { actor: 'election' }));
    write('c', line(5, 'c'));
    expect(read()).toEqual([1, 3]);
  });

  it('keeps what is no JSON beside its neighbours, and passes by what is no log', () => {
    const { write, texts, path } = logs();
    write('a', line(1, 'a'), 'Segmentation fault\n', line(3, 'a'));
    write('b', line(2, 'b'));
    writeFileSync(path('Not A Node'), line(9, 'x'));
    expect(texts().map((text) => text.slice(0, 12))).toEqual([
      '{"level":"in',
      '{"level":"in',
      'Segmentation',
      '{"level":"in',
    ]);
  });

  it('finds nothing in a folder that is not there', () => {
    const reader = new LogReader(join(temporaryDirectory(), 'none'), everything);
    expect(reader.read(10)).toEqual([]);
    expect(reader.next()).toEqual([]);
  });
});

describe('following', () => {
  it('gives every line once, whole, also when it is written in parts', () => {
    const { write, read, next } = logs();
    write('a', line(1, 'a'), line(2, 'a').slice(0, 9));
    expect(read()).toEqual([1]);
    expect(next()).toEqual([]);
    write('a', line(2, 'a').slice(9), line(3, 'a'));
    expect(next()).toEqual([2, 3]);
    expect(next()).toEqual([]);
  });

  it('reads the rest of a file that was rotated away, and then the new one', () => {
    const { write, read, next, rotate } = logs();
    write('a', line(1, 'a'));
    read();
    write('a', line(2, 'a'));
    rotate('a');
    write('a', line(3, 'a'));
    expect(next()).toEqual([2, 3]);
    write('a', line(4, 'a'));
    expect(next()).toEqual([4]);
  });

  it('loses nothing when files were rotated twice between two looks', () => {
    const { write, read, next, rotate } = logs();
    write('a', line(1, 'a'));
    read();
    write('a', line(2, 'a'));
    rotate('a');
    write('a', line(3, 'a'));
    rotate('a');
    write('a', line(4, 'a'));
    expect(next()).toEqual([2, 3, 4]);
  });

  it('waits while a rotated file has no successor yet', () => {
    const { write, read, next, rotate } = logs();
    write('a', line(1, 'a'));
    read();
    rotate('a');
    expect(next()).toEqual([]);
    write('a', line(2, 'a'));
    expect(next()).toEqual([2]);
  });

  it('takes up a node that had no log before, from its first line', () => {
    const { write, read, next } = logs();
    expect(read()).toEqual([]);
    write('late', line(1, 'late'), line(2, 'late'));
    expect(next()).toEqual([1, 2]);
  });

  it('starts anew with a file that was emptied', () => {
    const { write, read, next, path } = logs();
    write('a', line(1, 'a'), line(2, 'a'));
    read();
    truncateSync(path('a'));
    write('a', line(3, 'a'));
    expect(next()).toEqual([3]);
  });

  it('shows only what comes when nothing of the past is asked for, and filters it', () => {
    const { write, read, next } = logs({ level: 'warn', ids: ['a'] });
    write('a', line(1, 'a', { level: 'error' }));
    read(0);
    write('a', line(2, 'a'), line(3, 'a', { level: 'warn' }));
    write('b', line(4, 'b', { level: 'warn' }));
    expect(next()).toEqual([3]);
  });
});
