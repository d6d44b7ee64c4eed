/** `isochron up`: a whole cluster on this machine, from files checked first to a clean stop (3-interface §4). */
import { resolve } from 'node:path';
import { installCrashHandlers } from '../../actors/index.ts';
import { BusOptionError, findNatsServer, NatsServerMissingError } from '../../bus/index.ts';
import { describeExit, type ExitReason } from '../../machines/index.ts';
import type { IsochronError } from '../../protocol/index.ts';
import type { Arguments } from '../arguments.ts';
import { commandFor } from '../cluster.ts';
import type { Context } from '../context.ts';
import { deferred } from '../deferred.ts';
import { ClusterEndedError } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { realDir } from '../files/clusterFiles.ts';
import { readWholeCluster } from '../files/readCluster.ts';
import { upDetached } from '../host/detach.ts';
import { startMemoryCluster } from '../host/memoryCluster.ts';
import { startNatsCluster } from '../host/natsCluster.ts';
import { waitForAgreement } from '../host/readiness.ts';
import { readyLine, readyMessage } from '../host/readyMessage.ts';
import type { RunningCluster } from '../host/runningCluster.ts';
import { starterLink } from '../host/starterLink.ts';
import { makeTemporaryCluster, removeTemporaryCluster } from '../host/upDirectory.ts';
import { Records } from '../records.ts';
import { reportError } from '../report.ts';

/** A cluster that takes longer has a problem worth looking into. */
const slowMs = 20_000;

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const dir = args.text('dir') ?? context.globals.dir ?? (context.env.ISOCHRON_DIR || undefined);
  if (args.flag('detach')) return upDetached(context, { dir, wait: args.flag('wait'), forMs: args.number('for') });
  const cluster = await open(context, dir === undefined ? undefined : resolve(context.cwd, dir));
  return attend(context, cluster, args.number('for'));
};

/** Reads, checks, claims and starts; what was begun is undone when the command ends, in reverse. */
const open = async (context: Context, given: string | undefined): Promise<RunningCluster> => {
  const { clock, env, output, random } = context;
  const server = findServer(given !== undefined, env);
  const records = new Records(env);
  // Also what an `up` that was killed outright left behind: its keys lie in a temporary directory.
  records.live();
  const dir = given === undefined ? await temporary(context) : realDir(given);
  const whole = await readWholeCluster(dir);
  for (const file of whole.updated) output.message(`${file}: brought in line with isochron.json of the cluster`);
  if (typeof server !== 'string') {
    output.message(withoutServer(server));
    return startMemoryCluster({ whole, clock, random });
  }
  const record = { dir, nats: null, console: null, pid: process.pid, temporary: given === undefined };
  records.claim(record);
  context.onExit(() => records.release(dir, process.pid));
  const cluster = await startNatsCluster({ whole, clock, random, env });
  records.update({ ...record, nats: cluster.nats });
  return cluster;
};

/** No binary is a reason to do without one only where nobody named a cluster. @throws NatsServerMissingError, BusOptionError */
const findServer = (required: boolean, env: Context['env']): string | IsochronError => {
  try {
    return findNatsServer(env);
  } catch (error) {
    const isAbsent = error instanceof NatsServerMissingError || error instanceof BusOptionError;
    if (isAbsent && !required) return error;
    throw error;
  }
};

/** One line: why, what instead, what it costs, and how to have it otherwise. */
const withoutServer = (reason: IsochronError): string => {
  const install = 'apt-get install nats-server, or brew install nats-server';
  const why = reason instanceof NatsServerMissingError ? 'no nats-server found' : reason.message;
  return `${why}: running on the in-memory bus in this process, which no second terminal can reach; to change that: ${install}`;
};

const temporary = async (context: Context): Promise<string> => {
  const dir = await makeTemporaryCluster(context.clock, context.random);
  context.onExit(() => removeTemporaryCluster(dir));
  return dir;
};

/** Stays with the cluster until a signal, the time given, or its own end. */
const attend = async (context: Context, cluster: RunningCluster, forMs: number | undefined): Promise<ExitCode> => {
  const { clock, output, signal } = context;
  const enough = deferred<'stop'>();
  signal.addEventListener('abort', () => enough.resolve('stop'), { once: true });
  if (signal.aborted) enough.resolve('stop');
  installCrashHandlers((error) => {
    reportError(error, output);
    process.exit(exitCodes.failure);
  });
  const abandoned = new AbortController();
  void announce(context, cluster, abandoned.signal).then(
    () => {
      if (forMs !== undefined) clock.after(forMs, () => enough.resolve('stop'));
    },
    () => undefined,
  );
  const first = await Promise.race([enough.promise, cluster.ended, cluster.failed]);
  abandoned.abort();
  if (output.interactive) output.message('Stopping …');
  cluster.log.info('stopping', {
    reason: first === 'stop' ? (signal.aborted ? 'signal' : 'time') : describeExit(first),
  });
  await cluster.stop();
  if (first !== 'stop') throw endedError(first);
  return exitCodes.ok;
};

/** Says when the cluster is started, and when it is ready; on a terminal the live table follows. */
const announce = async (context: Context, cluster: RunningCluster, signal: AbortSignal): Promise<void> => {
  const { clock, env, output } = context;
  const starter = starterLink(env);
  if (output.interactive) output.message(`Starting ${cluster.nodes.join(', ')} …`);
  await cluster.started;
  cluster.log.info('started', { nodes: cluster.nodes.length });
  starter.started(cluster.dir, cluster.nats);
  const slow = clock.after(slowMs, () => output.message('The nodes do not agree on an epoch yet; still waiting.'));
  const agreement = await waitForAgreement(cluster.bus, cluster.nodes, clock, signal).finally(() => clock.cancel(slow));
  cluster.log.info('ready', { ...agreement });
  const line = readyLine(cluster);
  starter.ready(line);
  output.result(line, (paint) =>
    readyMessage(cluster, agreement, paint, (words) => commandFor(context, cluster.dir, words)),
  );
  if (output.interactive && !output.quiet) await showTable(context, cluster, signal);
};

/** Loaded for people only: a cluster that nobody watches does not pay for it. */
const showTable = async (
  { clock, output, onExit }: Context,
  cluster: RunningCluster,
  signal: AbortSignal,
): Promise<void> => {
  const [{ createLiveTable }, { Gatherer }, { terminalOf }] = await Promise.all([
    import('../render/liveTable.ts'),
    import('../gather.ts'),
    import('../observe.ts'),
  ]);
  if (signal.aborted) return;
  const gatherer = new Gatherer({ bus: cluster.bus, clock, host: () => cluster.tree() });
  const table = createLiveTable({
    out: terminalOf(output),
    paint: output.paint,
    clock,
    gather: () => gatherer.gather(),
  });
  output.raw('\n');
  table.start();
  signal.addEventListener('abort', () => table.stop(), { once: true });
  onExit(() => table.stop());
};

/** Why it ended, in the words of what failed. */
const endedError = (reason: ExitReason): ClusterEndedError => {
  if (reason.type !== 'error') return new ClusterEndedError(`the cluster ended: ${describeExit(reason)}`);
  const code = Number(/^EXIT_(\d+)$/.exec(reason.code)?.[1] ?? exitCodes.failure);
  return new ClusterEndedError(reason.message.replace(/^isochron: /, ''), code);
};
