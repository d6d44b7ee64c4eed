/** The commands that look at a cluster, from a second terminal, against a real one. */
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run as top } from '../../cli/commands/top.ts';
import { type Cli, createCli } from '../support/cli.ts';
import { commandContext } from '../support/commandContext.ts';
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

const nodes = ['validator-1', 'validator-2', 'device-1'];
const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await cli.run(...args, '--json')).stdout) as T;

interface Row {
  readonly id: string;
  readonly status: string;
  readonly pid: number | null;
}

describe('ps', () => {
  it('finds the cluster with no option, and lists its nodes', async () => {
    const { code, stdout, stderr } = await cli.run('ps');
    expect([code, stderr]).toEqual([0, '']);
    const [titles, ...rows] = stdout.trimEnd().split('\n');
    expect(titles).toMatch(/^ID +STATUS +STATE +RESTARTS +UPTIME +PID +MAILBOX$/);
    expect(rows.map((row) => row.split(/ +/).slice(0, 2))).toEqual(nodes.map((name) => [name, 'running']));
  });

  it('lists every unit with -a, in JSON with --json', async () => {
    const { units } = await json<{ units: Row[] }>('ps', '-a');
    expect(units.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['nats-server', ...nodes, 'validator-1/election', 'device-1/epoch']),
    );
    expect(units.find(({ id }) => id === 'nats-server')?.pid).toBeGreaterThan(0);
  });

  it('--watch goes on until it is interrupted, and then exits 130', async () => {
    const watching = cli.start(['ps', '--watch', '--json']);
    await until('three lists', () => (watching.lines().length >= 3 ? true : undefined));
    watching.signal('SIGINT');
    expect((await watching.ended).code).toBe(130);
  });
});

interface Tree {
  readonly id: string;
  readonly children: readonly Tree[];
}

it('tree shows the actors of each node under its process', async () => {
  const { code, stdout } = await cli.run('tree');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^host {2}running.*\n├─ nats-server {2}running/);
  expect(stdout).toMatch(/└─ device-1 {2}running.*\n {3}├─ membership {2}running/);
  const { trees } = await json<{ trees: Tree[] }>('tree');
  expect(trees[0]?.children.map(({ id }) => id)).toEqual(['nats-server', ...nodes]);
});

describe('status', () => {
  it('exits 0 for what is active: the cluster, a node, an actor, host', async () => {
    const ids = [[], ['validator-1'], ['device-1/epoch'], ['nats-server'], ['host']];
    for (const id of ids) expect((await cli.run('status', ...id)).code, id.join()).toBe(0);
    expect(await json('status')).toMatchObject({
      health: 'healthy',
      active: true,
      nodes: 3,
      synchronized: 3,
      problems: [],
    });
    expect(await json('status', 'validator-1')).toMatchObject({ id: 'validator-1', active: true, status: 'running' });
  });

  it.each(['nope', 'validator-1/nope', 'nope/election', 'No Name'])(
    "exits 4 for '%s', which nobody knows",
    async (id) => {
      const { code, stdout, stderr } = await cli.run('status', id);
      expect([code, stdout]).toEqual([4, '']);
      expect(stderr).toMatch(/^isochron: no '.*' in this cluster.*\n$/);
    },
  );
});

describe('epoch', () => {
  it('shows every node, and that all agree', async () => {
    const { code, stdout } = await cli.run('epoch');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^NODE +EPOCH +PHASE +SYNCHRONIZED +HEAD +TERM +CONFIG +OFFSET MS +SKEW MS\n/);
    expect(stdout).toMatch(/\nall agree on epoch \d+\n$/);
    const {
      agree,
      nodes: rows,
      epoch,
    } = await json<{ agree: boolean; epoch: number; nodes: { node: string; epoch: number }[] }>('epoch');
    expect(agree).toBe(true);
    expect(rows.map(({ node }) => node)).toEqual(nodes);
    expect(new Set([epoch, ...rows.map((row) => row.epoch)]).size).toBe(1);
  });

  it('--config prints the feature configuration in force', async () => {
    const config = await json<Record<string, unknown>>('epoch', '--config');
    expect(config).toMatchObject({ version: 1, sampleCount: 6, pilotPlan: { slotsPerFrame: 10 } });
    expect((await cli.run('epoch', '--config')).stdout).toMatch(/^digest +[0-9a-f]{64}$/m);
  });
});

describe('inspect', () => {
  it('shows state, context, what may be sent, and the statechart with the present state marked', async () => {
    const { code, stdout } = await cli.run('inspect', 'validator-2/election');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^validator-2\/election\n/);
    for (const part of ['status    running', 'accepts   operator.stepDown', 'context\n{', 'statechart\n', '\n▶ ']) {
      expect(stdout).toContain(part);
    }
    expect(await json('inspect', 'validator-2/election')).toMatchObject({
      unit: { actor: 'election', status: 'running' },
      snapshot: { operable: ['operator.stepDown'] },
      definition: { states: { leading: {} } },
    });
  });

  it('shows a node with its actors', async () => {
    const { stdout } = await cli.run('inspect', 'device-1');
    expect(stdout).toMatch(/runs {6}process, pid \d+/);
    expect(stdout).toMatch(/└─ epoch {2}running/);
  });

  it('exits 4 for what is not there', async () => {
    expect((await cli.run('inspect', 'validator-1/nope')).code).toBe(4);
    expect((await cli.run('inspect', 'nope')).code).toBe(4);
  });
});

describe('tail', () => {
  it('shows what is said, decoded, the nodes by name', async () => {
    const { code, stdout } = await cli.run('tail', 'beacon', '-n', '2');
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(stdout).toMatch(
      /^[\d:.]{12} validator-\d beacon\.beacon epoch=\d+ .*clusterHead=validator-\d .*featureConfig=v1/,
    );
  });

  it('shows it whole as JSON', async () => {
    const message = await json<{ from: string; topic: string; message: object }>(
      'tail',
      'election.heartbeat',
      '-n',
      '1',
    );
    expect(message).toMatchObject({ topic: 'election.heartbeat', format: 'tlv', message: { type: 'heartbeat' } });
    expect(nodes).toContain(message.from);
  });

  it('leases the stream of an actor, with the state each event leads to', async () => {
    const { code, stdout } = await cli.run('tail', 'live.device-1.epoch', '-n', '3');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[\d:.]{12} device-1\/epoch @xstate\.actor → \S+/);
  });

  it('leases all actors of a node', async () => {
    const { stdout } = await cli.run('tail', 'live.validator-1', '-n', '4', '--json');
    const actors = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { actor: string }).actor);
    expect(new Set(actors).size).toBeGreaterThan(1);
  });

  it('cannot hear what is told (7), and says what it does not understand (2) or know (4)', async () => {
    expect((await cli.run('tail', 'tell.device-1')).code).toBe(7);
    expect((await cli.run('tail', 'nonsense')).code).toBe(2);
    expect((await cli.run('tail', 'live.nope')).code).toBe(4);
    expect((await cli.run('tail', 'validator-1/nope')).code).toBe(4);
  });
});

describe('logs', () => {
  it('of all nodes, merged by time, for people and raw', async () => {
    const { code, stdout } = await cli.run('logs', '-n', '20');
    expect(code).toBe(0);
    for (const line of stdout.trimEnd().split('\n'))
      expect(line).toMatch(/^[\d:.]{12} (debug|info|warn|error) +\S+ action=\S+/);
    const raw = (await cli.run('logs', '-n', '20', '--json')).stdout.trimEnd().split('\n');
    const times = raw.map((line) => (JSON.parse(line) as { time: number }).time);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('of one actor only', async () => {
    const { stdout } = await cli.run('logs', 'device-1/epoch', '--json');
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    for (const line of lines) expect(line).toMatchObject({ node: 'device-1', actor: 'epoch' });
  });

  it('-f goes on with what comes, until it is interrupted', async () => {
    const following = cli.start(['logs', '-f', '-n', '0', '--json']);
    await following.line('action');
    following.signal('SIGINT');
    expect((await following.ended).code).toBe(130);
  });

  it('exits 4 for a node that never was', async () => {
    expect((await cli.run('logs', 'nope')).code).toBe(4);
  });
});

describe('top', () => {
  it('off a terminal prints once', async () => {
    const { code, stdout } = await cli.run('top');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^lab {2}healthy {2}3 nodes agree\n\nNODE /);
    expect(stdout).toContain('validator-1/beacon');
  });

  it('on one fills the screen until q is pressed, and gives it back', async () => {
    const { context, terminal, stdin, release } = commandContext({ globals: { dir } });
    terminal.write('shell');
    const ended = top(context);
    await until('the units', () => (terminal.text().includes('validator-1/beacon') ? true : undefined));
    expect([terminal.isAlternate, terminal.isCursorShown, stdin.isRaw]).toEqual([true, false, true]);
    stdin.write('a');
    await until('nodes alone', () => (terminal.text().includes('validator-1/beacon') ? undefined : true));
    stdin.write('q');
    expect(await ended).toBe(0);
    await release();
    expect([terminal.text(), terminal.isCursorShown, stdin.isRaw]).toEqual(['shell', true, false]);
  });
});

describe('without a cluster to talk to', () => {
  it('one line and exit 6: nothing runs', async () => {
    const elsewhere = cli.with({ env: { XDG_STATE_HOME: join(cli.root, 'nowhere') }, cwd: cli.root });
    const { code, stdout, stderr } = await elsewhere.run('ps');
    expect([code, stdout]).toEqual([6, '']);
    expect(stderr).toMatch(/^isochron: no cluster is running here.*\n$/);
  });

  it('one line and exit 6: its server is away', async () => {
    const other = join(cli.root, 'other');
    await cli.run('init', other);
    const { code, stderr } = await cli.run('status', '--dir', other);
    expect(code).toBe(6);
    expect(stderr).toMatch(/^isochron: no NATS server at nats:\/\/.*\n$/);
    expect((await cli.run('logs', '--dir', other)).code).toBe(0);
  });
});
