/** The contract of a bus: discovery, absence, floods and the end. One suite for both carriers. */
import { expect, it } from 'vitest';
import { turnMaxMs } from '../../bus/inbound.ts';
import type { BusMessage, BusOptions, BusStatus, Refusal } from '../../bus/index.ts';
import { outboxMessagesMax } from '../../bus/outbox.ts';
import type { Frame } from '../../bus/transport.ts';
import type { Role } from '../../protocol/index.ts';
import { type BusUnderTest, code, held, inbox, prefix, spin, statusOf, text } from './busContractSupport.ts';

export const busResilienceContract = (given: () => BusUnderTest): void => {
  const connect = (node: string, role: Role, options?: Partial<BusOptions>) => given().connect(node, role, options);
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
    const id = ping.id as string;
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
      if ((message.payload as { n: number }).n % 1_000 === 100) spin(2 * turnMaxMs);
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
