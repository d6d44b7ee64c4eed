/** The in-memory twin keeps the bus contract. */
import { afterEach, beforeEach, describe } from 'vitest';
import { createClock } from '../../actors/system/clock.ts';
import { createRandom } from '../../actors/system/random.ts';
import { type Bus, MemoryHub } from '../../bus/index.ts';
import { type BusUnderTest, busContract, contractCluster, contractVerbs } from './busContract.ts';

describe('MemoryBus as a bus', () => {
  const clock = createClock();
  const common = { cluster: contractCluster, clock, random: createRandom(), verbs: contractVerbs };
  let hub: MemoryHub;
  let buses: Bus[];

  beforeEach(() => {
    hub = new MemoryHub({ clock });
    buses = [];
  });
  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.drain()));
  });

  const under: BusUnderTest = {
    maxPayload: 1_048_576,
    connect: async (node, role, options) => {
      const bus = hub.connect({ ...common, node, role, ...options });
      buses.push(bus);
      return bus;
    },
    raw: async (node) => {
      const transport = hub.attach(node);
      return {
        publish: (subject, data, headers, reply) => transport.publish(subject, data, headers, reply),
        subscribe: (subject, handler) => void transport.subscribe(subject, undefined, handler),
        flush: () => transport.flush(),
      };
    },
    connectCuttable: async (node, role, options) => ({
      bus: await under.connect(node, role, options),
      cut: async () => hub.setConnected(node, false),
      restore: async () => hub.setConnected(node, true),
    }),
  };

  busContract(() => under);
});
