/** The built command in processes of its own, with a home, a state folder and a temporary folder that go with the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClock, createRandom } from '../../actors/index.ts';
import { type Bus, connectNats } from '../../bus/index.ts';
import { isAlive } from '../../cli/records.ts';
import { epochReplySchema, type TreeNode, treeNodeSchema } from '../../protocol/index.ts';
import { temporaryDirectory } from './temporary.ts';
import { until } from './until.ts';

/** `bin` of package.json. */
export const mainFile = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** The first line of stdout that is JSON with that field. */
  line(field: string): Promise<Record<string, unknown>>;
  /** Lines of stdout so far that are JSON. */
  lines(): readonly Record<string, unknown>[];
  signal(name: NodeJS.Signals): void;
}

export interface Cli {
  /** Its home, working directory and temporary folder. */
  readonly root: string;
  /** Runs a command to its end. */
  run(...args: readonly string[]): Promise<Ended>;
  /** Starts a command that goes on. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Running;
  /** The same from another folder, or with another environment. */
  with(options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> }): Cli;
  /** Ends whatever was started, and what it started; called in `afterEach`. */
  close(): Promise<void>;
}

export const createCli = (root = temporaryDirectory()): Cli => {
  mkdirSync(join(root, 'tmp'), { recursive: true });
  return cliOf(root, { cwd: root, env: {} }, []);
};

type Options = { readonly cwd: string; readonly env: Readonly<Record<string, string>> };

const cliOf = (root: string, options: Options, started: Running[]): Cli => {
  const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Running => {
    const running = launch(args, { cwd: options.cwd, env: { ...environment(root), ...options.env, ...env } });
    started.push(running);
    return running;
  };
  return {
    root,
    start,
    run: (...args) => start(args).ended,
    with: (more) => cliOf(root, { cwd: more.cwd ?? options.cwd, env: { ...options.env, ...more.env } }, started),
    close: async () => {
      for (const { child } of started) if (child.exitCode === null) child.kill('SIGKILL');
      await Promise.all(started.map(({ ended }) => ended));
      rmSync(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
};

/** Nothing of the person who runs the tests, but the way to programs. */
const environment = (root: string): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: root,
  TMPDIR: join(root, 'tmp'),
  XDG_STATE_HOME: join(root, 'state'),
  ...(process.env.NATS_SERVER_BIN === undefined ? {} : { NATS_SERVER_BIN: process.env.NATS_SERVER_BIN }),
});

const launch = (args: readonly string[], { cwd, env }: Options): Running => {
  const child = spawn(process.execPath, [mainFile, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (part: Buffer) => {
    text.stdout += part.toString();
  });
  child.stderr.on('data', (part: Buffer) => {
    text.stderr += part.toString();
  });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const watcher of watchers) watcher();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, ...text }));
  });
  return {
    pid: child.pid ?? 0,
    child,
    ended,
    signal: (name) => void child.kill(name),
    lines: () => lines.map(parse).filter((json) => json !== undefined),
    line: (field) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.map(parse).find((json) => json !== undefined && field in json);
          if (found === undefined) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
        void ended.then(({ code }) =>
          reject(new Error(`ended with ${code} before '${field}': ${text.stdout}${text.stderr}`)),
        );
      }),
  };
};

const parse = (line: string): Record<string, unknown> | undefined => {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
};

/** A connection as the operator of a cluster directory; close it with `drain`. */
export const operatorOf = (dir: string, nats: string, cluster = 'lab'): Promise<Bus> =>
  connectNats({
    servers: nats,
    seed: readFileSync(join(dir, 'keys', 'operator.nk'), 'utf8').trim(),
    cluster,
    node: 'operator',
    role: 'operator',
    clock: createClock(),
    random: createRandom(),
  });

export const treeOf = async (operator: Bus): Promise<TreeNode> =>
  treeNodeSchema.parse(await operator.ask('host', 'supervisor.tree', {}, { timeoutMs: 2_000 }));

export const epochOf = async (operator: Bus, node: string) =>
  epochReplySchema.parse(await operator.ask(node, 'epoch.get', {}, { timeoutMs: 2_000 }));

export const unitOf = async (operator: Bus, id: string): Promise<TreeNode> => {
  const unit = (await treeOf(operator)).children.find((child) => child.id === id);
  if (unit === undefined) throw new Error(`no unit ${id}`);
  return unit;
};

/** Process ids of everything `host` runs. */
export const pidsOf = async (operator: Bus): Promise<readonly number[]> =>
  (await treeOf(operator)).children.flatMap(({ pid }) => pid ?? []);

/** Resolves when none of them lives any more. */
export const allGone = (pids: readonly number[]): Promise<true> =>
  until(`processes ${pids.join(', ')} to end`, () => (pids.some(isAlive) ? undefined : true));
