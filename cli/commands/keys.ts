/** `isochron keys`: public keys and file modes of a cluster directory, or of one node's. Never a seed. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Arguments } from '../arguments.ts';
import { findCluster } from '../cluster.ts';
import { shellWord } from '../commandText.ts';
import type { Context } from '../context.ts';
import { FileError } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { realDir } from '../files/clusterFiles.ts';
import { type KeyFile, keyFilesOf } from '../files/keyFiles.ts';
import { nodePaths } from '../files/nodeFiles.ts';
import { tableLines } from '../render/columns.ts';

export const run = async (context: Context, _args: Arguments): Promise<ExitCode | undefined> => {
  const dir = directoryOf(context);
  const keys = await keyFilesOf(dir);
  if (keys.length === 0) throw new FileError(dir, '', 'expected key files of a cluster or a node, found none');
  // As wide as it is: a terminal wraps it, and a key that is cut is worth nothing.
  context.output.result({ dir, keys }, (paint) => tableLines(columns, keys, { paint }).join('\n'));
  const bad = keys.filter((key) => !key.private || key.problem !== null);
  for (const { file, mode, problem } of bad) {
    context.output.warn(
      problem ?? `${file}: mode ${mode}, expected 0600: others may read it; chmod 600 ${shellWord(resolve(dir, file))}`,
    );
  }
  return bad.length === 0 ? exitCodes.ok : exitCodes.failure;
};

/** The directory of one node is enough, wherever it was copied to. */
const directoryOf = (context: Context): string => {
  const here = resolve(context.cwd, context.globals.dir ?? '.');
  return existsSync(nodePaths(here).memberKey) ? realDir(here) : findCluster(context).dir;
};

const columns = [
  { title: 'FILE', text: ({ file }: KeyFile) => file },
  { title: 'KIND', text: ({ kind }: KeyFile) => kind },
  {
    title: 'MODE',
    text: ({ mode }: KeyFile) => mode,
    colour: (key: KeyFile) => (key.private ? undefined : ('red' as const)),
  },
  { title: 'PUBLIC KEY', text: ({ publicKey }: KeyFile) => publicKey ?? '-' },
];
