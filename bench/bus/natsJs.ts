/** nats.js as its documentation shows it: `request()` and `publish()` of bytes, nothing decoded. */
import { connect, type NatsConnection } from 'nats';
import { type Driver, type DriverOptions, payload } from './driver.ts';

const bytes = new TextEncoder().encode(JSON.stringify(payload));
const timeoutMs = 5_000;

const open = ({ server, user, password }: DriverOptions): Promise<NatsConnection> =>
  connect({ servers: server, user, pass: password });

export const driver: Driver = {
  serve: async (options, onTold) => {
    const nc = await open(options);
    nc.subscribe('raw.ask', { callback: (_error, message) => void message.respond(message.data) });
    nc.subscribe('raw.tell', { callback: (_error, message) => onTold(message.data) });
    await nc.flush();
  },
  drive: async (options) => {
    const nc = await open(options);
    return {
      ask: () => nc.request('raw.ask', bytes, { timeout: timeoutMs }),
      tell: () => nc.publish('raw.tell', bytes),
    };
  },
};
