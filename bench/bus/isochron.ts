/** Isochron's bus with the permissions, schema check, statistics and limits that every node has. */
import { z } from 'zod';
import { createClock, createRandom } from '../../actors/system/worldParts.ts';
import { connectNats, type NatsOptions } from '../../bus/index.ts';
import { roles, type VerbSpec } from '../../protocol/index.ts';
import { type Driver, type DriverOptions, payload } from './driver.ts';

export const benchCluster = 'bench';
export const benchVerbs: Readonly<Record<string, VerbSpec>> = {
  'bench.echo': {
    summary: 'Answers with what it was asked.',
    request: z.object({ text: z.string() }),
    reply: z.object({ text: z.string() }),
    askedBy: roles,
    answeredBy: roles,
    any: false,
  },
};

const options = (node: string, { server, seeds }: DriverOptions): NatsOptions => {
  const seed = seeds[node];
  return {
    servers: server,
    cluster: benchCluster,
    node,
    role: 'validator',
    clock: createClock(),
    random: createRandom(),
    verbs: benchVerbs,
    ...(seed === undefined ? {} : { seed }),
  };
};

export const driver: Driver = {
  serve: async (given, onTold) => {
    const bus = await connectNats(options('server', given));
    bus.answer('bench.echo', (request) => request.payload);
    bus.receive('bench.note', (message) => onTold(message.payload));
    await bus.flush();
  },
  drive: async (given) => {
    const bus = await connectNats(options('client', given));
    return {
      ask: () => bus.ask('server', 'bench.echo', payload),
      tell: () => bus.tell('server', 'bench.note', payload),
    };
  },
};
