/**
 * The directory of one node (3-interface §3): read and checked whole before anything starts. Every file must fit the
 * membership: a node with somebody else's key would be refused by all others, and should hear so at once.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  fromHex,
  type GroupShare,
  type Member,
  type Parameters,
  parseGroupShare,
  type Snapshot,
  toHex,
  x25519Public,
} from '../../protocol/index.ts';
import { FileError } from '../errors.ts';
import {
  type NodeConfigJson,
  nodeConfigSchema,
  parametersOf,
  readMembership,
  readNkey,
  realDir,
} from './clusterFiles.ts';
import { checking, readBytes, readChecked, readText } from './read.ts';

/** Where things lie in the directory of a node. */
export const nodePaths = (dir: string) => ({
  config: join(dir, 'isochron.json'),
  membership: join(dir, 'membership.json'),
  natsKey: join(dir, 'nats.nk'),
  memberKey: join(dir, 'member.nk'),
  kexKey: join(dir, 'kex.key'),
  matShare: join(dir, 'mat.share'),
  store: join(dir, 'data.sqlite'),
});

export interface NodeFiles {
  readonly dir: string;
  readonly config: NodeConfigJson;
  readonly parameters: Parameters;
  readonly member: Member;
  readonly snapshot: Snapshot;
  /** `membership.json` as it was read. */
  readonly envelope: unknown;
  /** Secrets: they go into the identity and the bus, and nowhere else. */
  readonly natsSeed: string;
  readonly memberSeed: string;
  readonly kexSecret: string;
  /** Validators only. */
  readonly groupShare: GroupShare | undefined;
}

/** Keys that could make somebody an administrator; a node in the field must not carry them. */
const clusterSecrets = ['system.nk', 'admin.nk'];

/**
 * @param given what isochron.json is about to say, where it is not what it says now
 * @throws FileError naming file, field and what was expected
 */
export const readNodeFiles = async (dir: string, given?: NodeConfigJson): Promise<NodeFiles> => {
  const real = realDir(dir);
  const paths = nodePaths(real);
  const config = given ?? readChecked(paths.config, nodeConfigSchema);
  const parameters = parametersOf(paths.config, config);
  if (config.preset === 'field') refuseClusterSecrets(real);
  const { envelope, snapshot } = readMembership(paths.membership, config);
  const member = memberOf(paths.membership, snapshot, config);
  checkEpochDuration(paths.config, snapshot, parameters);
  return {
    dir: real,
    config,
    parameters,
    member,
    snapshot,
    envelope,
    natsSeed: readOwnNkey(paths.natsKey, member.natsKey, 'nats_key'),
    memberSeed: readOwnNkey(paths.memberKey, member.peerId, 'peer_id'),
    kexSecret: readKexKey(paths.kexKey, member),
    groupShare: config.role === 'validator' ? await readGroupShare(paths.matShare, snapshot) : undefined,
  };
};

const refuseClusterSecrets = (dir: string): void => {
  const found = [dir, join(dir, 'keys')]
    .flatMap((place) => clusterSecrets.map((name) => join(place, name)))
    .find((file) => existsSync(file));
  if (found !== undefined) {
    throw new FileError(
      found,
      '',
      'expected no system or admin key in the directory of a field node: keep it elsewhere',
    );
  }
};

const memberOf = (file: string, snapshot: Snapshot, { name, role }: NodeConfigJson): Member => {
  const member = snapshot.members.find((one) => one.name === name);
  if (member === undefined) throw new FileError(file, 'members', `expected a member named '${name}'`);
  if (member.role !== role) throw new FileError(file, `members.${name}.role`, `expected ${role}, as in isochron.json`);
  return member;
};

/** The membership is signed, the configuration is not: where both say it, they must agree. */
const checkEpochDuration = (file: string, { deltaTMs }: Snapshot, { epochDurationMs }: Parameters): void => {
  if (deltaTMs !== epochDurationMs) {
    throw new FileError(
      file,
      'epochDurationMs',
      `expected ${deltaTMs}, as the membership says (delta_t_ms), got ${epochDurationMs}`,
    );
  }
};

const readOwnNkey = (file: string, expected: string, field: string): string => {
  const { seed, publicKey } = readNkey(file);
  if (publicKey !== expected)
    throw new FileError(file, '', `expected the key of this node (${field} ${expected}), got that of ${publicKey}`);
  return seed;
};

const readKexKey = (file: string, member: Member): string => {
  const text = readText(file).trim();
  const publicKey = checking(file, () => x25519Public(fromHex(text, 32, 'X25519 secret')));
  if (toHex(publicKey) !== toHex(member.kexKey)) {
    throw new FileError(
      file,
      '',
      `expected the key of this node (kex_key ${toHex(member.kexKey)}), got that of ${toHex(publicKey)}`,
    );
  }
  return text;
};

const readGroupShare = async (file: string, snapshot: Snapshot): Promise<GroupShare> => {
  const bytes = readBytes(file);
  const share = await parseGroupShare(bytes).catch((error: unknown) =>
    checking(file, () => {
      throw error;
    }),
  );
  if (toHex(share.groupKey) !== toHex(snapshot.groupKey)) {
    throw new FileError(file, 'group key', `expected that of the membership (${toHex(snapshot.groupKey)})`);
  }
  return share;
};
