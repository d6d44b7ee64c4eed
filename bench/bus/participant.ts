/**
 * One process of a measurement: `serve` answers and counts, `drive` asks and tells. The bench forks a fresh pair for every
 * sample and passes word between them; nothing else is shared.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { quantile } from '../report.ts';
import type { Driver, DriverOptions, Driving } from './driver.ts';

/** What the parent says. */
export type Order =
  | { readonly type: 'start'; readonly kind: Kind; readonly role: 'serve' | 'drive'; readonly options: DriverOptions }
  | { readonly type: 'received'; readonly count: number }
  | { readonly type: 'enough' };
/** What a participant says. */
export type Word =
  | { readonly type: 'ready' }
  | { readonly type: 'asked'; readonly perSecond: number; readonly serialMicros: number }
  | { readonly type: 'received'; readonly count: number }
  | { readonly type: 'told'; readonly perSecond: number };

const drivers = {
  isochron: () => import('./isochron.ts'),
  handRolled: () => import('./handRolled.ts'),
  natsJs: () => import('./natsJs.ts'),
  moleculer: () => import('./moleculer.ts'),
} as const satisfies Record<string, () => Promise<{ driver: Driver }>>;
export type Kind = keyof typeof drivers;
export const kinds = Object.keys(drivers) as readonly Kind[];

const inFlight = 64;
/** Long enough for the optimising compiler to have seen every path. */
const warmUpMs = 1_000;
const measureMs = 1_500;
const serialAsks = 4_000;
/** Told messages under way: enough to keep every process busy, too few for the server to call anyone slow. */
const windowMessages = 20_000;
const reportEvery = 2_000;
const batch = 200;

const say = (word: Word): void => void process.send?.(word);

/** Asks `inFlight` at a time for `ms`; resolves with asks per second. */
const askFor = async (driving: Driving, ms: number): Promise<number> => {
  const start = performance.now();
  let done = 0;
  const one = async (): Promise<void> => {
    while (performance.now() - start < ms) {
      await driving.ask();
      done++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  return (done * 1_000) / (performance.now() - start);
};

const serialMedianMicros = async (driving: Driving): Promise<number> => {
  const samples: number[] = [];
  for (let i = 0; i < serialAsks; i++) {
    const start = performance.now();
    await driving.ask();
    samples.push((performance.now() - start) * 1_000);
  }
  return quantile(samples, 0.5);
};

const drive = async (driver: Driver, options: DriverOptions): Promise<void> => {
  const driving = await driver.drive(options);
  let received = 0;
  let enough = false;
  process.on('message', (order: Order) => {
    if (order.type === 'received') received = order.count;
    if (order.type === 'enough') enough = true;
  });
  await askFor(driving, warmUpMs);
  const perSecond = await askFor(driving, measureMs);
  say({ type: 'asked', perSecond, serialMicros: await serialMedianMicros(driving) });
  for (let sent = 0; !enough; await turn()) {
    for (let i = 0; i < batch && sent - received < windowMessages; i++, sent++) driving.tell();
  }
};

const serve = async (driver: Driver, options: DriverOptions): Promise<void> => {
  let mailbox: unknown[] = [];
  let count = 0;
  let start = 0;
  let counted = 0;
  let told = false;
  const onTold = (payload: unknown): void => {
    mailbox.push(payload);
    count++;
    if (count % reportEvery !== 0) return;
    mailbox = [];
    say({ type: 'received', count });
    const now = performance.now();
    if (start === 0) start = now;
    if (now - start < warmUpMs) counted = count;
    else if (now - start >= warmUpMs + measureMs && !told) {
      told = true;
      say({ type: 'told', perSecond: ((count - counted) * 1_000) / (now - start - warmUpMs) });
    }
  };
  await driver.serve(options, onTold);
  say({ type: 'ready' });
};

process.once('message', async (order: Order) => {
  if (order.type !== 'start') return;
  const { driver } = await drivers[order.kind]();
  await (order.role === 'serve' ? serve : drive)(driver, order.options);
});
