/** What every `Bus` must do, whatever carries it (3-interface §1). */
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { Bus, BusMessage, BusOptions, BusRequest, BusStatus, Refusal } from '../../bus/index.ts';
import { outboxMessagesMax } from '../../bus/outbox.ts';
import type { Frame, HeaderList } from '../../bus/transport.ts';
import { IsochronError, type Role, roles, type VerbSpec } from '../../protocol/index.ts';

/** A client that speaks subjects and bytes, without a bus. */
export interface RawClient {
  publish(subject: string, data: string | Uint8Array, headers?: HeaderList, reply?: string): void;
  subscribe(subject: string, handler: (frame: Frame) => void): void;
  flush(): Promise<void>;
}

export interface CuttableBus {
  readonly bus: Bus;
  cut(): Promise<void>;
  restore(): Promise<void>;
}

export interface BusUnderTest {
  connect(node: string, role: Role, options?: Partial<BusOptions>): Promise<Bus>;
  raw(node: string): Promise<RawClient>;
  /** A bus whose connection can be lost while the others keep theirs. */
  connectCuttable(node: string, role: Role, options?: Partial<BusOptions>): Promise<CuttableBus>;
  readonly maxPayload: number;
}

const verb = (spec: Partial<VerbSpec> = {}): VerbSpec => ({
  summary: 'For tests.',
  request: z.looseObject({}),
  reply: z.unknown(),
  askedBy: roles,
  answeredBy: ['validator', 'device', 'host'],
  any: false,
  ...spec,
});

/** The verbs of the contract; the server's permissions come from the same table. */
export const contractVerbs: Readonly<Record<string, VerbSpec>> = {
  'test.echo': verb({ any: true }),
  'test.add': verb({ request: z.object({ a: z.int(), terms: z.array(z.int()) }) }),
  'test.other': verb(),
  'test.late': verb(),
};

export const contractCluster = 'test';
const prefix = `iso.v1.${contractCluster}.`;
const code = (expected: string) => expect.objectContaining({ code: expected });
const text = (frame: Frame) => new TextDecoder().decode(frame.data);

/** The next value given to `push`, in order; a test that waits for one that never comes times out. */
export const inbox = <T>() => {
  const waiting: ((value: T) => void)[] = [];
  const values: T[] = [];
  return {
    push: (value: T): void => {
      const next = waiting.shift();
      if (next === undefined) values.push(value);
      else next(value);
    },
    next: (): Promise<T> =>
      new Promise((resolve) => {
        if (values.length > 0) resolve(values.shift() as T);
        else waiting.push(resolve);
      }),
    seen: values,
  };
};

/** Blocks the event loop, as work that does not yield would. */
const spin = (ms: number): void => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

/** An answer that waits until the test lets it go. */
const held = () => {
  let release = (): void => undefined;
  let arrived = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const waiting = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  return {
    waiting,
    release: () => release(),
    wait: async (): Promise<unknown> => {
      arrived();
      await released;
      return { done: true };
    },
  };
};

export const statusOf = (bus: Bus, type: BusStatus['type']): Promise<BusStatus> =>
  new Promise((resolve) => {
    if (bus.status().type === type) return resolve(bus.status());
    const stop = bus.onStatus((status) => {
      if (status.type !== type) return;
      stop();
      resolve(status);
    });
  });

export const busContract = (given: () => BusUnderTest): void => {
  const connect = (node: string, role: Role, options?: Partial<BusOptions>) => given().connect(node, role, options);
  const two = async () =>
    [await connect('validator-1', 'validator'), await connect('validator-2', 'validator')] as const;

  it('say is heard by everyone else and never by the sender', async () => {
    const [one, other] = await two();
    const device = await connect('device-1', 'device');
    const heard = [inbox<BusMessage>(), inbox<BusMessage>(), inbox<BusMessage>()] as const;
    one.hear('test.news', heard[0].push);
    other.hear('test.news', heard[1].push);
    device.hear('test.news', heard[2].push);
    await Promise.all([one.flush(), other.flush(), device.flush()]);
    one.say('test.news', { n: 1 });
    const expected = { from: 'validator-1', topic: 'test.news', payload: { n: 1 }, format: 'json' };
    expect(await heard[1].next()).toEqual(expected);
    expect(await heard[2].next()).toEqual(expected);
    other.say('test.news', { n: 2 });
    expect(await heard[0].next()).toMatchObject({ from: 'validator-2', payload: { n: 2 } });
    expect(heard[0].seen).toEqual([]);
  });

  it('tell reaches the node it names and no other', async () => {
    const [one, other] = await two();
    const device = await connect('device-1', 'device');
    const told = inbox<BusMessage>();
    const overheard = inbox<BusMessage>();
    other.receive('test.note', told.push);
    device.receive('test.note', overheard.push);
    await Promise.all([other.flush(), device.flush()]);
    one.tell('validator-2', 'test.note', { n: 1 });
    expect(await told.next()).toMatchObject({ from: 'validator-1', topic: 'test.note', payload: { n: 1 } });
    one.tell('device-1', 'test.note', { n: 2 });
    expect(await overheard.next()).toMatchObject({ payload: { n: 2 } });
    expect(told.seen).toEqual([]);
  });

  it('messages of one sender arrive in order', async () => {
    const [one, other] = await two();
    const told = inbox<BusMessage>();
    other.receive('test.note', told.push);
    await other.flush();
    for (let n = 0; n < 1_000; n++) one.tell('validator-2', 'test.note', { n });
    for (let n = 0; n < 1_000; n++) expect((await told.next()).payload).toEqual({ n });
  });

  it('two listeners of a topic both hear it, and one that left no longer does', async () => {
    const [one, other] = await two();
    const first = inbox<BusMessage>();
    const second = inbox<BusMessage>();
    const leave = other.hear('test.news', first.push);
    other.hear('test.news', second.push);
    await other.flush();
    one.say('test.news', { n: 1 });
    expect((await first.next()).payload).toEqual({ n: 1 });
    expect((await second.next()).payload).toEqual({ n: 1 });
    leave();
    one.say('test.news', { n: 2 });
    expect((await second.next()).payload).toEqual({ n: 2 });
    expect(first.seen).toEqual([]);
  });

  it('a handler that throws stops neither the others nor what comes next', async () => {
    const refusals = inbox<Refusal>();
    const one = await connect('validator-1', 'validator');
    const other = await connect('validator-2', 'validator', { onRefused: refusals.push });
    const heard = inbox<BusMessage>();
    other.hear('test.news', () => {
      throw new Error('boom');
    });
    other.hear('test.news', heard.push);
    await other.flush();
    one.say('test.news', { n: 1 });
    one.say('test.news', { n: 2 });
    expect((await heard.next()).payload).toEqual({ n: 1 });
    expect((await heard.next()).payload).toEqual({ n: 2 });
    expect(await refusals.next()).toMatchObject({ reason: 'handlerFailed' });
  });

  it('payloads travel as JSON, CBOR or raw TLV, and say which', async () => {
    const [one, other] = await two();
    const told = inbox<BusMessage>();
    other.receive('test.note', told.push);
    await other.flush();
    const bytes = Uint8Array.of(0, 127, 255);
    one.tell('validator-2', 'test.note', { bytes, deep: [{ bytes }], text: 'grün 🌱', none: null });
    expect(await told.next()).toMatchObject({
      format: 'json',
      payload: { bytes: '007fff', deep: [{ bytes: '007fff' }], text: 'grün 🌱', none: null },
    });
    one.tell('validator-2', 'test.note', { bytes, big: 2 ** 40 }, { format: 'cbor' });
    const cbor = await told.next();
    expect(cbor).toMatchObject({ format: 'cbor', payload: { big: 2 ** 40 } });
    expect((cbor.payload as { bytes: unknown }).bytes).toEqual(bytes);
    one.tell('validator-2', 'test.note', bytes);
    expect(await told.next()).toEqual({ from: 'validator-1', topic: 'test.note', format: 'tlv', payload: bytes });
    one.tell('validator-2', 'test.note', undefined);
    expect((await told.next()).payload).toEqual({});
    for (const scalar of ['text', 17, true, null]) {
      one.tell('validator-2', 'test.note', scalar);
      expect(await told.next()).toMatchObject({ format: 'json', payload: scalar });
    }
  });

  it('without a content type, empty is {}, { and [ are JSON, anything else is CBOR', async () => {
    const { raw } = given();
    const client = await raw('validator-1');
    const other = await connect('validator-2', 'validator');
    const told = inbox<BusMessage>();
    other.receive('test.note', told.push);
    await other.flush();
    const subject = `${prefix}tell.validator-2.validator-1.test.note`;
    client.publish(subject, '');
    expect(await told.next()).toMatchObject({ format: 'json', payload: {} });
    client.publish(subject, '{"a":1}');
    expect(await told.next()).toMatchObject({ format: 'json', payload: { a: 1 } });
    client.publish(subject, '[1]');
    expect(await told.next()).toMatchObject({ format: 'json', payload: [1] });
    client.publish(subject, Uint8Array.of(0xa1, 0x61, 0x61, 0x01));
    expect(await told.next()).toMatchObject({ format: 'cbor', payload: { a: 1 } });
    client.publish(subject, ' 17', [['content-type', 'Application/JSON; charset=utf-8']]);
    expect(await told.next()).toMatchObject({ format: 'json', payload: 17 });
  });

  it('what cannot be decoded is refused with its reason and reaches no handler', async () => {
    const refusals = inbox<Refusal>();
    const counted: unknown[] = [];
    const client = await given().raw('validator-1');
    const other = await connect('validator-2', 'validator', {
      onRefused: refusals.push,
      metrics: { count: (...call) => counted.push(call) },
    });
    const told = inbox<BusMessage>();
    other.receive('test.note', told.push);
    await other.flush();
    const subject = `${prefix}tell.validator-2.validator-1.test.note`;
    const malformed: readonly (readonly [string | Uint8Array, HeaderList?])[] = [
      ['{"a":'],
      [Uint8Array.of(0x7b, 0xff, 0x7d)],
      [Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff)],
      [Uint8Array.of(0xa1, 0x61)],
      ['{}', [['Content-Type', 'text/html']]],
    ];
    for (const [data, headers] of malformed) {
      client.publish(subject, data, headers);
      expect(await refusals.next()).toMatchObject({ reason: 'malformed', subject, error: expect.any(IsochronError) });
    }
    client.publish(subject, '{"ok":true}');
    expect((await told.next()).payload).toEqual({ ok: true });
    expect(counted).toHaveLength(malformed.length);
    expect(counted[0]).toEqual(['bus_refused_total', { reason: 'malformed' }]);
  });

  it('an ask is answered with the reply of its handler, sync or async', async () => {
    const [one, other] = await two();
    const requests = inbox<BusRequest>();
    other.answer('test.echo', (request) => {
      requests.push(request);
      return { echo: request.payload };
    });
    other.answer('test.other', async () => [1, 2]);
    await other.flush();
    expect(await one.ask('validator-2', 'test.echo', { n: 1 })).toEqual({ echo: { n: 1 } });
    expect(await requests.next()).toEqual({
      from: 'validator-1',
      verb: 'test.echo',
      payload: { n: 1 },
      format: 'json',
    });
    expect(await one.ask('validator-2', 'test.other')).toEqual([1, 2]);
  });

  it('replies keep to the format of the request', async () => {
    const [one, other] = await two();
    const client = await given().raw('client-1');
    const bytes = Uint8Array.of(1, 2);
    other.answer('test.echo', () => ({ bytes }));
    await other.flush();
    expect(await one.ask('validator-2', 'test.echo')).toEqual({ bytes: '0102' });
    expect(await one.ask('validator-2', 'test.echo', {}, { format: 'cbor' })).toEqual({ bytes });
    const replies = inbox<Frame>();
    client.subscribe('_INBOX.client-1.aaaaaaaaaaaaaaaa.*', replies.push);
    await client.flush();
    const ask = (data: string | Uint8Array, headers?: HeaderList) =>
      client.publish(
        `${prefix}ask.validator-2.client-1.test.echo`,
        data,
        headers,
        '_INBOX.client-1.aaaaaaaaaaaaaaaa.1',
      );
    ask('{}');
    expect(text(await replies.next())).toBe('{"bytes":"0102"}');
    ask('{}', [['Content-Type', 'application/json']]);
    expect((await replies.next()).headers?.get('Content-Type')).toBe('application/json');
    ask(Uint8Array.of(0xa0));
    const cbor = await replies.next();
    expect(cbor.headers?.get('Content-Type')).toBe('application/cbor');
    expect([...cbor.data]).toEqual([0xa1, 0x65, 0x62, 0x79, 0x74, 0x65, 0x73, 0x42, 1, 2]);
  });

  it('one ready validator answers any, and one that leaves is asked no more', async () => {
    const [one, other] = await two();
    const device = await connect('device-1', 'device');
    const client = await connect('client-1', 'client');
    for (const bus of [one, other, device]) bus.answer('test.echo', () => ({ by: bus.node }));
    const asked = async () =>
      new Set(
        (await Promise.all(Array.from({ length: 40 }, () => client.ask('any', 'test.echo')))).map(
          (reply) => (reply as { by: string }).by,
        ),
      );
    device.setReady(true);
    await device.flush();
    await expect(client.ask('any', 'test.echo')).rejects.toEqual(code('NO_RESPONDERS'));
    one.setReady(true);
    other.setReady(true);
    await Promise.all([one.flush(), other.flush()]);
    expect(await asked()).toEqual(new Set(['validator-1', 'validator-2']));
    one.setReady(false);
    await one.flush();
    expect(await asked()).toEqual(new Set(['validator-2']));
    expect(await one.ask('any', 'test.echo')).toEqual({ by: 'validator-2' });
  });

  it('an ask that nobody serves fails at once, one that nobody answers in time fails in time', async () => {
    const [one, other] = await two();
    await expect(one.ask('validator-2', 'test.echo')).rejects.toEqual(code('NO_RESPONDERS'));
    const late = held();
    other.answer('test.late', late.wait);
    await other.flush();
    await expect(one.ask('validator-2', 'test.late', {}, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'ASK_TIMEOUT',
      details: { to: 'validator-2', verb: 'test.late', timeoutMs: 20 },
    });
    await expect(one.ask('validator-2', 'test.late', {}, { timeoutMs: 60_000 })).rejects.toEqual(
      code('BUS_OPTION_INVALID'),
    );
    await expect(one.ask('validator-2', 'test.late', {}, { timeoutMs: Number.NaN })).rejects.toEqual(
      code('BUS_OPTION_INVALID'),
    );
    late.release();
  });

  it('an aborted ask rejects with the reason of its signal', async () => {
    const [one, other] = await two();
    const late = held();
    other.answer('test.late', late.wait);
    await other.flush();
    const controller = new AbortController();
    const reply = one.ask('validator-2', 'test.late', {}, { signal: controller.signal });
    await late.waiting;
    controller.abort(new Error('enough'));
    await expect(reply).rejects.toThrow('enough');
    await expect(one.ask('validator-2', 'test.late', {}, { signal: controller.signal })).rejects.toThrow('enough');
    late.release();
  });

  it('errors of a handler arrive typed, unexpected ones without their text', async () => {
    const refusals = inbox<Refusal>();
    const one = await connect('validator-1', 'validator');
    const other = await connect('validator-2', 'validator', { onRefused: refusals.push });
    other.answer('test.echo', () => {
      throw new IsochronError('MAT_REVOKED', 410, 'revoked — in epoch 7', { details: { matId: 'abc', epoch: 7 } });
    });
    other.answer('test.other', async () => {
      throw new Error('a secret path');
    });
    other.answer('test.late', () => ({ loop: 10n }));
    await other.flush();
    for (const format of ['json', 'cbor'] as const) {
      await expect(one.ask('validator-2', 'test.echo', {}, { format })).rejects.toMatchObject({
        name: 'RemoteError',
        code: 'MAT_REVOKED',
        status: 410,
        message: 'revoked — in epoch 7',
        details: { matId: 'abc', epoch: 7 },
      });
    }
    await expect(one.ask('validator-2', 'test.other')).rejects.toMatchObject({
      code: 'INTERNAL',
      status: 500,
      message: 'internal error',
    });
    expect(await refusals.next()).toMatchObject({ reason: 'handlerFailed', error: new Error('a secret path') });
    await expect(one.ask('validator-2', 'test.late')).rejects.toEqual(code('PAYLOAD_UNENCODABLE'));
  });

  it('error replies carry ADR-32 headers and a body with the code', async () => {
    const client = await given().raw('client-1');
    const other = await connect('validator-2', 'validator');
    other.answer('test.add', () => ({}));
    await other.flush();
    const replies = inbox<Frame>();
    client.subscribe('_INBOX.client-1.aaaaaaaaaaaaaaaa.*', replies.push);
    await client.flush();
    const subject = `${prefix}ask.validator-2.client-1.test.add`;
    client.publish(subject, '{"a":1,"terms":[1,"x"]}', undefined, '_INBOX.client-1.aaaaaaaaaaaaaaaa.1');
    const reply = await replies.next();
    expect(reply.headers?.get('Nats-Service-Error-Code')).toBe('400');
    expect(reply.headers?.get('Nats-Service-Error')).toContain('terms.1');
    expect(JSON.parse(text(reply))).toEqual({
      error: { code: 'BAD_REQUEST', message: expect.stringContaining('terms.1: '), details: { field: 'terms.1' } },
    });
    client.publish(subject, '{"a":', undefined, '_INBOX.client-1.aaaaaaaaaaaaaaaa.2');
    expect(JSON.parse(text(await replies.next()))).toMatchObject({ error: { code: 'PAYLOAD_MALFORMED' } });
    client.publish(subject, 'x', [['Content-Type', 'text/plain']], '_INBOX.client-1.aaaaaaaaaaaaaaaa.3');
    const unsupported = await replies.next();
    expect(unsupported.headers?.get('Nats-Service-Error-Code')).toBe('415');
    expect(JSON.parse(text(unsupported))).toMatchObject({ error: { code: 'FORMAT_UNSUPPORTED' } });
  });

  it('a verb that is unknown or not served here is 404', async () => {
    const [one, other] = await two();
    const host = await connect('host', 'host');
    other.answer('test.echo', () => ({}));
    other.setReady(true);
    await other.flush();
    await expect(one.ask('validator-2', 'test.other')).rejects.toMatchObject({ code: 'UNKNOWN_VERB', status: 404 });
    await expect(host.ask('any', 'test.other')).rejects.toMatchObject({ code: 'UNKNOWN_VERB', status: 404 });
    expect(() => other.answer('no.verb', () => ({}))).toThrow(code('UNKNOWN_VERB'));
    expect(() => other.answer('test.echo', () => ({}))).toThrow(code('VERB_TAKEN'));
  });

  it('the schema strips what it does not know before a handler sees it', async () => {
    const [one, other] = await two();
    other.answer('test.add', ({ payload }) => ({ payload }));
    await other.flush();
    expect(await one.ask('validator-2', 'test.add', { a: 1, terms: [], extra: true })).toEqual({
      payload: { a: 1, terms: [] },
    });
  });

  it('nothing larger than max_payload is sent, and a reply that is comes back as an error', async () => {
    const [one, other] = await two();
    const large = { text: 'x'.repeat(given().maxPayload) };
    expect(() => one.say('test.news', large)).toThrow(code('PAYLOAD_TOO_LARGE'));
    expect(() => one.tell('validator-2', 'test.note', new Uint8Array(given().maxPayload))).toThrow(
      code('PAYLOAD_TOO_LARGE'),
    );
    await expect(one.ask('validator-2', 'test.echo', large)).rejects.toEqual(code('PAYLOAD_TOO_LARGE'));
    other.answer('test.echo', () => large);
    other.answer('test.other', () => ({ fits: true }));
    await other.flush();
    await expect(one.ask('validator-2', 'test.echo')).rejects.toMatchObject({
      name: 'RemoteError',
      code: 'PAYLOAD_TOO_LARGE',
      status: 413,
    });
    expect(await one.ask('validator-2', 'test.other')).toEqual({ fits: true });
  });

  it('names that cannot be subject tokens are refused before anything is sent', async () => {
    const one = await connect('validator-1', 'validator');
    expect(() => one.tell('any', 'test.note', {})).toThrow(code('NAME_INVALID'));
    expect(() => one.tell('A.b', 'test.note', {})).toThrow(code('NAME_INVALID'));
    expect(() => one.say('test.>', {})).toThrow(code('NAME_INVALID'));
    expect(() => one.hear('test', () => undefined)).toThrow(code('NAME_INVALID'));
    await expect(one.ask('validator-2', 'test.echo.more')).rejects.toEqual(code('NAME_INVALID'));
    await expect(one.ask('no one', 'test.echo')).rejects.toEqual(code('NAME_INVALID'));
    expect(() => one.live('../etc', {})).toThrow(code('NAME_INVALID'));
  });

  it('from is what the subject says, whatever the payload claims', async () => {
    const client = await given().raw('validator-1');
    const other = await connect('validator-2', 'validator');
    const told = inbox<BusMessage>();
    other.receive('test.note', told.push);
    await other.flush();
    client.publish(`${prefix}tell.validator-2.validator-1.test.note`, '{"from":"host"}');
    expect((await told.next()).from).toBe('validator-1');
  });

  it('an ask whose reply points outside the inboxes is not handled', async () => {
    const refusals = inbox<Refusal>();
    const client = await given().raw('device-1');
    const victim = await connect('validator-1', 'validator');
    const other = await connect('validator-2', 'validator', { onRefused: refusals.push });
    const told = inbox<BusMessage>();
    const handled: unknown[] = [];
    victim.receive('test.note', told.push);
    other.answer('test.echo', (request) => {
      handled.push(request);
      return {};
    });
    await Promise.all([victim.flush(), other.flush()]);
    const subject = `${prefix}ask.validator-2.device-1.test.echo`;
    for (const forged of [
      `${prefix}tell.validator-1.validator-2.test.note`,
      '$JS.API.STREAM.CREATE.X',
      `${prefix}ask.validator-1.host.test.echo`,
    ]) {
      client.publish(subject, '{}', undefined, forged);
      expect(await refusals.next()).toMatchObject({ reason: 'badReplySubject', subject });
    }
    client.publish(subject, '{}');
    expect(await refusals.next()).toMatchObject({ reason: 'badReplySubject' });
    expect(handled).toEqual([]);
    expect(told.seen).toEqual([]);
  });

  it('two connections of one name do not hear each other’s replies', async () => {
    const other = await connect('validator-2', 'validator');
    other.answer('test.echo', ({ payload }) => payload);
    await other.flush();
    const people = await Promise.all([connect('operator', 'operator'), connect('operator', 'operator')]);
    const replies = await Promise.all(
      people.flatMap((bus, i) => [1, 2, 3].map((n) => bus.ask('validator-2', 'test.echo', { i, n }))),
    );
    expect(replies).toEqual([0, 1].flatMap((i) => [1, 2, 3].map((n) => ({ i, n }))));
  });

  it('traceparent is carried through, there and back', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const [one, other] = await two();
    const told = inbox<BusMessage>();
    const asked = inbox<BusRequest>();
    other.receive('test.note', told.push);
    other.answer('test.echo', (request) => {
      asked.push(request);
      return {};
    });
    await other.flush();
    one.tell('validator-2', 'test.note', {}, { traceparent });
    expect((await told.next()).traceparent).toBe(traceparent);
    await one.ask('validator-2', 'test.echo', {}, { traceparent });
    expect((await asked.next()).traceparent).toBe(traceparent);
    one.tell('validator-2', 'test.note', {}, { traceparent: 'forged\r\nX: y' });
    expect(await told.next()).not.toHaveProperty('traceparent');
  });

  it('live streams reach those who watch, by actor or all of a node', async () => {
    const node = await connect('validator-1', 'validator');
    const person = await connect('viewer', 'viewer');
    const everything = inbox<readonly [string, unknown]>();
    const one = inbox<readonly [string, unknown]>();
    person.watch('validator-1', '*', (...seen) => everything.push(seen));
    const leave = person.watch('validator-1', 'ledger/sync', (...seen) => one.push(seen));
    await person.flush();
    node.live('election', { type: '@xstate.snapshot' });
    node.live('ledger/sync', { type: '@xstate.event' });
    expect(await everything.next()).toEqual(['election', { type: '@xstate.snapshot' }]);
    expect(await everything.next()).toEqual(['ledger/sync', { type: '@xstate.event' }]);
    expect(await one.next()).toEqual(['ledger/sync', { type: '@xstate.event' }]);
    leave();
    node.live('ledger/sync', { n: 2 });
    expect(await everything.next()).toEqual(['ledger/sync', { n: 2 }]);
    expect(one.seen).toEqual([]);
  });

  it('discovery answers PING, INFO and STATS in the shapes of ADR-32', async () => {
    const client = await given().raw('operator');
    const node = await connect('validator-1', 'validator', { service: { version: '1.2.3', description: 'a node' } });
    node.answer('test.echo', () => ({}));
    node.answer('test.add', () => ({}));
    node.setReady(true);
    const asker = await connect('host', 'host');
    await node.flush();
    await asker.ask('validator-1', 'test.echo');
    await asker.ask('any', 'test.echo');
    await expect(asker.ask('validator-1', 'test.add', {})).rejects.toEqual(code('BAD_REQUEST'));
    const replies = inbox<Frame>();
    client.subscribe('_INBOX.operator.aaaaaaaaaaaaaaaa.*', replies.push);
    await client.flush();
    const ask = async (subject: string): Promise<Record<string, unknown>> => {
      client.publish(subject, '', undefined, '_INBOX.operator.aaaaaaaaaaaaaaaa.1');
      return JSON.parse(text(await replies.next()));
    };
    const ping = await ask('$SRV.PING');
    const id = ping['id'] as string;
    expect(id).toMatch(/^[A-Za-z0-9_-]{16,}$/);
    const identity = {
      name: 'isochron',
      id,
      version: '1.2.3',
      metadata: { cluster: 'test', node: 'validator-1', role: 'validator' },
    };
    expect(ping).toEqual({ type: 'io.nats.micro.v1.ping_response', ...identity });
    const endpoint = (verb: string, to: string, queue: string, suffix = '') => ({
      name: `test-${verb}${suffix}`,
      subject: `${prefix}ask.${to}.*.test.${verb}`,
      queue_group: queue,
    });
    const endpoints = [
      endpoint('echo', 'validator-1', ''),
      endpoint('add', 'validator-1', ''),
      endpoint('echo', 'any', 'q', '-any'),
    ];
    const info = {
      type: 'io.nats.micro.v1.info_response',
      ...identity,
      description: 'a node',
      endpoints: endpoints.map((one) => ({ ...one, metadata: { from: '6' } })),
    };
    for (const subject of ['$SRV.INFO', '$SRV.INFO.isochron', `$SRV.INFO.isochron.${id}`])
      expect(await ask(subject)).toEqual(info);
    const counted = (requests: number, errors: number) => ({
      num_requests: requests,
      num_errors: errors,
      last_error: errors === 0 ? '' : expect.stringContaining('BAD_REQUEST'),
      processing_time: expect.any(Number),
      average_processing_time: expect.any(Number),
    });
    const counts = [counted(1, 0), counted(1, 1), counted(1, 0)];
    const stats = await ask(`$SRV.STATS.isochron.${id}`);
    expect(stats).toEqual({
      type: 'io.nats.micro.v1.stats_response',
      ...identity,
      started: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      endpoints: endpoints.map((one, i) => ({ ...one, ...counts[i] })),
    });
    client.publish('$SRV.PING.other', '', undefined, '_INBOX.operator.aaaaaaaaaaaaaaaa.1');
    client.publish('$SRV.PING.isochron.other', '', undefined, '_INBOX.operator.aaaaaaaaaaaaaaaa.1');
    client.publish('$SRV.PING', '', undefined, `${prefix}tell.validator-2.validator-1.test.note`);
    expect(await ask('$SRV.PING.isochron')).toEqual(ping);
  });

  it('while the server is away, asks fail at once, drop drops, keep keeps in order', async () => {
    const refusals = inbox<Refusal>();
    const {
      bus: one,
      cut,
      restore,
    } = await given().connectCuttable('validator-1', 'validator', { onRefused: refusals.push });
    const other = await connect('validator-2', 'validator');
    const told = inbox<BusMessage>();
    const news = inbox<BusMessage>();
    const late = held();
    other.receive('test.note', told.push);
    one.hear('test.news', news.push);
    other.answer('test.late', late.wait);
    await Promise.all([one.flush(), other.flush()]);
    const lost = expect(one.ask('validator-2', 'test.late')).rejects.toEqual(code('BUS_UNAVAILABLE'));
    await late.waiting;
    const away = statusOf(one, 'reconnecting');
    await cut();
    await away;
    await lost;
    await expect(one.ask('validator-2', 'test.late')).rejects.toEqual(code('BUS_UNAVAILABLE'));
    await expect(one.flush()).rejects.toEqual(code('BUS_UNAVAILABLE'));
    one.tell('validator-2', 'test.note', { dropped: true });
    expect(await refusals.next()).toMatchObject({ reason: 'offline' });
    for (const n of [1, 2, 3]) one.tell('validator-2', 'test.note', { n }, { offline: 'keep' });
    const bytes = Uint8Array.of(1);
    one.tell('validator-2', 'test.note', bytes, { offline: 'keep' });
    bytes[0] = 9;
    const back = statusOf(one, 'connected');
    await restore();
    await back;
    one.tell('validator-2', 'test.note', { n: 4 });
    for (const payload of [{ n: 1 }, { n: 2 }, { n: 3 }, Uint8Array.of(1), { n: 4 }]) {
      expect((await told.next()).payload).toEqual(payload);
    }
    other.say('test.news', { n: 5 });
    expect((await news.next()).payload).toEqual({ n: 5 });
    late.release();
  });

  it('what is kept for the reconnect is bounded, and the newest is refused', async () => {
    const refusals = inbox<Refusal>();
    const { bus, cut } = await given().connectCuttable('validator-1', 'validator', { onRefused: refusals.push });
    const away = statusOf(bus, 'reconnecting');
    await cut();
    await away;
    for (let n = 0; n < outboxMessagesMax; n++) bus.say('test.news', { n }, { offline: 'keep' });
    expect(refusals.seen).toEqual([]);
    bus.say('test.news', {}, { offline: 'keep' });
    expect(await refusals.next()).toMatchObject({ reason: 'outboxFull' });
  });

  it('a consumer that falls behind loses the newest, is told, and goes on in order', async () => {
    const dropped = inbox<Refusal>();
    const statuses = inbox<BusStatus>();
    const one = await connect('validator-1', 'validator');
    const slow = await connect('validator-2', 'validator', { pendingMax: 100, onRefused: dropped.push });
    const told = inbox<BusMessage>();
    slow.onStatus(statuses.push);
    slow.receive('test.note', (message) => {
      if ((message.payload as { n: number }).n === 100) spin(20);
      told.push(message);
    });
    await slow.flush();
    const sent = 20_000;
    for (let n = 0; n < sent; n++) one.tell('validator-2', 'test.note', { n });
    expect(await statuses.next()).toEqual({ type: 'slowConsumer', pending: 100 });
    expect(slow.status().type).toBe('connected');
    await one.flush();
    await slow.drain();
    const order = told.seen.map(({ payload }) => (payload as { n: number }).n);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order.length + dropped.seen.length).toBe(sent);
    expect(dropped.seen.every(({ reason }) => reason === 'slowConsumer')).toBe(true);
  });

  it('drain answers what is in flight, then closes; afterwards nothing is sent', async () => {
    const refusals = inbox<Refusal>();
    const one = await connect('validator-1', 'validator');
    const other = await connect('validator-2', 'validator', { onRefused: refusals.push });
    const late = held();
    other.answer('test.late', late.wait);
    await other.flush();
    const reply = one.ask('validator-2', 'test.late');
    await late.waiting;
    const drained = other.drain();
    expect(other.drain()).toBe(drained);
    late.release();
    expect(await reply).toEqual({ done: true });
    await drained;
    expect(other.status()).toEqual({ type: 'closed' });
    other.say('test.news', {}, { offline: 'keep' });
    expect(await refusals.next()).toMatchObject({ reason: 'closed' });
    await expect(other.ask('validator-1', 'test.echo')).rejects.toEqual(code('BUS_UNAVAILABLE'));
    await expect(one.ask('validator-2', 'test.late')).rejects.toEqual(code('NO_RESPONDERS'));
  });
};
