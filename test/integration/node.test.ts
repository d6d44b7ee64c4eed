/** `isochron node` as production runs it: one process, its files, its server or none, its end. */
import { fork } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClock } from '../../actors/index.ts';
import { type ManagedServer, startNatsServer } from '../../bus/index.ts';
import { readWholeCluster } from '../../cli/files/readCluster.ts';
import { hostAndPort } from '../../cli/files/writeCluster.ts';
import { isAlive } from '../../cli/records.ts';
import { type Cli, createCli, epochOf, mainFile, operatorOf, type Running } from '../support/cli.ts';
import { requireNatsServer } from '../support/natsServer.ts';
import { until } from '../support/until.ts';

const oneLine = /^[^\n]+\n$/;

let cli: Cli;
let dir: string;
let server: ManagedServer | undefined;
beforeEach(async () => {
  requireNatsServer();
  cli = createCli();
  dir = join(cli.root, 'lab');
  expect(await cli.run('init', 'lab')).toMatchObject({ code: 0 });
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await cli.close();
});

const nodeDir = (name: string): string => join(dir, 'nodes', name);
const start = (name: string): Running => cli.start(['node', nodeDir(name)]);
/** Resolves with the first log line of that action. */
const logged = (running: Running, action: string) =>
  until(`${action} in the log`, () => running.lines().find((line) => line.action === action));

/** The server of the cluster, as somebody else would run it: with the generated configuration. */
const startServer = async (): Promise<string> => {
  const { config, users } = await readWholeCluster(dir);
  server = await startNatsServer({
    directory: join(cli.root, 'server'),
    clock: createClock(),
    config: {
      cluster: 'lab',
      users,
      storeDirectory: join(cli.root, 'server', 'jetstream'),
      ...hostAndPort(config.nats.url),
    },
  });
  return server.url;
};

describe('a node', () => {
  it('runs without its server, counts on by itself, and is there when the server comes', async () => {
    const validator = start('validator-2');
    await logged(validator, 'bus_away');
    await logged(validator, 'epoch_began');
    const url = await startServer();
    await logged(validator, 'bus_connected');
    const operator = await operatorOf(dir, url);
    const epoch = await until('an answer', () => epochOf(operator, 'validator-2'));
    expect(epoch.clusterHead).toBe('validator-2');
    await operator.drain();
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops cleanly on %s and exits 0', async (signal) => {
    const device = start('device-1');
    await logged(device, 'started');
    device.signal(signal);
    expect(await device.ended).toMatchObject({ code: 0, stderr: '' });
    expect(
      device
        .lines()
        .every(({ action, node, time }) => action !== undefined && node === 'device-1' && Number.isInteger(time)),
    ).toBe(true);
  });

  it('runs once: a second process on its directory is refused', async () => {
    const first = start('device-1');
    await logged(first, 'started');
    const second = await cli.run('node', nodeDir('device-1'));
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(oneLine);
    expect(second.stderr).toContain('another process has this store open');
    first.signal('SIGTERM');
    expect(await first.ended).toMatchObject({ code: 0 });
  });

  it('keeps its term through SIGKILL', async () => {
    const url = await startServer();
    const operator = await operatorOf(dir, url);
    const first = start('validator-1');
    const before = await until('a term', async () => {
      const { term } = await epochOf(operator, 'validator-1');
      return term > 0 ? term : undefined;
    });
    first.signal('SIGKILL');
    await first.ended;
    start('validator-1');
    await until('a higher term', async () =>
      (await epochOf(operator, 'validator-1')).term > before ? true : undefined,
    );
    await operator.drain();
  });

  it('ends with the process that started it', async () => {
    const child = fork(mainFile, ['node', nodeDir('device-1')], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { PATH: process.env.PATH, HOME: cli.root },
    });
    await new Promise((resolve) => child.once('message', resolve));
    child.disconnect();
    await until('it to end', () => (isAlive(child.pid ?? 0) ? undefined : true));
  });
});

describe('a bad directory is refused in one line, exit 2, nothing started', () => {
  const refused = async (path = nodeDir('validator-1')): Promise<string> => {
    const { code, stdout, stderr } = await cli.run('node', path);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(oneLine);
    expect(existsSync(join(nodeDir('validator-1'), 'data.sqlite'))).toBe(false);
    return stderr;
  };

  it.each(['isochron.json', 'membership.json', 'nats.nk', 'member.nk', 'kex.key', 'mat.share'])(
    '%s is garbage',
    async (name) => {
      writeFileSync(join(nodeDir('validator-1'), name), 'garbage');
      expect(await refused()).toContain(join(nodeDir('validator-1'), name));
    },
  );

  it('there is none', async () => {
    expect(await refused(join(cli.root, 'nowhere'))).toContain('expected a directory, found none');
  });

  it('it holds the system key, in the field', async () => {
    expect(await cli.run('init', 'field', '--preset', 'field')).toMatchObject({ code: 0 });
    const node = join(cli.root, 'field', 'nodes', 'validator-1');
    mkdirSync(join(node, 'keys'));
    copyFileSync(join(cli.root, 'field', 'keys', 'system.nk'), join(node, 'system.nk'));
    expect(await refused(node)).toContain('expected no system or admin key');
  });

  it('and with --json the line is the body of an error', async () => {
    writeFileSync(join(nodeDir('validator-1'), 'isochron.json'), '{}');
    const { stderr } = await cli.run('node', nodeDir('validator-1'), '--json');
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'FILE_INVALID', details: { field: 'cluster' } } });
  });
});

it('the built command can be run as it is', () => {
  expect(statSync(mainFile).mode & 0o111).toBe(0o111);
  expect(readFileSync(mainFile, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});
