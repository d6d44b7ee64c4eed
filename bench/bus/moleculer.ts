/** Moleculer over NATS with its defaults, metrics and logs off: `call` for asks, `emit` for tells. */
import { createRequire } from 'node:module';
import { type Driver, type DriverOptions, payload } from './driver.ts';

interface Broker {
  createService(schema: object): void;
  start(): Promise<void>;
  waitForServices(names: string | readonly string[]): Promise<void>;
  call(action: string, params: unknown): Promise<unknown>;
  emit(event: string, payload: unknown): Promise<void>;
}
interface Context {
  readonly params: unknown;
}

const createBroker = (nodeID: string, { server, peers, user, password }: DriverOptions): Broker => {
  const { ServiceBroker } = createRequire(peers)('moleculer') as { ServiceBroker: new (options: object) => Broker };
  const transporter = `nats://${user}:${password}@${server}`;
  return new ServiceBroker({ nodeID, transporter, logger: false, metrics: false, tracing: false });
};

export const driver: Driver = {
  serve: async (options, onTold) => {
    const broker = createBroker('server', options);
    broker.createService({
      name: 'bench',
      actions: { echo: { params: { text: 'string' }, handler: (context: Context) => context.params } },
      events: { 'bench.note': (context: Context) => onTold(context.params) },
    });
    await broker.start();
  },
  drive: async (options) => {
    const broker = createBroker('client', options);
    await broker.start();
    await broker.waitForServices('bench');
    return {
      ask: () => broker.call('bench.echo', payload),
      tell: () => void broker.emit('bench.note', payload),
    };
  },
};
