/** The managed nats-server as a supervised unit of `host`; started again on the same ports, so that clients find it. */
import type { ProgramDefinition, Unit, UnitHooks, UnitView } from '../../actors/index.ts';
import type { ManagedServer, ServerExit } from '../../bus/index.ts';
import type { ExitReason } from '../../machines/index.ts';
import { systemCodeOf } from '../exitCodes.ts';
import { messageOf } from '../report.ts';

export const natsUnitName = 'nats-server';

/** `[pid] date time [ERR] …`; before it logs, its complaints begin with its name. */
const taggedLine = /^\[\d+\] \S+ \S+ \[([A-Z]{3})\]|^(nats-server): /;

/** How bad a line of the server's log is. */
export const serverLogLevel = (line: string): 'info' | 'warn' | 'error' => {
  const [, tag, complaint] = taggedLine.exec(line) ?? [];
  if (complaint !== undefined) return 'error';
  switch (tag) {
    case 'ERR':
    case 'FTL':
      return 'error';
    case 'WRN':
      return 'warn';
    default:
      return 'info';
  }
};

/**
 * @param first runs already: `up` starts it before anything else, because ports and errors come from it
 * @param restart starts another one on the ports of the first
 */
export const natsProgram = (first: ManagedServer, restart: () => Promise<ManagedServer>): ProgramDefinition => ({
  name: natsUnitName,
  start: (hooks, incarnation) => new NatsUnit(incarnation === 1 ? Promise.resolve(first) : restart(), hooks),
});

class NatsUnit implements Unit {
  readonly id = natsUnitName;
  readonly #hooks: UnitHooks;
  #server: ManagedServer | undefined;
  #state: 'starting' | 'running' | 'stopping' = 'starting';
  #killed = false;

  constructor(starting: Promise<ManagedServer>, hooks: UnitHooks) {
    this.#hooks = hooks;
    starting.then(
      (server) => this.#onServer(server),
      (error: unknown) =>
        hooks.exited({ type: 'error', code: systemCodeOf(error) || 'NATS_SERVER', message: messageOf(error) }),
    );
  }

  view(): UnitView {
    return { state: this.#state, mailbox: 0, isolation: 'process', pid: this.#server?.pid ?? null };
  }

  stop(): void {
    this.#state = 'stopping';
    void this.#server?.stop();
  }

  kill(): void {
    this.#killed = true;
    if (this.#server !== undefined) killProcess(this.#server.pid);
  }

  #onServer(server: ManagedServer): void {
    this.#server = server;
    void server.exited.then((exit) => this.#hooks.exited(this.#reason(exit)));
    // Asked to go while it was on its way.
    if (this.#killed) killProcess(server.pid);
    else if (this.#state === 'stopping') void server.stop();
    else {
      this.#state = 'running';
      this.#hooks.started();
    }
  }

  #reason({ code, signal, reason }: ServerExit): ExitReason {
    if (this.#state === 'stopping') return { type: 'shutdown' };
    if (signal !== null) return { type: 'killed', signal: signalName(signal) };
    return { type: 'error', code: `EXIT_${code ?? 'UNKNOWN'}`, message: reason };
  }
}

const SIGKILL = 9;
const SIGTERM = 15;
const signalName = (signal: number): string =>
  signal === SIGKILL ? 'SIGKILL' : signal === SIGTERM ? 'SIGTERM' : `signal ${signal}`;

const killProcess = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
};
