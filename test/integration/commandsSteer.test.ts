/** The commands that steer a cluster, against a real one: what they do, what they ask first, and with which code they end. */
import { mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run as kill } from '../../cli/commands/kill.ts';
import { run as send } from '../../cli/commands/send.ts';
import { type Cli, createCli, operatorOf } from '../support/cli.ts';
import { argumentsOf, commandContext } from '../support/commandContext.ts';
import { until } from '../support/until.ts';

let cli: Cli;
let dir: string;

beforeAll(async () => {
  cli = createCli(mkdtempSync(join(realpathSync(tmpdir()), 'isochron-test-')));
  dir = join(cli.root, 'lab');
  expect((await cli.run('init', dir)).code).toBe(0);
  expect((await cli.run('up', dir, '-d', '--wait')).code).toBe(0);
});
afterAll(async () => {
  await cli?.run('down', dir);
  await cli?.close();
});

interface Row {
  readonly id: string;
  readonly status: string;
  readonly pid: number | null;
  readonly restarts: number;
  readonly lastExit: string | null;
}

const rowOf = async (id: string): Promise<Row> => {
  const { stdout } = await cli.run('ps', '-a', '--json');
  const { units } = JSON.parse(stdout) as { units: Row[] };
  const row = units.find((unit) => unit.id === id);
  if (row === undefined) throw new Error(`no row ${id}`);
  return row;
};
const statusOf = async (id: string): Promise<number | null> => (await cli.run('status', id)).code;
const becomes = (id: string, code: number) =>
  until(`status ${id} to be ${code}`, async () => ((await statusOf(id)) === code ? true : undefined));
const audited = async (): Promise<Record<string, unknown>[]> => {
  const { stdout } = await cli.run('logs', '--json', '--since', '1h');
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return lines.filter(({ action }) => action === 'audit');
};

describe('a node', () => {
  it('that is stopped stays stopped, is inactive with its actors, and is started again', async () => {
    const { code, stdout } = await cli.run('stop', 'device-1');
    expect([code, stdout]).toEqual([
      0,
      'device-1 is being stopped; it stays stopped until: npx isochron start device-1\n',
    ]);
    await becomes('device-1', 3);
    expect(await statusOf('device-1/epoch')).toBe(3);
    expect((await cli.run('status')).stdout).toMatch(/problem {7}device-1 is stopped/);
    expect((await cli.run('epoch')).stdout).toMatch(/device-1 +- +- +stopped/);
    expect((await cli.run('inspect', 'device-1')).stdout).toContain('status    stopped');
    expect(await cli.run('stop', 'device-1')).toMatchObject({ code: 0, stdout: 'device-1 is already stopped\n' });
    expect((await cli.run('start', 'device-1', '--json')).stdout).toBe(
      '{"id":"device-1","action":"start","done":true}\n',
    );
    await becomes('device-1', 0);
    expect(await cli.run('start', 'device-1')).toMatchObject({ code: 0, stdout: 'device-1 is already running\n' });
  });

  it('that is killed comes back as another process, and it is written down who did it', async () => {
    const before = await rowOf('device-1');
    expect((await cli.run('kill', 'device-1')).code).toBe(0);
    const after = await until('its restart', async () => {
      const row = await rowOf('device-1');
      return row.status === 'running' && row.pid !== before.pid ? row : undefined;
    });
    expect(after.restarts).toBe(before.restarts + 1);
    expect(after.lastExit).toContain('SIGKILL');
    const killing = await until('the audit', async () =>
      (await audited()).find(({ verb }) => verb === 'supervisor.kill'),
    );
    expect(killing).toMatchObject({ node: 'host', from: 'operator', id: 'device-1' });
    expect(killing.by).toMatch(/^\S+@\S+\/\d+$/);
  });

  it('that hangs is silent, hides nobody, and is waited for no longer than its deadline (5)', async () => {
    await becomes('device-1', 0);
    const { pid } = await rowOf('device-1');
    process.kill(pid ?? 0, 'SIGSTOP');
    try {
      const { code, stdout, stderr } = await cli.run('ps');
      expect(code).toBe(0);
      expect(stdout).toMatch(/validator-1 +running[\s\S]*device-1 +silent/);
      expect(stderr).toContain('device-1 does not answer (ASK_TIMEOUT)');
      const epochs = await cli.run('epoch');
      expect(epochs.stdout).toMatch(/device-1 +- +- +silent[\s\S]*they do not agree: device-1 does not answer\n/);
      expect(epochs.stderr).toBe('device-1 does not answer (ASK_TIMEOUT)\n');
      expect((await cli.run('tree')).stdout).toMatch(/device-1 {2}silent {2}(?!running)/);
      expect(await statusOf('device-1')).toBe(3);
      expect((await cli.run('inspect', 'device-1/epoch')).code).toBe(5);
    } finally {
      process.kill(pid ?? 0, 'SIGCONT');
    }
    await becomes('device-1', 0);
  });
});

describe('an actor', () => {
  it('that is killed is restarted by its supervisor', async () => {
    const before = await rowOf('validator-1/beacon');
    expect((await cli.run('kill', 'validator-1/beacon')).code).toBe(0);
    const after = await until('its restart', async () => {
      const row = await rowOf('validator-1/beacon');
      return row.status === 'running' && row.restarts > before.restarts ? row : undefined;
    });
    expect(after.lastExit).toContain('killed');
  });

  it('is restarted, stopped and started by its node', async () => {
    expect((await cli.run('restart', 'validator-1/beacon')).code).toBe(0);
    expect((await cli.run('stop', 'validator-1/beacon')).code).toBe(0);
    await becomes('validator-1/beacon', 3);
    expect((await cli.run('inspect', 'validator-1/beacon')).stdout).toContain('status    stopped');
    expect((await cli.run('start', 'validator-1/beacon')).code).toBe(0);
    await becomes('validator-1/beacon', 0);
  });
});

it.each(['nope', 'validator-1/nope', 'nope/election', 'any/election', 'No Name'])(
  "nobody is killed for '%s' (4)",
  async (id) => {
    const { code, stdout, stderr } = await cli.run('kill', id);
    expect([code, stdout]).toEqual([4, '']);
    expect(stderr.split('\n')).toHaveLength(2);
  },
);

describe('send', () => {
  it('delivers an operable event, and the audit names it', async () => {
    const { code, stdout } = await cli.run('send', 'validator-1/epoch', 'operator.calibrate');
    expect([code, stdout]).toEqual([0, 'sent operator.calibrate to validator-1/epoch\n']);
    const sending = await until('the audit', async () => (await audited()).find(({ verb }) => verb === 'actor.send'));
    expect(sending).toMatchObject({ node: 'validator-1', id: 'validator-1/epoch', event: 'operator.calibrate' });
  });

  it('takes data from a file, from stdin and from the command line', async () => {
    writeFileSync(join(cli.root, 'data.json'), '{"reason":"file"}');
    const { stdout } = await cli
      .with({ cwd: cli.root })
      .run('send', 'validator-1/epoch', 'operator.calibrate', '--data', '@data.json', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ event: { type: 'operator.calibrate', reason: 'file' } });
    const { context, stdin, terminal, release } = commandContext({ globals: { dir }, isTerminal: false, json: true });
    stdin.end('{"reason":"stdin"}');
    const values = { id: 'validator-1/epoch', event: 'operator.calibrate', data: '-' };
    expect(await send(context, argumentsOf(values))).toBe(0);
    expect(terminal.frames.join('')).toContain('"reason":"stdin"');
    await release();
  });

  it.each([
    ['no JSON', 'x'],
    ['no object', '[1]'],
    ['a second type', '{"type":"y"}'],
    ['no file', '@none'],
  ])('refuses %s as data (2), and sends nothing', async (_, data) => {
    const { code, stdout, stderr } = await cli.run('send', 'validator-1/epoch', 'operator.calibrate', '--data', data);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')).toHaveLength(2);
  });

  it('is refused for an event that nobody may send (7), and says which may be', async () => {
    const { code, stderr } = await cli.run('send', 'validator-1/election', 'peer.answered');
    expect(code).toBe(7);
    expect(stderr).toContain('operator.stepDown');
  });
});

describe('a person', () => {
  it('is asked before a whole node is killed; no is no', async () => {
    const { context, stdin, messages, release } = commandContext({ globals: { dir } });
    const { pid } = await rowOf('validator-1');
    stdin.end('n\n');
    expect(await kill(context, argumentsOf({ id: 'validator-1' }))).toBe(1);
    await release();
    expect(messages).toEqual(['nothing was done\n']);
    expect((await rowOf('validator-1')).pid).toBe(pid);
  });

  it('is not asked about one actor', async () => {
    const { context, terminal, release } = commandContext({ globals: { dir } });
    expect(await kill(context, argumentsOf({ id: 'validator-1/beacon' }))).toBe(0);
    await release();
    expect(terminal.text()).toBe('validator-1/beacon was killed; its supervisor restarts it');
  });
});

it('an actor whose supervisor is stopped is inactive (3), and one that nobody has is unknown (4)', async () => {
  expect((await cli.run('stop', 'validator-1/time')).code).toBe(0);
  await becomes('validator-1/time', 3);
  expect(await statusOf('validator-1/beacon')).toBe(3);
  expect(await statusOf('validator-1/nope')).toBe(4);
  expect((await cli.run('start', 'validator-1/time')).code).toBe(0);
  await becomes('validator-1/beacon', 0);
});

describe('what nobody wants', () => {
  it('is refused: to stop the server that everything goes through (7); the host refuses it too', async () => {
    const { code, stdout, stderr } = await cli.run('stop', 'nats-server');
    expect([code, stdout]).toEqual([7, '']);
    expect(stderr).toMatch(/^isochron: 'nats-server' cannot be stopped alone: .*use isochron down\n$/);
    const { nats } = JSON.parse(readFileSync(join(dir, 'isochron.json'), 'utf8')) as { nats: { url: string } };
    const operator = await operatorOf(dir, nats.url);
    const stopping = operator.ask('host', 'supervisor.stop', { id: 'nats-server' });
    await expect(stopping).rejects.toMatchObject({ code: 'SERVER_NEEDED', status: 403 });
    await operator.drain();
    expect(await statusOf('nats-server')).toBe(0);
  });

  it.each<[number, string[], RegExp]>([
    [2, ['stop', 'host'], /'host' is the whole cluster: stop it with npx isochron down/],
    [2, ['kill', 'host'], /'host' is the whole cluster/],
    [2, ['send', 'validator-1', 'Y'], /send goes to an actor, such as validator-1\/election/],
    [4, ['kill', 'nope'], /no 'nope' in this cluster; known: nats-server, validator-1, validator-2, device-1/],
    [4, ['kill', 'device-1/nope'], /no 'device-1\/nope' in this cluster; known: .*device-1\/epoch/],
  ])('ends with %d: %j', async (code, args, line) => {
    const ended = await cli.run(...args);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toMatch(line);
    expect(ended.stderr.split('\n')).toHaveLength(2);
  });

  it('is refused: a whole cluster as one node (2)', async () => {
    const { code, stderr } = await cli.run('node', dir);
    expect(code).toBe(2);
    expect(stderr).toContain(`found a whole cluster: give one of ${dir}/nodes/`);
  });
});

it('whoever kills the server loses the answer, not the command; and it comes back', async () => {
  expect((await cli.run('kill', 'nats-server')).code).toBe(0);
  await until('the server', async () => ((await cli.run('status')).code === 0 ? true : undefined));
  expect((await rowOf('nats-server')).restarts).toBe(1);
});
