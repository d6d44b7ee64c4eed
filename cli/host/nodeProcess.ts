/**
 * A node as a supervised unit of `host`: one OS process, tied to this one by IPC, its output kept in a log file.
 * To its supervisor it is up as soon as its process runs: children start one after another, and a node that takes its time
 * must neither delay the first start of the others nor their restarts. What `up` waits for is `onReady`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Clock, ProgramDefinition, Timer, Unit, UnitHooks, UnitView } from '../../actors/index.ts';
import type { ExitReason } from '../../machines/index.ts';
import type { LogFile } from './logFiles.ts';
import { mainFile } from './mainFile.ts';
import type { NodeMessage } from './parentLink.ts';

/** A node that is not up by then will not be; it takes half a second on an idle machine. */
const startTimeoutMs = 20_000;

export interface NodeProcessOptions {
  readonly name: string;
  /** `<dir>/nodes/<name>` */
  readonly dir: string;
  readonly nats: string;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: LogFile;
  /** Every actor of an incarnation is up. */
  readonly onReady: () => void;
  /** It ended before it was ever ready: a bad file, a locked store. Starting it again would not help. */
  readonly onFailedStart: (reason: ExitReason) => void;
}

/** How `host` starts a node, again and again. */
export const nodeProgram = (options: NodeProcessOptions): ProgramDefinition => ({
  name: options.name,
  start: (hooks, incarnation) => new NodeProcess(options, hooks, incarnation),
});

class NodeProcess implements Unit {
  readonly id: string;
  readonly #child: ChildProcess;
  readonly #options: NodeProcessOptions;
  readonly #hooks: UnitHooks;
  readonly #incarnation: number;
  readonly #late: Timer;
  #state: 'starting' | 'running' | 'stopping' = 'starting';
  #isLate = false;
  #lastComplaint = '';

  constructor(options: NodeProcessOptions, hooks: UnitHooks, incarnation: number) {
    const { name, dir, nats, clock, env, log } = options;
    this.id = name;
    this.#options = options;
    this.#hooks = hooks;
    this.#incarnation = incarnation;
    // Its own session: Ctrl-C reaches this process alone, which stops the nodes before their server.
    this.#child = spawn(process.execPath, [mainFile, 'node', dir], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
      env: { ...env, ISOCHRON_NATS: nats },
    });
    this.#late = clock.after(startTimeoutMs, () => this.#giveUpStarting());
    lines(this.#child.stdout, (line) => log.write(line));
    lines(this.#child.stderr, (line) => {
      this.#lastComplaint = line;
      log.wrap('error', 'stderr', line);
    });
    this.#child.once('spawn', () => hooks.started());
    this.#child.on('message', (message: NodeMessage) => this.#onMessage(message));
    this.#child.once('error', (error) => this.#exited({ type: 'error', code: 'SPAWN', message: error.message }));
    this.#child.once('exit', (code, signal) => this.#exited(this.#reason(code, signal)));
  }

  view(): UnitView {
    return { state: this.#state, mailbox: 0, isolation: 'process', pid: this.#child.pid ?? null };
  }

  stop(): void {
    this.#state = 'stopping';
    this.#child.kill('SIGTERM');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #onMessage(message: NodeMessage): void {
    if (message.type !== 'ready' || this.#state !== 'starting') return;
    this.#state = 'running';
    this.#options.clock.cancel(this.#late);
    this.#options.onReady();
  }

  #giveUpStarting(): void {
    this.#isLate = true;
    this.kill();
  }

  #exited(reason: ExitReason): void {
    this.#options.clock.cancel(this.#late);
    this.#child
      .removeAllListeners('exit')
      .removeAllListeners('error')
      .on('error', () => undefined);
    if (this.#incarnation === 1 && this.#state === 'starting') this.#options.onFailedStart(reason);
    this.#hooks.exited(reason);
  }

  #reason(code: number | null, signal: NodeJS.Signals | null): ExitReason {
    if (this.#isLate) return { type: 'timeout', waitedMs: startTimeoutMs };
    if (signal !== null) return { type: 'killed', signal };
    if (code === 0) return { type: this.#state === 'stopping' ? 'shutdown' : 'normal' };
    return { type: 'error', code: `EXIT_${code ?? 'UNKNOWN'}`, message: this.#lastComplaint || `exit code ${code}` };
  }
}

const lines = (stream: Readable | null, onLine: (line: string) => void): void => {
  if (stream !== null) createInterface({ input: stream }).on('line', onLine);
};
