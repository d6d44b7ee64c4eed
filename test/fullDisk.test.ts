/** What a node does that cannot store: it runs on, says so once, and never leads in a term it could not keep. */
import { expect, test } from 'vitest';
import { clockFact, headFact, type Log } from '../actors/index.ts';
import { SimulatedCluster } from '../simulation/index.ts';

const clusterWith = async (fullDisk: string) => {
  const said: string[] = [];
  const log = (node: string): Log => {
    const line = (action: string) => void said.push(`${node} ${action}`);
    const self: Log = { debug: line, info: line, warn: line, error: line, child: () => self };
    return self;
  };
  const cluster = await SimulatedCluster.create({
    seed: 3,
    preset: 'lab',
    log,
    diskBytes: (node) => (node === fullDisk ? 0 : Number.POSITIVE_INFINITY),
  });
  cluster.startAll();
  await cluster.clock.advance(60_000);
  return { cluster, said };
};

test('a device with a full disk stays synchronised, and says once that it cannot store', async () => {
  const { cluster, said } = await clusterWith('device-1');
  expect(cluster.isSynchronized('device-1')).toBe(true);
  expect(cluster.epochNow('device-1')).toBe(cluster.epochNow('validator-1'));
  expect(said.filter((line) => line === 'device-1 store_failed')).toHaveLength(1);
  expect(said.filter((line) => line === 'device-1 actor_crashed')).toEqual([]);
  expect(cluster.failures).toEqual([]);
});

test('a validator with a full disk follows but never leads, although it is the strongest', async () => {
  const { cluster, said } = await clusterWith('validator-2');
  expect(said.filter((line) => line === 'validator-2 head_won')).toEqual([]);
  expect(cluster.facts('validator-1').get(headFact)).toMatchObject({ name: 'validator-1', self: true });
  expect(cluster.facts('validator-2').get(clockFact)).toMatchObject({ head: 'validator-1', synchronized: true });
  expect(cluster.failures).toEqual([]);
});

/** A cluster where every validator's disk is full. */
const fullEverywhere = async (validators: number) => {
  const cluster = await SimulatedCluster.create({
    seed: 4,
    preset: 'lab',
    validators,
    diskBytes: (node) => (node.startsWith('validator') ? 0 : Number.POSITIVE_INFINITY),
  });
  cluster.startAll();
  await cluster.clock.advance(120_000);
  return cluster;
};

test.each([1, 2])(
  '%i validators with full disks run on without a head, and none of them gives up',
  async (validators) => {
    const cluster = await fullEverywhere(validators);
    expect(cluster.failures).toEqual([]);
    for (const { name, role } of cluster.material.nodes) {
      expect(cluster.isRunning(name)).toBe(true);
      if (role === 'validator') expect(cluster.facts(name).get(headFact)).toBeNull();
    }
  },
);

test('a validator with a full disk does not hinder a weaker one that can lead', async () => {
  const { cluster, said } = await clusterWith('validator-2');
  cluster.crash('validator-1');
  await cluster.clock.advance(60_000);
  expect(said.filter((line) => line === 'validator-2 actor_crashed')).toEqual([]);
  cluster.start('validator-1');
  await cluster.clock.advance(60_000);
  expect(cluster.facts('validator-2').get(headFact)).toMatchObject({ name: 'validator-1' });
  expect(cluster.failures).toEqual([]);
});
