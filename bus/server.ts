/**
 * A nats-server of our own: found, configured, started, watched, stopped. It dies with its parent even when the parent is
 * killed outright: a shell in between holds the parent's pipe, and the pipe's end is the one thing SIGKILL cannot forget.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { BusOptionError, NatsServerFailedError, NatsServerMissingError, PortInUseError } from './errors.ts';
import type { BusClock } from './ports.ts';
import { natsConfig, type ServerConfig } from './serverConfig.ts';

/** A server that is not ready by then will not be; JetStream recovery of a full store takes seconds. */
const startTimeoutMs = 15_000;
/** After a polite stop; then it is killed. */
const stopTimeoutMs = 5_000;
/** Lines of its log kept to explain a failure. */
const logLinesKept = 20;
const SIGNAL_BASE = 128;
const OWNER_ONLY = 0o600;

/** Where package managers put it, whatever PATH says (Debian's is in sbin, which users' PATHs lack). */
const usualDirectories = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/usr/bin', '/opt/homebrew/bin'];

/**
 * The nats-server binary: `NATS_SERVER_BIN`, else PATH, else the usual directories.
 * @throws NatsServerMissingError, BusOptionError when NATS_SERVER_BIN names nothing that can run
 */
export const findNatsServer = (env: Readonly<Record<string, string | undefined>> = process.env): string => {
  const named = env.NATS_SERVER_BIN;
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return named;
    throw new BusOptionError('NATS_SERVER_BIN', `an executable file, got ${named}`);
  }
  const directories = [...(env.PATH ?? '').split(delimiter).filter((path) => path !== ''), ...usualDirectories];
  const found = directories.map((path) => join(path, 'nats-server')).find(isExecutable);
  if (found === undefined) throw new NatsServerMissingError(directories);
  return found;
};

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

export interface ManagedServerOptions {
  /** Holds `nats.conf`; created when missing. */
  readonly directory: string;
  /** What the configuration is generated from, or its text. */
  readonly config: ServerConfig | string;
  readonly clock: BusClock;
  /** Default: `findNatsServer()`. */
  readonly binary?: string;
  /** Every line of the server's log. */
  readonly onLog?: (line: string) => void;
}

export interface ServerExit {
  readonly code: number | null;
  /** Number of the signal that ended it, when one did. */
  readonly signal: number | null;
  /** `stopped` when it was, else the fatal error it logged, or how it ended. */
  readonly reason: string;
}

export interface ManagedServer {
  /** `nats://host:port`, or `tls://` */
  readonly url: string;
  readonly port: number;
  /** Undefined without a websocket. */
  readonly websocketPort: number | undefined;
  /** Of the nats-server itself. */
  readonly pid: number;
  readonly configFile: string;
  /** Resolves when the server has ended, for whatever reason. */
  readonly exited: Promise<ServerExit>;
  /** Ends it, killing it after 5 s; resolves when it is gone. */
  stop(): Promise<void>;
}

/**
 * Writes the configuration and starts the server; resolves when it accepts connections.
 * @throws NatsServerMissingError, PortInUseError, NatsServerFailedError
 */
export const startNatsServer = async (options: ManagedServerOptions): Promise<ManagedServer> => {
  const { directory, config, binary = findNatsServer() } = options;
  mkdirSync(directory, { recursive: true });
  const configFile = join(directory, 'nats.conf');
  writeFileSync(configFile, typeof config === 'string' ? config : natsConfig(config), { mode: OWNER_ONLY });
  const watched = new WatchedProcess(binary, ['-c', configFile], options);
  try {
    return { ...(await watched.ready()), configFile, exited: watched.exited, stop: () => watched.stop() };
  } catch (error) {
    await watched.stop();
    throw error;
  }
};

/**
 * fd 3 is our stdin, a pipe whose only writer is the parent. The loop ends when the parent does, or when the parent lets go
 * of a wrapper that was killed; then the server is killed. The first line of output is the server's pid.
 */
const WRAPPER = `
exec 3<&0 </dev/null
"$@" 3<&- &
child=$!
echo "$child"
( exec 0<&3 3<&- >/dev/null 2>&1; while read -r _; do :; done; kill -9 "$child" ) &
watcher=$!
exec 3<&-
wait "$child"
code=$?
kill -9 "$watcher" 2>/dev/null
exit "$code"
`;

interface Ready {
  readonly url: string;
  readonly port: number;
  readonly websocketPort: number | undefined;
  readonly pid: number;
}

/** Addresses that a server listens on and nobody connects to, and where it is found instead. */
const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '[::]': '[::1]' };

/** What its log has said so far: when and where it listens. Nothing needs to be polled. */
class ServerLog {
  readonly #kept: string[] = [];
  #client: { readonly host: string; readonly port: number } | undefined;
  #websocketPort: number | undefined;
  #tls = false;

  /** True when the server says that it is ready. */
  read(line: string): boolean {
    this.#kept.push(line);
    if (this.#kept.length > logLinesKept) this.#kept.shift();
    const [, host, port] = /Listening for client connections on (.*):(\d+)\s*$/.exec(line) ?? [];
    if (host !== undefined) this.#client = { host: everywhere[host] ?? host, port: Number(port) };
    const websocket = /Listening for websocket clients on .*:(\d+)\s*$/.exec(line)?.[1];
    if (websocket !== undefined) this.#websocketPort = Number(websocket);
    if (line.includes('TLS required for client connections')) this.#tls = true;
    return line.includes('Server is ready');
  }

  listening(): Omit<Ready, 'pid'> | undefined {
    if (this.#client === undefined) return undefined;
    const { host, port } = this.#client;
    return { url: `${this.#tls ? 'tls' : 'nats'}://${host}:${port}`, port, websocketPort: this.#websocketPort };
  }

  /** The fatal line, if there was one. */
  complaint(): string | undefined {
    const line = this.#kept.findLast((text) => /\[FTL\]|^nats-server: /.test(text));
    return line?.replace(/^.*\[FTL\]\s*/, '');
  }
}

class WatchedProcess {
  readonly exited: Promise<ServerExit>;
  readonly #child: ChildProcess;
  readonly #options: ManagedServerOptions;
  readonly #log = new ServerLog();
  readonly #ready: Promise<Ready>;
  #pid: number | undefined;
  #ended = false;
  #stopping = false;

  constructor(binary: string, args: readonly string[], options: ManagedServerOptions) {
    this.#options = options;
    // Its own session: Ctrl-C reaches the parent alone, which stops the nodes before their server.
    this.#child = spawn('/bin/sh', ['-c', WRAPPER, 'nats-server', binary, ...args], { stdio: 'pipe', detached: true });
    this.exited = new Promise((resolve) => this.#whenEnded(resolve));
    this.#ready = this.#whenReady();
  }

  ready(): Promise<Ready> {
    return this.#ready;
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#stopping = true;
    const { clock } = this.#options;
    const kill = clock.after(stopTimeoutMs, () => this.#child.stdin?.destroy());
    if (this.#pid === undefined) this.#child.stdin?.destroy();
    else signal(this.#pid, 'SIGTERM');
    await this.exited;
    clock.cancel(kill);
  }

  #whenEnded(resolve: (exit: ServerExit) => void): void {
    this.#child.once('error', (cause) => resolve(this.#end({ code: null, signal: null, reason: cause.message })));
    this.#child.once('close', (code) => {
      const signalNumber = code !== null && code > SIGNAL_BASE ? code - SIGNAL_BASE : null;
      resolve(
        this.#end({ code: signalNumber === null ? code : null, signal: signalNumber, reason: this.#reason(code) }),
      );
    });
    // The wrapper is gone but its server may not be: letting go of the pipe ends it.
    this.#child.once('exit', () => this.#child.stdin?.destroy());
    this.#child.stdin?.on('error', () => undefined);
  }

  #end(exit: ServerExit): ServerExit {
    this.#ended = true;
    return exit;
  }

  #reason(code: number | null): string {
    if (this.#stopping) return 'stopped';
    return this.#log.complaint() ?? `exit code ${code ?? 'unknown'}`;
  }

  #whenReady(): Promise<Ready> {
    return new Promise((resolve, reject) => {
      const { clock, onLog } = this.#options;
      const late = clock.after(startTimeoutMs, () => {
        reject(new NatsServerFailedError(`not ready after ${startTimeoutMs} ms`));
      });
      let said = false;
      const check = (): void => {
        const listening = this.#log.listening();
        if (!said || this.#pid === undefined || listening === undefined) return;
        clock.cancel(late);
        resolve({ ...listening, pid: this.#pid });
      };
      lines(this.#child.stdout, (line) => {
        this.#pid ??= Number(line);
        check();
      });
      lines(this.#child.stderr, (line) => {
        said = this.#log.read(line) || said;
        check();
        onLog?.(line);
      });
      void this.exited.then((exit) => {
        clock.cancel(late);
        reject(failure(exit.reason));
      });
    });
  }
}

const failure = (reason: string): PortInUseError | NatsServerFailedError => {
  const taken = /listen \w+ (\S+): bind: address already in use/.exec(reason)?.[1];
  return taken === undefined ? new NatsServerFailedError(reason) : new PortInUseError(taken);
};

const lines = (stream: Readable | null, onLine: (line: string) => void): void => {
  if (stream !== null) createInterface({ input: stream }).on('line', onLine);
};

const signal = (pid: number, name: 'SIGTERM' | 'SIGKILL'): void => {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended already.
  }
};
