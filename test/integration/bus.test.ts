/** The NATS bus keeps the same contract as its twin, on a real server with the generated permissions. */
import { connect, type NatsConnection, headers as natsHeaders, nkeyAuthenticator } from 'nats';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { createClock } from '../../actors/system/clock.ts';
import { createRandom } from '../../actors/system/random.ts';
import { type Bus, connectNats } from '../../bus/index.ts';
import { type BusUnderTest, busContract, contractCluster, contractVerbs } from '../contracts/busContract.ts';
import { startTestServer, type TestServer } from '../support/natsServer.ts';
import { type TcpProxy, tcpProxy } from '../support/tcpProxy.ts';

describe('NatsBus as a bus', () => {
  const common = { cluster: contractCluster, clock: createClock(), random: createRandom(), verbs: contractVerbs };
  const maxPayload = 65_536;
  let server: TestServer;
  let buses: Bus[] = [];
  let clients: NatsConnection[] = [];
  let proxies: TcpProxy[] = [];

  beforeAll(async () => {
    server = await startTestServer({ verbs: contractVerbs, maxPayload });
  });
  afterAll(() => server?.close());
  afterEach(async () => {
    await Promise.all([...buses.map((bus) => bus.drain()), ...clients.map((client) => client.close())]);
    await Promise.all(proxies.map((proxy) => proxy.cut()));
    buses = [];
    clients = [];
    proxies = [];
  });

  const under: BusUnderTest = {
    maxPayload,
    connect: async (node, role, options) => {
      const bus = await connectNats({
        ...common,
        servers: server.url,
        node,
        role,
        seed: server.seed(node),
        ...options,
      });
      buses.push(bus);
      return bus;
    },
    raw: async (node) => {
      const authenticator = nkeyAuthenticator(new TextEncoder().encode(server.seed(node)));
      const client = await connect({ servers: server.url.replace('nats://', ''), authenticator });
      clients.push(client);
      return {
        publish: (subject, data, list, reply) => {
          const headers = natsHeaders();
          for (const [name, value] of list ?? []) headers.append(name, value);
          client.publish(subject, data, { ...(list && { headers }), ...(reply && { reply }) });
        },
        subscribe: (subject, handler) =>
          void client.subscribe(subject, { callback: (_error, message) => handler(message) }),
        flush: () => client.flush(),
      };
    },
    connectCuttable: async (node, role, options) => {
      const proxy = await tcpProxy(server.server.port);
      proxies.push(proxy);
      const nats = { ...options, servers: `nats://127.0.0.1:${proxy.port}` };
      return { bus: await under.connect(node, role, nats), cut: proxy.cut, restore: proxy.restore };
    },
  };

  busContract(() => under);
});
