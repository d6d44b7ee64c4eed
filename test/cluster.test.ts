import { expect, test } from 'vitest';
import { headFact } from '../actors/index.ts';
import { SimulatedCluster } from '../simulation/index.ts';

test('three nodes started together elect a head, hear its beacons and agree on the epoch', async () => {
  const cluster = await SimulatedCluster.create({ seed: 1, preset: 'lab' });
  cluster.startAll();
  await cluster.clock.advance(3_000);
  const heads = ['validator-1', 'validator-2'].map((node) => cluster.facts(node).get(headFact)?.name);
  expect(heads).toEqual(['validator-2', 'validator-2']);
  console.log(JSON.stringify(cluster.tree('validator-1'), null, 1).slice(0, 3000));
});
