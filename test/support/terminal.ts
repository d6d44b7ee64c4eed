/** A terminal that understands what the screens of the command line write: what a person would see after it. */

/** Colours off: text alone. */
export const unpainted = (_colour: string, text: string): string => text;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts every command
const command = /^\u001b\[(\?)?(\d*)([A-Za-z])/;

export class TestTerminal {
  columns: number;
  rows: number;
  isCursorShown = true;
  isAlternate = false;
  /** Every write, one frame each. */
  readonly frames: string[] = [];
  #lines: string[] = [''];
  #row = 0;
  #column = 0;
  #main: { readonly lines: string[]; readonly row: number } | undefined;

  constructor(columns = 80, rows = 24) {
    this.columns = columns;
    this.rows = rows;
  }

  /** What has been written so far, the scrolled part included, without trailing empty lines. */
  text(): string {
    return this.#lines
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  }

  write(text: string): void {
    this.frames.push(text);
    for (let rest = text; rest !== ''; ) {
      const [whole, isPrivate, number, letter] = command.exec(rest) ?? [];
      if (whole !== undefined) this.#do(`${isPrivate ?? ''}${letter}`, number ?? '');
      else this.#put(rest[0] ?? '');
      rest = rest.slice(whole?.length ?? 1);
    }
  }

  #do(letter: string, number: string): void {
    switch (letter) {
      case 'A':
        this.#row = Math.max(0, this.#row - Number(number || 1));
        return;
      case 'H':
        this.#row = 0;
        this.#column = 0;
        return;
      case 'K':
        this.#lines[this.#row] = this.#line().slice(0, this.#column);
        return;
      case 'J':
        this.#lines = [...this.#lines.slice(0, this.#row), this.#line().slice(0, this.#column)];
        return;
      case '?h':
      case '?l':
        this.#mode(number, letter === '?h');
        return;
      case 'm':
        return;
      default:
        throw new Error(`the terminal of the test does not know ${letter}`);
    }
  }

  #mode(number: string, on: boolean): void {
    if (number === '25') this.isCursorShown = on;
    if (number !== '1049') return;
    this.isAlternate = on;
    const back = this.#main ?? { lines: [''], row: 0 };
    this.#main = on ? { lines: this.#lines, row: this.#row } : undefined;
    this.#lines = on ? [''] : back.lines;
    this.#row = on ? 0 : back.row;
    this.#column = 0;
  }

  #line(): string {
    return this.#lines[this.#row] ?? '';
  }

  #put(character: string): void {
    if (character === '\r') {
      this.#column = 0;
      return;
    }
    if (character === '\n' || this.#column >= this.columns) {
      this.#row++;
      this.#column = character === '\n' ? this.#column : 0;
      while (this.#lines.length <= this.#row) this.#lines.push('');
      if (character === '\n') return;
    }
    const line = this.#line().padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column++;
  }
}
