/** The contract of a bus: what comes from outside, and how it is seen. One suite for both carriers. */
import { expect, it } from 'vitest';
import type { BusMessage, BusOptions, BusRequest, Refusal } from '../../bus/index.ts';
import type { Role } from '../../protocol/index.ts';
import { type BusUnderTest, inbox, prefix } from './busContractSupport.ts';

export const busEdgesContract = (given: () => BusUnderTest): void => {
  const connect = (node: string, role: Role, options?: Partial<BusOptions>) => given().connect(node, role, options);
  const two = async () =>
    [await connect('validator-1', 'validator'), await connect('validator-2', 'validator')] as const;

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
};
