/**
 * `isochron node`: one node in the foreground. Everything is read and checked before anything starts; then the node lives
 * until a signal, its parent's end, or its own supervisor's giving up.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createNode, installCrashHandlers } from '../../actors/index.ts';
import type { Arguments } from '../arguments.ts';
import type { Context } from '../context.ts';
import { deferred } from '../deferred.ts';
import { FileError } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { clusterPaths, isClusterDir } from '../files/clusterFiles.ts';
import { nodePaths, readNodeFiles } from '../files/nodeFiles.ts';
import { parentLink } from '../host/parentLink.ts';
import { messageOf } from '../report.ts';
import { openNodeWorld } from '../world.ts';

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const parent = parentLink();
  const { clock, cwd, env, globals, random, signal } = context;
  const dir = resolve(cwd, args.required('dir'));
  refuseCluster(dir);
  const files = await readNodeFiles(dir);
  const nats = globals.nats ?? (env.ISOCHRON_NATS || env.NATS_URL || files.config.nats.url);
  const { world, close } = await openNodeWorld({ files, nats, clock, random, env });
  context.onExit(close);
  const { log } = world;
  const ended = deferred<ExitCode>();
  installCrashHandlers((error) => {
    log.error('crashed', { reason: messageOf(error), stack: error instanceof Error ? error.stack : undefined });
    ended.resolve(exitCodes.failure);
  });
  const { name, role } = files.config;
  const system = createNode({
    world,
    role,
    onExit: (reason) => {
      if (!signal.aborted) log.error('gave_up', { reason: reason.type });
      ended.resolve(signal.aborted ? exitCodes.ok : exitCodes.failure);
    },
  });
  signal.addEventListener('abort', () => system.stop(), { once: true });
  log.info('starting', { role, cluster: files.config.cluster, nats, pid: process.pid });
  // A start that fails is told by `onExit`.
  system.start().then(
    () => {
      log.info('started', { name });
      parent.ready();
    },
    () => undefined,
  );
  if (signal.aborted) system.stop();
  return ended.promise;
};

/** The likeliest mistake gets its own answer. @throws FileError */
const refuseCluster = (dir: string): void => {
  if (!isClusterDir(dir) || existsSync(nodePaths(dir).memberKey)) return;
  const { nodes } = clusterPaths(dir);
  throw new FileError(dir, '', `expected the directory of one node, found a whole cluster: give one of ${nodes}/`);
};
