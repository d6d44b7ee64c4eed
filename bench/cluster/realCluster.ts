/** A real cluster for benches: `isochron up --json` as its users run it, watched from outside over NATS as operator. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Clock, createClock, createRandom, delay } from '../../actors/index.ts';
import { type Bus, connectNats } from '../../bus/index.ts';
import type { EpochReply, TreeNode } from '../../protocol/index.ts';
import { BenchError } from '../report.ts';

interface Ready {
  readonly dir: string;
  readonly nats: string;
  readonly nodes: readonly string[];
}

/** How often a condition is looked at: fine enough for failovers of a second. */
const POLL_MS = 5;
const READY_WITHIN_MS = 60_000;

export interface RealCluster {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly nodes: readonly string[];
  readonly dir: string;
  readonly cluster: string;
  /** Server URL, and the seed that connects as operator. */
  readonly login: { readonly server: string; readonly seed: string };
  /** Of `up` itself. */
  readonly pid: number;
  epoch(node: string): Promise<EpochReply | undefined>;
  tree(): Promise<TreeNode>;
  pidOf(node: string): Promise<number | undefined>;
  /** Looks until `look` returns something. @throws BenchError after `withinMs`. */
  until<T>(what: string, look: () => Promise<T | undefined>, withinMs: number): Promise<T>;
  stop(): Promise<void>;
}

/** Real processes always run what was built, also when this file itself runs from source (tests). */
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const main = join(root, import.meta.url.endsWith('.ts') ? 'dist' : '.', 'cli', 'main.js');

export const startCluster = async (): Promise<RealCluster> => {
  const state = mkdtempSync(join(tmpdir(), 'isochron-bench-'));
  const env = { ...process.env, XDG_STATE_HOME: state };
  const up = spawn(process.execPath, [main, 'up', '--json'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const clock = createClock();
  const ready = await readyWithin(clock, up, READY_WITHIN_MS);
  const config = JSON.parse(readFileSync(join(ready.dir, 'isochron.json'), 'utf8')) as { cluster: string };
  const seed = readFileSync(join(ready.dir, 'keys', 'operator.nk'), 'utf8').trim();
  const bus = await connectNats({
    servers: ready.nats,
    seed,
    cluster: config.cluster,
    node: 'operator',
    role: 'operator',
    clock,
    random: createRandom(),
  });
  const tree = async () => (await bus.ask('host', 'supervisor.tree')) as TreeNode;
  return {
    clock,
    bus,
    nodes: ready.nodes,
    dir: ready.dir,
    cluster: config.cluster,
    login: { server: ready.nats, seed },
    pid: up.pid ?? 0,
    epoch: (node) =>
      bus.ask(node, 'epoch.get', {}, { timeoutMs: 500 }).then(
        (reply) => reply as EpochReply,
        () => undefined,
      ),
    tree,
    pidOf: async (node) => (await tree()).children.find(({ id }) => id === node)?.pid ?? undefined,
    until: async (what, look, withinMs) => {
      const endMs = clock.elapsed() + withinMs;
      for (;;) {
        const found = await look();
        if (found !== undefined) return found;
        if (clock.elapsed() > endMs) throw new BenchError(`${what}: not within ${withinMs} ms`);
        await delay(clock, POLL_MS);
      }
    },
    stop: async () => {
      await bus.drain();
      if (up.exitCode === null && up.signalCode === null) {
        const exited = new Promise((resolve) => up.once('exit', resolve));
        up.kill('SIGTERM');
        await exited;
      }
      rmSync(state, { recursive: true, force: true });
    },
  };
};

const readyLine = (up: ChildProcess): Promise<Ready> =>
  new Promise((resolve, reject) => {
    if (up.stdout === null) throw new BenchError('up has no output');
    createInterface(up.stdout).once('line', (line) => resolve(JSON.parse(line) as Ready));
    up.once('exit', (code) => reject(new BenchError(`up ended with ${code} before it was ready`)));
  });

const readyWithin = async (clock: Clock, up: ChildProcess, limitMs: number): Promise<Ready> => {
  const timer = clock.after(limitMs, () => up.kill('SIGTERM'));
  try {
    return await readyLine(up);
  } finally {
    clock.cancel(timer);
  }
};
