/**
 * Tables: columns separated by two spaces, no borders, so that a line can be cut with any tool. A table that is redrawn on a
 * terminal fits its width: text is shortened a little, then optional columns go; in any other nothing is ever left out.
 */
import type { Colour, Paint } from '../output.ts';
import { clip, displayWidth, padEnd, padStart, wrap } from './text.ts';

export interface TableColumn<Row> {
  readonly title: string;
  /** Text of a cell, without colours. */
  readonly text: (row: Row) => string;
  /** Colour of a cell; undefined leaves it as it is. */
  readonly colour?: (row: Row) => Colour | undefined;
  readonly align?: 'left' | 'right';
  /** May be shortened down to this many columns; without it a cell is never shortened. */
  readonly minWidth?: number;
  /** Shortened before any other. */
  readonly shrinksFirst?: true;
  /** May be left out when the table is too wide; the highest number goes first. */
  readonly optional?: number;
}

export interface TableOptions {
  readonly paint: Paint;
  /** Columns of the terminal; without it the table is as wide as its text. */
  readonly width?: number | undefined;
}

const gap = '  ';

interface Layout<Row> {
  readonly column: TableColumn<Row>;
  readonly width: number;
}

/** The lines of a table, titles first, without trailing blanks. */
export const tableLines = <Row>(
  columns: readonly TableColumn<Row>[],
  rows: readonly Row[],
  { paint, width }: TableOptions,
): string[] => {
  const natural = columns.map((column): Layout<Row> => ({ column, width: naturalWidth(column, rows) }));
  const layouts = width === undefined ? natural : fitted(natural, width);
  const line = (cellOf: (layout: Layout<Row>, pad: (text: string) => string) => string): string => {
    const cells = layouts.map((layout, i) => cellOf(layout, (text) => padded(text, layout, i === layouts.length - 1)));
    const whole = cells.join(gap).trimEnd();
    return width === undefined ? whole : clip(whole, width);
  };
  const titles = line(({ column }, pad) => pad(column.title));
  const body = rows.map((row) =>
    line(({ column }, pad) => {
      const cell = pad(column.text(row));
      const colour = column.colour?.(row);
      return colour === undefined ? cell : paint(colour, cell);
    }),
  );
  return [paint('bold', titles), ...body];
};

/** Less than that a line of words is no line: then the terminal may wrap the whole. */
const wrapWidthMin = 24;

/** A table that is printed once: its last column goes on in the next lines, below itself, and nothing is cut. */
export const wrappedTableLines = <Row>(
  columns: readonly TableColumn<Row>[],
  rows: readonly Row[],
  { paint, width }: TableOptions,
): string[] => {
  const last = columns.at(-1);
  const others = columns.slice(0, -1);
  const indent = others.reduce((sum, column) => sum + naturalWidth(column, rows) + gap.length, 0);
  if (last === undefined || width === undefined || width - indent < wrapWidthMin)
    return tableLines(columns, rows, { paint });
  interface Line {
    readonly row: Row | undefined;
    readonly text: string;
  }
  const lines = rows.flatMap((row) =>
    wrap(last.text(row), width - indent).map((text, i): Line => ({ row: i === 0 ? row : undefined, text })),
  );
  const blankBelow = others.map(
    ({ text, colour, ...column }): TableColumn<Line> => ({
      ...column,
      text: ({ row }) => (row === undefined ? '' : text(row)),
      colour: ({ row }) => (row === undefined ? undefined : colour?.(row)),
    }),
  );
  return tableLines([...blankBelow, { title: last.title, text: ({ text }: Line) => text }], lines, { paint });
};

const naturalWidth = <Row>({ title, text }: TableColumn<Row>, rows: readonly Row[]): number =>
  Math.max(displayWidth(title), ...rows.map((row) => displayWidth(text(row))));

const padded = <Row>(text: string, { column, width }: Layout<Row>, isLast: boolean): string => {
  const cut = clip(text, width);
  if (column.align === 'right') return padStart(cut, width);
  return isLast ? cut : padEnd(cut, width);
};

const totalOf = <Row>(layouts: readonly Layout<Row>[]): number =>
  layouts.reduce((sum, { width }) => sum + width, 0) + gap.length * Math.max(0, layouts.length - 1);

/** Columns that a layout could give up without being left out. */
const slackOf = <Row>({ column, width }: Layout<Row>): number => Math.max(0, width - (column.minWidth ?? width));

/** A little shortening beats losing a column: what shortening could give is counted before one is left out. */
const fitted = <Row>(layouts: readonly Layout<Row>[], width: number): readonly Layout<Row>[] => {
  const slack = layouts.reduce((sum, layout) => sum + slackOf(layout), 0);
  return shrink(withoutOptional(layouts, width + slack), width);
};

const withoutOptional = <Row>(layouts: readonly Layout<Row>[], width: number): readonly Layout<Row>[] => {
  const orders = layouts.map(({ column }) => column.optional ?? 0);
  const highest = Math.max(0, ...orders);
  if (totalOf(layouts) <= width || highest === 0) return layouts;
  return withoutOptional(layouts.toSpliced(orders.lastIndexOf(highest), 1), width);
};

/** Takes columns, one by one, from the widest cell that may be shortened. */
const shrink = <Row>(layouts: readonly Layout<Row>[], width: number): readonly Layout<Row>[] => {
  const widths = layouts.map((layout) => layout.width);
  for (let excess = totalOf(layouts) - width; excess > 0; excess--) {
    const may = layouts.map(({ column }, i) => (widths[i] ?? 0) - (column.minWidth ?? Number.POSITIVE_INFINITY) > 0);
    const first = layouts.map(({ column }, i) => may[i] === true && column.shrinksFirst === true);
    const spare = first.includes(true) ? first : may;
    const widest = widths.reduce(
      (best, now, i) => (spare[i] && now > (widths[best] ?? 0) ? i : best),
      spare.indexOf(true),
    );
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return layouts.map((layout, i) => ({ ...layout, width: widths[i] ?? layout.width }));
};
