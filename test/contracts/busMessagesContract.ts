/** The contract of a bus: what is said and told. One suite for both carriers. */
import { expect, it } from 'vitest';
import type { BusMessage, BusOptions, Refusal } from '../../bus/index.ts';
import type { HeaderList } from '../../bus/transport.ts';
import { IsochronError, type Role } from '../../protocol/index.ts';
import { type BusUnderTest, inbox, prefix } from './busContractSupport.ts';

export const busMessagesContract = (given: () => BusUnderTest): void => {
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
};
