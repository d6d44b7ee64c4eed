/**
 * How every bench reports (3-interface §6): figures with min, median and max, bars that an issue names, on the machine that
 * measured them; as text, or with `--json` as one object.
 */
import { cpus, release, totalmem } from 'node:os';

export interface Figure {
  readonly unit: string;
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** In the order they were measured. */
  readonly samples: readonly number[];
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly op: '>=' | '<=';
  readonly limit: number;
  readonly ok: boolean;
}

export interface BenchReport {
  readonly name: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly figures: Readonly<Record<string, Figure>>;
  readonly bars: readonly Bar[];
}

/** What a bench is: `bench/main.ts` finds it by name. */
export interface Bench {
  /** `say` shows progress on stderr. @throws BenchError when it cannot measure */
  run(args: readonly string[], say: (line: string) => void): Promise<BenchReport>;
}

/** The bench cannot measure here; the message is one line that says what to do. */
export class BenchError extends Error {}

export const median = (samples: readonly number[]): number => {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
};

/** The `share` quantile, nearest rank: 0.99 of 200 samples is the 198th. */
export const quantile = (samples: readonly number[], share: number): number => {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
};

export const figure = (unit: string, samples: readonly number[]): Figure => ({
  unit,
  min: Math.min(...samples),
  median: median(samples),
  max: Math.max(...samples),
  samples,
});

export const bar = (name: string, value: number, unit: string, op: Bar['op'], limit: number): Bar => ({
  name,
  value,
  unit,
  op,
  limit,
  ok: op === '>=' ? value >= limit : value <= limit,
});

export const machine = (more: Readonly<Record<string, string>> = {}): BenchReport['machine'] => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  os: `${process.platform} ${release()} ${process.arch}`,
  node: process.version,
  ...more,
});

const rounded = (value: number): string =>
  Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);

const row = (cells: readonly string[], widths: readonly number[]): string =>
  cells
    .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
    .join('  ')
    .trimEnd();

const table = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0)));
  return rows.map((cells) => row(cells, widths)).join('\n');
};

/** The report as people read it. */
export const renderReport = ({ name, machine: where, figures, bars }: BenchReport): string => {
  const shown = Object.entries(figures).map(([key, one]) => [
    key,
    rounded(one.min),
    rounded(one.median),
    rounded(one.max),
    one.unit,
  ]);
  const judged = bars.map((one) => [
    one.name,
    `${rounded(one.value)} ${one.unit}`,
    `${one.op} ${one.limit}`,
    one.ok ? 'ok' : 'MISSED',
  ]);
  return [
    `${name} on ${Object.entries(where)
      .map(([key, value]) => `${key} ${value}`)
      .join(', ')}`,
    '',
    table([['', 'min', 'median', 'max', ''], ...shown]),
    '',
    table([['bar', 'value', 'limit', ''], ...judged]),
    '',
  ].join('\n');
};

/** The whole number after `option`, or `otherwise`. @throws BenchError */
export const countOf = (args: readonly string[], option: string, otherwise: number): number => {
  const at = args.indexOf(option);
  if (at < 0 && args.length > 0) throw new BenchError(`expected ${option} <count>, found ${args.join(' ')}`);
  const given = at < 0 ? otherwise : Number(args[at + 1]);
  if (!Number.isInteger(given) || given < 1) throw new BenchError(`${option}: expected a whole number of at least 1`);
  return given;
};
