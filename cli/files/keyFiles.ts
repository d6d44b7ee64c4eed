/** The key files of a directory: what they are, their public halves, and who may read them. Never a secret. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fromHex, parseGroupShare, toHex, x25519Public } from '../../protocol/index.ts';
import { messageOf } from '../report.ts';
import { clusterPaths, readNkey } from './clusterFiles.ts';
import { nodePaths } from './nodeFiles.ts';
import { checking, readBytes, readText } from './read.ts';

export interface KeyFile {
  /** Relative to the directory asked about. */
  readonly file: string;
  readonly kind: 'nkey' | 'x25519' | 'mat share';
  /** `U…`, or hex; null when the file cannot be read, and `problem` says why. */
  readonly publicKey: string | null;
  /** `0600` */
  readonly mode: string;
  /** Its owner alone may read it. */
  readonly private: boolean;
  readonly problem: string | null;
}

/** Bits that let a group or others do anything. */
const othersMask = 0o077;
const permissionMask = 0o777;

/** Every key file of a cluster directory or of a single node's, in a fixed order. */
export const keyFilesOf = async (dir: string): Promise<readonly KeyFile[]> => {
  const files = [...clusterKeyFiles(dir), ...nodeDirs(dir).flatMap(nodeKeyFiles)].filter(({ file }) =>
    existsSync(file),
  );
  return Promise.all(files.map(({ file, kind }) => describe(dir, file, kind)));
};

interface Candidate {
  readonly file: string;
  readonly kind: KeyFile['kind'];
}

const entries = (dir: string): readonly string[] => (existsSync(dir) ? readdirSync(dir).sort() : []);

const clusterKeyFiles = (dir: string): readonly Candidate[] => {
  const { keys } = clusterPaths(dir);
  return entries(keys)
    .filter((name) => name.endsWith('.nk'))
    .map((name) => ({ file: join(keys, name), kind: 'nkey' }));
};

/** The directory itself when it is a node's. */
const nodeDirs = (dir: string): readonly string[] => {
  const { nodes } = clusterPaths(dir);
  return [dir, ...entries(nodes).map((name) => join(nodes, name))];
};

const nodeKeyFiles = (dir: string): readonly Candidate[] => {
  const { natsKey, memberKey, kexKey, matShare } = nodePaths(dir);
  return [
    { file: natsKey, kind: 'nkey' },
    { file: memberKey, kind: 'nkey' },
    { file: kexKey, kind: 'x25519' },
    { file: matShare, kind: 'mat share' },
  ];
};

const describe = async (dir: string, file: string, kind: KeyFile['kind']): Promise<KeyFile> => {
  const bits = statSync(file).mode & permissionMask;
  const shown = { file: relative(dir, file), kind, mode: `0${bits.toString(8)}`, private: (bits & othersMask) === 0 };
  try {
    return { ...shown, publicKey: await publicKeyOf(file, kind), problem: null };
  } catch (error) {
    return { ...shown, publicKey: null, problem: messageOf(error) };
  }
};

const publicKeyOf = async (file: string, kind: KeyFile['kind']): Promise<string> => {
  switch (kind) {
    case 'nkey':
      return readNkey(file).publicKey;
    case 'x25519': {
      const text = readText(file).trim();
      return checking(file, () => toHex(x25519Public(fromHex(text, 32, 'X25519 secret'))));
    }
    case 'mat share':
      return toHex((await parseGroupShare(readBytes(file))).groupKey);
  }
};
