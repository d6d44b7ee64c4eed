/** The pictures in docs/machines.md, and that every picture gets all of its effects. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { machinesPage } from '../scripts/machines.ts';
import { SimulatedCluster } from '../simulation/index.ts';

const page = new URL('../docs/machines.md', import.meta.url);

test('docs/machines.md shows the machines that run (else: npm run docs)', () => {
  expect(readFileSync(page, 'utf8')).toBe(machinesPage());
});

test('every machine is drawn, with its states and what moves it', () => {
  const text = machinesPage();
  for (const name of ['beacon', 'election', 'epoch', 'membership', 'supervisor'])
    expect(text).toContain(`## ${name}\n`);
  expect(text).toContain('silent --> broadcasting : head.won');
  expect(text).toContain('trust_synchronized --> trust_progressing : after beaconTimeout');
});

test('every placeholder of every machine is provided: all actors of both kinds of node start', async () => {
  const cluster = await SimulatedCluster.create({ seed: 1, preset: 'lab' });
  cluster.startAll();
  await cluster.clock.advance(100);
  for (const node of cluster.nodes) {
    const statuses = cluster
      .tree(node)
      ?.children.flatMap(({ status, children }) => [status, ...children.map((child) => child.status)]);
    expect(new Set(statuses)).toEqual(new Set(['running']));
  }
  expect(cluster.failures).toEqual([]);
});
