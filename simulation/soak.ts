/** A long run under steady adversity: loss, jitter, partitions and deaths at regular intervals; every invariant watched. */
import { headFact } from '../actors/index.ts';
import type { Preset } from '../protocol/index.ts';
import { SimulatedCluster } from './cluster.ts';
import { epochsNeverGoBack, followersAgree, oneHeadATerm, termsNeverGoBack, type Violation } from './invariants.ts';
import type { NetworkConditions } from './network.ts';
import { Trace } from './trace.ts';

export interface SoakOptions {
  readonly seed: number;
  readonly hours: number;
  readonly preset: Preset;
  readonly network: NetworkConditions;
  readonly partitionEveryMs: number;
  readonly partitionForMs: number;
  readonly validators?: number;
  readonly devices?: number;
}

export interface SoakResult {
  readonly seed: number;
  readonly traceHash: string;
  readonly entries: number;
  readonly violations: readonly Violation[];
  /** Times the cluster was asked, well after a partition had healed, whether everyone is back. */
  readonly recoveries: number;
  readonly elections: number;
  readonly epoch: number;
}

const HOUR_MS = 3_600_000;
/** Clocks of cheap boards without a network: seconds apart, 40 ppm (research/radio.md §5). */
const CLOCK_SKEW_MS = 2_000;
const DRIFT_PPM = 40;

/** Runs the soak; throws nothing, reports everything. */
export const runSoak = async (options: SoakOptions): Promise<SoakResult> => {
  const cluster = await SimulatedCluster.create({ ...options, clockSkewMs: CLOCK_SKEW_MS, driftPpm: DRIFT_PPM });
  const violations: Violation[] = [];
  const terms = new Set<number>();
  const report = (violation: Violation) => violations.push(violation);
  const invariants = [oneHeadATerm, epochsNeverGoBack, termsNeverGoBack, followersAgree(1)];
  const trace = new Trace(cluster, [
    ...invariants.map((invariant) => invariant(report)),
    (entry) => {
      if (entry.type === 'head' && entry.value !== null) terms.add(entry.value.term);
    },
  ]);
  cluster.startAll();
  for (const node of cluster.nodes) trace.follow(node);

  let recoveries = 0;
  const rounds = Math.round((options.hours * HOUR_MS) / options.partitionEveryMs);
  for (let round = 0; round < rounds; round += 1) {
    await cluster.clock.advance(options.partitionEveryMs - options.partitionForMs);
    if (everyoneIsBack(cluster)) recoveries += 1;
    else report({ promise: 'everyone is back before the next partition', entry: lost(cluster) });
    splitOff(cluster, trace, round);
    await cluster.clock.advance(options.partitionForMs / 2);
    const down = round % CRASH_EVERY === CRASH_EVERY - 1 ? crashOne(cluster, trace, round) : undefined;
    await cluster.clock.advance(options.partitionForMs / 2);
    cluster.network.heal();
    trace.fault('*', 'healed');
    if (down === undefined) continue;
    await cluster.clock.advance(options.partitionForMs);
    cluster.start(down);
    trace.follow(down);
  }
  for (const failure of cluster.failures) report({ promise: `no node gives up: ${failure}`, entry: lost(cluster) });
  const epochs = await Promise.all(cluster.nodes.map((node) => cluster.epochNow(node)));
  return {
    seed: options.seed,
    traceHash: trace.hash(),
    entries: trace.length,
    violations,
    recoveries,
    elections: terms.size,
    epoch: Math.max(...epochs),
  };
};

/** In every third partition a node dies as well, on whichever side it is, and is back some time after both have met. */
const CRASH_EVERY = 3;

const crashOne = (cluster: SimulatedCluster, trace: Trace, round: number): string => {
  const node = cluster.nodes[(Math.floor(round / CRASH_EVERY) + 1) % cluster.nodes.length] ?? '';
  cluster.crash(node);
  trace.fault(node, 'killed');
  return node;
};

/** Cuts one node off, each in its turn. */
const splitOff = (cluster: SimulatedCluster, trace: Trace, round: number): void => {
  const alone = cluster.nodes[round % cluster.nodes.length] ?? '';
  cluster.network.partition(
    [alone],
    cluster.nodes.filter((node) => node !== alone),
  );
  trace.fault(alone, 'cut off');
};

/** One head, known to every validator, and everyone synchronised. */
const everyoneIsBack = (cluster: SimulatedCluster): boolean => {
  const validators = cluster.material.nodes.filter(({ role }) => role === 'validator');
  const heads = new Set(validators.map(({ name }) => cluster.facts(name).get(headFact)?.name));
  return heads.size === 1 && !heads.has(undefined) && cluster.nodes.every((node) => cluster.isSynchronized(node));
};

const lost = (cluster: SimulatedCluster) =>
  ({ atMs: cluster.clock.elapsed(), node: '*', type: 'fault', value: 'not recovered' }) as const;
