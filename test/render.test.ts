/** Text, durations, bars, tables, trees, log lines, statecharts and messages as people read them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Paint } from '../cli/output.ts';
import { progressBar } from '../cli/render/bar.ts';
import { type TableColumn, tableLines, wrappedTableLines } from '../cli/render/columns.ts';
import { stateLines } from '../cli/render/definition.ts';
import { formatDuration, formatSignedMs } from '../cli/render/durations.ts';
import { renderLog } from '../cli/render/logLines.ts';
import { fieldsText, messageJson, timeText } from '../cli/render/messages.ts';
import { clip, displayWidth, plain, withoutColours, wrap } from '../cli/render/text.ts';
import { renderTree } from '../cli/render/tree.ts';
import type { Heartbeat } from '../protocol/index.ts';
import { unpainted } from './support/terminal.ts';

const seed = Number(process.env.ISOCHRON_SEED ?? 20_261);
const check = <T>(property: fc.IProperty<T>): void => fc.assert(property, { seed });
const painted: Paint = (colour, text) => `\u001b[${colour.length}m${text}\u001b[0m`;

describe('text', () => {
  it.each([
    ['abc', 3],
    ['ä', 1],
    ['a\u0308', 1],
    ['時刻', 4],
    ['🚀', 2],
    ['\u001b[31mred\u001b[0m', 3],
  ])('%j takes %i columns', (text, columns) => {
    expect(displayWidth(text)).toBe(columns);
  });

  it('is never wider than asked once clipped, says that something is missing, and closes its colours', () => {
    expect(clip('election', 5)).toBe('elec…');
    expect(clip('election', 8)).toBe('election');
    expect(clip('\u001b[31melection\u001b[0m', 5)).toBe('\u001b[31melec…\u001b[0m');
    expect(clip('時刻時刻', 4)).toBe('時…');
    check(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, width) => {
        expect(displayWidth(clip(text, width))).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('from outside cannot move a cursor, colour a screen or turn a line around', () => {
    const hostile = 'a\u001b[2Jb\r\n\u0007\u009b\u202ec';
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be left
    expect(plain(hostile)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(plain(hostile)).toContain('\\u001b[2Jb');
    expect(plain('epoch ä 時')).toBe('epoch ä 時');
  });
});

describe('durations', () => {
  it.each([
    [0, '0ms'],
    [850.9, '850ms'],
    [3_290, '3.2s'],
    [59_999, '59s'],
    [192_000, '3m12s'],
    [7_500_000, '2h05m'],
    [273_600_000, '3d04h'],
    [-2_500, '-2.5s'],
    [Number.NaN, '-'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it.each([
    [0, '+0.00'],
    [-0.001, '+0.00'],
    [0.314, '+0.31'],
    [-12.44, '-12.4'],
    [1_234.5, '+1235'],
  ])('an offset of %d ms is %s', (ms, text) => {
    expect(formatSignedMs(ms)).toBe(text);
  });
});

describe('a progress bar', () => {
  it('is full, empty or between, to an eighth of a column', () => {
    expect([0, 1, 0.5, 0.0625].map((part) => progressBar(part, 2))).toEqual(['░░', '██', '█░', '▏░']);
  });

  it('always has its width, whatever it is told', () => {
    check(
      fc.property(fc.double({ noNaN: true }), fc.integer({ min: 1, max: 40 }), (part, width) => {
        expect(displayWidth(progressBar(part, width))).toBe(width);
      }),
    );
  });
});

interface Row {
  readonly id: string;
  readonly state: string;
  readonly n: number;
}

const columns: readonly TableColumn<Row>[] = [
  { title: 'ID', text: ({ id }) => id, minWidth: 4 },
  { title: 'STATE', text: ({ state }) => state, colour: () => 'green' },
  { title: 'N', text: ({ n }) => String(n), align: 'right', optional: 1 },
];
const rows: readonly Row[] = [
  { id: 'validator-1', state: 'leading', n: 7 },
  { id: 'device-1', state: 'ok', n: 1_000 },
];

describe('a table', () => {
  it('aligns its columns and ends no line with blanks', () => {
    expect(tableLines(columns, rows, { paint: unpainted })).toEqual([
      'ID           STATE       N',
      'validator-1  leading     7',
      'device-1     ok       1000',
    ]);
    expect(tableLines(columns.slice(0, 2), rows, { paint: unpainted })[2]).toBe('device-1     ok');
  });

  it('shortens what may be shortened before it leaves a column out', () => {
    expect(tableLines(columns, rows, { paint: unpainted, width: 22 })[1]).toBe('valida…  leading     7');
    expect(tableLines(columns, rows, { paint: unpainted, width: 18 })[1]).toBe('validato…  leading');
  });

  it('looks the same with colours', () => {
    const with_ = tableLines(columns, rows, { paint: painted, width: 22 });
    expect(with_.map(withoutColours)).toEqual(tableLines(columns, rows, { paint: unpainted, width: 22 }));
  });

  it('never exceeds a width it is given', () => {
    check(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.integer({ min: 1, max: 60 }), (texts, width) => {
        const many = texts.map((text, n) => ({ id: text, state: text, n }));
        for (const line of tableLines(columns, many, { paint: painted, width })) {
          expect(displayWidth(line)).toBeLessThanOrEqual(width);
        }
      }),
    );
  });

  it('shortens first what matters least', () => {
    const patient = columns.map((column) =>
      column.title === 'STATE' ? { ...column, minWidth: 4, shrinksFirst: true as const } : column,
    );
    expect(tableLines(patient, rows, { paint: unpainted, width: 23 })[1]).toBe('validator-1  lea…     7');
    expect(tableLines(patient, rows, { paint: unpainted, width: 21 })[1]).toBe('validato…  lea…     7');
  });

  it('that is printed once cuts nothing: its last column goes on below itself', () => {
    const said = [columns[0], { title: 'DETAIL', text: ({ state }: Row) => state }].filter((one) => one !== undefined);
    const long = [{ id: 'disk', state: 'full: stores and logs may soon find no room', n: 0 }];
    expect(wrappedTableLines(said, long, { paint: unpainted, width: 32 })).toEqual([
      'ID    DETAIL',
      'disk  full: stores and logs may',
      '      soon find no room',
    ]);
    expect(wrappedTableLines(said, long, { paint: unpainted, width: 20 })[1]).toBe(`disk  ${long[0]?.state}`);
    expect(wrappedTableLines(said, long, { paint: unpainted })).toHaveLength(2);
  });

  it('wrapped keeps every word, and none of its lines is too wide', () => {
    check(
      fc.property(fc.lorem(), fc.integer({ min: 12, max: 60 }), (text, width) => {
        const lines = wrap(text, width);
        expect(lines.join(' ')).toBe(text);
        for (const line of lines)
          expect(displayWidth(line)).toBeLessThanOrEqual(line.includes(' ') ? width : line.length);
      }),
    );
  });

  it('has titles even without rows', () => {
    expect(tableLines(columns, [], { paint: unpainted })).toEqual(['ID  STATE  N']);
  });
});

it('a tree is drawn with branches that end', () => {
  const leaf = (label: string) => ({ label, children: [] });
  const tree = {
    label: 'host',
    children: [
      { label: 'a', children: [leaf('b'), leaf('c')] },
      { label: 'd', children: [leaf('e')] },
    ],
  };
  expect(renderTree(tree)).toEqual(['host', '├─ a', '│  ├─ b', '│  └─ c', '└─ d', '   └─ e']);
});

describe('a log line', () => {
  const json = '{"level":"warn","time":1763541030123,"node":"validator-1","action":"unit_exited","unit":"x y"}';

  it('reads the same with colours and without', () => {
    expect(renderLog(json, unpainted)).toMatch(/^\d\d:\d\d:30\.123 warn {2}validator-1 action=unit_exited unit="x y"$/);
    expect(withoutColours(renderLog(json, painted))).toBe(renderLog(json, unpainted));
    expect(renderLog(json, painted)).not.toBe(renderLog(json, unpainted));
  });

  it('that is no JSON is shown without its control characters', () => {
    expect(renderLog('Segmentation \u001b[31mfault', painted)).toBe('Segmentation \\u001b[31mfault');
  });
});

describe('a statechart as an outline', () => {
  const definition = {
    states: {
      idle: { on: { go: 'busy' }, description: 'Waits.' },
      busy: { after: { timeout: 'idle' }, always: { target: 'idle' }, states: { a: {}, b: {} } },
    },
  };

  it('marks the present states, and says what each waits for', () => {
    expect(stateLines(definition, { busy: 'b' }, unpainted)).toEqual([
      '  idle  on go  Waits.',
      '▶ busy  on after timeout, always',
      '    a',
      '▶   b',
    ]);
  });

  it.each([[null], [7], [{}], [{ states: [] }], [{ states: { x: 'y' } }]])('survives %j', (strange) => {
    expect(Array.isArray(stateLines(strange, 'x', unpainted))).toBe(true);
  });
});

describe('a message', () => {
  const heartbeat: Heartbeat = {
    type: 'heartbeat',
    from: Uint8Array.of(2, 0, 0, 0, 0, 9),
    term: 258,
    seq: 3,
    timestampMs: 5,
    signature: Uint8Array.of(1, 2),
    bytes: Uint8Array.of(3),
  };

  it('names nodes instead of MACs, and leaves out what nobody reads', () => {
    const text = fieldsText(heartbeat, (mac) => (mac === '020000000009' ? 'validator-2' : undefined));
    expect(text).toBe('from=validator-2 term=258 seq=3 timestampMs=5');
    expect(fieldsText(heartbeat)).toContain('from=020000000009');
  });

  it('is whole in JSON, bytes in hex', () => {
    expect(messageJson(heartbeat)).toEqual({
      type: 'heartbeat',
      from: '020000000009',
      term: 258,
      seq: 3,
      timestampMs: 5,
      signature: '0102',
    });
  });

  it('from outside is shortened and cannot drive the terminal', () => {
    const text = fieldsText({
      'a\n': '\u001b[2J',
      long: 'x'.repeat(500),
      deep: { bytes: 1, n: [1, 2] },
      gone: undefined,
    });
    expect(text).toContain('a\\u000a=\\u001b[2J');
    expect(text).toContain('…');
    expect(text).toContain('deep={"n":[1,2]}');
    expect(text).not.toContain('gone');
  });

  it('has a time of day, or says that it has none', () => {
    expect(timeText(1_763_541_030_123)).toMatch(/^\d\d:\d\d:30\.123$/);
    expect(timeText(Number.NaN)).toBe('--:--:--.---');
  });
});
