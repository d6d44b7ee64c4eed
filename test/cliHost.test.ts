/** `host`, the System of `up`: when a cluster counts as ready, and how it supervises nodes. In virtual time, on the in-memory bus. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSeededRandom, createVirtualClock, type VirtualClock } from '../actors/index.ts';
import { makeCluster } from '../cli/files/makeCluster.ts';
import { readWholeCluster } from '../cli/files/readCluster.ts';
import { type MemoryCluster, startMemoryCluster } from '../cli/host/memoryCluster.ts';
import { serverLogLevel } from '../cli/host/natsProgram.ts';
import { type Agreement, agreementOf, waitForAgreement } from '../cli/host/readiness.ts';
import { readyLine, readyMessage } from '../cli/host/readyMessage.ts';
import type { RunningCluster } from '../cli/host/runningCluster.ts';
import type { EpochReply } from '../protocol/index.ts';
import { temporaryDirectory } from './support/temporary.ts';

const seed = Number(process.env.ISOCHRON_SEED ?? 3);
const startMs = Date.UTC(2026, 0, 1);
/** Longer than any election of the lab. */
const patienceMs = 30_000;

const reply = (more: Partial<EpochReply> = {}): EpochReply => ({
  epoch: 7,
  epochStartMs: startMs,
  epochDurationMs: 5_000,
  synchronized: true,
  toleratedEpochs: [6, 7, 8],
  clusterHead: 'validator-2',
  term: 258,
  configVersion: 1,
  offsetMs: 0,
  ...more,
});

describe('nodes agree', () => {
  it('when all are synchronised with one head in one epoch', () => {
    expect(agreementOf([reply(), reply({ offsetMs: 3 })])).toEqual({ epoch: 7, term: 258, head: 'validator-2' });
  });

  it.each<[string, (EpochReply | undefined)[]]>([
    ['there is none', []],
    ['one does not answer', [reply(), undefined]],
    ['the first does not answer', [undefined, reply()]],
    ['one is not synchronised', [reply(), reply({ synchronized: false })]],
    ['one is an epoch ahead', [reply(), reply({ epoch: 8 })]],
    ['one follows another head', [reply(), reply({ clusterHead: 'validator-1' })]],
    ['none knows a head', [reply({ clusterHead: null }), reply({ clusterHead: null })]],
  ])('not when %s', (_, replies) => {
    expect(agreementOf(replies)).toBeUndefined();
  });
});

interface Lab {
  readonly clock: VirtualClock;
  readonly cluster: MemoryCluster;
}

const lab = async (): Promise<Lab> => {
  const clock = createVirtualClock({ startMs });
  const random = createSeededRandom(seed);
  const dir = join(temporaryDirectory(), 'lab');
  const nats = { url: 'nats://127.0.0.1:4222', websocketPort: 5222 };
  await makeCluster({ dir, validators: 2, devices: 1, preset: 'lab', nats }, clock, random);
  return { clock, cluster: startMemoryCluster({ whole: await readWholeCluster(dir), clock, random }) };
};

const ready = async ({ clock, cluster }: Lab): Promise<Agreement> => {
  let agreement: Agreement | undefined;
  void waitForAgreement(cluster.bus, cluster.nodes, clock, new AbortController().signal).then((found) => {
    agreement = found;
  });
  await clock.runUntil(() => agreement !== undefined, patienceMs, 'agreement');
  if (agreement === undefined) throw new Error('no agreement');
  return agreement;
};

describe(`a cluster on the in-memory bus (seed ${seed})`, () => {
  it('gets ready, led by the validator of the highest rank', async () => {
    const one = await lab();
    expect(await ready(one)).toMatchObject({ head: 'validator-2', epoch: 0 });
    expect(one.cluster.tree().children.map(({ id, status, isolation }) => `${id} ${status} ${isolation}`)).toEqual([
      'validator-1 running inline',
      'validator-2 running inline',
      'device-1 running inline',
    ]);
  });

  it('has a killed node back, in a higher term, and loses no epoch', async () => {
    const one = await lab();
    const before = await ready(one);
    await one.clock.advance(10_000);
    const { clock, cluster } = one;
    const operator = cluster.hub.connect({
      cluster: 'lab',
      node: 'operator',
      role: 'operator',
      clock,
      random: createSeededRandom(seed),
    });
    const killed = operator.ask('host', 'supervisor.kill', { id: 'validator-2' });
    await clock.advance(1_000);
    expect(await killed).toEqual({ done: true });
    const after = await ready(one);
    expect(after.term).toBeGreaterThan(before.term);
    expect(after.epoch).toBeGreaterThanOrEqual(2);
    expect(one.cluster.tree().children.find(({ id }) => id === 'validator-2')).toMatchObject({
      restarts: 1,
      incarnation: 2,
    });
  });

  it('stops whole, and says so', async () => {
    const one = await lab();
    await ready(one);
    let ended: string | undefined;
    void one.cluster.ended.then(({ type }) => {
      ended = type;
    });
    void one.cluster.stop();
    await one.clock.runUntil(() => ended !== undefined, patienceMs, 'stop');
    expect(ended).toBe('shutdown');
    expect(one.clock.pending()).toBe(0);
  });

  it('gives up waiting when nobody waits any more', async () => {
    const { clock, cluster } = await lab();
    const controller = new AbortController();
    const waiting = waitForAgreement(cluster.bus, cluster.nodes, clock, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

it.each([
  ['[7] 2026/11/21 07:40:31.427287 [INF] Server is ready', 'info'],
  ['[7] 2026/11/21 07:40:31.427287 [INF] said [ERR] once', 'info'],
  ['[7] 2026/11/21 07:40:31.427287 [WRN] Plaintext passwords', 'warn'],
  ['[7] 2026/11/21 07:40:31.427287 [ERR] 127.0.0.1:5 - cid:9 - Publish Violation', 'error'],
  ['[7] 2026/11/21 07:40:31.427287 [FTL] listen tcp: address already in use', 'error'],
  ['nats-server: nats.conf:6:1: error parsing', 'error'],
  ['anything else', 'info'],
])('a line of the server is as bad as it says: %s', (line, level) => {
  expect(serverLogLevel(line)).toBe(level);
});

describe('the ready message', () => {
  const cluster = (nats: string | null) =>
    ({ dir: '/c', nats, nodes: ['validator-1', 'validator-2', 'device-1'] }) as unknown as RunningCluster;
  const agreement = { epoch: 7, term: 258, head: 'validator-2' };

  it.each(['nats://127.0.0.1:4222', null])('ends with three commands (%s)', (nats) => {
    const lines = readyMessage(
      cluster(nats),
      agreement,
      (_, text) => text,
      (words) => `npx isochron ${words.join(' ')} --dir /c`,
    ).split('\n');
    expect(lines[0]).toBe('Ready: 2 validators and 1 device agree on epoch 7; validator-2 leads (term 258).');
    expect(lines.slice(-4).map((line) => /^ {2}npx isochron /.test(line))).toEqual([false, true, true, true]);
  });

  it('is one object with --json', () => {
    expect(readyLine(cluster('nats://127.0.0.1:4222'))).toEqual({
      ready: true,
      dir: '/c',
      nats: 'nats://127.0.0.1:4222',
      console: null,
      nodes: ['validator-1', 'validator-2', 'device-1'],
    });
  });
});
