/**
 * What an idle lab cluster costs and how well it keeps time: memory and processor of every node from the operating
 * system's own accounts, and the difference of the nodes' cluster clocks, for a minute.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delay } from '../../actors/index.ts';
import { type Bench, BenchError, type BenchReport, bar, figure, machine, quantile } from '../report.ts';
import { type RealCluster, startCluster } from './realCluster.ts';

const MEASURE_MS = 60_000;
/** Lets the JIT and the first epochs pass, so that what is measured is idleness. */
const SETTLE_MS = 10_000;
const LOOK_EVERY_MS = 250;
const KIB = 1_024;
const MB = 1e6;
/** `sysconf(_SC_CLK_TCK)` on Linux. */
const TICKS_A_SECOND = 100;

/** Resident memory in MB, and processor time in seconds since the start, of a process. Linux only. */
const accountOf = (pid: number): { readonly rssMb: number; readonly cpuS: number } => {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    const rssKib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
    return { rssMb: (rssKib * KIB) / MB, cpuS: ticks / TICKS_A_SECOND };
  } catch (cause) {
    throw new BenchError(`no account of process ${pid}: this bench needs /proc (Linux)`, { cause });
  }
};

const pidsOf = async (cluster: RealCluster): Promise<readonly number[]> => {
  const pids = await Promise.all(cluster.nodes.map((node) => cluster.pidOf(node)));
  return pids.map((pid) => pid ?? Number.NaN);
};

/** Widest difference of cluster clocks; all on this machine, so local clocks are one. */
const skewOf = async (cluster: RealCluster): Promise<number | undefined> => {
  const replies = await Promise.all(cluster.nodes.map((node) => cluster.epoch(node)));
  const offsets = replies.flatMap((reply) => (reply?.synchronized ? [reply.offsetMs] : []));
  return offsets.length === cluster.nodes.length ? Math.max(...offsets) - Math.min(...offsets) : undefined;
};

export const idleBench: Bench = {
  run: async (args, say): Promise<BenchReport> => {
    const measureMs = Number(args[0] ?? MEASURE_MS / 1_000) * 1_000;
    const cluster = await startCluster();
    try {
      await delay(cluster.clock, SETTLE_MS);
      const pids = await pidsOf(cluster);
      const before = pids.map(accountOf);
      const startMs = cluster.clock.elapsed();
      say(`measuring ${cluster.nodes.length} nodes for ${measureMs / 1_000} s`);
      await delay(cluster.clock, measureMs);
      const seconds = (cluster.clock.elapsed() - startMs) / 1_000;
      const after = pids.map(accountOf);
      const cpu = after.map(({ cpuS }, i) => (100 * (cpuS - (before[i]?.cpuS ?? 0))) / seconds);
      const rss = after.map(({ rssMb }) => rssMb);
      // Asking costs processor time too, so skew is looked at afterwards.
      say('measuring skew');
      const skews: number[] = [];
      const endMs = cluster.clock.elapsed() + measureMs;
      while (cluster.clock.elapsed() < endMs) {
        const skew = await skewOf(cluster);
        if (skew !== undefined) skews.push(skew);
        await delay(cluster.clock, LOOK_EVERY_MS);
      }
      return {
        name: 'idle',
        machine: machine({ parallelism: String(availableParallelism()) }),
        figures: {
          'memory a node': figure('MB', rss),
          'processor a node': figure('%', cpu),
          'clock skew': figure('ms', skews),
        },
        bars: [
          bar('memory of the largest node', Math.max(...rss), 'MB', '<=', 110),
          bar('processor of the busiest node', Math.max(...cpu), '%', '<=', 2),
          bar('skew p99', quantile(skews, 0.99), 'ms', '<=', 5),
        ],
      };
    } finally {
      await cluster.stop();
    }
  },
};
