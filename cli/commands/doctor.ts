/** `isochron doctor`: what is wrong with this machine, a cluster directory, a running cluster; and what to do about it. */
import { resolve } from 'node:path';
import type { Arguments } from '../arguments.ts';
import { type FoundCluster, findCluster } from '../cluster.ts';
import type { Context } from '../context.ts';
import { type CheckResult, type CheckStatus, fail, ok } from '../doctor/check.ts';
import { directoryChecks } from '../doctor/directory.ts';
import { machineChecks } from '../doctor/machine.ts';
import { runningChecks } from '../doctor/running.ts';
import { ClusterUnavailableError } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { tableWidth } from '../observe.ts';
import type { Colour } from '../output.ts';
import { wrappedTableLines } from '../render/columns.ts';
import { messageOf } from '../report.ts';

export const run = async (context: Context, _args: Arguments): Promise<ExitCode | undefined> => {
  const checks = [...(await machineChecks(context)), ...(await clusterChecks(context))];
  const isOk = checks.every(({ status }) => status !== 'fail');
  context.output.result({ ok: isOk, checks }, (paint) =>
    [...wrappedTableLines(columns, checks, { paint, width: tableWidth(context.output) }), '', summary(checks)].join(
      '\n',
    ),
  );
  return isOk ? exitCodes.ok : exitCodes.failure;
};

const clusterChecks = async (context: Context): Promise<readonly CheckResult[]> => {
  let found: FoundCluster;
  try {
    found = findCluster(context);
  } catch (error) {
    if (error instanceof ClusterUnavailableError) return [ok('cluster', 'none here; name one with --dir')];
    const { dir } = context.globals;
    // A directory without a readable configuration still has other files to look at.
    if (dir === undefined) return [fail('cluster', messageOf(error))];
    return directoryChecks(resolve(context.cwd, dir), false, context.clock);
  }
  const { dir, record } = found;
  const files = await directoryChecks(dir, record !== undefined, context.clock);
  const running = await runningChecks(context);
  if (record !== undefined) return [...files, ok('cluster', `run by process ${record.pid}`), ...running];
  // Without an `up` here it may run elsewhere, or not at all, and neither is a fault.
  const isReached = running.length > 1;
  return isReached ? [...files, ...running] : [...files, ok('cluster', 'not running, or not reached from here')];
};

const summary = (checks: readonly CheckResult[]): string => {
  const number = (status: CheckStatus): number => checks.filter((check) => check.status === status).length;
  return `${number('ok')} ok, ${number('warn')} to look at, ${number('fail')} wrong`;
};

const colours: Readonly<Record<CheckStatus, Colour>> = { ok: 'green', warn: 'yellow', fail: 'red' };

const columns = [
  { title: 'CHECK', text: ({ name }: CheckResult) => name },
  { title: 'RESULT', text: ({ status }: CheckResult) => status, colour: ({ status }: CheckResult) => colours[status] },
  { title: 'DETAIL', text: ({ detail }: CheckResult) => detail },
];
