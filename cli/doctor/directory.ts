/** Checks of a cluster directory: every file that `up` and `node` would read, modes, membership, ports. */
import { existsSync, statfsSync } from 'node:fs';
import type { Clock } from '../../actors/index.ts';
import { isLoopback } from '../../bus/index.ts';
import type { Snapshot } from '../../protocol/index.ts';
import { type ClusterFiles, clusterPaths, readClusterFiles, readMembership } from '../files/clusterFiles.ts';
import { keyFilesOf } from '../files/keyFiles.ts';
import { readNodeFiles } from '../files/nodeFiles.ts';
import { hostAndPort } from '../files/writeCluster.ts';
import { isPortFree } from '../host/ports.ts';
import { messageOf } from '../report.ts';
import { type CheckResult, fail, ok, warn } from './check.ts';

const dayMs = 24 * 3_600_000;
/** Time enough to renew what expires. */
const expiresSoonMs = 30 * dayMs;
/** A node's store and logs grow to less than this. */
const freeBytesMin = 256 * 1_048_576;

export const directoryChecks = async (
  dir: string,
  isRunning: boolean,
  clock: Clock,
): Promise<readonly CheckResult[]> => {
  let files: ClusterFiles;
  try {
    files = readClusterFiles(dir);
  } catch (error) {
    return [fail('isochron.json', messageOf(error))];
  }
  return [
    ok('isochron.json', `cluster ${files.config.cluster}, preset ${files.config.preset}`),
    membershipCheck(files, clock.now()),
    await keysCheck(dir),
    ...(await nodeChecks(files)),
    clusterSecretsCheck(files),
    diskCheck(dir),
    ...(isRunning ? [] : await portChecks(files)),
  ];
};

const membershipCheck = ({ dir, config }: ClusterFiles, nowMs: number): CheckResult => {
  try {
    const { snapshot } = readMembership(clusterPaths(dir).membership, config, nowMs);
    return expiryCheck(snapshot, nowMs);
  } catch (error) {
    return fail('membership', messageOf(error));
  }
};

/** The sooner of the snapshot's end and the administrator's. */
export const expiryCheck = ({ seq, members, expiresAtNs, adminProof }: Snapshot, nowMs: number): CheckResult => {
  const ends = [adminProof.validToNs, ...(expiresAtNs === undefined ? [] : [expiresAtNs])].map((ns) =>
    Number(ns / 1_000_000n),
  );
  const endMs = Math.min(...ends);
  const detail = `version ${seq}, ${members.length} members, valid until ${new Date(endMs).toISOString()}`;
  return endMs - nowMs < expiresSoonMs
    ? warn('membership', `${detail}: sign a new one soon`)
    : ok('membership', detail);
};

const keysCheck = async (dir: string): Promise<CheckResult> => {
  const keys = await keyFilesOf(dir);
  const broken = keys.find(({ problem }) => problem !== null);
  if (broken !== undefined) return fail('keys', broken.problem ?? broken.file);
  const open = keys.filter((key) => !key.private).map(({ file, mode }) => `${file} (${mode})`);
  if (open.length > 0) return fail('keys', `others may read ${open.join(', ')}; chmod 600 them`);
  return ok('keys', `${keys.length} files, readable by their owner alone`);
};

const nodeChecks = async ({ dir, config }: ClusterFiles): Promise<readonly CheckResult[]> => {
  const paths = clusterPaths(dir);
  const { snapshot } = readMembershipQuietly(paths.membership, config) ?? { snapshot: undefined };
  const names = (snapshot?.members ?? []).map(({ name }) => name).filter((name) => existsSync(paths.node(name)));
  return Promise.all(
    names.map(async (name) => {
      try {
        const { config: node } = await readNodeFiles(paths.node(name));
        return ok(name, `${node.role}, its keys are those of the membership`);
      } catch (error) {
        return fail(name, messageOf(error));
      }
    }),
  );
};

/** What is wrong with it another check says. */
const readMembershipQuietly = (file: string, config: ClusterFiles['config']) => {
  try {
    return readMembership(file, config);
  } catch {
    return undefined;
  }
};

const clusterSecretsCheck = ({ dir, config }: ClusterFiles): CheckResult => {
  const here = (['system', 'admin'] as const).filter((name) => existsSync(clusterPaths(dir).key(name)));
  if (here.length === 0) return ok('admin keys', 'kept elsewhere');
  const detail = `${here.map((name) => `keys/${name}.nk`).join(' and ')} lie here`;
  return config.preset === 'field'
    ? warn('admin keys', `${detail}: move them off the machines of nodes`)
    : ok('admin keys', `${detail}, as in a lab`);
};

const diskCheck = (dir: string): CheckResult => {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  const text = `${Math.floor(free / 1_048_576)} MiB free`;
  return free < freeBytesMin ? warn('disk', `${text}: stores and logs may soon find no room`) : ok('disk', text);
};

/** Only where the server would run on this machine. */
const portChecks = async ({ config }: ClusterFiles): Promise<readonly CheckResult[]> => {
  const { host, port } = hostAndPort(config.nats.url);
  if (!isLoopback(host)) return [];
  const ports = [port, ...(config.nats.websocketPort === undefined ? [] : [config.nats.websocketPort])];
  return Promise.all(
    ports.map(async (one) =>
      (await isPortFree(one))
        ? ok(`port ${one}`, 'free')
        : fail(`port ${one}`, 'in use by another program; change nats in isochron.json'),
    ),
  );
};
