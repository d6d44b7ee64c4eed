/** The contract of a bus: what is asked and answered. One suite for both carriers. */
import { expect, it } from 'vitest';
import type { BusOptions, BusRequest, Refusal } from '../../bus/index.ts';
import type { Frame, HeaderList } from '../../bus/transport.ts';
import { IsochronError, type Role } from '../../protocol/index.ts';
import { type BusUnderTest, code, held, inbox, prefix, text } from './busContractSupport.ts';

export const busAsksContract = (given: () => BusUnderTest): void => {
  const connect = (node: string, role: Role, options?: Partial<BusOptions>) => given().connect(node, role, options);
  const two = async () =>
    [await connect('validator-1', 'validator'), await connect('validator-2', 'validator')] as const;

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
};
