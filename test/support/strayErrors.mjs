/**
 * A real process in which actors fail outside of every dispatch: each in its own way, none through the clock of its
 * World. Prints what became of them as one line of JSON. Runs on dist/, as processes do.
 */
import { setup } from 'xstate';
import {
  actor,
  createClock,
  createMemoryStore,
  createMetrics,
  createRandom,
  defineActor,
  defineSupervisor,
  installCrashHandlers,
  System,
  silentLog,
} from '../../dist/actors/index.js';
import { MemoryHub } from '../../dist/bus/index.js';
import { action, activity, task } from '../../dist/machines/index.js';

const fail = (how) => {
  throw new Error(how);
};

/** How code escapes: what an actor of that name does once. */
const escapes = {
  rejection: () => void Promise.reject(new Error('rejection')),
  afterAwait: () => {
    (async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      fail('afterAwait');
    })();
  },
  timer: () => setTimeout(() => fail('timer'), 5),
  interval: () => {
    const interval = setInterval(() => {
      clearInterval(interval);
      fail('interval');
    }, 5);
  },
  immediate: () => setImmediate(() => fail('immediate')),
  nextTick: () => process.nextTick(() => fail('nextTick')),
  reply: ({ bus }) => {
    bus.ask('other', 'epoch.get').then(() => fail('reply'));
  },
  abortListener: (_world, signal) => signal.addEventListener('abort', () => fail('abortListener')),
};

const once = new Set();
const stray = (name) =>
  defineActor({
    name,
    machine: setup({ actions: { go: action() }, actors: { last: activity(), wait: task() } }).createMachine({
      initial: 'a',
      states: { a: { invoke: [{ src: 'last' }], entry: 'go', after: { 10: 'b' } }, b: {} },
    }),
    input: () => undefined,
    effects: (world) => ({
      go: () => {},
      wait: async () => {},
      last: (_input, signal) => {
        if (once.has(name)) return;
        once.add(name);
        escapes[name]?.(world, signal);
      },
    }),
  });

const clock = createClock();
const random = createRandom();
const hub = new MemoryHub({ clock });
const other = hub.connect({ cluster: 'test', node: 'other', role: 'validator', clock, random });
other.answer('epoch.get', () => ({}));

const unattributed = [];
installCrashHandlers((error) => unattributed.push(error.message));

const backoff = { minMs: 0, maxMs: 0, jitter: 0, resetAfterMs: 1 };
const names = [...Object.keys(escapes), 'bystander'];
const system = new System({
  world: {
    clock,
    random,
    bus: hub.connect({ cluster: 'test', node: 'node-1', role: 'validator', clock, random }),
    store: createMemoryStore(),
    identity: { name: 'node-1' },
    log: silentLog,
    metrics: createMetrics(),
    config: {},
  },
  tree: defineSupervisor({
    name: 'group',
    strategy: 'one_for_one',
    intensity: names.length,
    children: names.map((name) => actor(stray(name), { backoff })),
  }),
  onExit: () => setTimeout(() => fail('nobody'), 1),
});
await system.start();

const settled = () => system.tree().children.filter(({ restarts }) => restarts > 0).length === names.length - 1;
const deadline = clock.elapsed() + 5_000;
while (!settled() && clock.elapsed() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
const tree = system.tree();
system.stop();
await new Promise((resolve) => setTimeout(resolve, 20));
const units = tree.children.map(({ actor: name, restarts, status, lastExit }) => ({
  name,
  restarts,
  status,
  lastExit,
}));
// The deadline of an ask that was answered would keep the process for seconds.
process.stdout.write(JSON.stringify({ units, unattributed }), () => process.exit());
