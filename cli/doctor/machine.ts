/** Checks of the machine: Node, nats-server, the clock, the state folder. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../../actors/index.ts';
import { delay } from '../../actors/system/worldParts.ts';
import { findNatsServer } from '../../bus/index.ts';
import type { Context } from '../context.ts';
import { stateDirectory } from '../records.ts';
import { messageOf } from '../report.ts';
import { type CheckResult, fail, ok, warn } from './check.ts';

/** package.json `engines`. */
const nodeMin = [20, 19] as const;
/** Debian's. Older ones do not know websockets with nkeys, or permissions on replies. */
const serverMin = [2, 9] as const;
/** Where features beyond the contract begin: per-key expiry, several filters a consumer. */
const serverNew = [2, 10] as const;
const versionTimeoutMs = 5_000;
/** How long two clocks are watched, and how far they may part in that time: a thousandth is far beyond any oscillator. */
const clockWatchMs = 250;
const clockPartMsMax = 5;
/** Before this project; a clock that shows less was never set. */
const earliestMs = Date.UTC(2025, 0, 1);
const latestMs = Date.UTC(2100, 0, 1);

const atLeast = (version: string, [major, minor]: readonly [number, number]): boolean => {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
};

export const machineChecks = async ({
  clock,
  env,
}: Pick<Context, 'clock' | 'env'>): Promise<readonly CheckResult[]> => [
  nodeCheck(process.version.slice(1)),
  await natsServerCheck(env),
  await clockCheck(clock),
  stateCheck(stateDirectory(env)),
];

export const nodeCheck = (version: string): CheckResult =>
  atLeast(version, nodeMin)
    ? ok('node', `v${version}`)
    : fail('node', `v${version}; install Node ${nodeMin.join('.')} or newer`);

const natsServerCheck = async (env: Context['env']): Promise<CheckResult> => {
  try {
    const binary = findNatsServer(env);
    const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: versionTimeoutMs });
    return serverVersionCheck(binary, stdout);
  } catch (error) {
    return fail('nats-server', messageOf(error));
  }
};

/** @param text what `nats-server --version` says */
export const serverVersionCheck = (binary: string, text: string): CheckResult => {
  const version = /v(\d+\.\d+\.\d+)/.exec(text)?.[1];
  if (version === undefined) return warn('nats-server', `${binary} does not say its version`);
  if (!atLeast(version, serverMin))
    return fail('nats-server', `${binary} v${version}; install ${serverMin.join('.')} or newer`);
  const features = atLeast(version, serverNew)
    ? 'all features'
    : 'enough; 2.10 adds per-key expiry and several filters a consumer';
  return ok('nats-server', `${binary} v${version} (${features})`);
};

/** The wall clock is set, and runs like the monotonic one: something that steps it now makes epochs jump. */
const clockCheck = async (clock: Clock): Promise<CheckResult> => {
  const [wall, monotonic] = [clock.now(), clock.elapsed()];
  if (wall < earliestMs || wall > latestMs) {
    return fail(
      'clock',
      `shows ${new Date(wall).toISOString()}; set it (NTP or by hand): membership and beacons carry times`,
    );
  }
  await delay(clock, clockWatchMs);
  const partMs = Math.abs(clock.now() - wall - (clock.elapsed() - monotonic));
  if (partMs > clockPartMsMax)
    return warn('clock', `stepped by ${partMs.toFixed(1)} ms while it was watched; is something setting it?`);
  return ok('clock', new Date(wall).toISOString());
};

/** The nearest existing ancestor must be writable. */
const stateCheck = (directory: string): CheckResult => {
  let existing = directory;
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK);
    return ok('state folder', directory);
  } catch {
    return fail('state folder', `${existing} is not writable: up cannot record its cluster; set XDG_STATE_HOME`);
  }
};
