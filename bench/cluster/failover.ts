/**
 * Failover on real processes: the head is killed with SIGKILL, again and again, and watched from outside. From the kill
 * to the first beacon of a higher term that another node has accepted; meanwhile the promises are checked.
 */

import { labParameters } from '../../protocol/index.ts';
import { type Bench, type BenchReport, bar, countOf, figure, machine, quantile } from '../report.ts';
import { type RealCluster, startCluster } from './realCluster.ts';

const KILLS = 50;
const FAILOVER_WITHIN_MS = 30_000;
const SETTLED_WITHIN_MS = 60_000;

interface Round {
  readonly tookMs: number;
  readonly backMs: number;
  readonly ledAgainMs: number;
}

/** Promises that no round may break, counted. */
class Promises {
  broken = 0;
  readonly #heads = new Map<number, string>();
  readonly #epochs = new Map<string, number>();

  saw(node: string, { term, clusterHead, epoch }: { term: number; clusterHead: string | null; epoch: number }): void {
    const known = this.#heads.get(term);
    if (clusterHead !== null && known !== undefined && known !== clusterHead) this.broken += 1;
    if (clusterHead !== null) this.#heads.set(term, clusterHead);
    if (epoch < (this.#epochs.get(node) ?? 0)) this.broken += 1;
    this.#epochs.set(node, epoch);
  }
}

const look = async (cluster: RealCluster, promises: Promises) => {
  const replies = await Promise.all(cluster.nodes.map((node) => cluster.epoch(node)));
  for (const [i, reply] of replies.entries()) {
    if (reply !== undefined) promises.saw(cluster.nodes[i] ?? '', reply);
  }
  return replies;
};

/** Everyone synchronised under one head, which is the strongest validator: nothing is about to change. */
const settled = (cluster: RealCluster, promises: Promises, strongest: string) =>
  cluster.until(
    'a settled cluster',
    async () => {
      const replies = await look(cluster, promises);
      const agreed = replies.every((reply) => reply?.synchronized && reply.clusterHead === strongest);
      return agreed ? replies[0] : undefined;
    },
    SETTLED_WITHIN_MS,
  );

const killOnce = async (cluster: RealCluster, promises: Promises, head: string): Promise<Round> => {
  const before = (await settled(cluster, promises, head))?.term ?? 0;
  const pid = await cluster.pidOf(head);
  if (pid === undefined) throw new Error(`${head} has no process`);
  const killedMs = cluster.clock.elapsed();
  process.kill(pid, 'SIGKILL');
  const since = () => cluster.clock.elapsed() - killedMs;
  const others = cluster.nodes.filter((node) => node !== head);
  const failedOver = async () => {
    const replies = await Promise.all(others.map((node) => cluster.epoch(node)));
    for (const [i, reply] of replies.entries()) if (reply !== undefined) promises.saw(others[i] ?? '', reply);
    return replies.some((reply) => reply?.synchronized && reply.term > before) ? since() : undefined;
  };
  const isBack = async () => ((await cluster.epoch(head)) === undefined ? undefined : since());
  const [tookMs, backMs] = await Promise.all([
    cluster.until('a beacon of a higher term', failedOver, FAILOVER_WITHIN_MS),
    cluster.until('the killed node', isBack, FAILOVER_WITHIN_MS),
  ]);
  await settled(cluster, promises, head);
  return { tookMs, backMs, ledAgainMs: since() };
};

export const failoverBench: Bench = {
  run: async (args, say): Promise<BenchReport> => {
    const kills = countOf(args, '--kills', KILLS);
    const cluster = await startCluster();
    const promises = new Promises();
    const rounds: Round[] = [];
    const head = cluster.nodes.filter((node) => node.startsWith('validator')).at(-1) ?? '';
    try {
      for (let kill = 1; kill <= kills; kill += 1) {
        const round = await killOnce(cluster, promises, head);
        rounds.push(round);
        say(`kill ${kill}/${kills}: ${Math.round(round.tookMs)} ms, back after ${Math.round(round.backMs)} ms`);
      }
    } finally {
      await cluster.stop();
    }
    const took = rounds.map(({ tookMs }) => tookMs);
    const ledAgain = rounds.map(({ ledAgainMs }) => ledAgainMs);
    return {
      name: 'failover',
      machine: machine(),
      figures: {
        'kill to accepted beacon': figure('ms', took),
        'kill to node back': figure(
          'ms',
          rounds.map(({ backMs }) => backMs),
        ),
        'kill to leading again': figure('ms', ledAgain),
      },
      bars: [
        bar('failover p50', quantile(took, 0.5), 'ms', '<=', 2_000),
        bar('failover p99', quantile(took, 0.99), 'ms', '<=', 5_000),
        bar('earliest lead again', Math.min(...ledAgain), 'ms', '>=', labParameters.holdDownMs),
        bar('broken promises', promises.broken, '', '<=', 0),
      ],
    };
  },
};
