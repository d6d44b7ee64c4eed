/** `isochron logs [-f] [node…]`: the rotated log files of a cluster, merged by time. Works while the cluster is down, too. */
import { readdirSync } from 'node:fs';
import { delay } from '../../actors/system/worldParts.ts';
import type { Arguments } from '../arguments.ts';
import { findCluster } from '../cluster.ts';
import type { Context } from '../context.ts';
import { UnknownIdError } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { clusterPaths } from '../files/clusterFiles.ts';
import { addressOf } from '../ids.ts';
import { type LogLevelName, type LogLine, LogReader, loggedNodes } from '../logReader.ts';
import { renderLog } from '../render/logLines.ts';

/** A screenful and a little more. */
const linesDefault = 100;
/** Faster than anybody reads. */
const followIntervalMs = 200;

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const { output, clock, signal } = context;
  const { dir } = findCluster(context);
  const { logs, nodes } = clusterPaths(dir);
  const ids = args.list('ids');
  const known = [...new Set([...loggedNodes(logs), ...namesIn(nodes)])].sort();
  for (const id of ids) checkKnown(id, known);
  const since = args.number('since');
  const reader = new LogReader(logs, {
    ids,
    level: (args.text('level') ?? 'debug') as LogLevelName,
    sinceMs: since === undefined ? Number.NEGATIVE_INFINITY : clock.now() - since,
  });
  const show = (lines: readonly LogLine[]): void => {
    if (lines.length > 0) output.raw(`${lines.map(({ text }) => shown(context, text)).join('\n')}\n`);
  };
  const past = reader.read(args.number('lines') ?? (since === undefined ? linesDefault : Number.MAX_SAFE_INTEGER));
  show(past);
  if (!args.flag('follow')) {
    if (past.length === 0) output.message(`no such lines in ${logs}`);
    return exitCodes.ok;
  }
  while (!signal.aborted) {
    await delay(clock, followIntervalMs, signal).catch(() => {});
    show(reader.next());
  }
  return exitCodes.interrupted;
};

/** A log may be read for what nobody in it is called any more, not for what nobody ever was. */
const checkKnown = (id: string, known: readonly string[]): void => {
  const { isBare, to } = addressOf(id);
  if (!known.includes(isBare ? id : to)) throw new UnknownIdError(id, known);
};

const namesIn = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
};

const shown = ({ output }: Context, text: string): string => {
  if (!output.json) return renderLog(text, output.paint);
  // What is no JSON must not end whoever reads NDJSON.
  return isObject(text) ? text : JSON.stringify({ action: 'unreadable', line: text });
};

const isObject = (text: string): boolean => {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null;
  } catch {
    return false;
  }
};
