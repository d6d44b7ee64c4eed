/** `isochron up` on real parts: a nats-server and one process a node, started, agreed, killed, mended, stopped. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRandom } from '../../actors/index.ts';
import type { Bus } from '../../bus/index.ts';
import { freePorts } from '../../cli/host/ports.ts';
import { writeCertificate } from '../support/certificate.ts';
import { allGone, type Cli, createCli, epochOf, operatorOf, pidsOf, type Running, unitOf } from '../support/cli.ts';
import { requireNatsServer } from '../support/natsServer.ts';
import { until } from '../support/until.ts';

const nodes = ['validator-1', 'validator-2', 'device-1'];
const oneLine = /^[^\n]+\n$/;

let cli: Cli;
let operator: Bus | undefined;
beforeEach(() => {
  requireNatsServer();
  cli = createCli();
});
afterEach(async () => {
  await operator?.drain();
  operator = undefined;
  await cli.close();
});

interface Lab {
  readonly up: Running;
  readonly dir: string;
  readonly nats: string;
}

const lab = async (...args: readonly string[]): Promise<Lab> => {
  const up = cli.start(['up', '--json', ...args]);
  const { dir, nats } = await up.line('ready');
  return { up, dir: String(dir), nats: String(nats) };
};
const records = (): readonly string[] => readdirSync(join(cli.root, 'state', 'isochron', 'clusters'));

describe('up', () => {
  it('says in one line that all nodes agree, and stops when its time is over', async () => {
    const up = cli.start(['up', '--json', '--for', '500ms']);
    const line = await up.line('ready');
    operator = await operatorOf(String(line.dir), String(line.nats));
    const pids = await pidsOf(operator);
    expect(pids).toHaveLength(4);
    const { code, stdout } = await up.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(oneLine);
    expect(line).toEqual({ ready: true, dir: line.dir, nats: line.nats, console: null, nodes });
    await allGone(pids);
    expect(existsSync(String(line.dir))).toBe(false);
    expect(records()).toEqual([]);
  });

  it('ends its ready message with three next commands', async () => {
    const { code, stdout, stderr } = await cli.run('up', '--for', '100ms');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Ready: 2 validators and 1 device agree on epoch \d+; validator-[12] leads/);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .slice(-3)
        .every((line) => /^ {2}npx isochron \w+/.test(line)),
    ).toBe(true);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('stops cleanly on %s, while starting too', async (signal) => {
    const starting = cli.start(['up']);
    const recorded = await until('a record', () => records()[0]);
    expect(recorded).toBeDefined();
    starting.signal(signal);
    expect(await starting.ended).toMatchObject({ code: 0 });
    const { up, dir, nats } = await lab();
    operator = await operatorOf(dir, nats);
    const pids = await pidsOf(operator);
    up.signal(signal);
    expect(await up.ended).toMatchObject({ code: 0, stderr: '' });
    await allGone(pids);
  });

  it('stops cleanly when its terminal closes, and takes its keys with it', async () => {
    const { up, dir } = await lab();
    up.signal('SIGHUP');
    up.signal('SIGHUP');
    expect(await up.ended).toMatchObject({ code: 0 });
    expect(existsSync(dir)).toBe(false);
  });

  it('outlives its terminal under nohup', async () => {
    const up = cli.start(['up', '--json'], { _: '/usr/bin/nohup' });
    const line = await up.line('ready');
    operator = await operatorOf(String(line.dir), String(line.nats));
    const bus = operator;
    up.signal('SIGHUP');
    await bus.ask('host', 'supervisor.kill', { id: 'device-1' });
    // One that is about to stop would not bring it back.
    await until('the node to be back', async () => {
      const { restarts, status } = await unitOf(bus, 'device-1');
      return restarts === 1 && status === 'running' ? true : undefined;
    });
    up.signal('SIGTERM');
    expect(await up.ended).toMatchObject({ code: 0 });
  });

  it('removes what one that was killed outright left behind', async () => {
    const first = await lab();
    first.up.signal('SIGKILL');
    await first.up.ended;
    expect(existsSync(first.dir)).toBe(true);
    await lab();
    expect(existsSync(first.dir)).toBe(false);
  });

  it('leaves nothing running when it is killed outright', async () => {
    const { up, dir, nats } = await lab();
    operator = await operatorOf(dir, nats);
    const pids = await pidsOf(operator);
    up.signal('SIGKILL');
    await up.ended;
    await allGone(pids);
    expect(await cli.run('epoch')).toMatchObject({ code: 6 });
    expect(records()).toEqual([]);
    expect(existsSync(dir)).toBe(false);
  });
});

describe('a directory made by init', () => {
  let dir: string;
  beforeEach(async () => {
    dir = join(cli.root, 'lab');
    expect(await cli.run('init', 'lab')).toMatchObject({ code: 0 });
  });

  it('is run once: a second up is refused, naming the pid', async () => {
    const { up } = await lab('lab');
    const second = await cli.run('up', dir);
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(oneLine);
    expect(second.stderr).toContain(`process ${up.pid};`);
    up.signal('SIGTERM');
    expect(await up.ended).toMatchObject({ code: 0 });
    expect(existsSync(dir)).toBe(true);
  });

  it('goes on where it stopped: no epoch and no term is lost', async () => {
    const first = await lab('lab');
    operator = await operatorOf(dir, first.nats);
    const before = await epochOf(operator, 'device-1');
    await operator.drain();
    first.up.signal('SIGTERM');
    await first.up.ended;
    const second = await lab('lab');
    expect(second.nats).toBe(first.nats);
    operator = await operatorOf(dir, second.nats);
    const after = await epochOf(operator, 'device-1');
    expect(after.epoch).toBeGreaterThanOrEqual(before.epoch);
    expect(after.term).toBeGreaterThan(before.term);
  });

  it('logs what its nodes say, one JSON object with an action a line', async () => {
    const { up } = await lab('lab');
    up.signal('SIGTERM');
    await up.ended;
    for (const name of [...nodes, 'host', 'nats-server']) {
      const lines = readFileSync(join(dir, 'logs', `${name}.ndjson`), 'utf8')
        .trimEnd()
        .split('\n');
      for (const line of lines)
        expect(JSON.parse(line)).toMatchObject({ node: name, action: expect.any(String), time: expect.any(Number) });
    }
  });

  it.each([
    ['isochron.json', 'isochron.json'],
    ['a key of a node', 'nodes/device-1/member.nk'],
    ['the membership', 'membership.json'],
  ])('is not started when %s is bad: one line, exit 2', async (_, file) => {
    writeFileSync(join(dir, file), '{"cluster": 1}');
    const { code, stdout, stderr } = await cli.run('up', 'lab');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(file);
    expect(existsSync(join(dir, 'logs'))).toBe(false);
  });

  it('says in one line that its port is in use, exit 6', async () => {
    const { port } = new URL(
      (JSON.parse(readFileSync(join(dir, 'isochron.json'), 'utf8')) as { nats: { url: string } }).nats.url,
    );
    const taken: Server = createServer();
    await new Promise<void>((resolve) => taken.listen(Number(port), '127.0.0.1', resolve));
    try {
      const { code, stderr } = await cli.run('up', 'lab');
      expect(code).toBe(6);
      expect(stderr).toMatch(oneLine);
      expect(stderr).toContain(`port in use: 127.0.0.1:${port}`);
      expect(records()).toEqual([]);
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
  });

  it('ends with the reason of a node that cannot start', async () => {
    const owner = cli.start(['node', join(dir, 'nodes', 'device-1')]);
    await until('the node to run', () => owner.lines().find(({ action }) => action === 'started'));
    const { code, stdout, stderr } = await cli.run('up', 'lab');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('device-1/data.sqlite: another process has this store open');
    expect(records()).toEqual([]);
  });

  it('is not run over the damaged store of a node (2)', async () => {
    writeFileSync(join(dir, 'nodes', 'device-1', 'data.sqlite'), 'x'.repeat(8_192));
    const { code, stderr } = await cli.run('up', 'lab');
    expect(code).toBe(2);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('device-1/data.sqlite: ');
  });

  it('runs in the background with -d, is waited for with --wait, and ends with down', async () => {
    const started = await cli.run('up', 'lab', '-d', '--wait', '--json');
    expect(started).toMatchObject({ code: 0, stderr: '' });
    const line = JSON.parse(started.stdout) as { ready: boolean; nats: string };
    expect(line.ready).toBe(true);
    operator = await operatorOf(dir, line.nats);
    const pids = await pidsOf(operator);
    await operator.drain();
    const down = await cli.run('down', 'lab', '--json');
    expect(down).toMatchObject({ code: 0, stderr: '' });
    await allGone([...pids, (JSON.parse(down.stdout) as { pid: number }).pid]);
    expect(await cli.run('down', 'lab', '--json')).toMatchObject({
      code: 0,
      stdout: '{"stopped":false,"dir":null,"pid":null}\n',
    });
  });

  it('reports from the background why it could not start', async () => {
    writeFileSync(join(dir, 'isochron.json'), '{}');
    const { code, stderr } = await cli.run('up', 'lab', '-d');
    expect(code).toBe(2);
    expect(stderr).toMatch(oneLine);
  });
});

describe('an address of its own', () => {
  it('may be one of IPv6', async () => {
    const [port] = await freePorts(createRandom());
    const url = `nats://[::1]:${port}`;
    expect(await cli.run('init', 'six', '--nats', url)).toMatchObject({ code: 0 });
    expect((await lab('six')).nats).toBe(url);
  });

  it('may ask for TLS, with the certificate where init says', async () => {
    const [port] = await freePorts(createRandom());
    const url = `tls://localhost:${port}`;
    expect(await cli.run('init', 'safe', '--nats', url)).toMatchObject({ code: 0 });
    const dir = join(cli.root, 'safe');
    mkdirSync(join(dir, 'tls'));
    const { certFile } = writeCertificate(join(dir, 'tls'));
    for (const file of ['.', ...nodes.map((name) => `nodes/${name}`)].map((at) => join(dir, at, 'isochron.json'))) {
      const json = JSON.parse(readFileSync(file, 'utf8')) as { nats: { tls?: object } };
      writeFileSync(
        file,
        JSON.stringify({ ...json, nats: { ...json.nats, tls: { ...json.nats.tls, caFile: certFile } } }),
      );
    }
    expect((await lab('safe')).nats).toBe(url);
    expect(await cli.run('status', '--dir', dir)).toMatchObject({ code: 0 });
  });
});

describe('a running cluster', () => {
  it('is found from a second terminal in any folder, with no option', async () => {
    const { dir } = await lab();
    const { code, stdout } = await cli.with({ cwd: '/' }).run('ps', '--json');
    expect(code).toBe(0);
    expect(stdout).toContain('validator-2');
    expect((await cli.with({ cwd: '/' }).run('config', '--json')).stdout).toContain(dir);
  });

  it('is asked for with a list when there are two', async () => {
    const [a, b] = await Promise.all([lab(), lab()]);
    const { code, stderr } = await cli.run('ps');
    expect(code).toBe(2);
    expect(stderr).toContain(a.dir);
    expect(stderr).toContain(b.dir);
    expect(await cli.run('ps', '--dir', b.dir)).toMatchObject({ code: 0 });
    expect(await cli.run('ps', '--nats', a.nats)).toMatchObject({ code: 0 });
  });

  it('has a killed node back under supervision, and another head leads meanwhile', async () => {
    const { dir, nats } = await lab();
    operator = await operatorOf(dir, nats);
    const bus = operator;
    const before = await epochOf(bus, 'device-1');
    const head = before.clusterHead ?? '';
    const unit = await unitOf(bus, head);
    await bus.ask('host', 'supervisor.kill', { id: head });
    const back = await until('the node to be back', async () => {
      const now = await unitOf(bus, head);
      return now.incarnation > unit.incarnation && now.status === 'running' ? now : undefined;
    });
    expect(back).toMatchObject({ restarts: 1, lastExit: { type: 'killed' } });
    expect(back.pid).not.toBe(unit.pid);
    const after = await until('a higher term', async () => {
      const now = await epochOf(bus, 'device-1');
      return now.term > before.term && now.synchronized ? now : undefined;
    });
    expect(after.epoch).toBeGreaterThanOrEqual(before.epoch);
    await until('all to answer again', () => epochOf(bus, head));
  });

  it('has a killed nats-server back on its port, and loses no epoch', async () => {
    const { dir, nats } = await lab();
    operator = await operatorOf(dir, nats);
    const bus = operator;
    const before = await epochOf(bus, 'device-1');
    const { pid } = await unitOf(bus, 'nats-server');
    process.kill(pid ?? 0, 'SIGKILL');
    const after = await until('all to agree again', async () => {
      const replies = await Promise.all(nodes.map((node) => epochOf(bus, node)));
      return replies.every(({ synchronized, epoch }) => synchronized && epoch === replies[0]?.epoch)
        ? replies[0]
        : undefined;
    });
    expect(after.epoch).toBeGreaterThanOrEqual(before.epoch);
    expect(await unitOf(bus, 'nats-server')).toMatchObject({ restarts: 1, status: 'running' });
  });

  it('stays down what was stopped, until it is started again', async () => {
    const { dir, nats } = await lab();
    operator = await operatorOf(dir, nats);
    const bus = operator;
    const { pid } = await unitOf(bus, 'device-1');
    await bus.ask('host', 'supervisor.stop', { id: 'device-1' });
    await allGone([pid ?? 0]);
    await until('it to be stopped', async () =>
      (await unitOf(bus, 'device-1')).status === 'stopped' ? true : undefined,
    );
    await bus.ask('host', 'supervisor.start', { id: 'device-1' });
    await until('it to run', async () => ((await unitOf(bus, 'device-1')).status === 'running' ? true : undefined));
  });
});

describe('without a nats-server', () => {
  const absent = { NATS_SERVER_BIN: '/nowhere/nats-server' };

  it('the same cluster runs in one process, and one line says so', async () => {
    const { code, stdout, stderr } = await cli.with({ env: absent }).run('up', '--json', '--for', '100ms');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ready: true, nats: null, nodes });
    expect(stderr).toMatch(oneLine);
    expect(stderr).toMatch(/in-memory bus.*no second terminal can reach.*install nats-server/);
  });

  it('a directory is not run: it was made for a server', async () => {
    await cli.run('init', 'lab');
    const { code, stderr } = await cli.with({ env: absent }).run('up', 'lab');
    expect(code).toBe(2);
    expect(stderr).toMatch(oneLine);
  });
});
