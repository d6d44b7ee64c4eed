/**
 * Makes sure a nats-server binary is there, because npm carries none: `NATS_SERVER_BIN`, else PATH, else the system's
 * package. Plain JavaScript, because it runs before anything is built or installed. Silent when there is nothing to do.
 * `--optional`: exit 0 when it cannot be had (`npm start` then uses the in-memory bus, tests say why they fail); else exit 6.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const UNAVAILABLE = 6;
/** A package mirror that has not answered by then will not. */
const installTimeoutMs = 5 * 60_000;
/** Debian's is in sbin, which users' PATHs lack. */
const usualDirectories = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/usr/bin', '/opt/homebrew/bin'];

const executable = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const find = (name) => {
  const path = (process.env.PATH ?? '').split(delimiter).filter((entry) => entry !== '');
  return [...path, ...usualDirectories].map((entry) => join(entry, name)).find(executable);
};

const run = (command, args) => {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stderr, error } = spawnSync(command, args, { env, encoding: 'utf8', timeout: installTimeoutMs });
  if (status === 0) return undefined;
  const lastLine = (stderr ?? '').trim().split('\n').at(-1);
  return `${[command, ...args].join(' ')}: ${error?.message ?? (lastLine || `exit ${status}`)}`;
};

/** The commands that install it here, or a reason why nothing can. */
const plan = () => {
  if (find('apt-get') !== undefined) {
    const lock = ['-o', 'DPkg::Lock::Timeout=60'];
    const steps = [
      ['apt-get', '-qq', 'update'],
      ['apt-get', '-qq', ...lock, 'install', '-y', '--no-install-recommends', 'nats-server'],
    ];
    if (process.getuid?.() === 0) return { manager: 'apt-get', steps };
    const mayUseSudo = find('sudo') !== undefined && run('sudo', ['-n', 'true']) === undefined;
    if (mayUseSudo) return { manager: 'sudo apt-get', steps: steps.map((step) => ['sudo', '-n', ...step]) };
    return { reason: 'installing it needs root', command: 'sudo apt-get install nats-server' };
  }
  if (find('brew') !== undefined) return { manager: 'brew', steps: [['brew', 'install', 'nats-server']] };
  return { reason: 'no package manager known here has it', command: 'see https://nats.io/download' };
};

const say = (text) => process.stderr.write(`ensure-nats: ${text}\n`);

const giveUp = (reason, command) => {
  say(`no nats-server: ${reason}. Install it (${command}) or set NATS_SERVER_BIN`);
  process.exit(process.argv.includes('--optional') ? 0 : UNAVAILABLE);
};

const named = process.env.NATS_SERVER_BIN;
if (named) {
  if (!executable(named)) giveUp(`NATS_SERVER_BIN is ${named}, which cannot be run`, 'correct or unset it');
} else if (find('nats-server') === undefined) {
  const { manager, steps, reason, command } = plan();
  const manual = command ?? steps.at(-1).join(' ');
  if (steps === undefined) giveUp(reason, manual);
  if (process.env.ISOCHRON_NO_INSTALL === '1') giveUp('ISOCHRON_NO_INSTALL=1 forbids installing it', manual);
  say(`installing nats-server with ${manager} (ISOCHRON_NO_INSTALL=1 forbids it)`);
  for (const step of steps) {
    const failure = run(step[0], step.slice(1));
    // An outdated package list may still do; only the installation itself decides.
    if (failure !== undefined && step === steps.at(-1)) giveUp(failure, manual);
  }
  if (find('nats-server') === undefined) giveUp('the package was installed but has no nats-server', manual);
}
