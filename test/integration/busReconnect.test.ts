/** The NATS bus when its server is away, comes back, changes, or is not what it seems. */
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createClock } from '../../actors/system/clock.ts';
import { createRandom } from '../../actors/system/random.ts';
import { type Bus, type BusMessage, type BusStatus, connectNats, type NatsOptions } from '../../bus/index.ts';
import { contractVerbs, inbox, statusOf } from '../contracts/busContract.ts';
import { startTestServer, type TestServer } from '../support/natsServer.ts';

const common = { cluster: 'test', clock: createClock(), random: createRandom(), verbs: contractVerbs };
let buses: Bus[] = [];
let servers: TestServer[] = [];
let fakes: Server[] = [];

afterEach(async () => {
  await Promise.all(buses.map((bus) => bus.drain()));
  await Promise.all(servers.map((server) => server.close()));
  await Promise.all(fakes.map((fake) => new Promise((resolve) => fake.close(resolve))));
  buses = [];
  servers = [];
  fakes = [];
});

const startServer = async (): Promise<TestServer> => {
  const server = await startTestServer({ verbs: contractVerbs });
  servers.push(server);
  return server;
};

const start = async (server: TestServer, node: string, more: Partial<NatsOptions> = {}): Promise<Bus> => {
  const role = node.startsWith('validator') ? 'validator' : 'operator';
  const bus = await connectNats({ ...common, servers: server.url, node, role, seed: server.seed(node), ...more });
  buses.push(bus);
  return bus;
};

/** A server that says only what the test gives it, and keeps what it is told. */
const fakeServer = async (info: object): Promise<{ url: string; told: () => string }> => {
  let told = '';
  const fake = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      told += chunk.toString();
      if (told.includes('CONNECT')) socket.end("-ERR 'Authorization Violation'\r\n");
    });
    socket.write(
      `INFO ${JSON.stringify({ proto: 1, version: '2.9.10', max_payload: 1024, headers: true, auth_required: true, ...info })}\r\n`,
    );
  });
  await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve));
  fakes.push(fake);
  const address = fake.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `nats://127.0.0.1:${address.port}`, told: () => told };
};

describe('a NATS bus and its server', () => {
  it('after a restart of the server everyone is back: subscriptions, queue group, answers', async () => {
    const server = await startServer();
    const [one, other, person] = [
      await start(server, 'validator-1'),
      await start(server, 'validator-2'),
      await start(server, 'operator'),
    ];
    const heard = inbox<BusMessage>();
    const statuses: BusStatus['type'][] = [];
    one.onStatus((status) => statuses.push(status.type));
    other.hear('test.news', heard.push);
    other.answer('test.echo', ({ payload }) => payload);
    other.setReady(true);
    await other.flush();
    for (let restart = 0; restart < 2; restart++) {
      const away = [one, other, person].map((bus) => statusOf(bus, 'reconnecting'));
      await server.down();
      await Promise.all(away);
      one.say('test.news', { lost: true });
      // What is subscribed while the server is away counts as well.
      if (restart === 0) other.answer('test.other', () => ({ late: true }));
      const back = [one, other, person].map((bus) => statusOf(bus, 'connected'));
      await server.up();
      await Promise.all(back);
      await other.flush();
      one.say('test.news', { restart });
      expect((await heard.next()).payload).toEqual({ restart });
      expect(await person.ask('any', 'test.echo', { restart })).toEqual({ restart });
      expect(await person.ask('validator-2', 'test.other')).toEqual({ late: true });
    }
    expect(statuses).toEqual(['reconnecting', 'connected', 'reconnecting', 'connected']);
  });

  it('a node starts while its server is away, and joins when it comes', async () => {
    const server = await startServer();
    const person = await start(server, 'operator');
    await server.down();
    const node = await start(server, 'validator-1', { whenAway: 'wait' });
    expect(node.status()).toEqual({ type: 'reconnecting' });
    await expect(node.ask('operator', 'test.echo')).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    node.answer('test.echo', ({ payload }) => payload);
    const back = [statusOf(node, 'connected'), statusOf(person, 'connected')];
    await server.up();
    expect(await Promise.all(back)).toContainEqual({ type: 'connected', server: server.url.replace('nats://', '') });
    await node.flush();
    expect(await person.ask('validator-1', 'test.echo', { n: 1 })).toEqual({ n: 1 });
  });

  it('a node that waits for its server can be drained', async () => {
    const server = await startServer();
    await server.down();
    const node = await start(server, 'validator-1', { whenAway: 'wait' });
    await node.drain();
    expect(node.status()).toEqual({ type: 'closed' });
    await server.up();
  });

  it('the command line is told at once that no server is there', async () => {
    const server = await startServer();
    await server.down();
    await expect(start(server, 'operator')).rejects.toMatchObject({
      code: 'BUS_UNAVAILABLE',
      message: expect.stringContaining(server.url),
      details: { server: server.url },
    });
    await server.up();
  });

  it('a node keeps trying a server that refuses its key, and is in when the key is known', async () => {
    const server = await startServer();
    const stranger = await startServer();
    const refused = await start(server, 'validator-1', { seed: stranger.seed('validator-1'), whenAway: 'wait' });
    expect(refused.status()).toEqual({ type: 'reconnecting' });
    await server.down();
    const known = statusOf(refused, 'connected');
    await server.up({ users: stranger.logins });
    await known;
  });

  it('a login signs a nonce and nothing else', async () => {
    const server = await startServer();
    for (const nonce of ['short', 'x'.repeat(65), 'isochron/beacon/v1\u0000test', '{"type":"join"}']) {
      const { url, told } = await fakeServer({ nonce });
      await expect(
        connectNats({
          ...common,
          servers: url,
          node: 'validator-1',
          role: 'validator',
          seed: server.seed('validator-1'),
        }),
      ).rejects.toMatchObject({
        code: 'BUS_DENIED',
      });
      expect(told()).toBe('');
    }
    const { url, told } = await fakeServer({ nonce: 'abcdefghijk' });
    const bus = connectNats({
      ...common,
      servers: url,
      node: 'validator-1',
      role: 'validator',
      seed: server.seed('validator-1'),
    });
    await expect(bus).rejects.toMatchObject({ code: 'BUS_DENIED' });
    expect(told()).toContain('"sig":');
  });

  it('off loopback it refuses to speak in the clear', async () => {
    const node = { ...common, node: 'validator-1', role: 'validator' } as const;
    for (const servers of ['nats://192.0.2.1:4222', '192.0.2.1', ['nats://127.0.0.1:4222', 'nats://example.org']]) {
      await expect(connectNats({ ...node, servers })).rejects.toMatchObject({ code: 'TLS_REQUIRED' });
    }
    for (const servers of ['ws://127.0.0.1:1', 'nats://user:pass@127.0.0.1', 'nats://', 'nats://a b', []]) {
      await expect(connectNats({ ...node, servers })).rejects.toMatchObject({ code: 'BUS_OPTION_INVALID' });
    }
  });

  it('TLS that the server does not speak is a failure, never a fallback', async () => {
    const server = await startServer();
    const tls = start(server, 'operator', { servers: server.url.replace('nats://', 'tls://') });
    await expect(tls).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE', message: expect.stringContaining('tls') });
  });
});
