/** The bus and nats.js: the short way to the wire says the same as the long one, and TLS is TLS. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type Msg, type NatsConnection, nkeyAuthenticator } from 'nats';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createClock } from '../../actors/system/clock.ts';
import { createRandom } from '../../actors/system/random.ts';
import { connectNats } from '../../bus/index.ts';
import { publisherOf, wireOf } from '../../bus/publisher.ts';
import { inbox } from '../contracts/busContract.ts';
import { writeCertificate } from '../support/certificate.ts';
import { startTestServer, type TestServer } from '../support/natsServer.ts';

let server: TestServer;
let directory: string;
let clients: NatsConnection[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'isochron-tls-'));
  server = await startTestServer();
});
afterAll(async () => {
  await server?.close();
  rmSync(directory, { recursive: true, force: true });
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  clients = [];
});

const login = async (name: string): Promise<NatsConnection> => {
  const authenticator = nkeyAuthenticator(new TextEncoder().encode(server.seed(name)));
  const client = await connect({ servers: server.url.replace('nats://', ''), authenticator });
  clients.push(client);
  return client;
};

it('the nats.js we pin has the door the bus publishes through', async () => {
  expect(wireOf(await login('validator-1'))).toBeDefined();
});

it('a message says the same whichever way it took', async () => {
  const [sender, receiver] = [await login('validator-1'), await login('validator-2')];
  const received = inbox<Msg>();
  receiver.subscribe('iso.v1.test.say.>', { callback: (_error, message) => received.push(message) });
  await receiver.flush();
  const short = publisherOf(sender);
  const long = publisherOf(
    new Proxy(sender, {
      get: (target, key) => (key === 'protocol' ? undefined : Reflect.get(target, key).bind(target)),
    }),
  );
  const subject = 'iso.v1.test.say.validator-1.a.b';
  const payloads = [
    '',
    '{}',
    'grün 🌱\r\nPUB x 1\r\n',
    'x'.repeat(100_000),
    new Uint8Array(0),
    Uint8Array.of(0, 13, 10, 255),
    new Uint8Array(70_000).fill(7),
  ];
  for (const data of payloads) {
    for (const reply of [undefined, '_INBOX.validator-1.abc.1']) {
      const seen: unknown[] = [];
      for (const publish of [short, long]) {
        publish(subject, data, undefined, reply);
        const message = await received.next();
        seen.push([message.subject, message.reply, Buffer.from(message.data).toString('hex'), message.headers]);
      }
      expect(seen[0]).toEqual(seen[1]);
      expect(seen[0]).toEqual([subject, reply ?? '', Buffer.from(data).toString('hex'), undefined]);
    }
  }
  short(subject, '{}', [['traceparent', 'x']], undefined);
  expect((await received.next()).headers?.get('traceparent')).toBe('x');
});

it('over TLS a bus talks to a server whose certificate it trusts, and to no other', async () => {
  const files = writeCertificate(directory);
  const secure = await startTestServer({ tls: files });
  try {
    expect(secure.url).toMatch(/^tls:/);
    const common = { cluster: 'test', clock: createClock(), random: createRandom(), servers: secure.url };
    const trusted = { ...common, tls: { caFile: files.certFile } };
    const node = await connectNats({
      ...trusted,
      node: 'validator-1',
      role: 'validator',
      seed: secure.seed('validator-1'),
    });
    const person = await connectNats({ ...trusted, node: 'operator', role: 'operator', seed: secure.seed('operator') });
    node.answer('epoch.valid', () => ({ valid: true }));
    await node.flush();
    expect(await person.ask('validator-1', 'epoch.valid', { epoch: 1 })).toEqual({ valid: true });
    await Promise.all([node.drain(), person.drain()]);
    const stranger = { ...common, node: 'viewer', role: 'viewer', seed: secure.seed('viewer') } as const;
    await expect(connectNats(stranger)).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  } finally {
    await secure.close();
  }
});
