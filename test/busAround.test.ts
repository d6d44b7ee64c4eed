import { describe, expect, it } from 'vitest';
import { createSeededRandom } from '../actors/system/random.ts';
import { createVirtualClock } from '../actors/system/virtualClock.ts';
import {
  type BusMessage,
  inboxPrefix,
  isLoopback,
  type Link,
  MemoryHub,
  type MemoryHubOptions,
  NatsServerMissingError,
  natsConfig,
  permissionsFor,
  type ServerConfig,
} from '../bus/index.ts';
import { checkServers } from '../bus/servers.ts';
import { type Role, roles } from '../protocol/index.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('the virtual network', () => {
  const network = (link: Link, more: Partial<MemoryHubOptions> = {}) => {
    const clock = createVirtualClock();
    const hub = new MemoryHub({ clock, link, ...more });
    const random = createSeededRandom(1);
    const bus = (node: string, role: Role = 'validator') => hub.connect({ cluster: 'c', node, role, clock, random });
    const heard = (node: ReturnType<typeof bus>) => {
      const messages: (BusMessage & { atMs: number })[] = [];
      node.hear('a.b', (message) => messages.push({ ...message, atMs: clock.elapsed() }));
      return messages;
    };
    return { clock, hub, bus, heard };
  };

  it('delays, loses and duplicates what its link says, a receiver at a time', async () => {
    const links: string[] = [];
    const { clock, bus, heard } = network((from, to, bytes) => {
      links.push(`${from} ${to} ${bytes}`);
      return to === 'v2' ? [] : to === 'v3' ? [5, 9] : [0];
    });
    const [one, two, three, four] = [bus('v1'), bus('v2'), bus('v3'), bus('v4')];
    const [h2, h3, h4] = [heard(two), heard(three), heard(four)];
    const start = clock.elapsed();
    one.say('a.b', { n: 1 });
    await clock.advance(100);
    expect([h2.length, h3.map(({ atMs }) => atMs - start), h4.map(({ atMs }) => atMs - start)]).toEqual([
      0,
      [5, 9],
      [0],
    ]);
    expect(links.sort()).toEqual(['v1 v2 7', 'v1 v3 7', 'v1 v4 7']);
  });

  it('lets an ask time out at its exact time when the request or the reply is lost', async () => {
    for (const lost of ['v1 v2', 'v2 v1']) {
      const { clock, bus } = network((from, to) => (`${from} ${to}` === lost ? [] : [1]));
      const [one, two] = [bus('v1'), bus('v2')];
      two.answer('epoch.valid', () => ({ valid: true }));
      const start = clock.elapsed();
      const outcome = one
        .ask('v2', 'epoch.valid', { epoch: 1 }, { timeoutMs: 250 })
        .catch((error: { code: string }) => [error.code, clock.elapsed() - start]);
      await clock.advance(1_000);
      expect(await outcome).toEqual(['ASK_TIMEOUT', 250]);
    }
  });

  it('answers a duplicated ask once as far as the asker can tell', async () => {
    const { clock, bus } = network(() => [1, 2]);
    const [one, two] = [bus('v1'), bus('v2')];
    let asked = 0;
    two.answer('epoch.valid', () => ({ valid: ++asked > 0 }));
    const reply = one.ask('v2', 'epoch.valid', { epoch: 1 });
    await clock.advance(100);
    expect(await reply).toEqual({ valid: true });
    expect(asked).toBe(2);
  });

  it('carries what is on its way as it was, though the sender reuses its bytes', async () => {
    const { clock, bus, heard } = network(() => [10]);
    const [one, two] = [bus('v1'), bus('v2')];
    const messages = heard(two);
    const bytes = Uint8Array.of(1, 2, 3);
    one.say('a.b', bytes);
    bytes.fill(9);
    await clock.advance(10);
    expect(messages.map(({ payload }) => payload)).toEqual([Uint8Array.of(1, 2, 3)]);
  });

  it('delivers nothing to or from a node that was killed, and its name can start again', async () => {
    const { clock, hub, bus, heard } = network(() => [10]);
    const [one, two] = [bus('v1'), bus('v2')];
    const [h1, h2] = [heard(one), heard(two)];
    one.say('a.b', { n: 1 });
    hub.kill('v2');
    two.say('a.b', { n: 2 });
    await clock.advance(50);
    expect([h1.length, h2.length]).toEqual([0, 0]);
    const again = heard(bus('v2'));
    one.say('a.b', { n: 3 });
    await clock.advance(50);
    expect([h2.length, again.map(({ payload }) => payload)]).toEqual([0, [{ n: 3 }]]);
  });

  it('is the same on every run', async () => {
    const run = async (): Promise<string> => {
      const random = createSeededRandom(7);
      const { clock, bus, heard } = network(() => (random.fraction() < 0.2 ? [] : [random.fraction() * 30]));
      const nodes = ['v1', 'v2', 'v3'].map((name) => bus(name));
      const all = nodes.map(heard);
      for (let n = 0; n < 200; n++) {
        nodes[n % 3]?.say('a.b', { n });
        await clock.advance(1);
      }
      await clock.advance(100);
      return JSON.stringify(all);
    };
    expect(await run()).toBe(await run());
  });
});

describe('permissions', () => {
  it('of a node are those of the contract, in its own name only', () => {
    const { publish, subscribe, deaf, responds } = permissionsFor('c', 'v1', 'validator');
    expect(publish).toEqual([
      'iso.v1.c.say.v1.>',
      'iso.v1.c.tell.*.v1.>',
      'iso.v1.c.live.v1.>',
      'iso.v1.c.ask.*.v1.epoch.get',
      'iso.v1.c.ask.*.v1.epoch.valid',
      'iso.v1.c.ask.*.v1.config.get',
      'iso.v1.c.ask.*.v1.election.get',
      'iso.v1.c.ask.*.v1.membership.get',
    ]);
    expect(subscribe).toEqual([
      'iso.v1.c.say.>',
      'iso.v1.c.tell.v1.>',
      'iso.v1.c.ask.v1.>',
      '$SRV.>',
      'iso.v1.c.ask.any.> q',
      '_INBOX.v1.>',
    ]);
    expect(deaf).toEqual([
      'iso.v1.c.say.v1.>',
      'iso.v1.c.tell.v1.v1.>',
      'iso.v1.c.ask.v1.v1.>',
      'iso.v1.c.ask.any.v1.>',
    ]);
    expect(responds).toBe(true);
  });

  it('of people let them ask, discover and watch, and reply to nobody', () => {
    for (const role of ['operator', 'viewer'] as const) {
      const { publish, subscribe, deaf, responds } = permissionsFor('c', role, role);
      expect(publish.filter((subject) => !subject.includes('.ask.'))).toEqual([
        '$SRV.PING',
        '$SRV.PING.>',
        '$SRV.INFO',
        '$SRV.INFO.>',
        '$SRV.STATS',
        '$SRV.STATS.>',
      ]);
      expect(publish.includes(`iso.v1.c.ask.*.${role}.supervisor.kill`)).toBe(role === 'operator');
      expect(subscribe).toEqual(['iso.v1.c.say.>', 'iso.v1.c.live.>', `${inboxPrefix(role)}.>`]);
      expect([deaf, responds]).toEqual([[], false]);
    }
  });

  it('give JetStream to the host alone', () => {
    for (const role of roles) {
      const { publish } = permissionsFor('c', 'x', role);
      expect(publish.some((subject) => /^\$(JS|KV|O)\./.test(subject))).toBe(role === 'host');
    }
  });
});

describe('the server configuration', () => {
  const config: ServerConfig = {
    cluster: 'c',
    users: [{ name: 'v1', role: 'validator', natsKey: `U${'A'.repeat(55)}` }],
    storeDirectory: '/data/with "quotes" and \\',
  };

  it('quotes what it is given', () => {
    expect(natsConfig(config)).toContain('store_dir: "/data/with \\"quotes\\" and \\\\"');
  });

  it('refuses what would break it or open it', () => {
    const broken: readonly (readonly [Partial<ServerConfig>, string])[] = [
      [{ cluster: 'c }' }, 'NAME_INVALID'],
      [{ users: [{ name: 'v 1', role: 'validator', natsKey: `U${'A'.repeat(55)}` }] }, 'NAME_INVALID'],
      [{ users: [{ name: 'v1', role: 'validator', natsKey: `S${'A'.repeat(55)}` }] }, 'BUS_OPTION_INVALID'],
      [{ port: 0 }, 'BUS_OPTION_INVALID'],
      [{ port: 65_536 }, 'BUS_OPTION_INVALID'],
      [{ websocketPort: 1.5 }, 'BUS_OPTION_INVALID'],
      [{ host: '0.0.0.0' }, 'TLS_REQUIRED'],
    ];
    for (const [change, expected] of broken) expect(() => natsConfig({ ...config, ...change })).toThrow(code(expected));
  });

  it('listens beyond loopback with certificates only, websocket included', () => {
    const text = natsConfig({
      ...config,
      host: '0.0.0.0',
      websocketPort: 8443,
      tls: { certFile: 'c.pem', keyFile: 'k.pem', caFile: 'a.pem' },
    });
    expect(text.match(/cert_file: "c.pem"/g)).toHaveLength(2);
    expect(text).not.toContain('no_tls');
  });

  it('a missing server is one line with the way to get it', () => {
    expect(new NatsServerMissingError(['/a']).message).toMatch(
      /^nats-server not found: install it \(.*apt-get install nats-server.*\) or set NATS_SERVER_BIN$/,
    );
  });
});

describe('server addresses', () => {
  it('on this machine may be in the clear, others need TLS or a word', () => {
    for (const host of ['localhost', '127.0.0.1', '127.255.0.3', '[::1]', '::1']) expect(isLoopback(host)).toBe(true);
    for (const host of ['10.0.0.1', 'example.org', '0.0.0.0', '[::]', '127.0.0.1.example.org', '1270.0.0.1'])
      expect(isLoopback(host)).toBe(false);
    expect(checkServers({ servers: 'nats://10.0.0.1', insecure: true })).toEqual({
      servers: ['10.0.0.1:4222'],
      tls: undefined,
    });
    expect(checkServers({ servers: ['tls://example.org:1', '127.0.0.1'] })).toEqual({
      servers: ['example.org:1', '127.0.0.1:4222'],
      tls: {},
    });
    expect(checkServers({ servers: '[::1]:7', tls: { caFile: 'ca.pem' } })).toEqual({
      servers: ['[::1]:7'],
      tls: { caFile: 'ca.pem' },
    });
  });

  it('have a port that there is', () => {
    for (const servers of ['nats://127.0.0.1:0', 'nats://127.0.0.1:65536', 'nats://a:b:c', 'nats://'])
      expect(() => checkServers({ servers })).toThrow(code('BUS_OPTION_INVALID'));
  });
});
