/** A cluster as `up` runs it: a managed nats-server and one OS process a node, supervised by `host`. */
import { type Clock, createLog, type Log, type Random } from '../../actors/index.ts';
import { type Bus, connectNats, type ManagedServer, startNatsServer } from '../../bus/index.ts';
import { describeExit, type ExitReason } from '../../machines/index.ts';
import { deferred } from '../deferred.ts';
import { busTls, clusterPaths } from '../files/clusterFiles.ts';
import { makeDirectory } from '../files/makeDirectory.ts';
import type { WholeCluster } from '../files/readCluster.ts';
import { listenOf } from '../files/writeCluster.ts';
import { version } from '../version.ts';
import { logLevelOf } from '../world.ts';
import { hostSystem } from './hostSystem.ts';
import { LogFile } from './logFiles.ts';
import { natsProgram, natsUnitName, serverLogLevel } from './natsProgram.ts';
import { nodeProgram } from './nodeProcess.ts';
import type { RunningCluster } from './runningCluster.ts';

const OWNER_ONLY_DIR = 0o700;

export interface NatsClusterOptions {
  readonly whole: WholeCluster;
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Starts the server, then the nodes; resolves when the server is up and `host` is connected.
 * @throws PortInUseError, NatsServerMissingError, NatsServerFailedError, UsageError; nothing is left running then
 */
export const startNatsCluster = async (options: NatsClusterOptions): Promise<RunningCluster> => {
  const { whole, clock, env } = options;
  const level = logLevelOf(env);
  const logs = new LogFiles(clusterPaths(whole.dir).logs, clock);
  const startServer = (): Promise<ManagedServer> => serverOf(options, logs.of(natsUnitName));
  const server = await startServer();
  try {
    const bus = await connectHost(options, urlOf(options, server));
    const log = createLog({
      node: 'host',
      clock,
      level,
      destination: { write: (line) => logs.of('host').write(line) },
    });
    return runCluster({ ...options, server, startServer, bus, log, logs });
  } catch (error) {
    await server.stop();
    throw error;
  }
};

/** One file a node, made when the first line comes. */
class LogFiles {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #files = new Map<string, LogFile>();

  constructor(directory: string, clock: Clock) {
    makeDirectory(directory, OWNER_ONLY_DIR);
    this.#directory = directory;
    this.#clock = clock;
  }

  of(name: string): LogFile {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const file = new LogFile(this.#directory, name, this.#clock);
    this.#files.set(name, file);
    return file;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.close()));
  }
}

const serverOf = ({ whole, clock }: NatsClusterOptions, log: LogFile): Promise<ManagedServer> => {
  const { config, dir, users } = whole;
  const { tls, url, websocketPort } = config.nats;
  const files = busTls(dir, tls);
  const pair = files?.certFile && files.keyFile ? { certFile: files.certFile, keyFile: files.keyFile } : undefined;
  return startNatsServer({
    directory: dir,
    clock,
    config: {
      cluster: config.cluster,
      users,
      storeDirectory: clusterPaths(dir).jetStream,
      ...listenOf(url),
      ...(websocketPort === undefined ? {} : { websocketPort }),
      ...(pair === undefined ? {} : { tls: pair }),
    },
    onLog: (line) => log.wrap(serverLogLevel(line), 'server_log', line),
  });
};

/** Over TLS a server answers to the name in its certificate, whatever address it listens on. */
const urlOf = ({ whole }: NatsClusterOptions, server: ManagedServer): string => {
  const { url } = whole.config.nats;
  return url.startsWith('tls://') ? url : server.url;
};

const connectHost = async ({ whole, clock, random }: NatsClusterOptions, url: string): Promise<Bus> => {
  const tls = busTls(whole.dir, whole.config.nats.tls);
  return connectNats({
    servers: url,
    seed: whole.hostSeed,
    cluster: whole.config.cluster,
    node: 'host',
    role: 'host',
    clock,
    random,
    service: { version, description: 'Isochron host: supervises the nodes of this machine' },
    ...(tls === undefined ? {} : { tls }),
  });
};

interface Parts extends NatsClusterOptions {
  readonly server: ManagedServer;
  readonly startServer: () => Promise<ManagedServer>;
  readonly bus: Bus;
  readonly log: Log;
  readonly logs: LogFiles;
}

const runCluster = (parts: Parts): RunningCluster => {
  const { whole, clock, random, env, server, startServer, bus, log, logs } = parts;
  const nats = urlOf(parts, server);
  const ended = deferred<ExitReason>();
  const ready = new Set<string>();
  const started = deferred<void>();
  const failed = deferred<ExitReason>();
  const programs = whole.nodes.map(({ dir, config: { name } }) =>
    nodeProgram({
      name,
      dir,
      nats,
      clock,
      env,
      log: logs.of(name),
      onReady: () => {
        ready.add(name);
        if (ready.size === whole.nodes.length) started.resolve();
      },
      onFailedStart: failed.resolve,
    }),
  );
  const system = hostSystem({
    whole,
    clock,
    random,
    bus,
    log,
    programs: [natsProgram(server, startServer), ...programs],
    onExit: ended.resolve,
  });
  log.info('starting', { cluster: whole.config.cluster, nats, pid: process.pid });
  void system.start();
  const closed = ended.promise.then(async (reason) => {
    log.info('ended', { reason: describeExit(reason) });
    await bus.drain().catch(() => undefined);
    await logs.close();
    return reason;
  });
  return {
    dir: whole.dir,
    cluster: whole.config.cluster,
    nats,
    nodes: whole.nodes.map(({ config }) => config.name),
    bus,
    log,
    tree: () => system.tree(),
    started: started.promise,
    failed: failed.promise,
    ended: closed,
    stop: async () => {
      system.stop();
      await closed;
    },
  };
};
