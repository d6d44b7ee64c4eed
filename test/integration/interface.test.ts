/** The message interface as a stranger's program meets it: a plain NATS client, the operator's key, and the documents. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { decode, encode } from 'cbor-x';
import { connect, headers, type Msg, type NatsConnection, nkeyAuthenticator } from 'nats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RealCluster, startCluster } from '../../bench/cluster/realCluster.ts';
import type { EpochReply, TreeNode } from '../../protocol/index.ts';

let cluster: RealCluster;
let nc: NatsConnection;

beforeAll(async () => {
  cluster = await startCluster();
  const { server, seed } = cluster.login;
  nc = await connect({
    servers: server,
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
    inboxPrefix: '_INBOX.operator',
  });
});
afterAll(async () => {
  await nc?.close();
  await cluster?.stop();
});

const subject = (to: string, verb: string) => `iso.v1.${cluster.cluster}.ask.${to}.operator.${verb}`;
const request = (to: string, verb: string, payload: string | Uint8Array = '{}', contentType?: string): Promise<Msg> => {
  const head = headers();
  if (contentType !== undefined) head.set('Content-Type', contentType);
  return nc.request(subject(to, verb), payload, { timeout: 2_000, ...(contentType ? { headers: head } : {}) });
};

describe('epoch.get', () => {
  test('is answered in JSON by every node and by any validator, and all agree', async () => {
    const replies = await Promise.all(
      ['any', ...cluster.nodes].map(async (to) => (await request(to, 'epoch.get')).json<EpochReply>()),
    );
    expect(new Set(replies.map(({ clusterHead }) => clusterHead)).size).toBe(1);
    const epochs = replies.map(({ epoch }) => epoch);
    expect(Math.max(...epochs) - Math.min(...epochs)).toBeLessThanOrEqual(1);
    expect(replies[0]).toMatchObject({ synchronized: true, epochDurationMs: 5_000, configVersion: 1 });
  });

  test('is answered in CBOR to who asks in CBOR, with or without a header', async () => {
    const plain = await request('any', 'epoch.get', encode({}));
    expect(decode(plain.data)).toMatchObject({ synchronized: true });
    const named = await request('validator-1', 'epoch.get', encode({}), 'application/cbor');
    expect(decode(named.data)).toMatchObject({ synchronized: true });
  });

  test('is answered to an empty request', async () => {
    expect((await request('any', 'epoch.get', '')).json()).toMatchObject({ synchronized: true });
  });
});

test('epoch.valid knows the tolerance', async () => {
  const { epoch } = (await request('any', 'epoch.get')).json<EpochReply>();
  const valid = async (asked: number) => (await request('any', 'epoch.valid', JSON.stringify({ epoch: asked }))).json();
  expect(await valid(epoch)).toEqual({ valid: true });
  expect(await valid(epoch + 100)).toEqual({ valid: false });
});

test('config.get gives bytes as hex in JSON and the same configuration everywhere', async () => {
  const configs = await Promise.all(cluster.nodes.map(async (node) => (await request(node, 'config.get')).string()));
  expect(new Set(configs).size).toBe(1);
  expect(JSON.parse(configs[0]!)).toMatchObject({ version: 1, digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
});

test('a bad request names the field, an unknown verb says so, and a foreign actor is on another node', async () => {
  const error = (message: Msg) => ({
    status: message.headers?.get('Nats-Service-Error-Code'),
    code: message.json<{ error: { code: string } }>().error.code,
  });
  expect(error(await request('any', 'epoch.valid', '{"epoch":-1}'))).toMatchObject({ status: '400' });
  expect(error(await request('validator-1', 'actor.snapshot', '{"id":"validator-2/epoch"}'))).toMatchObject({
    code: 'WRONG_NODE',
  });
  expect(error(await request('host', 'supervisor.kill', '{"id":"nobody"}'))).toMatchObject({
    status: '404',
    code: 'NOT_FOUND',
  });
});

test('the tree shows nodes under host and actors under nodes', async () => {
  const host = (await request('host', 'supervisor.tree')).json<TreeNode>();
  const ids = host.children.map(({ id }) => id);
  for (const node of cluster.nodes) expect(ids).toContain(node);
  const node = (await request('validator-1', 'supervisor.tree')).json<TreeNode>();
  const time = node.children.find(({ id }) => id === 'validator-1/time');
  expect(time?.children.map(({ id, status }) => [id, status])).toEqual([
    ['validator-1/epoch', 'running'],
    ['validator-1/election', 'running'],
    ['validator-1/beacon', 'running'],
  ]);
});

test('the example of the documents runs as it is', async () => {
  const example = fileURLToPath(new URL('../../examples/ask-epoch.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [example, cluster.dir, cluster.login.server]);
  expect(stdout).toMatch(
    /^epoch \d+, led by validator-\d in term \d+, synchronized: true\n(beacon of validator-\d: epoch \d+ at 20.*Z\n){2}$/,
  );
});

test('a crashed actor is back at once, and its node never notices', async () => {
  const incarnation = async () => {
    const tree = (await request('device-1', 'supervisor.tree')).json<TreeNode>();
    return tree.children.flatMap(({ children }) => children).find(({ id }) => id === 'device-1/epoch')?.incarnation;
  };
  const before = (await incarnation()) ?? 0;
  const pid = await cluster.pidOf('device-1');
  expect((await request('device-1', 'supervisor.kill', '{"id":"device-1/epoch"}')).json()).toEqual({ done: true });
  await cluster.until('a new incarnation', async () => ((await incarnation()) ?? 0) > before || undefined, 10_000);
  await cluster.until(
    'synchronised again',
    async () => (await cluster.epoch('device-1'))?.synchronized || undefined,
    10_000,
  );
  expect(await cluster.pidOf('device-1')).toBe(pid);
});

test('a killed nats-server loses no epoch: numbers never go back on any node', async () => {
  const before = await Promise.all(cluster.nodes.map((node) => cluster.epoch(node)));
  const server = (await cluster.tree()).children.find(({ actor }) => actor === 'nats-server');
  expect(server?.pid).toBeTypeOf('number');
  process.kill(server!.pid!, 'SIGKILL');
  const after = await cluster.until(
    'everyone synchronised again',
    async () => {
      const replies = await Promise.all(cluster.nodes.map((node) => cluster.epoch(node)));
      return replies.every((reply) => reply?.synchronized) ? replies : undefined;
    },
    30_000,
  );
  for (const [i, reply] of after.entries()) {
    expect(reply?.epoch).toBeGreaterThanOrEqual(before[i]?.epoch ?? 0);
    expect(reply?.term).toBeGreaterThanOrEqual(before[i]?.term ?? 0);
  }
});
