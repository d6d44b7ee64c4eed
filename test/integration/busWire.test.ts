/** The bus and nats.js: the short way to the wire says the same as the long one, and TLS is TLS. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { connect, type Msg, type NatsConnection, nkeyAuthenticator } from 'nats';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createClock } from '../../actors/system/clock.ts';
import { createRandom } from '../../actors/system/random.ts';
import { connectNats } from '../../bus/index.ts';
import { publisherOf, wireOf } from '../../bus/publisher.ts';
import { type Handlers, installReader, type Parser, Reader } from '../../bus/reader.ts';
import type { Frame } from '../../bus/transport.ts';
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

it('the nats.js we pin has the doors the bus publishes and reads through', async () => {
  const client = await login('validator-1');
  expect(wireOf(client)).toBeDefined();
  expect(installReader(client, new Map())).toBe(true);
  expect(installReader({ protocol: {} } as unknown as NatsConnection, new Map())).toBe(false);
});

/** nats.js' parser, and what it reports to: the only way to it is through a connection. */
type Dispatcher = {
  push: (event: {
    kind: number;
    msg?: { subject: Uint8Array; sid: number; reply?: Uint8Array; hdr: number };
    data?: Uint8Array;
  }) => void;
};
const parserClass = async (): Promise<new (dispatcher: Dispatcher) => Parser> => {
  const { protocol } = (await login('validator-1')) as unknown as { protocol: { parser: object } };
  return protocol.parser.constructor as new (
    dispatcher: Dispatcher,
  ) => Parser;
};

const ascii = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? '' : Buffer.from(bytes).toString('latin1');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** What the parser of nats.js says about a stream, a line an event. */
const collector = (events: string[]): Dispatcher => ({
  push: ({ kind, msg, data }) => {
    if (msg === undefined || data === undefined) events.push(`${kind} ${ascii(data)}`);
    else events.push(`MSG ${ascii(msg.subject)} ${msg.sid} ${ascii(msg.reply)} ${msg.hdr} ${hex(data)}`);
  },
});

const token = fc.stringMatching(/^[A-Za-z0-9_$.-]{1,40}$/);
const plainMessage = fc
  .tuple(token, fc.constantFrom(1, 2, 77), fc.option(token, { nil: undefined }), fc.uint8Array({ maxLength: 300 }))
  .map(([subject, sid, reply, data]) => {
    const line =
      reply === undefined ? `MSG ${subject} ${sid} ${data.length}` : `MSG ${subject} ${sid} ${reply} ${data.length}`;
    return Buffer.concat([Buffer.from(`${line}\r\n`), data, Buffer.from('\r\n')]);
  });
const headerMessage = fc
  .tuple(token, fc.constantFrom(1, 9), fc.uint8Array({ maxLength: 50 }))
  .map(([subject, sid, data]) => {
    const headers = Buffer.from('NATS/1.0\r\nA: b\r\n\r\n');
    return Buffer.concat([
      Buffer.from(`HMSG ${subject} ${sid} ${headers.length} ${headers.length + data.length}\r\n`),
      headers,
      data,
      Buffer.from('\r\n'),
    ]);
  });
const control = fc
  .constantFrom(
    'PING\r\n',
    'PONG\r\n',
    '+OK\r\n',
    '-ERR \'Permissions Violation for Publish to "a.b"\'\r\n',
    'INFO {"a":1}\r\n',
  )
  .map((text) => Buffer.from(text));
const large = fc
  .constantFrom(70_000, 200_000)
  .map((size) =>
    Buffer.concat([Buffer.from(`MSG big 1 ${size}\r\n`), Buffer.alloc(size, 'MSG a 1 1\r\n'), Buffer.from('\r\n')]),
  );
const run = fc
  .tuple(plainMessage, fc.integer({ min: 1, max: 5 }))
  .map(([message, times]) => Buffer.concat(Array.from({ length: times }, () => message)));
const stream = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: run },
      { weight: 2, arbitrary: headerMessage },
      { weight: 2, arbitrary: control },
      { weight: 1, arbitrary: large },
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));

const split = (bytes: Buffer, cuts: readonly number[]): readonly Buffer[] => {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
};

it('a stream read in place says what nats.js reads in it, however it is cut', async () => {
  const NatsParser = await parserClass();
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), (bytes, cuts) => {
      const [expected, seen]: [string[], string[]] = [[], []];
      const reference = new NatsParser(collector(expected));
      const handlers = new Map(
        [1, 77].map(
          (sid) =>
            [
              sid,
              ({ subject, reply = '', data }: Frame) => seen.push(`MSG ${subject} ${sid} ${reply} -1 ${hex(data)}`),
            ] as const,
        ),
      );
      const reader = new Reader(new NatsParser(collector(seen)), handlers as unknown as Handlers);
      for (const chunk of split(bytes, cuts)) {
        // Copies: both may keep what they are given.
        reference.parse(Buffer.from(chunk));
        reader.parse(Buffer.from(chunk));
      }
      expect(seen).toEqual(expected);
    }),
    { numRuns: 400 },
  );
});

it('what nats.js would not read is not read in place either', async () => {
  const NatsParser = await parserClass();
  for (const nonsense of [
    'MSG\r\n',
    'MSG a x 1\r\na\r\n',
    'MSG a 1 -1\r\n',
    'MSG a 1 b c 1\r\na\r\n',
    'HMSG a 1 9 1\r\na\r\n',
    'NONSENSE\r\n',
    'MSG a 1 99999999999\r\n'.repeat(1_000),
  ]) {
    const said = (parse: (bytes: Buffer) => void): unknown => {
      try {
        parse(Buffer.from(nonsense));
        return 'nothing';
      } catch (error) {
        return (error as Error).message.replace(/\[\d+\].*/s, '');
      }
    };
    const reference = new NatsParser(collector([]));
    const reader = new Reader(new NatsParser(collector([])), new Map([[1, () => undefined]]));
    expect([nonsense, said((bytes) => reader.parse(bytes))]).toEqual([
      nonsense,
      said((bytes) => reference.parse(bytes)),
    ]);
  }
});

it('a payload read in place is text only when it is UTF-8', async () => {
  const NatsParser = await parserClass();
  const texts: unknown[] = [];
  const reader = new Reader(
    new NatsParser(collector([])),
    new Map([[1, (frame: Frame) => void texts.push([frame.firstByte?.(), frame.text?.()])]]),
  );
  for (const data of [
    Buffer.from('grün 🌱'),
    Buffer.alloc(0),
    Buffer.from([0x7b, 0xff, 0x7d]),
    Buffer.from('\ufffd'),
  ]) {
    reader.parse(Buffer.concat([Buffer.from(`MSG a 1 ${data.length}\r\n`), data, Buffer.from('\r\n')]));
  }
  expect(texts).toEqual([
    [0x67, 'grün 🌱'],
    [undefined, ''],
    [0x7b, undefined],
    [0xef, undefined],
  ]);
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
