/** Who may do what on a real nats-server (3-interface §1): every role on every mode, and the ways around that we know. */
import { connect, errors, type Msg, type NatsConnection, nkeyAuthenticator, type Status } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClock } from '../../actors/system/clock.ts';
import { createRandom } from '../../actors/system/random.ts';
import { type Bus, connectNats } from '../../bus/index.ts';
import { type Role, type VerbSpec, verbs } from '../../protocol/index.ts';
import { startTestServer, type TestServer } from '../support/natsServer.ts';

const prefix = 'iso.v1.test.';
const nodes: readonly Role[] = ['validator', 'device', 'client', 'host'];
const people: readonly Role[] = ['operator', 'viewer', 'host'];
const logins: readonly (readonly [name: string, role: Role])[] = [
  ['validator-1', 'validator'],
  ['device-1', 'device'],
  ['client-1', 'client'],
  ['host', 'host'],
  ['operator', 'operator'],
  ['viewer', 'viewer'],
];

let server: TestServer;
let clients: NatsConnection[] = [];
let buses: Bus[] = [];

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());
afterEach(async () => {
  await Promise.all([...clients.map((client) => client.close()), ...buses.map((bus) => bus.drain())]);
  clients = [];
  buses = [];
});

const login = async (name: string): Promise<NatsConnection> => {
  const authenticator = nkeyAuthenticator(new TextEncoder().encode(server.seed(name)));
  const client = await connect({ servers: server.url.replace('nats://', ''), authenticator });
  clients.push(client);
  return client;
};

const startBus = async (node: string, role: Role): Promise<Bus> => {
  const common = { cluster: 'test', clock: createClock(), random: createRandom() };
  const bus = await connectNats({ ...common, servers: server.url, node, role, seed: server.seed(node) });
  buses.push(bus);
  return bus;
};

/**
 * What the server refused on a connection so far. It answers in order, so one flush brings what is outstanding, a second
 * what handlers did upon it, and a third lets the iterator of statuses catch up.
 */
const violations = (client: NatsConnection) => {
  const seen: string[] = [];
  void (async () => {
    for await (const status of client.status() as AsyncIterable<Status>) {
      const error = status.type === 'error' ? status.error : undefined;
      if (error instanceof errors.PermissionViolationError) seen.push(`${error.operation} ${error.subject}`);
    }
  })();
  return async (): Promise<ReadonlySet<string>> => {
    for (let i = 0; i < 3; i++) await client.flush();
    return new Set(seen);
  };
};

type Case = readonly [subject: string, allowed: boolean, queue?: string];

const askCases = (me: string, role: Role): readonly Case[] =>
  Object.entries<VerbSpec>(verbs).flatMap(([verb, { askedBy }]) => [
    [`${prefix}ask.validator-2.${me}.${verb}`, askedBy.includes(role)] as const,
    [`${prefix}ask.any.${me}.${verb}`, askedBy.includes(role)] as const,
    [`${prefix}ask.validator-2.device-2.${verb}`, false] as const,
  ]);

const publishCases = (me: string, role: Role): readonly Case[] => {
  const node = nodes.includes(role);
  const person = people.includes(role);
  const host = role === 'host';
  return [
    [`${prefix}say.${me}.beacon.beacon`, node],
    [`${prefix}say.validator-2.beacon.beacon`, false],
    [`iso.v1.other.say.${me}.beacon.beacon`, false],
    [`iso.v2.test.say.${me}.beacon.beacon`, false],
    [`${prefix}tell.validator-2.${me}.election.answer`, node],
    [`${prefix}tell.validator-2.device-2.election.answer`, false],
    [`${prefix}live.${me}.election`, node],
    [`${prefix}live.validator-2.election`, false],
    ...askCases(me, role),
    [`${prefix}ask.validator-2.${me}.no.verb`, false],
    [`${prefix}ask.validator-2.${me}.epoch.get.more`, false],
    ['$SRV.PING', person],
    ['$SRV.INFO.isochron', person],
    ['$SRV.STATS.isochron.abc', person],
    ['$SRV.CREATE', false],
    [`_INBOX.${me}.abc.1`, false],
    ['_INBOX.validator-2.abc.1', false],
    ['$JS.API.INFO', host],
    ['$JS.API.STREAM.CREATE.S', host],
    ['$JS.API.STREAM.UPDATE.S', host],
    ['$JS.API.STREAM.DELETE.S', host],
    ['$JS.API.STREAM.PURGE.S', host],
    ['$JS.API.STREAM.MSG.GET.S', host],
    ['$JS.API.CONSUMER.CREATE.S', host],
    ['$JS.API.CONSUMER.DURABLE.CREATE.S.d', host],
    ['$JS.API.CONSUMER.MSG.NEXT.S.d', host],
    ['$JS.API.DIRECT.GET.S', host],
    [`$KV.bucket.${me}.key`, host],
    ['$SYS.REQ.SERVER.PING', false],
    ['$SYS.REQ.USER.INFO', false],
    ['anything', false],
  ];
};

const subscribeCases = (me: string, role: Role): readonly Case[] => {
  const node = nodes.includes(role);
  const validator = role === 'validator';
  return [
    [`${prefix}say.>`, true],
    [`${prefix}tell.${me}.>`, node],
    [`${prefix}tell.validator-2.>`, false],
    [`${prefix}tell.>`, false],
    [`${prefix}ask.${me}.>`, node],
    [`${prefix}ask.${me}.*.epoch.get`, node],
    [`${prefix}ask.validator-2.>`, false],
    [`${prefix}ask.any.>`, validator, 'q'],
    [`${prefix}ask.any.>`, false, 'mine'],
    [`${prefix}ask.any.>`, false],
    [`${prefix}live.>`, people.includes(role)],
    ['$SRV.>', node],
    [`_INBOX.${me}.>`, true],
    ['_INBOX.validator-2.>', false],
    ['_INBOX.>', false],
    ['$JS.>', false],
    ['$KV.>', false],
    ['$SYS.>', false],
    ['iso.v1.other.say.>', false],
    ['>', false],
  ];
};

describe('permissions of a real server', () => {
  it.each(logins)('%s publishes what its role may, and nothing else', async (name, role) => {
    const client = await login(name);
    const refused = violations(client);
    const cases = publishCases(name, role);
    for (const [subject] of cases) client.publish(subject, '{}');
    const seen = await refused();
    expect(cases.map(([subject]) => [subject, !seen.has(`publish ${subject}`)])).toEqual(cases.map((one) => [...one]));
  });

  it.each(logins)('%s subscribes to what its role may, and nothing else', async (name, role) => {
    const cases = subscribeCases(name, role);
    const seen = await Promise.all(
      cases.map(async ([subject, , queue]) => {
        const client = await login(name);
        const refused = violations(client);
        client.subscribe(subject, { callback: () => undefined, ...(queue === undefined ? {} : { queue }) });
        const allowed = (await refused()).size === 0;
        await client.close();
        return queue === undefined ? [subject, allowed] : [subject, allowed, queue];
      }),
    );
    expect(seen).toEqual(cases.map((one) => [...one]));
  });

  it('every verb is asked by exactly the roles of the table, on the bus', async () => {
    const served = await startBus('validator-2', 'validator');
    for (const verb of Object.keys(verbs)) served.answer(verb, () => ({}));
    await served.flush();
    for (const [name, role] of logins) {
      const bus = await startBus(name, role);
      for (const [verb, { askedBy }] of Object.entries<VerbSpec>(verbs)) {
        const outcome = await bus.ask('validator-2', verb, { id: 'x' }).then(
          () => 'answered',
          (error: { code: string }) => error.code,
        );
        const allowed = askedBy.includes(role);
        expect([name, verb, allowed ? outcome !== 'BUS_DENIED' : outcome]).toEqual([
          name,
          verb,
          allowed ? true : 'BUS_DENIED',
        ]);
      }
    }
  });

  it('a key the server does not know is denied', async () => {
    const other = await startTestServer();
    const wrong = {
      cluster: 'test',
      clock: createClock(),
      random: createRandom(),
      node: 'validator-1',
      role: 'validator',
    } as const;
    await expect(connectNats({ ...wrong, servers: server.url, seed: other.seed('validator-1') })).rejects.toMatchObject(
      {
        code: 'BUS_DENIED',
        status: 403,
      },
    );
    await expect(connectNats({ ...wrong, servers: server.url })).rejects.toMatchObject({ code: 'BUS_DENIED' });
    await other.close();
  });
});

describe('ways around the permissions', () => {
  const kill = `${prefix}ask.validator-2.host.supervisor.kill`;

  /** The node that must not be fooled: everything that reaches it, and a fence that proves nothing more is on its way. */
  const victim = async () => {
    const client = await login('validator-2');
    const reached: string[] = [];
    let fence = (): void => undefined;
    const passed = new Promise<void>((resolve) => {
      fence = resolve;
    });
    const record = (_error: Error | null, message: Msg) => {
      if (message.subject === `${prefix}say.host.test.fence`) fence();
      else reached.push(message.subject);
    };
    for (const subject of [`${prefix}ask.validator-2.>`, `${prefix}tell.validator-2.>`, `${prefix}say.>`]) {
      client.subscribe(subject, { callback: record });
    }
    await client.flush();
    return {
      reached: async (): Promise<readonly string[]> => {
        const host = await login('host');
        host.publish(`${prefix}say.host.test.fence`);
        await passed;
        return reached;
      },
    };
  };

  it('an honest node cannot be made to publish by a forged reply subject', async () => {
    const { reached } = await victim();
    const node = await startBus('validator-1', 'validator');
    node.answer('epoch.get', () => ({ epoch: 1 }));
    await node.flush();
    const device = await login('device-1');
    const viewer = await login('viewer');
    for (const reply of [
      kill,
      `${prefix}tell.validator-2.validator-1.election.answer`,
      `${prefix}say.validator-1.beacon.beacon`,
    ]) {
      device.publish(`${prefix}ask.validator-1.device-1.epoch.get`, '{}', { reply });
      for (const kind of ['PING', 'INFO', 'STATS']) viewer.publish(`$SRV.${kind}`, '', { reply });
    }
    await device.flush();
    await viewer.flush();
    // The node has handled everything above when it answers this.
    const asker = await startBus('operator', 'operator');
    expect(await asker.ask('validator-1', 'epoch.get')).toEqual({ epoch: 1 });
    expect(await reached()).toEqual([]);
  });

  it('a node with two connections cannot send itself a reply subject to publish on', async () => {
    const { reached } = await victim();
    for (const name of ['validator-1', 'device-1', 'client-1']) {
      const sender = await login(name);
      const accomplice = await login(name);
      const heard: string[] = [];
      const republish = (_error: Error | null, message: Msg) => {
        heard.push(message.subject);
        if (message.reply) accomplice.publish(message.reply, '{"id":"validator-2"}');
      };
      for (const subject of ['say.>', `tell.${name}.>`, `ask.${name}.>`])
        accomplice.subscribe(prefix + subject, { callback: republish });
      if (name === 'validator-1') accomplice.subscribe(`${prefix}ask.any.>`, { queue: 'q', callback: republish });
      await accomplice.flush();
      const own = [
        `say.${name}.a.b`,
        `tell.${name}.${name}.a.b`,
        `ask.${name}.${name}.epoch.get`,
        `ask.any.${name}.epoch.get`,
      ];
      for (const subject of own) sender.publish(prefix + subject, '{}', { reply: kill });
      await sender.flush();
      await accomplice.flush();
      expect(heard).toEqual([]);
      // Two nodes that conspire could: each is tried alone.
      await accomplice.close();
    }
    expect((await reached()).filter((subject) => subject.includes('.host.'))).toEqual([]);
  });

  it('a reply may be given once, and only to who asked', async () => {
    const responder = await login('device-1');
    const refused = violations(responder);
    responder.subscribe(`${prefix}ask.device-1.>`, {
      callback: (_error, message) => {
        for (const text of ['first', 'second']) message.respond(text);
        responder.publish(message.reply?.replace(/\d+$/, '2') ?? '', 'in another’s place');
      },
    });
    await responder.flush();
    const asker = await login('operator');
    const replies: string[] = [];
    asker.subscribe('_INBOX.operator.abcdefghabcdefgh.*', {
      callback: (_error, message) => void replies.push(message.string()),
    });
    asker.publish(`${prefix}ask.device-1.operator.epoch.get`, '{}', { reply: '_INBOX.operator.abcdefghabcdefgh.1' });
    await asker.flush();
    const seen = await refused();
    await asker.flush();
    expect(replies).toEqual(['first']);
    expect(seen).toEqual(
      new Set(['publish _INBOX.operator.abcdefghabcdefgh.1', 'publish _INBOX.operator.abcdefghabcdefgh.2']),
    );
  });

  it('JetStream delivers nothing for a node: no stream, no consumer, no get, whatever the reply', async () => {
    const { reached } = await victim();
    const host = await login('host');
    const replies: string[] = [];
    host.subscribe('_INBOX.host.>', { callback: (_error, message) => void replies.push(message.string()) });
    const create = JSON.stringify({
      name: 'S',
      subjects: ['$KV.b.>'],
      storage: 'memory',
      allow_direct: true,
      num_replicas: 1,
      max_msgs_per_subject: 1,
    });
    host.publish('$JS.API.STREAM.CREATE.S', create, { reply: '_INBOX.host.a.1' });
    host.publish('$KV.b.device-1.key', '{"id":"validator-2"}', { reply: '_INBOX.host.a.2' });
    await host.flush();
    await host.flush();
    expect(replies.join()).toContain('"type":"io.nats.jetstream.api.v1.stream_create_response"');
    const deliver = JSON.stringify({
      stream_name: 'S',
      config: { deliver_subject: kill, ack_policy: 'none', deliver_policy: 'all' },
    });
    for (const name of ['validator-1', 'device-1', 'client-1', 'operator', 'viewer']) {
      const client = await login(name);
      const refused = violations(client);
      const attempts = [
        ['$JS.API.CONSUMER.CREATE.S', deliver],
        ['$JS.API.STREAM.MSG.GET.S', '{"last_by_subj":"$KV.b.device-1.key"}'],
        ['$JS.API.DIRECT.GET.S', '{"last_by_subj":"$KV.b.device-1.key"}'],
        ['$KV.b.device-1.key', '{"id":"validator-2"}'],
        ['$JS.API.STREAM.NAMES', '{}'],
      ] as const;
      for (const [subject, data] of attempts) client.publish(subject, data, { reply: kill });
      expect(await refused()).toEqual(new Set(attempts.map(([subject]) => `publish ${subject}`)));
    }
    expect(await reached()).toEqual([]);
  });
});
