/** `isochron doctor` finds what is wrong, and says so with an exit code; and init, keys, completion as processes. */
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findNatsServer } from '../../bus/index.ts';
import { type Cli, createCli } from '../support/cli.ts';
import { requireNatsServer } from '../support/natsServer.ts';
import { openServer } from '../support/openServer.ts';

let cli: Cli;
beforeEach(() => {
  requireNatsServer();
  cli = createCli();
});
afterEach(() => cli.close());

interface Report {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
}

const examine = async (...args: readonly string[]): Promise<Report & { readonly code: number | null }> => {
  const { code, stdout } = await cli.run('doctor', '--json', ...args);
  return { code, ...(JSON.parse(stdout) as Report) };
};
const statusOf = ({ checks }: Report): Readonly<Record<string, string>> =>
  Object.fromEntries(checks.map(({ name, status }) => [name, status]));

describe('doctor', () => {
  it('finds nothing wrong with a fresh machine and a fresh cluster', async () => {
    expect(await examine()).toMatchObject({ code: 0, ok: true });
    await cli.run('init', 'lab');
    const report = await examine('--dir', 'lab');
    expect(report).toMatchObject({ code: 0, ok: true });
    expect(Object.values(statusOf(report)).every((status) => status === 'ok')).toBe(true);
  });

  it('prints a table for people', async () => {
    const { code, stdout } = await cli.run('doctor');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^CHECK +RESULT +DETAIL\n/);
    expect(stdout).toMatch(/\d+ ok, 0 to look at, 0 wrong\n$/);
  });

  it.each<[string, (dir: string) => void, string]>([
    ['a damaged configuration', (dir) => writeFileSync(join(dir, 'isochron.json'), '{'), 'isochron.json'],
    ['a key that others may read', (dir) => chmodSync(join(dir, 'keys', 'operator.nk'), 0o640), 'keys'],
    ['a damaged key', (dir) => writeFileSync(join(dir, 'keys', 'viewer.nk'), 'SU'), 'keys'],
    ['a forged membership', (dir) => writeFileSync(join(dir, 'membership.json'), '{}'), 'membership'],
    ['a node without its key', (dir) => rmSync(join(dir, 'nodes', 'device-1', 'kex.key')), 'device-1'],
  ])('finds %s', async (_, damage, check) => {
    await cli.run('init', 'lab');
    damage(join(cli.root, 'lab'));
    const report = await examine('--dir', 'lab');
    expect(report).toMatchObject({ code: 1, ok: false });
    expect(statusOf(report)[check]).toBe('fail');
  });

  it('warns of admin keys beside nodes in the field', async () => {
    await cli.run('init', 'site', '--preset', 'field');
    expect(statusOf(await examine('--dir', 'site'))).toMatchObject({ 'admin keys': 'warn' });
  });

  it('finds a missing nats-server', async () => {
    const report = await cli.with({ env: { NATS_SERVER_BIN: '/nowhere' } }).run('doctor', '--json');
    expect(report.code).toBe(1);
    expect(statusOf(JSON.parse(report.stdout) as Report)['nats-server']).toBe('fail');
  });

  it('finds a running cluster well', async () => {
    const up = cli.start(['up', '--json']);
    await up.line('ready');
    const report = await examine();
    expect(report).toMatchObject({ code: 0, ok: true });
    expect(statusOf(report)).toMatchObject({ NATS: 'ok', nodes: 'ok', permissions: 'ok', logins: 'ok' });
  });

  it('warns of a server that enforces nothing', async () => {
    await cli.run('init', 'lab');
    const server = await openServer(findNatsServer());
    try {
      const report = await examine('--dir', 'lab', '--nats', server.url);
      expect(statusOf(report)).toMatchObject({ permissions: 'warn', logins: 'warn' });
    } finally {
      await server.stop();
    }
  });
});

describe('init', () => {
  it('says what it wrote, and refuses to write it twice', async () => {
    const first = await cli.run('init', 'lab', '--json', '--validators', '3', '--devices', '2');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(first.stdout)).toMatchObject({
      dir: join(cli.root, 'lab'),
      cluster: 'lab',
      preset: 'lab',
      nodes: ['validator-1', 'validator-2', 'validator-3', 'device-1', 'device-2'],
    });
    const second = await cli.run('init', 'lab');
    expect(second).toMatchObject({ code: 1, stdout: '' });
    expect(second.stderr).toMatch(/lab is not empty; nothing was written\n$/);
  });

  it('writes for the server it is given', async () => {
    const { code, stdout } = await cli.run('init', 'lab', '--nats', 'nats://127.0.0.1:4333', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ nats: 'nats://127.0.0.1:4333' });
    for (const url of ['http://x', 'nats://127.0.0.1:99999', 'nats://a:b:c']) {
      const { code: refused, stderr } = await cli.run('init', 'other', '--nats', url);
      expect([refused, stderr]).toEqual([2, expect.stringMatching(/^isochron: --nats: expected nats:.*\n$/)]);
      expect(existsSync(join(cli.root, 'other'))).toBe(false);
    }
  });

  it('says in one line where nothing can be written (2), or the environment is at fault (6)', async () => {
    const file = join(cli.root, 'file');
    writeFileSync(file, '');
    for (const path of ['file', 'file/x', ...(existsSync('/proc/self') ? ['/proc/isochron'] : [])]) {
      const { code, stderr } = await cli.run('init', path);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/^isochron: \S+: expected a directory, .*\n$/)]);
    }
    const { code, stderr } = await cli.with({ env: { TMPDIR: '/nowhere' } }).run('up');
    expect([code, stderr]).toEqual([6, expect.stringMatching(/^isochron: \/nowhere: expected a folder .*\n$/)]);
  });
});

describe('keys', () => {
  it('prints public keys and modes, and fails when others may read one', async () => {
    await cli.run('init', 'lab');
    const good = await cli.run('keys', '--dir', 'lab', '--json');
    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(good.stdout).not.toMatch(/"S[UOA][A-Z2-7]{56}"/);
    chmodSync(join(cli.root, 'lab', 'keys', 'system.nk'), 0o644);
    const bad = await cli.run('keys', '--dir', 'lab');
    expect(bad.code).toBe(1);
    expect(bad.stderr).toContain('keys/system.nk: mode 0644, expected 0600');
  });

  it('knows the directory of a single node', async () => {
    await cli.run('init', 'lab');
    const { code, stdout } = await cli
      .with({ cwd: join(cli.root, 'lab', 'nodes', 'validator-1') })
      .run('keys', '--json');
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { keys: unknown[] }).keys).toHaveLength(4);
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    const { code, stdout } = await cli.run('completion', shell);
    expect(code).toBe(0);
    expect(stdout).toContain('isochron complete');
  });

  it('offers commands, options, choices and nodes', async () => {
    await cli.run('init', 'lab');
    const offered = async (...words: string[]) =>
      (await cli.with({ cwd: join(cli.root, 'lab') }).run('complete', '--', ...words)).stdout;
    expect(await offered('do')).toMatch(/^down\t/m);
    expect(await offered('up', '--f')).toMatch(/^--for\t/m);
    expect(await offered('init', 'x', '--preset', '')).toMatch(/^lab\t\nfield\t$/m);
    expect(await offered('kill', 'val')).toMatch(/^validator-1\t\nvalidator-2\t$/m);
  });
});
