/** `isochron down`: asks the `up` of a cluster to stop and waits until it is gone. */
import { resolve } from 'node:path';
import type { Clock } from '../../actors/index.ts';
import { delay } from '../../actors/system/worldParts.ts';
import type { Arguments } from '../arguments.ts';
import { findCluster } from '../cluster.ts';
import type { Context } from '../context.ts';
import { ClusterUnavailableError, WaitTimeoutError } from '../errors.ts';
import type { ExitCode } from '../exitCodes.ts';
import { realDir } from '../files/clusterFiles.ts';
import { type ClusterRecord, isAlive, Records } from '../records.ts';

/** How often it is looked at while it stops. */
const pollMs = 50;
const timeoutDefaultMs = 30_000;

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const { clock, output, signal } = context;
  const record = find(context, args.text('dir'));
  if (record === undefined) {
    output.result({ stopped: false, dir: null, pid: null }, () => 'Nothing is running.');
    return undefined;
  }
  const { dir, pid } = record;
  process.kill(pid, 'SIGTERM');
  await gone(pid, args.number('timeout') ?? timeoutDefaultMs, clock, signal);
  output.result({ stopped: true, dir, pid }, () => `Stopped the cluster of ${dir}.`);
  return undefined;
};

/** Starting clusters too: `down` right after `up -d` must not miss one. */
const find = (context: Context, given: string | undefined): ClusterRecord | undefined => {
  const records = new Records(context.env);
  if (given !== undefined) return records.of(realDir(resolve(context.cwd, given)));
  try {
    return findCluster(context).record;
  } catch (error) {
    if (error instanceof ClusterUnavailableError) return records.live()[0];
    throw error;
  }
};

/** @throws WaitTimeoutError */
const gone = async (pid: number, limitMs: number, clock: Clock, signal: AbortSignal): Promise<void> => {
  const until = clock.elapsed() + limitMs;
  while (isAlive(pid)) {
    if (clock.elapsed() >= until) throw new WaitTimeoutError(`process ${pid} did not stop`, limitMs);
    await delay(clock, pollMs, signal);
  }
};
