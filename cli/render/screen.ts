/**
 * A block of lines that is redrawn in place without flicker: each frame is one write that moves up, rewrites every line and
 * erases what is left. It works within the scrollback (`inline`) or on the alternate screen (`alternate`).
 */
import { clip, displayWidth } from './text.ts';

/** The part of a terminal stream that is used; its size is read at every frame. */
export interface TerminalStream {
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

export interface Screen {
  readonly width: number;
  /** Lines that a frame may have. */
  readonly height: number;
  /** Replaces the block; lines beyond `height` and columns beyond `width` are cut. */
  draw(lines: readonly string[]): void;
  /** Prints lines above the block, where they stay (inline only). */
  print(lines: readonly string[]): void;
  /** Restores the cursor; an inline block keeps its last frame. Safe to call twice. */
  close(): void;
}

/** Of a terminal that does not say. */
const columnsDefault = 80;
const rowsDefault = 24;

const csi = '\u001b[';
const hideCursor = `${csi}?25l`;
const showCursor = `${csi}?25h`;
const enterAlternate = `${csi}?1049h`;
const leaveAlternate = `${csi}?1049l`;
const eraseLine = `${csi}K`;
const eraseBelow = `${csi}J`;
const home = `${csi}H`;

/** A zero-sized terminal is one that does not know its size. */
const sizeOf = (size: number | undefined, fallback: number): number =>
  size === undefined || size <= 0 ? fallback : size;

class BlockScreen implements Screen {
  readonly #out: TerminalStream;
  readonly #alternate: boolean;
  /** Lines now on the terminal, as they were drawn. */
  #drawn: readonly string[] = [];
  #closed = false;

  constructor(out: TerminalStream, alternate: boolean) {
    this.#out = out;
    this.#alternate = alternate;
    out.write((alternate ? enterAlternate : '') + hideCursor);
  }

  get width(): number {
    return sizeOf(this.#out.columns, columnsDefault);
  }

  /** One line is left for the cursor: a block as high as the terminal would scroll. */
  get height(): number {
    return Math.max(1, sizeOf(this.#out.rows, rowsDefault) - 1);
  }

  draw(lines: readonly string[]): void {
    if (this.#closed) return;
    const fitting = lines.slice(0, this.height).map((line) => clip(line, this.width));
    this.#out.write(this.#toTop() + fitting.map((line) => this.#written(line)).join('') + eraseBelow);
    this.#drawn = fitting;
  }

  print(lines: readonly string[]): void {
    if (this.#closed || this.#alternate) return;
    const block = this.#drawn;
    this.#out.write(this.#toTop() + lines.map((line) => this.#written(line)).join(''));
    this.#drawn = [];
    this.draw(block);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#out.write(showCursor + (this.#alternate ? leaveAlternate : ''));
  }

  /** After a line of full width the cursor still stands on its last character, which erasing would take away. */
  #written(line: string): string {
    return displayWidth(line) < this.width ? `${line}${eraseLine}\r\n` : `${line}\r\n`;
  }

  /** A terminal that became narrower has wrapped the lines of the last frame: they are counted as they stand now. */
  #toTop(): string {
    if (this.#alternate) return home;
    const rows = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / this.width)), 0);
    const up = Math.min(rows, this.height);
    return up === 0 ? '\r' : `\r${csi}${up}A`;
  }
}

/** A block that is redrawn where it stands. */
export const inlineScreen = (out: TerminalStream): Screen => new BlockScreen(out, false);

/** The whole terminal; what was on it comes back with `close`. */
export const alternateScreen = (out: TerminalStream): Screen => new BlockScreen(out, true);
