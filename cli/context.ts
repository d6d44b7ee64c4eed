/** What a command may touch: everything from outside arrives here, so that commands can be tested as functions. */
import type { Clock, Random } from '../actors/system/index.ts';
import type { Output } from './output.ts';

export interface Globals {
  /** `--dir`, as typed. */
  readonly dir: string | undefined;
  /** `--nats`. */
  readonly nats: string | undefined;
  /** `--yes`: never ask. */
  readonly yes: boolean;
}

export interface Context {
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly output: Output;
  readonly globals: Globals;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /**
   * Aborts on the first SIGINT, SIGTERM or SIGHUP. Commands that wait or follow end then; main exits 130 in any case, unless the
   * command `endsBySignal`. A second signal ends the process at once.
   */
  readonly signal: AbortSignal;
  /** Registers what must be undone however the command ends (close a connection, show the cursor); last in, first out. */
  onExit(release: () => void | Promise<void>): void;
}
