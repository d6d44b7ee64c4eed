/** Writes what `init` deals: files of a cluster and of each node, all or nothing, secrets readable by their owner alone. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { natsConfig, type ServerUser } from '../../bus/index.ts';
import {
  type ClusterMaterial,
  encodeAdminBundle,
  isName,
  type Nkey,
  type NodeMaterial,
  type Preset,
} from '../../protocol/index.ts';
import { TargetNotEmptyError } from '../errors.ts';
import { type ClusterConfigJson, type ClusterKey, clusterPaths, type NodeConfigJson } from './clusterFiles.ts';
import { makeDirectory } from './makeDirectory.ts';
import { nodePaths } from './nodeFiles.ts';

const OWNER_ONLY = 0o600;
const OWNER_ONLY_DIR = 0o700;
const READABLE = 0o644;
const READABLE_DIR = 0o755;

export interface ClusterToWrite {
  /** Absolute; made when missing. */
  readonly dir: string;
  readonly cluster: string;
  readonly preset: Preset;
  readonly nats: { readonly url: string; readonly websocketPort: number };
  readonly material: ClusterMaterial;
  /** Logins of people and of `up`; not members. */
  readonly logins: { readonly host: Nkey; readonly operator: Nkey; readonly viewer: Nkey };
}

/**
 * Writes a whole cluster.
 * @throws TargetNotEmptyError when the directory holds anything; FileError when it cannot be one; what the system says when
 * it cannot be written, and then nothing is left behind
 */
export const writeCluster = (cluster: ClusterToWrite): void => {
  const made = makeDirectory(cluster.dir, READABLE_DIR);
  if (readdirSync(cluster.dir).length > 0) throw new TargetNotEmptyError(cluster.dir);
  const draft = mkdtempSync(join(cluster.dir, '.init-'));
  try {
    writeAll(draft, cluster);
    // The configuration last: a directory that has it is complete.
    for (const entry of readdirSync(draft).sort(
      (a, b) => Number(a === 'isochron.json') - Number(b === 'isochron.json'),
    )) {
      renameSync(join(draft, entry), join(cluster.dir, entry));
    }
    rmdirSync(draft);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    throw error;
  }
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const secret = (file: string, content: string | Uint8Array): void =>
  writeFileSync(file, content, { mode: OWNER_ONLY, flag: 'wx' });
const open = (file: string, content: string): void => writeFileSync(file, content, { mode: READABLE, flag: 'wx' });

const writeAll = (draft: string, cluster: ClusterToWrite): void => {
  const { material, logins } = cluster;
  const paths = clusterPaths(draft);
  mkdirSync(paths.keys, { mode: OWNER_ONLY_DIR });
  const keys: Readonly<Record<ClusterKey, Nkey>> = { system: material.system, admin: material.admin, ...logins };
  for (const [name, { seed }] of Object.entries(keys)) secret(paths.key(name as ClusterKey), `${seed}\n`);
  mkdirSync(paths.nodes, { mode: READABLE_DIR });
  for (const node of material.nodes) writeNode(paths.node(node.name), cluster, node);
  open(paths.membership, json(material.membership));
  secret(paths.natsConf, natsConfText(cluster));
  secret(paths.adminBundle, `${adminBundle(cluster)}\n`);
  open(paths.dns, dnsSample(cluster));
  open(paths.config, json(clusterConfig(cluster)));
};

const writeNode = (dir: string, cluster: ClusterToWrite, node: NodeMaterial): void => {
  mkdirSync(dir, { mode: OWNER_ONLY_DIR });
  const paths = nodePaths(dir);
  secret(paths.natsKey, `${node.nats.seed}\n`);
  secret(paths.memberKey, `${node.member.seed}\n`);
  secret(paths.kexKey, `${node.kex.secret}\n`);
  if (node.groupShare !== undefined) secret(paths.matShare, node.groupShare);
  open(paths.membership, json(cluster.material.membership));
  open(paths.config, json(nodeConfig(cluster, node)));
};

const clusterConfig = ({ cluster, preset, nats, material }: ClusterToWrite): ClusterConfigJson => ({
  cluster,
  preset,
  parameters: {},
  systemKey: material.system.publicKey,
  nats: { ...nats, ...(isTls(nats) ? { tls: serverTls } : {}) },
});

/** Where the server's certificate is expected, relative to the cluster; `init` makes none. */
const serverTls = { certFile: 'tls/cert.pem', keyFile: 'tls/key.pem' };
const isTls = ({ url }: ClusterToWrite['nats']): boolean => url.startsWith('tls://');

const nodeConfig = (
  { cluster, preset, nats, material }: ClusterToWrite,
  { name, role }: NodeMaterial,
): NodeConfigJson => ({
  cluster,
  name,
  role: role === 'validator' ? 'validator' : 'device',
  preset,
  parameters: {},
  systemKey: material.system.publicKey,
  nats: { url: nats.url },
});

/** The server's logins: every member, and the three that are none. */
export const serverUsers = (
  members: readonly { readonly name: string; readonly role: ServerUser['role']; readonly natsKey: string }[],
  logins: { readonly host: string; readonly operator: string; readonly viewer: string },
): readonly ServerUser[] => [
  ...members.map(({ name, role, natsKey }) => ({ name, role, natsKey })),
  { name: 'host', role: 'host', natsKey: logins.host },
  { name: 'operator', role: 'operator', natsKey: logins.operator },
  { name: 'viewer', role: 'viewer', natsKey: logins.viewer },
];

/** Host and port of a NATS URL; the default port is NATS's. */
export const hostAndPort = (url: string): { readonly host: string; readonly port: number } => {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: port === '' ? natsPortDefault : Number(port) };
};

const natsPortDefault = 4222;

/** A name; addresses, with brackets or without, are taken as they are. */
const isHostName = (host: string): boolean => !/^[\d.]+$/.test(host) && !host.includes(':') && host !== 'localhost';

/**
 * Where the server of that URL listens. A name is how others find it: on the machine itself it often means the loopback
 * alone, so a server with a name listens on every address.
 */
export const listenOf = (url: string): { readonly host: string; readonly port: number } => {
  const { host, port } = hostAndPort(url);
  return { host: isHostName(host) ? '0.0.0.0' : host, port };
};

const natsConfText = ({ dir, cluster, nats, material, logins }: ClusterToWrite): string => {
  const members = material.nodes.map(({ name, role, nats: key }) => ({ name, role, natsKey: key.publicKey }));
  const { host, operator, viewer } = logins;
  return natsConfig({
    cluster,
    users: serverUsers(members, { host: host.publicKey, operator: operator.publicKey, viewer: viewer.publicKey }),
    storeDirectory: clusterPaths(dir).jetStream,
    ...listenOf(nats.url),
    websocketPort: nats.websocketPort,
    ...(isTls(nats) ? { tls: { certFile: join(dir, serverTls.certFile), keyFile: join(dir, serverTls.keyFile) } } : {}),
  });
};

const adminBundle = ({ cluster, nats, material, logins }: ClusterToWrite): string =>
  encodeAdminBundle({
    clusterId: cluster,
    systemKey: material.system.publicKey,
    adminSeed: material.admin.seed,
    adminProof: material.adminProof,
    operatorSeed: logins.operator.seed,
    bootstrap: [nats.url, websocketUrl(nats)],
  });

const websocketUrl = ({ url, websocketPort }: ClusterToWrite['nats']): string =>
  `${isTls({ url, websocketPort }) ? 'wss' : 'ws'}://${hostAndPort(url).host}:${websocketPort}`;

/** Multiaddrs of the server, as libp2p's `_dnsaddr` records spell them. */
const dnsSample = ({ cluster, nats }: ClusterToWrite): string => {
  const { host, port } = hostAndPort(nats.url);
  const kind = /^[\d.]+$/.test(host) ? 'ip4' : host.startsWith('[') ? 'ip6' : 'dns4';
  const at = `/${kind}/${host.replace(/^\[|\]$/g, '')}`;
  const websocket = isTls(nats) ? 'tls/ws' : 'ws';
  return [
    `; Bootstrap records of cluster ${cluster}: replace example.com, then nodes find the server by name.`,
    `_dnsaddr.example.com. 300 IN TXT "dnsaddr=${at}/tcp/${port}"`,
    `_dnsaddr.example.com. 300 IN TXT "dnsaddr=${at}/tcp/${nats.websocketPort}/${websocket}"`,
    '',
  ].join('\n');
};

/** A cluster name from a directory's: what subjects can carry. */
export const clusterNameOf = (directoryName: string): string => {
  const name = directoryName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, clusterNameChars)
    .replace(/-+$/, '');
  return isName(name) ? name : 'isochron';
};

const clusterNameChars = 32;
