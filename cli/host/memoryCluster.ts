/**
 * The same cluster where no nats-server can be had: every node in this process, on the in-memory bus. Real clocks, real
 * keys, real actors; only the wire is missing, so no second terminal can reach it.
 */
import {
  type Clock,
  createMemoryStore,
  createMetrics,
  createNode,
  oncePerBurst,
  type ProgramDefinition,
  type Random,
  type Store,
  type System,
  silentLog,
  type Unit,
  type UnitHooks,
  type UnitView,
} from '../../actors/index.ts';
import { MemoryHub } from '../../bus/index.ts';
import type { ExitReason } from '../../machines/index.ts';
import { deferred } from '../deferred.ts';
import type { NodeFiles } from '../files/nodeFiles.ts';
import type { WholeCluster } from '../files/readCluster.ts';
import { busOptionsOf, identityOf, nodeConfigOf } from '../world.ts';
import { hostSystem } from './hostSystem.ts';
import type { RunningCluster } from './runningCluster.ts';

/** Refusals of one reason closer together than this are one burst. */
const burstWindowMs = 5_000;

export interface MemoryClusterOptions {
  readonly whole: WholeCluster;
  readonly clock: Clock;
  readonly random: Random;
}

/** A cluster whose server is a hub in this process. */
export interface MemoryCluster extends RunningCluster {
  readonly hub: MemoryHub;
}

export const startMemoryCluster = ({ whole, clock, random }: MemoryClusterOptions): MemoryCluster => {
  const hub = new MemoryHub({ clock });
  const { cluster } = whole.config;
  const bus = hub.connect({ cluster, node: 'host', role: 'host', clock, random });
  const ended = deferred<ExitReason>();
  const programs = whole.nodes.map((files) => inlineNode(files, hub, clock, random));
  const system = hostSystem({ whole, clock, random, bus, log: silentLog, programs, onExit: ended.resolve });
  const started = system.start();
  const closed = ended.promise.then(async (reason) => {
    await bus.drain();
    return reason;
  });
  return {
    dir: whole.dir,
    cluster,
    nats: null,
    nodes: whole.nodes.map(({ config }) => config.name),
    hub,
    bus,
    log: silentLog,
    tree: () => system.tree(),
    started,
    failed: new Promise<never>(() => undefined),
    ended: closed,
    stop: async () => {
      system.stop();
      await closed;
    },
  };
};

const inlineNode = (files: NodeFiles, hub: MemoryHub, clock: Clock, random: Random): ProgramDefinition => {
  const { name } = files.config;
  // Outlives restarts of the node, as its disk would: terms and epochs must not begin again.
  const store = createMemoryStore({ name });
  return { name, start: (hooks) => new InlineNode({ files, hub, clock, random, store }, hooks) };
};

interface InlineNodeParts {
  readonly files: NodeFiles;
  readonly hub: MemoryHub;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
}

/** A node as a unit of `host` in the same process: a System inside a System. */
class InlineNode implements Unit {
  readonly id: string;
  readonly #system: System;
  #killed = false;

  constructor({ files, hub, clock, random, store }: InlineNodeParts, hooks: UnitHooks) {
    this.id = files.config.name;
    const metrics = createMetrics();
    const log = silentLog;
    const refusals = oncePerBurst(log, clock, burstWindowMs);
    const bus = hub.connect(busOptionsOf(files, { clock, random, metrics, refusals }));
    this.#system = createNode({
      world: {
        clock,
        random,
        bus,
        log,
        metrics,
        store,
        identity: identityOf(files),
        config: nodeConfigOf(files, clock),
      },
      role: files.config.role,
      onExit: (reason) => {
        refusals.end();
        void bus.drain().then(() => hooks.exited(this.#killed ? { type: 'killed', signal: 'SIGKILL' } : reason));
      },
    });
    // A start that fails is told by `onExit`.
    this.#system.start().then(
      () => hooks.started(),
      () => undefined,
    );
  }

  view(): UnitView {
    return { state: 'running', mailbox: 0, isolation: 'inline', pid: process.pid };
  }

  stop(): void {
    this.#system.stop();
  }

  /** Nothing outside this process holds a part of it: stopping it is as final as killing it. */
  kill(): void {
    this.#killed = true;
    this.#system.stop();
  }
}
