/** The real World of a node (2-architecture, "The seam"): its files, its store, its identity, its bus, its log. */
import {
  type BurstLog,
  type Clock,
  createIdentity,
  createLog,
  createMetrics,
  type LogLevel,
  logLevels,
  type NodeConfig,
  type NodeLog,
  oncePerBurst,
  openStore,
  type Random,
  type Store,
  type World,
} from '../actors/index.ts';
import { type Bus, type BusOptions, type BusStatus, connectNats, type Refusal } from '../bus/index.ts';
import { UsageError } from './errors.ts';
import { busTls } from './files/clusterFiles.ts';
import { type NodeFiles, nodePaths } from './files/nodeFiles.ts';
import { version } from './version.ts';

/** Refusals of one reason closer together than this are one burst: two lines, not a flood. */
const burstWindowMs = 5_000;

type Env = Readonly<Record<string, string | undefined>>;

export interface NodeWorld {
  readonly world: World;
  /** Waits for the bus to hand over what was sent, then closes store and log. */
  close(): Promise<void>;
}

export interface NodeWorldOptions {
  readonly files: NodeFiles;
  /** `nats://host:port` */
  readonly nats: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Env;
}

/** `ISOCHRON_LOG_LEVEL`. @throws UsageError */
export const logLevelOf = (env: Env): LogLevel => {
  const asked = env.ISOCHRON_LOG_LEVEL || 'info';
  const level = logLevels.find((one) => one === asked);
  if (level === undefined)
    throw new UsageError(`ISOCHRON_LOG_LEVEL: expected one of ${logLevels.join(', ')}, got '${asked}'`);
  return level;
};

/** What the membership and the files decided for a node. */
export const nodeConfigOf = (files: NodeFiles, clock: Clock): NodeConfig => ({
  parameters: files.parameters,
  startedAtMs: clock.elapsed(),
  genesisMs: files.snapshot.genesisMs,
  systemKey: files.config.systemKey,
  membership: files.envelope,
});

export const identityOf = ({ config, member, memberSeed, kexSecret }: NodeFiles) =>
  createIdentity({
    name: config.name,
    cluster: config.cluster,
    role: config.role,
    mac: member.mac,
    rank: member.rank,
    memberSeed,
    kexSecret,
  });

/** What the bus of a node is told, whatever carries it. */
export const busOptionsOf = (
  files: NodeFiles,
  parts: {
    readonly clock: Clock;
    readonly random: Random;
    readonly metrics: World['metrics'];
    readonly refusals: BurstLog;
  },
): BusOptions => ({
  cluster: files.config.cluster,
  node: files.config.name,
  role: files.config.role,
  clock: parts.clock,
  random: parts.random,
  metrics: parts.metrics,
  service: { version, description: `Isochron ${files.config.role} ${files.config.name}` },
  onRefused: (refusal) => parts.refusals.warn('bus_refused', refusalFields(refusal)),
});

const refusalFields = ({ reason, subject, error }: Refusal) => ({
  reason,
  subject,
  error: error instanceof Error ? error.message : undefined,
});

/**
 * Opens everything a node needs. The server may be away: the bus then keeps trying.
 * @throws StoreError (another process has the store, disk full), UsageError, BusOptionError, TlsRequiredError
 */
export const openNodeWorld = async (options: NodeWorldOptions): Promise<NodeWorld> => {
  const { files, nats, clock, random, env } = options;
  const level = logLevelOf(env);
  const paths = nodePaths(files.dir);
  const log = createLog({ node: files.config.name, clock, level });
  const store = openStore(paths.store, {
    onDamage: (key, reason) => log.error('store_entry_damaged', { key, reason }),
  });
  const metrics = createMetrics();
  const refusals = oncePerBurst(log, clock, burstWindowMs);
  const tls = busTls(files.dir, files.config.nats.tls);
  const bus = await connectNats({
    ...busOptionsOf(files, { clock, random, metrics, refusals }),
    servers: nats,
    seed: files.natsSeed,
    whenAway: 'wait',
    ...(tls === undefined ? {} : { tls }),
  });
  logStatus(bus, log);
  const world: World = {
    clock,
    random,
    bus,
    store,
    log,
    metrics,
    identity: identityOf(files),
    config: nodeConfigOf(files, clock),
  };
  return { world, close: () => closeAll(bus, refusals, store, log) };
};

const closeAll = async (bus: Bus, refusals: BurstLog, store: Store, log: NodeLog): Promise<void> => {
  await bus.drain().catch(() => undefined);
  refusals.end();
  store.close();
  log.close();
};

/** One line for every change; a node that lost its server says so, and when it is back. */
const logStatus = (bus: Bus, log: NodeLog): void => {
  const write = (status: BusStatus): void => {
    const { type, ...fields } = status;
    const action = actionOf[type];
    if (type === 'connected' || type === 'closed') log.info(action, fields);
    else log.warn(action, fields);
  };
  write(bus.status());
  bus.onStatus(write);
};

const actionOf: Readonly<Record<BusStatus['type'], string>> = {
  connected: 'bus_connected',
  reconnecting: 'bus_away',
  slowConsumer: 'bus_slow_consumer',
  denied: 'bus_denied',
  closed: 'bus_closed',
};
