/** The ceiling with JSON: the least code that does the same, an own reply inbox and a JSON envelope over nats.js. */
import { connect, type NatsConnection } from 'nats';
import { type Driver, type DriverOptions, payload } from './driver.ts';

interface Envelope {
  readonly from: string;
  readonly payload: unknown;
}

const open = ({ server, user, password }: DriverOptions): Promise<NatsConnection> =>
  connect({ servers: server, user, pass: password, noAsyncTraces: true });

export const driver: Driver = {
  serve: async (options, onTold) => {
    const nc = await open(options);
    nc.subscribe('hand.ask', {
      callback: (_error, message) => {
        const request = JSON.parse(message.string()) as Envelope;
        nc.publish(message.reply ?? '', JSON.stringify({ from: 'server', payload: request.payload }));
      },
    });
    nc.subscribe('hand.tell', {
      callback: (_error, message) => onTold((JSON.parse(message.string()) as Envelope).payload),
    });
    await nc.flush();
  },
  drive: async (options) => {
    const nc = await open(options);
    const inbox = `_INBOX.hand.${process.pid}.`;
    const pending = new Map<number, (reply: unknown) => void>();
    let next = 0;
    nc.subscribe(`${inbox}*`, {
      callback: (_error, message) => {
        const n = Number(message.subject.slice(inbox.length));
        const reply = JSON.parse(message.string()) as Envelope;
        pending.get(n)?.(reply.payload);
        pending.delete(n);
      },
    });
    await nc.flush();
    return {
      ask: () =>
        new Promise((resolve) => {
          const n = next++;
          pending.set(n, resolve);
          nc.publish('hand.ask', JSON.stringify({ from: 'client', payload }), { reply: inbox + n });
        }),
      tell: () => nc.publish('hand.tell', JSON.stringify({ from: 'client', payload })),
    };
  },
};
