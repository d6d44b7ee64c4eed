/**
 * A whole cluster in virtual time: production actors, unmodified, on a virtual World each. Everything that happens is
 * drawn from one seed, so a failure is reproduced by its number (R10).
 */
import {
  clockFact,
  createIdentity,
  createMemoryStore,
  createMetrics,
  createNode,
  createSeededRandom,
  createVirtualClock,
  type FactBoard,
  type Log,
  type MemoryStore,
  type Metrics,
  type NodeClock,
  type Sample,
  type SeededRandom,
  type StoreImage,
  type System,
  silentLog,
  type VirtualClock,
} from '../actors/index.ts';
import { MemoryHub } from '../bus/index.ts';
import {
  type ClusterMaterial,
  dealCluster,
  type NodeMaterial,
  type Parameters,
  type Preset,
  parseParameters,
  type Topic,
  topics,
  type Verb,
} from '../protocol/index.ts';
import { type NetworkConditions, perfectNetwork, VirtualNetwork } from './network.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly preset: Preset;
  readonly validators?: number;
  readonly devices?: number;
  readonly network?: NetworkConditions;
  /** Wall clocks of nodes start up to this far apart, ms. */
  readonly clockSkewMs?: number;
  /** Oscillators run up to this much fast or slow, ppm. */
  readonly driftPpm?: number;
  /** How much the disk of a node holds, bytes; without limit unless given. */
  readonly diskBytes?: (node: string) => number;
  /** A log for each node; silent unless given. */
  readonly log?: (node: string, clock: NodeClock) => Log;
}

/** Any instant will do; a round one is easy to read in traces. */
const START_MS = Date.UTC(2026, 0, 1);

/** A node while it runs. */
interface Running {
  readonly system: System;
  readonly store: MemoryStore;
  readonly clock: NodeClock;
  readonly metrics: Metrics;
}

export class SimulatedCluster {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  readonly parameters: Parameters;
  readonly material: ClusterMaterial;
  readonly #hub: MemoryHub;
  readonly #random: SeededRandom;
  readonly #options: SimulationOptions;
  readonly #running = new Map<string, Running>();
  readonly #disks = new Map<string, StoreImage>();
  readonly #clocks = new Map<string, { readonly offsetMs: number; readonly driftPpm: number }>();
  /** Crashes of whole nodes that nobody asked for: bugs. */
  readonly failures: string[] = [];

  private constructor(
    options: SimulationOptions,
    material: ClusterMaterial,
    random: SeededRandom,
    clock: VirtualClock,
  ) {
    this.#options = options;
    this.material = material;
    this.#random = random;
    this.clock = clock;
    this.parameters = parseParameters(options.preset);
    this.network = new VirtualNetwork(random, options.network ?? perfectNetwork);
    this.#hub = new MemoryHub({ clock, link: this.network.link });
    const spread = (most: number) => (random.fraction() * 2 - 1) * most;
    for (const { name } of material.nodes) {
      this.#clocks.set(name, { offsetMs: spread(options.clockSkewMs ?? 0), driftPpm: spread(options.driftPpm ?? 0) });
    }
  }

  /** A cluster whose nodes have not started. */
  static async create(options: SimulationOptions): Promise<SimulatedCluster> {
    const random = createSeededRandom(options.seed);
    const clock = createVirtualClock({ startMs: START_MS });
    const material = await dealCluster({
      cluster: 'sim',
      validators: options.validators ?? 2,
      devices: options.devices ?? 1,
      genesisMs: START_MS,
      deltaTMs: parseParameters(options.preset).epochDurationMs,
      random: (length) => random.bytes(length),
    });
    return new SimulatedCluster(options, material, random, clock);
  }

  get nodes(): readonly string[] {
    return this.material.nodes.map(({ name }) => name);
  }

  isRunning(node: string): boolean {
    return this.#running.has(node);
  }

  startAll(): void {
    for (const node of this.nodes) this.start(node);
  }

  /** Starts a node on the disk its last life left. */
  start(name: string): void {
    const node = this.#node(name);
    const clock = this.clock.clockOf(this.#clocks.get(name) ?? {});
    const bytesMax = this.#options.diskBytes?.(name) ?? Number.POSITIVE_INFINITY;
    const store = createMemoryStore({ image: this.#disks.get(name) ?? new Map(), name, bytesMax });
    const identity = createIdentity({
      ...node,
      cluster: 'sim',
      memberSeed: node.member.seed,
      kexSecret: node.kex.secret,
    });
    const metrics = createMetrics();
    const bus = this.#hub.connect({ cluster: 'sim', node: name, role: node.role, clock, random: this.#random });
    const system = createNode({
      world: {
        clock,
        random: this.#random,
        bus,
        store,
        identity,
        log: this.#options.log?.(name, clock) ?? silentLog,
        metrics,
        config: {
          parameters: this.parameters,
          startedAtMs: clock.elapsed(),
          genesisMs: START_MS,
          systemKey: this.material.system.publicKey,
          membership: this.material.membership,
        },
      },
      role: node.role,
      onExit: (reason) => {
        if (this.#running.get(name)?.system === system) this.failures.push(`${name}: ${JSON.stringify(reason)}`);
      },
    });
    this.#running.set(name, { system, store, clock, metrics });
    void system.start();
  }

  /** SIGKILL: nothing more leaves the node; its disk stays. */
  crash(name: string): void {
    const running = this.#running.get(name);
    if (running === undefined) return;
    this.#running.delete(name);
    this.#hub.kill(name);
    running.clock.halt();
    this.#disks.set(name, running.store.crash('keep'));
  }

  /** What a node's battery clock shows at its next start: `offsetMs` off the truth, as after a flat battery. */
  setClock(name: string, offsetMs: number): void {
    this.#clocks.set(name, { offsetMs, driftPpm: this.#clocks.get(name)?.driftPpm ?? 0 });
  }

  /** Asks a node as its operator would. */
  ask(node: string, verb: Verb, payload: object = {}): Promise<unknown> {
    const options = {
      cluster: 'sim',
      node: 'operator',
      role: 'operator',
      clock: this.clock,
      random: this.#random,
    } as const;
    const bus = this.#hub.connect(options);
    return bus.ask(node, verb, payload).finally(() => bus.drain());
  }

  facts(name: string): FactBoard {
    return this.#live(name).system.facts;
  }

  metrics(name: string): readonly Sample[] {
    return this.#live(name).metrics.read();
  }

  /** Puts a frame on the air under a node's name, past everything that node would do itself: an attack, or a fault. */
  inject(from: string, topic: Topic, payload: Uint8Array): void {
    const role = this.#node(from).role;
    const forger = this.#hub.connect({ cluster: 'sim', node: from, role, clock: this.clock, random: this.#random });
    if (topics[topic].mode === 'say') forger.say(topic, payload);
    else for (const to of this.nodes) forger.tell(to, topic, payload);
  }

  tree(name: string) {
    return this.#running.get(name)?.system.tree();
  }

  isSynchronized(name: string): boolean {
    return this.facts(name).get(clockFact)?.synchronized ?? false;
  }

  epochNow(name: string): number {
    return this.facts(name).get(clockFact)?.epoch ?? 0;
  }

  #live(name: string): Running {
    const running = this.#running.get(name);
    if (running === undefined) throw new Error(`${name} is not running`);
    return running;
  }

  #node(name: string): NodeMaterial {
    const node = this.material.nodes.find((one) => one.name === name);
    if (node === undefined) throw new Error(`no node '${name}'`);
    return node;
  }
}
