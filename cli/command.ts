/**
 * What a command is: data that help, docs/cli.md and shell completion are generated from, and a function that runs it.
 * The data is loaded always, the function only when it is called, so that `node` never pays for `top`.
 */
import type { Arguments } from './arguments.ts';
import type { Context } from './context.ts';
import type { ExitCode } from './exitCodes.ts';

/** What the shell may offer for a value. */
export type Completes = 'cluster' | 'directory' | 'file' | 'node' | 'unit';

/** How a value is read and checked; a value that does not fit is a usage error (exit 2). */
export type ValueSpec =
  | { readonly kind: 'text'; readonly placeholder: string; readonly completes?: Completes }
  | { readonly kind: 'count'; readonly min: number; readonly max: number }
  /** `500ms`, `30s`, `5m`, `2h`: milliseconds. */
  | { readonly kind: 'duration' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

export interface ArgumentSpec {
  /** camelCase; how `Arguments` names it. */
  readonly name: string;
  readonly summary: string;
  /** Default: text. */
  readonly value?: ValueSpec;
  readonly required?: true;
  /** Takes all that follow; the last argument only. Read with `Arguments.list`. */
  readonly variadic?: true;
}

export interface OptionSpec {
  /** Without dashes, in kebab-case: `since`; how `Arguments` names it. */
  readonly name: string;
  /** One letter, without the dash. */
  readonly short?: string;
  readonly summary: string;
  /** Left out: a flag. */
  readonly value?: ValueSpec;
  /** As somebody would type it. */
  readonly default?: string;
}

export interface Example {
  readonly command: string;
  readonly does: string;
}

export interface CommandSpec {
  readonly name: string;
  /** Groups commands in help and docs. */
  readonly group: 'Cluster' | 'See' | 'Steer' | 'Material and checks';
  /** One line, no full stop. */
  readonly summary: string;
  /** Whole sentences; what it does, what it prints, when it fails. */
  readonly description: string;
  readonly args?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  readonly examples?: readonly Example[];
  /** A signal is the usual way to end it, and then a clean stop exits 0 (`up`, `node`); others exit 130. */
  readonly endsBySignal?: true;
  /** Answers to the shell, not to people: not in help. */
  readonly hidden?: true;
  /**
   * Runs it: `async (context, args) => (await import('../commands/ps.ts')).run(context, args)`.
   * Returns its exit code; nothing = 0. A thrown `IsochronError` is printed as one line and mapped by `exitCodeOf`.
   */
  readonly run: (context: Context, args: Arguments) => Promise<ExitCode | undefined>;
}

/** Options that every command takes. */
export const globalOptions: readonly OptionSpec[] = [
  {
    name: 'dir',
    summary: 'directory of the cluster (ISOCHRON_DIR)',
    value: { kind: 'text', placeholder: 'dir', completes: 'directory' },
  },
  {
    name: 'nats',
    summary: 'URL of its NATS server (ISOCHRON_NATS, NATS_URL)',
    value: { kind: 'text', placeholder: 'url' },
  },
  { name: 'yes', summary: 'do not ask for confirmation' },
  { name: 'json', summary: 'print results as JSON, one object a line' },
  { name: 'quiet', summary: 'print results and errors only' },
];
