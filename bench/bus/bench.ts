/**
 * `bench -- bus`: the bus beside raw nats.js, a hand-rolled loop and Moleculer, over one nats-server, in interleaved fresh
 * processes. Single runs spread by a third even on a quiet machine, so bars are medians of the ratios within a round.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nkeys } from 'nats';
import { createClock } from '../../actors/system/worldParts.ts';
import { natsConfig, type ServerUser, startNatsServer } from '../../bus/index.ts';
import { type Bench, BenchError, bar, countOf, figure, machine, median } from '../report.ts';
import type { DriverOptions } from './driver.ts';
import { benchCluster, benchVerbs } from './isochron.ts';
import type { Kind, Order, Word } from './participant.ts';

const roundsDefault = 7;
const order: readonly Kind[] = ['isochron', 'handRolled', 'natsJs', 'moleculer'];
const names: Readonly<Record<Kind, string>> = {
  isochron: 'Isochron',
  handRolled: 'hand-rolled inbox + JSON',
  natsJs: 'nats.js',
  moleculer: 'Moleculer',
};

interface Sample {
  readonly askPerSecond: number;
  readonly serialMicros: number;
  readonly tellPerSecond: number;
}
type Samples = Readonly<Record<Kind, readonly Sample[]>>;

/** The package of the peers, as seen from `bench/` and from `dist/bench/`. */
const findPeers = (): string => {
  const candidates = ['../package.json', '../../../bench/package.json'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = candidates.find((path) => existsSync(join(path, '..', 'node_modules', 'moleculer')));
  if (found === undefined) throw new BenchError('the peers are not installed: run `npm ci --prefix bench` first');
  return found;
};

const user = 'peer';
const password = 'peer';

const login = (name: string): { user: ServerUser; seed: string } => {
  const pair = nkeys.createUser();
  return {
    user: { name, role: 'validator', natsKey: pair.getPublicKey() },
    seed: new TextDecoder().decode(pair.getSeed()),
  };
};

/** The cluster's own configuration, and one login without restrictions for the peers. */
const startServer = async (directory: string) => {
  const logins = { server: login('server'), client: login('client') };
  const config = natsConfig({
    cluster: benchCluster,
    users: Object.values(logins).map((one) => one.user),
    storeDirectory: join(directory, 'jetstream'),
    port: -1,
    verbs: benchVerbs,
  }).replace('users: [', `users: [ { user: ${user}, password: ${password} }`);
  const server = await startNatsServer({ directory, config, clock: createClock() });
  const seeds = { server: logins.server.seed, client: logins.client.seed };
  return { server, seeds };
};

const once = <T extends Word['type']>(child: ChildProcess, type: T): Promise<Extract<Word, { type: T }>> =>
  new Promise((resolve, reject) => {
    child.on('message', (word: Word) => {
      if (word.type === type) resolve(word as Extract<Word, { type: T }>);
    });
    gone(child).catch(reject);
  });

const gone = (child: ChildProcess): Promise<never> =>
  new Promise((_, reject) => child.once('exit', (code) => reject(new BenchError(`a participant ended with ${code}`))));

const measure = async (kind: Kind, options: DriverOptions): Promise<Sample> => {
  const participant = fileURLToPath(
    new URL(import.meta.url.endsWith('.ts') ? './participant.ts' : './participant.js', import.meta.url),
  );
  const [server, client] = [fork(participant), fork(participant)];
  const tell = (child: ChildProcess, message: Order): void => void child.send(message);
  try {
    const ready = once(server, 'ready');
    tell(server, { type: 'start', kind, role: 'serve', options });
    await ready;
    const asked = once(client, 'asked');
    const told = Promise.race([once(server, 'told'), gone(client)]);
    told.catch(() => undefined);
    server.on('message', (word: Word) => {
      if (word.type === 'received') tell(client, word);
    });
    tell(client, { type: 'start', kind, role: 'drive', options });
    const { perSecond, serialMicros } = await asked;
    return { askPerSecond: perSecond, serialMicros, tellPerSecond: (await told).perSecond };
  } finally {
    for (const child of [server, client]) {
      child.removeAllListeners('exit');
      child.kill('SIGKILL');
    }
  }
};

const measureAll = async (count: number, options: DriverOptions, say: (line: string) => void): Promise<Samples> => {
  const samples: Record<Kind, Sample[]> = { isochron: [], handRolled: [], natsJs: [], moleculer: [] };
  for (let round = 0; round < count; round++) {
    // A different order each round, so that nobody always runs on a machine warmed by the same neighbour.
    for (const i of order.keys()) {
      const kind = order[(i + round) % order.length];
      if (kind === undefined) continue;
      const sample = await measure(kind, options);
      samples[kind].push(sample);
      say(
        `round ${round + 1}/${count} ${names[kind]}: ask ${Math.round(sample.askPerSecond)}/s, ` +
          `serial ${sample.serialMicros.toFixed(1)} µs, tell ${Math.round(sample.tellPerSecond)}/s`,
      );
    }
  }
  return samples;
};

const figures = (samples: Samples) =>
  Object.fromEntries(
    order.flatMap((kind) => [
      [
        `ask, 64 in flight, ${names[kind]}`,
        figure(
          '/s',
          samples[kind].map((one) => one.askPerSecond),
        ),
      ],
      [
        `ask, serial p50, ${names[kind]}`,
        figure(
          'µs',
          samples[kind].map((one) => one.serialMicros),
        ),
      ],
      [
        `tell 128 B, ${names[kind]}`,
        figure(
          '/s',
          samples[kind].map((one) => one.tellPerSecond),
        ),
      ],
    ]),
  );

const ratio = (samples: Samples, peer: Kind, field: keyof Sample): number =>
  median(samples.isochron.map((own, round) => own[field] / (samples[peer][round]?.[field] ?? Number.NaN)));

export const busBench: Bench = {
  run: async (args, say) => {
    const count = countOf(args, '--rounds', roundsDefault);
    const peers = findPeers();
    const directory = mkdtempSync(join(tmpdir(), 'isochron-bench-'));
    const { server, seeds } = await startServer(directory);
    try {
      const options = { server: `127.0.0.1:${server.port}`, peers, seeds, user, password };
      const samples = await measureAll(count, options, say);
      return {
        name: 'bus',
        machine: machine(),
        figures: figures(samples),
        bars: [
          bar('ask, 64 in flight / Moleculer', ratio(samples, 'moleculer', 'askPerSecond'), '×', '>=', 1),
          bar('ask, 64 in flight / hand-rolled', ratio(samples, 'handRolled', 'askPerSecond'), '×', '>=', 0.8),
          bar('tell 128 B / Moleculer', ratio(samples, 'moleculer', 'tellPerSecond'), '×', '>=', 3),
          bar('tell 128 B / hand-rolled', ratio(samples, 'handRolled', 'tellPerSecond'), '×', '>=', 0.7),
          bar('ask, serial p50 / nats.js', ratio(samples, 'natsJs', 'serialMicros'), '×', '<=', 1.3),
        ],
      };
    } finally {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
