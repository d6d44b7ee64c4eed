import { expect, test } from 'vitest';
import { headFact } from '../actors/index.ts';
import { runSoak, SimulatedCluster } from '../simulation/index.ts';

const seed = Number(process.env.ISOCHRON_SEED ?? 20_261_121);

test('three nodes started together elect a head, hear its beacons and agree on the epoch', async () => {
  const cluster = await SimulatedCluster.create({ seed, preset: 'lab' });
  cluster.startAll();
  await cluster.clock.advance(3_000);
  const heads = ['validator-1', 'validator-2'].map((node) => cluster.facts(node).get(headFact)?.name);
  expect(heads).toEqual(['validator-2', 'validator-2']);
  expect(cluster.nodes.filter((node) => cluster.isSynchronized(node))).toEqual(cluster.nodes);
});

const soak = (hours: number) =>
  runSoak({
    seed,
    hours,
    preset: 'field',
    network: { loss: 0.05, delayMs: 1, jitterMs: 200, duplication: 0.01 },
    partitionEveryMs: 600_000,
    partitionForMs: 60_000,
  });

test(`two hours of loss, jitter and partitions break no promise, and happen the same way twice (seed ${seed})`, async () => {
  const first = await soak(2);
  expect(first.violations).toEqual([]);
  const second = await soak(2);
  expect(second.traceHash).toBe(first.traceHash);
});
