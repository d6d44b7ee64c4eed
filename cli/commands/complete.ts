/** `isochron complete -- <words>`: what the shell may offer next, from the manifest and the clusters that run. */
import { readdirSync, readFileSync } from 'node:fs';
import { type Complete, RootCommand, type Command as TabCommand } from '@bomb.sh/tab';
import { fromBase64, fromUtf8 } from '../../protocol/index.ts';
import type { Arguments } from '../arguments.ts';
import { findCluster } from '../cluster.ts';
import { type ArgumentSpec, type Completes, globalOptions, type OptionSpec, type ValueSpec } from '../command.ts';
import type { Context } from '../context.ts';
import type { ExitCode } from '../exitCodes.ts';
import { clusterPaths } from '../files/clusterFiles.ts';
import { manifest } from '../manifest.ts';
import { Records } from '../records.ts';

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const root = new RootCommand();
  for (const option of globalOptions) addOption(root, option, context);
  for (const spec of manifest.filter(({ hidden }) => hidden !== true)) {
    const command = root.command(spec.name, spec.summary);
    for (const option of [...(spec.options ?? []), ...globalOptions]) addOption(command, option, context);
    for (const argument of spec.args ?? []) addArgument(command, argument, context);
  }
  root.parse([...args.list('words')]);
  return undefined;
};

const addOption = (command: TabCommand, { name, summary, short, value }: OptionSpec, context: Context): void => {
  if (value === undefined) command.option(name, summary, ...(short === undefined ? [] : [short]));
  else
    command.option(
      name,
      summary,
      (complete) => offer(value, context, complete),
      ...(short === undefined ? [] : [short]),
    );
};

const addArgument = (command: TabCommand, { name, value, variadic }: ArgumentSpec, context: Context): void => {
  command.argument(name, (complete) => offer(value, context, complete), variadic === true);
};

const offer = (value: ValueSpec | undefined, context: Context, complete: Complete): void => {
  if (value?.kind === 'choice') for (const choice of value.choices) complete(choice, '');
  if (value?.kind === 'text' && value.completes !== undefined) {
    for (const candidate of candidates(value.completes, context)) complete(candidate, '');
  }
};

/** A shell that waits for Tab wants an answer, never an error. */
const candidates = (kind: Completes, context: Context): readonly string[] => {
  try {
    switch (kind) {
      case 'cluster':
        return new Records(context.env).live().map(({ dir }) => dir);
      case 'node':
      case 'unit':
        return memberNames(findCluster(context).dir);
      case 'directory':
        return entries(context.cwd).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
      case 'file':
        return entries(context.cwd).map(({ name }) => name);
    }
  } catch {
    return [];
  }
};

const entries = (dir: string) => readdirSync(dir, { withFileTypes: true });

/** Not verified: names for a shell, and verifying would take longer than everything else. */
const memberNames = (dir: string): readonly string[] => {
  const envelope = JSON.parse(readFileSync(clusterPaths(dir).membership, 'utf8')) as { readonly payload: string };
  const payload = JSON.parse(fromUtf8(fromBase64(envelope.payload))) as {
    readonly members: readonly { readonly name: string }[];
  };
  return payload.members.map(({ name }) => name);
};
