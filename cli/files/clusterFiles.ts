/**
 * `isochron.json` and the directory of a cluster (3-interface §3). Each file is checked whole before anything starts:
 * unknown fields, wrong types, relations between parameters, keys that do not fit.
 */
import { existsSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { BusTls } from '../../bus/index.ts';
import {
  decodeNkeySeed,
  isName,
  isNkeyPublic,
  nkeyOf,
  type Parameters,
  parseParameters,
  type Snapshot,
  verifySnapshot,
} from '../../protocol/index.ts';
import { FileError } from '../errors.ts';
import { systemCodeOf } from '../exitCodes.ts';
import { checking, readChecked, readJson, readText } from './read.ts';

/** Where things lie in the directory of a cluster. */
export const clusterPaths = (dir: string) => ({
  config: join(dir, 'isochron.json'),
  keys: join(dir, 'keys'),
  key: (name: ClusterKey) => join(dir, 'keys', `${name}.nk`),
  membership: join(dir, 'membership.json'),
  natsConf: join(dir, 'nats.conf'),
  jetStream: join(dir, 'jetstream'),
  nodes: join(dir, 'nodes'),
  node: (name: string) => join(dir, 'nodes', name),
  logs: join(dir, 'logs'),
  log: (name: string) => join(dir, 'logs', `${name}.ndjson`),
  adminBundle: join(dir, 'admin-bundle.txt'),
  dns: join(dir, 'dns.txt'),
});

export const clusterKeys = ['system', 'admin', 'host', 'operator', 'viewer'] as const;
export type ClusterKey = (typeof clusterKeys)[number];

const name = z.string('expected [a-z0-9-]{1,32}').refine(isName, 'expected [a-z0-9-]{1,32}');
const port = z
  .int('expected a port, 1 to 65535')
  .min(1, 'expected a port, 1 to 65535')
  .max(65_535, 'expected a port, 1 to 65535');
export const natsUrlExpected = 'expected nats://host:port or tls://host:port, the port 1 to 65535';
/** A name or an address of four, or an address of six in brackets; then a port or NATS's own. */
const natsUrlText = /^(?:nats|tls):\/\/(?:[^\s/@:[\]?#]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?$/;
const isNatsUrl = (text: string): boolean => {
  const [whole, port = '4222'] = natsUrlText.exec(text) ?? [];
  return whole !== undefined && Number(port) >= 1 && Number(port) <= 65_535 && URL.canParse(text);
};
export const natsUrl = z.string(natsUrlExpected).refine(isNatsUrl, natsUrlExpected);
const preset = z.enum(['lab', 'field'], 'expected "lab" or "field"');
const shared = {
  cluster: name,
  preset,
  parameters: z
    .record(z.string(), z.unknown(), 'expected an object of parameters that differ from the preset')
    .default({}),
  systemKey: z.string('expected a public user nkey (U…)').refine(isNkeyPublic, 'expected a public user nkey (U…)'),
};

const tlsFile = z.string('expected a path').min(1, 'expected a path');
/** PEM files, relative to the directory of `isochron.json`. */
const tls = z.strictObject({ caFile: tlsFile.optional(), certFile: tlsFile.optional(), keyFile: tlsFile.optional() });

/** `isochron.json` of a cluster. */
export const clusterConfigSchema = z.strictObject({
  ...shared,
  nats: z.strictObject({ url: natsUrl, websocketPort: port.optional(), tls: tls.optional() }),
});
export type ClusterConfigJson = z.infer<typeof clusterConfigSchema>;

/** `isochron.json` of one node: its directory can be copied to another machine alone. */
export const nodeConfigSchema = z.strictObject({
  ...shared,
  name,
  role: z.enum(['validator', 'device'], 'expected "validator" or "device"'),
  nats: z.strictObject({ url: natsUrl, tls: tls.optional() }),
});
export type NodeConfigJson = z.infer<typeof nodeConfigSchema>;

export interface ClusterFiles {
  /** Absolute, without symbolic links. */
  readonly dir: string;
  readonly config: ClusterConfigJson;
  readonly parameters: Parameters;
}

/** True when a directory is one that `init` made. */
export const isClusterDir = (dir: string): boolean => {
  const { config, keys } = clusterPaths(dir);
  return existsSync(config) && existsSync(keys);
};

/** The same directory however it was reached. @throws FileError when there is none */
export const realDir = (dir: string): string => {
  try {
    return realpathSync(dir);
  } catch (cause) {
    throw new FileError(
      dir,
      '',
      systemCodeOf(cause) === 'ENOENT' ? 'expected a directory, found none' : 'cannot be read',
      cause,
    );
  }
};

/** Reads and checks `isochron.json` of a cluster. @throws FileError */
export const readClusterFiles = (dir: string): ClusterFiles => {
  const real = realDir(dir);
  const file = clusterPaths(real).config;
  const config = readChecked(file, clusterConfigSchema);
  return { dir: real, config, parameters: parametersOf(file, config) };
};

/** The effective parameters of a configuration. @throws FileError naming the parameter */
export const parametersOf = (file: string, config: Pick<ClusterConfigJson, 'preset' | 'parameters'>): Parameters =>
  checking(file, () => parseParameters(config.preset, config.parameters));

/** A seed and its public key from an nkey file; the seed is never repeated in an error. @throws FileError */
export const readNkey = (file: string): { readonly seed: string; readonly publicKey: string } => {
  const text = readText(file).trim();
  return checking(file, () => nkeyOf(decodeNkeySeed(text)));
};

export interface MembershipFile {
  readonly envelope: unknown;
  readonly snapshot: Snapshot;
}

/**
 * Reads and verifies `membership.json`. Without `nowMs` it is judged as of its own issue, as a node does at a start when
 * no clock can be trusted yet.
 * @throws FileError
 */
export const readMembership = (
  file: string,
  config: { cluster: string; systemKey: string },
  nowMs?: number,
): MembershipFile => {
  const envelope = readJson(file);
  const expected = { systemKey: config.systemKey, clusterId: config.cluster };
  const snapshot = checking(file, () =>
    verifySnapshot(envelope, nowMs === undefined ? expected : { ...expected, nowMs }),
  );
  return { envelope, snapshot };
};

/** The certificates of a configuration with absolute paths. */
export const busTls = (dir: string, files: z.infer<typeof tls> | undefined): BusTls | undefined => {
  if (files === undefined) return undefined;
  const { caFile, certFile, keyFile } = files;
  return {
    ...(caFile === undefined ? {} : { caFile: resolve(dir, caFile) }),
    ...(certFile === undefined ? {} : { certFile: resolve(dir, certFile) }),
    ...(keyFile === undefined ? {} : { keyFile: resolve(dir, keyFile) }),
  };
};
