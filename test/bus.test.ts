/** The parts of the bus that need no server: subjects, deadlines, floods, permissions, configuration, and the virtual network. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSeededRandom } from '../actors/system/random.ts';
import { createVirtualClock } from '../actors/system/virtualClock.ts';
import { Deadlines, type Waiting } from '../bus/deadlines.ts';
import { Inbound, turnMaxMs } from '../bus/inbound.ts';
import {
  type BusMessage,
  inboxPrefix,
  isLoopback,
  type Link,
  MemoryHub,
  type MemoryHubOptions,
  NatsServerMissingError,
  natsConfig,
  parseSubject,
  permissionsFor,
  type ServerConfig,
} from '../bus/index.ts';
import { checkServers } from '../bus/servers.ts';
import { senderReader, subjectsOf } from '../bus/subjects.ts';
import type { Frame } from '../bus/transport.ts';
import { type Role, roles } from '../protocol/index.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('subjects', () => {
  const names = fc.stringMatching(/^[a-z0-9-]{1,32}$/).filter((name) => name !== 'any');
  const topics = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}\.[A-Za-z0-9_-]{1,8}$/);

  it('are read back as they were built', () => {
    fc.assert(
      fc.property(names, names, names, topics, (cluster, from, to, topic) => {
        const subjects = subjectsOf(cluster, from);
        expect(parseSubject(subjects.say(topic))).toEqual({ cluster, mode: 'say', from, topic });
        expect(parseSubject(subjects.tell(to, topic))).toEqual({ cluster, mode: 'tell', from, to, topic });
        expect(parseSubject(subjects.ask('any', topic))).toEqual({ cluster, mode: 'ask', from, to: 'any', topic });
        const read = senderReader(subjectsOf(cluster, to).toldTo.length);
        expect(read(subjects.tell(to, topic))).toEqual({ from, topic });
        expect(read(subjects.tell(to, topic))).toEqual({ from, topic });
      }),
    );
  });

  it('of others are no subjects of ours', () => {
    for (const subject of [
      'iso.v2.c.say.a.b.c',
      'iso.v1.c.say.a',
      'iso.v1.c.tell.a.b.c',
      'iso.v1.c.shout.a.b.c',
      '_INBOX.a.b',
      '',
    ]) {
      expect(parseSubject(subject)).toBeUndefined();
    }
    expect(parseSubject('iso.v1.c.live.n.ledger.sync')).toEqual({
      cluster: 'c',
      mode: 'live',
      from: 'n',
      topic: 'ledger/sync',
    });
  });

  it('with a sender that is no node are refused', () => {
    const read = senderReader('iso.v1.c.say.'.length);
    for (const from of ['any', 'UPPER', 'a_b', 'x'.repeat(33), ''])
      expect(read(`iso.v1.c.say.${from}.a.b`)).toBeUndefined();
    expect(read('iso.v1.c.say.a')).toBeUndefined();
  });

  it('stay bounded in memory when names come from outside', () => {
    const subjects = subjectsOf('c', 'me');
    for (let i = 0; i < 3_000; i++) expect(subjects.tell(`n${i}`, 'a.b')).toBe(`iso.v1.c.tell.n${i}.me.a.b`);
    expect(subjects.tell('n0', 'a.b')).toBe('iso.v1.c.tell.n0.me.a.b');
  });

  it('of a cluster or node with a name that cannot be are never made', () => {
    expect(() => subjectsOf('a.b', 'n')).toThrow(code('NAME_INVALID'));
    expect(() => subjectsOf('c', 'any')).toThrow(code('NAME_INVALID'));
    expect(() => subjectsOf('c', '')).toThrow(code('NAME_INVALID'));
  });
});

describe('deadlines', () => {
  it('fire at their exact times, with one timer a length, whatever leaves early', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(5, 50, 500), fc.integer({ min: 0, max: 40 }), fc.boolean()), {
          maxLength: 60,
        }),
        async (asks) => {
          const clock = createVirtualClock();
          const deadlines = new Deadlines(clock);
          const expired: number[] = [];
          const expected: number[] = [];
          for (const [timeoutMs, laterMs, leaves] of asks) {
            await clock.advance(laterMs);
            const due = clock.elapsed() + timeoutMs;
            const waiting: Waiting = {
              timeoutMs,
              deadline: 0,
              previous: undefined,
              next: undefined,
              expire: () => expired.push(clock.elapsed() - due),
            };
            deadlines.add(waiting);
            if (leaves) deadlines.remove(waiting);
            else expected.push(0);
            expect(clock.pending()).toBeLessThanOrEqual(3);
          }
          await clock.advance(1_000);
          expect(expired).toEqual(expected);
          expect(clock.pending()).toBe(0);
        },
      ),
    );
  });

  it('that were cleared never fire', async () => {
    const clock = createVirtualClock();
    const deadlines = new Deadlines(clock);
    deadlines.add({
      timeoutMs: 5,
      deadline: 0,
      previous: undefined,
      next: undefined,
      expire: () => {
        throw new Error('fired');
      },
    });
    deadlines.clear();
    await clock.advance(100);
    expect(clock.pending()).toBe(0);
  });
});

describe('a flood', () => {
  const frame = (n: number): Frame => ({ subject: String(n), data: new Uint8Array(0) });

  /** A machine on which handling takes `handlingMs` and an event loop that turns when the test says so. */
  const machine = (pendingMax: number, handlingMs: number) => {
    let nowMs = 0;
    let timers: { dueMs: number; run: () => void }[] = [];
    const clock = {
      now: () => nowMs,
      elapsed: () => nowMs,
      after: (delayMs: number, run: () => void) => {
        const timer = { dueMs: nowMs + delayMs, run };
        timers.push(timer);
        return timer;
      },
      cancel: (timer: object) => {
        timers = timers.filter((one) => one !== timer);
      },
      soon: (run: () => void) => run(),
    };
    const handled: number[] = [];
    const dropped: number[] = [];
    const slow: number[] = [];
    const inbound = new Inbound({
      clock,
      pendingMax,
      onSlow: (pending) => slow.push(pending),
      onDropped: ({ subject }) => dropped.push(Number(subject)),
    });
    const handler = ({ subject }: Frame): void => {
      nowMs += handlingMs;
      handled.push(Number(subject));
    };
    const turn = (): void => {
      const due = timers.filter(({ dueMs }) => dueMs <= nowMs);
      timers = timers.filter(({ dueMs }) => dueMs > nowMs);
      for (const { run } of due) run();
    };
    return {
      inbound,
      clock,
      handled,
      dropped,
      slow,
      turn,
      push: (n: number) => inbound.push(handler, frame(n)),
      idle: () => timers.length === 0,
    };
  };
  const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

  it('that the machine keeps up with is handled as it comes', () => {
    const { push, handled, turn } = machine(10, 0.001);
    for (let n = 0; n < 5_000; n++) push(n);
    expect(handled).toEqual(upTo(5_000));
    turn();
  });

  it('is handled in order, in turns between which timers run', () => {
    const { push, handled, turn, clock, inbound } = machine(100_000, 0.1);
    const seenByTimers: number[] = [];
    const tick = (): void => {
      seenByTimers.push(handled.length);
      clock.after(0, tick);
    };
    clock.after(0, tick);
    for (let n = 0; n < 5_000; n++) push(n);
    const waiting = handled.length;
    expect(waiting * 0.1).toBeLessThan(3 * turnMaxMs);
    let turns = 0;
    for (; handled.length < 5_000; turns++) turn();
    expect(handled).toEqual(upTo(5_000));
    const steps = seenByTimers.map((seen, i) => (seen - (seenByTimers[i - 1] ?? 0)) * 0.1);
    expect(Math.max(...steps)).toBeLessThan(3 * turnMaxMs);
    expect(turns).toBeGreaterThan(10);
    return inbound.idle();
  });

  it('drops the newest beyond the limit, and says so once until it has caught up', () => {
    const { push, handled, dropped, slow, turn } = machine(10, 1);
    for (let n = 0; n < 1_000; n++) push(n);
    expect(slow).toEqual([10]);
    expect([...handled, ...dropped].length).toBe(990);
    turn();
    turn();
    for (let n = 1_000; n < 2_000; n++) push(n);
    expect(slow).toEqual([10, 10]);
    turn();
    expect(handled).toEqual([...handled].sort((a, b) => a - b));
    expect([...handled, ...dropped].sort((a, b) => a - b)).toEqual(upTo(2_000));
  });

  it('of any shape never stalls: everything pushed is handled once the loop turns', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 700 }), fc.boolean()), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(0, 0.01, 0.3),
        (pushes, handlingMs) => {
          const { push, handled, turn, idle } = machine(1_000_000, handlingMs);
          let sent = 0;
          for (const [count, turns] of pushes) {
            for (let i = 0; i < count; i++) push(sent++);
            if (turns) turn();
          }
          for (let i = 0; i < 1_000 && !idle(); i++) turn();
          expect(handled).toEqual(upTo(sent));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('that is closed is forgotten', async () => {
    const { push, handled, turn, inbound, idle } = machine(100_000, 1);
    for (let n = 0; n < 500; n++) push(n);
    const before = handled.length;
    const done = inbound.idle();
    inbound.close();
    await done;
    turn();
    expect([handled.length, idle()]).toEqual([before, true]);
  });
});

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
});
