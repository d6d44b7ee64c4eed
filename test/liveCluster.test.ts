/** The live table of `up` over a whole cluster of production actors, in virtual time: what a person sees when a head dies. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSeededRandom, createVirtualClock } from '../actors/index.ts';
import { isAgreed } from '../cli/clusterView.ts';
import { makeCluster } from '../cli/files/makeCluster.ts';
import { readWholeCluster } from '../cli/files/readCluster.ts';
import { Gatherer } from '../cli/gather.ts';
import { startMemoryCluster } from '../cli/host/memoryCluster.ts';
import { createLiveTable } from '../cli/render/liveTable.ts';
import { temporaryDirectory } from './support/temporary.ts';
import { TestTerminal, unpainted } from './support/terminal.ts';

const seed = Number(process.env.ISOCHRON_SEED ?? 20_263);
const startMs = Date.UTC(2026, 0, 1);
/** Longer than any election of the lab. */
const patienceMs = 30_000;

const lab = async () => {
  const clock = createVirtualClock({ startMs });
  const random = createSeededRandom(seed);
  const dir = join(temporaryDirectory(), 'lab');
  const nats = { url: 'nats://127.0.0.1:4222', websocketPort: 5222 };
  await makeCluster({ dir, validators: 2, devices: 1, preset: 'lab', nats }, clock, random);
  const cluster = startMemoryCluster({ whole: await readWholeCluster(dir), clock, random });
  const gatherer = new Gatherer({ bus: cluster.bus, clock, host: () => cluster.tree() });
  const terminal = new TestTerminal();
  const table = createLiveTable({ out: terminal, paint: unpainted, clock, gather: () => gatherer.gather() });
  const shows = (what: RegExp) => clock.runUntil(() => what.test(terminal.text()), patienceMs, String(what));
  return { clock, cluster, gatherer, terminal, table, shows };
};

describe(`a cluster that is watched (seed ${seed})`, () => {
  it('becomes healthy before the eyes, and a killed head is seen to fall and to return', async () => {
    const { clock, cluster, terminal, table, shows } = await lab();
    table.start();
    await shows(/^lab {2}healthy {2}3 nodes agree\nNODE /);
    expect(terminal.text()).toMatch(/validator-2 {2}validator {2}leads +258/);
    const operator = cluster.hub.connect({
      cluster: 'lab',
      node: 'operator',
      role: 'operator',
      clock,
      random: createSeededRandom(1),
    });
    const killed = operator.ask('host', 'supervisor.kill', { id: 'validator-2' });
    await shows(/validator-2 was restarted/);
    await killed;
    await shows(/validator-1 leads in term \d+[\s\S]*all nodes agree$/);
    await shows(/^lab {2}healthy/);
    expect(terminal.text()).toMatch(/validator-2 +validator .* 1\n/);
    table.stop();
    expect(terminal.isCursorShown).toBe(true);
  });

  it('is gathered by host from within, every node at once', async () => {
    const { clock, gatherer } = await lab();
    let agrees = false;
    const look = async (): Promise<void> => {
      agrees = isAgreed(await gatherer.gather({ trees: true, elections: true }));
      if (!agrees) clock.after(100, () => void look());
    };
    void look();
    await clock.runUntil(() => agrees, patienceMs, 'agreement');
    expect(agrees).toBe(true);
  });
});
