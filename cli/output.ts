/**
 * What a command shows (3-interface §4): data to stdout, messages to stderr; one JSON object a line with `--json`; colours
 * only where a person looks, and never with NO_COLOR (no-color.org).
 */

/** A stream as commands see it; `process.stdout` is one. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

export interface OutputOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Colour = keyof typeof codes;
/** Wraps text in a colour, or returns it as it is where colours are off. */
export type Paint = (colour: Colour, text: string) => string;

/** Width to lay tables out for when nobody says. */
const columnsDefault = 100;

export class Output {
  /** `--json`: results are one JSON object a line. */
  readonly json: boolean;
  readonly quiet: boolean;
  /** A person watches stdout: live tables and prompts are allowed. */
  readonly interactive: boolean;
  readonly paint: Paint;
  readonly #stdout: Sink;
  readonly #stderr: Sink;

  constructor({ stdout, stderr, json, quiet, env }: OutputOptions) {
    this.json = json;
    this.quiet = quiet;
    const terminal = stdout.isTTY === true && env.TERM !== 'dumb';
    this.interactive = terminal && !json;
    const coloured = !json && !env.NO_COLOR && env.FORCE_COLOR !== '0' && (terminal || Boolean(env.FORCE_COLOR));
    this.paint = coloured ? (colour, text) => `\u001b[${codes[colour]}m${text}\u001b[0m` : (_colour, text) => text;
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  get columns(): number {
    return this.#stdout.columns ?? columnsDefault;
  }

  /** Rows of the terminal; undefined where there is none. */
  get rows(): number | undefined {
    return this.#stdout.rows;
  }

  /** A result: with `--json` `value` as one line of JSON, else what `render` makes of it. */
  result(value: unknown, render: (paint: Paint) => string): void {
    this.#stdout.write(`${this.json ? JSON.stringify(value) : render(this.paint)}\n`);
  }

  /** Raw text to stdout, for live tables and generated files; nothing is added. */
  raw(text: string): void {
    this.#stdout.write(text);
  }

  /** A message for people, to stderr; `--quiet` silences it. */
  message(text: string): void {
    if (!this.quiet) this.#stderr.write(`${text}\n`);
  }

  /** A problem that does not end the command, to stderr, always. */
  warn(text: string): void {
    this.#stderr.write(this.json ? `${JSON.stringify({ warning: text })}\n` : `isochron: ${text}\n`);
  }

  /** What ended the command, to stderr, always; with `--json` the body of an error reply. */
  error(code: string, message: string, details: object): void {
    this.#stderr.write(
      this.json ? `${JSON.stringify({ error: { code, message, details } })}\n` : `isochron: ${message}\n`,
    );
  }
}
