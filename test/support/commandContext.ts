/** A command called as a function: everything it may touch, and what it did with it. */
import { PassThrough } from 'node:stream';
import { createClock, createRandom } from '../../actors/index.ts';
import { Arguments, type Value } from '../../cli/arguments.ts';
import type { Context, Globals } from '../../cli/context.ts';
import { Output } from '../../cli/output.ts';
import { TestTerminal } from './terminal.ts';

export interface CommandOptions {
  readonly globals?: Partial<Globals>;
  readonly cwd?: string;
  /** Whether a person is there; default true. */
  readonly isTerminal?: boolean;
  readonly json?: boolean;
}

export interface CommandContext {
  readonly context: Context;
  readonly terminal: TestTerminal;
  /** What went to stderr. */
  readonly messages: string[];
  /** Keys and lines of the person. */
  readonly stdin: PassThrough & { isTTY: boolean; isRaw: boolean };
  readonly controller: AbortController;
  /** What main does at the end. */
  release(): Promise<void>;
}

export const commandContext = ({
  globals,
  cwd = '/',
  isTerminal = true,
  json = false,
}: CommandOptions = {}): CommandContext => {
  const terminal = new TestTerminal(100, 40);
  const messages: string[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: isTerminal,
    isRaw: false,
    setRawMode: (raw: boolean) => {
      stdin.isRaw = raw;
    },
  });
  const controller = new AbortController();
  const releases: (() => void | Promise<void>)[] = [];
  const stdout = {
    isTTY: isTerminal,
    get columns() {
      return terminal.columns;
    },
    get rows() {
      return terminal.rows;
    },
    // A terminal goes to the start of the next line for a line feed.
    write: (text: string) => terminal.write(text.replace(/\r?\n/g, '\r\n')),
  };
  const context: Context = {
    clock: createClock(),
    random: createRandom(),
    env: {},
    cwd,
    output: new Output({
      stdout,
      stderr: { write: (text) => messages.push(text) },
      json,
      quiet: false,
      env: { NO_COLOR: '1' },
    }),
    globals: { dir: undefined, nats: undefined, yes: false, ...globals },
    stdin,
    signal: controller.signal,
    onExit: (release) => void releases.push(release),
  };
  return {
    context,
    terminal,
    messages,
    stdin,
    controller,
    release: async () => {
      for (const release of releases.toReversed()) await release();
    },
  };
};

export const argumentsOf = (values: Readonly<Record<string, Value>>): Arguments =>
  new Arguments(new Map(Object.entries(values)));
