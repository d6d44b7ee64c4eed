/** A whole cluster directory, read and checked before `up` starts anything of it. */
import { renameSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { ServerUser } from '../../bus/index.ts';
import type { Snapshot } from '../../protocol/index.ts';
import { FileError } from '../errors.ts';
import {
  type ClusterFiles,
  clusterPaths,
  type NodeConfigJson,
  nodeConfigSchema,
  readClusterFiles,
  readMembership,
  readNkey,
} from './clusterFiles.ts';
import { type NodeFiles, nodePaths, readNodeFiles } from './nodeFiles.ts';
import { readChecked } from './read.ts';
import { serverUsers } from './writeCluster.ts';

export interface WholeCluster extends ClusterFiles {
  readonly snapshot: Snapshot;
  /** `membership.json` as it was read. */
  readonly envelope: unknown;
  /** `keys/host.nk`: how `up` connects. */
  readonly hostSeed: string;
  /** Logins of the server. */
  readonly users: readonly ServerUser[];
  /** Members that this directory holds, validators first. */
  readonly nodes: readonly NodeFiles[];
  /** Files of nodes that were brought in line with isochron.json. */
  readonly updated: readonly string[];
}

/** @throws FileError: one line, nothing started */
export const readWholeCluster = async (dir: string): Promise<WholeCluster> => {
  const files = readClusterFiles(dir);
  const paths = clusterPaths(files.dir);
  const { envelope, snapshot } = readMembership(paths.membership, files.config);
  const host = readNkey(paths.key('host'));
  const logins = {
    host: host.publicKey,
    operator: readNkey(paths.key('operator')).publicKey,
    viewer: readNkey(paths.key('viewer')).publicKey,
  };
  const members = snapshot.members.filter(({ role }) => role !== 'client');
  if (members.length === 0) throw new FileError(paths.membership, 'members', 'expected at least one validator');
  const nodes: NodeFiles[] = [];
  const changed: NodeConfigFile[] = [];
  for (const { name } of members) {
    const nodeDir = paths.node(name);
    const aligned = alignedConfig(nodeDir, files);
    if (aligned.isChanged) changed.push(aligned);
    nodes.push(await readNodeFiles(nodeDir, aligned.config));
  }
  // Now that all of it is right: a cluster that is refused is left as it was.
  for (const one of changed) writeConfig(one);
  return {
    ...files,
    snapshot,
    envelope,
    hostSeed: host.seed,
    users: serverUsers(snapshot.members, logins),
    nodes,
    updated: changed.map(({ file }) => file),
  };
};

interface NodeConfigFile {
  readonly file: string;
  readonly config: NodeConfigJson;
  /** It is not what the file says now. */
  readonly isChanged: boolean;
}

/**
 * All members of a cluster use the same parameters (protocol/parameters): what `isochron.json` of the cluster says goes
 * into that of the node.
 */
const alignedConfig = (nodeDir: string, { config }: ClusterFiles): NodeConfigFile => {
  const { config: file } = nodePaths(nodeDir);
  const node = readChecked(file, nodeConfigSchema);
  const { preset, parameters } = config;
  const aligned = { ...node, preset, parameters, nats: { ...node.nats, url: config.nats.url } };
  return { file, config: aligned, isChanged: !isDeepStrictEqual(aligned, node) };
};

const writeConfig = ({ file, config }: NodeConfigFile): void => {
  const draft = `${file}.new`;
  writeFileSync(draft, `${JSON.stringify(config, null, 2)}\n`);
  renameSync(draft, file);
};
