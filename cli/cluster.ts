/**
 * Finds the cluster a command means and connects to it as its operator (3-interface §4): `--dir`, else `--nats`, else the
 * current folder, else the only running one; several are listed. Flags go before the environment, that before files.
 */
import { hostname, userInfo } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Bus } from '../bus/index.ts';
import type { MemberRole } from '../protocol/index.ts';
import { commandText } from './commandText.ts';
import type { Context } from './context.ts';
import { AmbiguousClusterError, ClusterUnavailableError, UsageError } from './errors.ts';
import {
  busTls,
  clusterPaths,
  isClusterDir,
  readClusterFiles,
  readMembership,
  readNkey,
  realDir,
} from './files/clusterFiles.ts';
import { type ClusterRecord, Records } from './records.ts';
import { version } from './version.ts';

export interface FoundCluster {
  /** Absolute. */
  readonly dir: string;
  /** Where its NATS server is, or should be. */
  readonly nats: string;
  /** The `up` that runs it; undefined when none does (production, or it is down). */
  readonly record: ClusterRecord | undefined;
}

export interface ClusterNode {
  readonly name: string;
  readonly role: MemberRole;
}

/** A connection as `operator`. */
export interface OperatorConnection {
  /** Says and asks as `operator`; see `Bus`. `bus.ask(node, verb)` rejects with errors that `exitCodeOf` maps. */
  readonly bus: Bus;
  readonly cluster: string;
  readonly dir: string;
  readonly record: ClusterRecord | undefined;
  /** Members by name, from the membership on disk, validators first. */
  readonly nodes: readonly ClusterNode[];
  /** For tools that must speak NATS themselves, such as `tail`; inboxes below `_INBOX.operator`. */
  readonly login: { readonly server: string; readonly seed: string };
  /** Called by main in any case; earlier is fine. */
  close(): Promise<void>;
}

/**
 * Which cluster is meant; files are read, nothing is connected.
 * @throws AmbiguousClusterError, ClusterUnavailableError, UsageError, FileError
 */
export const findCluster = (
  { cwd, env, globals }: Pick<Context, 'cwd' | 'env' | 'globals'>,
  records = new Records(env),
): FoundCluster => {
  if (globals.dir !== undefined)
    return inDir(records, resolve(cwd, globals.dir), globals.nats ?? env.ISOCHRON_NATS, env.NATS_URL);
  if (globals.nats !== undefined) return atUrl(records, globals.nats, cwd);
  if (env.ISOCHRON_DIR) return inDir(records, resolve(cwd, env.ISOCHRON_DIR), env.ISOCHRON_NATS, env.NATS_URL);
  if (env.ISOCHRON_NATS) return atUrl(records, env.ISOCHRON_NATS, cwd);
  const matched = env.NATS_URL ? byUrl(records, env.NATS_URL) : undefined;
  if (matched !== undefined) return matched;
  const here = clusterAround(cwd);
  if (here !== undefined) return inDir(records, here, undefined, env.NATS_URL);
  return onlyRunning(records);
};

/** `url` overrides everything; `fallbackUrl` only the file. */
const inDir = (
  records: Records,
  dir: string,
  url: string | undefined,
  fallbackUrl: string | undefined,
): FoundCluster => {
  const real = realDir(dir);
  const record = records.of(real);
  const nats = url || record?.nats || fallbackUrl || readClusterFiles(real).config.nats.url;
  return { dir: real, nats, record };
};

const normalized = (url: string): string => url.replace(/\/$/, '').replace('//localhost:', '//127.0.0.1:');

const byUrl = (records: Records, url: string): FoundCluster | undefined => {
  const record = records.running().find(({ nats }) => nats !== null && normalized(nats) === normalized(url));
  return record && { dir: record.dir, nats: url, record };
};

const atUrl = (records: Records, url: string, cwd: string): FoundCluster => {
  const matched = byUrl(records, url);
  if (matched !== undefined) return matched;
  const here = clusterAround(cwd);
  if (here === undefined) throw new UsageError(`no running cluster is recorded at ${url}: pass --dir with its keys`);
  return { dir: here, nats: url, record: records.of(here) };
};

/** The cluster directory that holds `start`, as git finds its repository. */
const clusterAround = (start: string): string | undefined => {
  for (let dir = resolve(start); ; dir = dirname(dir)) {
    if (isClusterDir(dir)) return realDir(dir);
    if (dirname(dir) === dir) return undefined;
  }
};

const onlyRunning = (records: Records): FoundCluster => {
  const running = records.running();
  const [only] = running;
  if (only?.nats == null)
    throw new ClusterUnavailableError(`no cluster is running here; start one with: ${commandText(['up'])}`);
  if (running.length > 1) throw new AmbiguousClusterError(running.map(({ dir }) => dir));
  return { dir: only.dir, nats: only.nats, record: only };
};

/** Whether somebody who names no cluster finds that one, here and in any other folder. */
const isFoundUnnamed = ({ cwd, env }: Pick<Context, 'cwd' | 'env'>, dir: string, records: Records): boolean => {
  try {
    const globals = { dir: undefined, nats: undefined, yes: false };
    return records.live().length <= 1 && findCluster({ cwd, env, globals }, records).dir === dir;
  } catch {
    return false;
  }
};

/** A command about the cluster of `dir`, to be typed as it stands: with `--dir` where it would not be found without. */
export const commandFor = (
  context: Pick<Context, 'cwd' | 'env'>,
  dir: string,
  words: readonly string[],
  records = new Records(context.env),
): string => commandText(isFoundUnnamed(context, dir, records) ? words : [...words, '--dir', dir]);

/**
 * Finds the cluster and connects as its operator; closed when the command ends.
 * @throws what `findCluster` throws, and BusUnavailableError or BusDeniedError from the server
 */
export const connectOperator = async (context: Context): Promise<OperatorConnection> => {
  const { connectNats } = await import('../bus/index.ts');
  const found = findCluster(context);
  const paths = clusterPaths(found.dir);
  const { config } = readClusterFiles(found.dir);
  const { seed } = readNkey(paths.key('operator'));
  const { snapshot } = readMembership(paths.membership, config);
  const tls = busTls(found.dir, config.nats.tls);
  const bus = await connectNats({
    servers: found.nats,
    seed,
    ...(tls === undefined ? {} : { tls }),
    cluster: config.cluster,
    node: 'operator',
    role: 'operator',
    clock: context.clock,
    random: context.random,
    service: { version },
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= bus.drain();
    return closing;
  };
  context.onExit(close);
  const nodes = snapshot.members.map(({ name, role }) => ({ name, role }));
  const { cluster } = config;
  return {
    bus,
    cluster,
    dir: found.dir,
    record: found.record,
    nodes: sorted(nodes),
    login: { server: found.nats, seed },
    close,
  };
};

const sorted = (nodes: readonly ClusterNode[]): readonly ClusterNode[] => [
  ...nodes.filter(({ role }) => role === 'validator'),
  ...nodes.filter(({ role }) => role !== 'validator'),
];

/** Who calls, for the audit log: `user@host/pid`, self-declared. Pass it as `by` of control verbs. */
export const callerName = (): string => `${userName()}@${hostname()}/${process.pid}`.slice(0, callerCharsMax);

/** What the verb table allows. */
const callerCharsMax = 128;

/** A user without an entry in the system's list has no name. */
const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
};
