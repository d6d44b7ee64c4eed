/** What a cluster does with a node whose battery clock is far off: numbers never go back, and everybody agrees again. */
import { expect, test } from 'vitest';
import { clockFact, headFact } from '../actors/index.ts';
import { SimulatedCluster } from '../simulation/index.ts';

const HOUR_MS = 3_600_000;

const agree = (cluster: SimulatedCluster): void => {
  const clocks = cluster.nodes.map((node) => cluster.facts(node).get(clockFact));
  for (const clock of clocks) expect(clock?.synchronized).toBe(true);
  expect(new Set(clocks.map((clock) => clock?.head)).size).toBe(1);
  expect(new Set(cluster.nodes.map((node) => cluster.epochNow(node))).size).toBe(1);
};

/** Asks while time goes on. */
const ask = async (cluster: SimulatedCluster, ...question: Parameters<SimulatedCluster['ask']>): Promise<unknown> => {
  const reply = cluster.ask(...question);
  await cluster.clock.advance(50);
  return reply;
};

test('a head that led alone with a clock an hour ahead brings the others along when it leads them', async () => {
  const cluster = await SimulatedCluster.create({ seed: 11, preset: 'field' });
  cluster.setClock('validator-2', HOUR_MS);
  cluster.start('validator-2');
  await cluster.clock.advance(10 * 60_000);
  const alone = cluster.epochNow('validator-2');
  expect(alone).toBeGreaterThan(HOUR_MS / cluster.parameters.epochDurationMs);
  cluster.crash('validator-2');
  cluster.start('validator-1');
  cluster.start('device-1');
  await cluster.clock.advance(10 * 60_000);
  cluster.start('validator-2');
  await cluster.clock.advance(2 * cluster.parameters.holdDownMs + 60_000);
  expect(cluster.facts('validator-1').get(headFact)?.name).toBe('validator-2');
  agree(cluster);
  expect(cluster.epochNow('device-1')).toBeGreaterThanOrEqual(alone);
});

test('a cluster that counted by a fast clock and restarts with right ones goes on counting, together', async () => {
  const cluster = await SimulatedCluster.create({ seed: 12, preset: 'field' });
  cluster.setClock('validator-2', HOUR_MS);
  cluster.startAll();
  await cluster.clock.advance(5 * 60_000);
  agree(cluster);
  const before = cluster.epochNow('device-1');
  for (const node of cluster.nodes) cluster.crash(node);
  cluster.setClock('validator-2', 0);
  cluster.startAll();
  await cluster.clock.advance(5 * 60_000);
  agree(cluster);
  expect(cluster.epochNow('device-1')).toBeGreaterThanOrEqual(before);
});

test('a head that meets a newer one of another time takes that time at once, not after a beacon timeout', async () => {
  const cluster = await SimulatedCluster.create({ seed: 13, preset: 'field' });
  cluster.setClock('validator-2', HOUR_MS);
  cluster.start('validator-2');
  cluster.network.partition(['validator-2'], ['validator-1', 'device-1']);
  cluster.start('validator-1');
  cluster.start('device-1');
  await cluster.clock.advance(2 * cluster.parameters.holdDownMs);
  cluster.network.heal();
  const heads = () => new Set(['validator-1', 'validator-2'].map((node) => cluster.facts(node).get(headFact)?.name));
  await cluster.clock.runUntil(() => heads().size === 1, 60_000, 'one head');
  await cluster.clock.advance(2 * cluster.parameters.beaconIntervalMs);
  const [head] = heads();
  for (const node of cluster.nodes) expect([node, cluster.facts(node).get(clockFact)?.head]).toEqual([node, head]);
});

test('a validator whose election was stopped says no more beacons, and one whose epoch was stopped is not asked', async () => {
  const cluster = await SimulatedCluster.create({ seed: 14, preset: 'lab' });
  cluster.startAll();
  await cluster.clock.advance(20_000);
  const head = cluster.facts('device-1').get(clockFact)?.head ?? '';
  const other = head === 'validator-1' ? 'validator-2' : 'validator-1';
  await ask(cluster, head, 'supervisor.stop', { id: `${head}/election` });
  expect(cluster.facts(head).get(headFact)).toBeNull();
  await cluster.clock.advance(20_000);
  expect(cluster.facts('device-1').get(clockFact)).toMatchObject({ head: other, synchronized: true });
  await ask(cluster, head, 'supervisor.stop', { id: `${head}/epoch` });
  for (let i = 0; i < 20; i++) expect(await ask(cluster, 'any', 'epoch.get')).toMatchObject({ synchronized: true });
});

test('a head that was apart claims a term that those can follow who have seen a later one', async () => {
  const cluster = await SimulatedCluster.create({ seed: 15, preset: 'lab' });
  cluster.startAll();
  await cluster.clock.advance(20_000);
  const head = cluster.facts('device-1').get(clockFact)?.head ?? '';
  const other = head === 'validator-1' ? 'validator-2' : 'validator-1';
  cluster.network.partition([head], [other, 'device-1']);
  await cluster.clock.advance(10_000);
  expect(cluster.facts('device-1').get(clockFact)?.head).toBe(other);
  cluster.crash(other);
  cluster.network.heal();
  await cluster.clock.advance(10_000);
  expect(cluster.facts('device-1').get(clockFact)).toMatchObject({ head, synchronized: true });
});

test('a node back after many elections with its clock a month early follows before long', async () => {
  const cluster = await SimulatedCluster.create({ seed: 16, preset: 'lab' });
  cluster.startAll();
  await cluster.clock.advance(20_000);
  cluster.crash('device-1');
  for (let elections = 0; elections < 20; elections++) {
    const head = ['validator-1', 'validator-2'].find((node) => cluster.facts(node).get(headFact)?.self) ?? '';
    await ask(cluster, head, 'actor.send', { id: `${head}/election`, event: { type: 'operator.stepDown' } });
    await cluster.clock.advance(10_000);
  }
  cluster.setClock('device-1', -30 * 86_400_000);
  cluster.start('device-1');
  await cluster.clock.advance(30_000);
  expect(cluster.isSynchronized('device-1')).toBe(true);
});
