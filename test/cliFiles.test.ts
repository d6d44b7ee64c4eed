/** The files of a cluster: what `init` writes is what `up` and `node` accept, whole and private. Real files. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createClock, createSeededRandom } from '../actors/index.ts';
import { FileError, TargetNotEmptyError } from '../cli/errors.ts';
import { clusterPaths } from '../cli/files/clusterFiles.ts';
import { keyFilesOf } from '../cli/files/keyFiles.ts';
import { type MadeCluster, makeCluster, websocketPortOf } from '../cli/files/makeCluster.ts';
import { makeDirectory } from '../cli/files/makeDirectory.ts';
import { readNodeFiles } from '../cli/files/nodeFiles.ts';
import { readWholeCluster } from '../cli/files/readCluster.ts';
import { clusterNameOf, hostAndPort } from '../cli/files/writeCluster.ts';
import { decodeAdminBundle, type Preset, toHex, verifyAdminProof } from '../protocol/index.ts';
import { temporaryDirectory } from './support/temporary.ts';

const nats = { url: 'nats://127.0.0.1:4222', websocketPort: 5222 };
const seed = Number(process.env.ISOCHRON_SEED ?? 7);

const init = (
  dir: string,
  more: { validators?: number; devices?: number; preset?: Preset } = {},
): Promise<MadeCluster> =>
  makeCluster(
    { dir, validators: 2, devices: 1, preset: 'lab', nats, ...more },
    createClock(),
    createSeededRandom(seed),
  );

let root: string;
let dir: string;
beforeEach(async () => {
  root = temporaryDirectory();
  dir = join(root, 'lab');
  await init(dir);
});

describe('a written cluster', () => {
  it('holds every file of the contract', () => {
    expect(readdirSync(dir).sort()).toEqual(
      ['admin-bundle.txt', 'dns.txt', 'isochron.json', 'keys', 'membership.json', 'nats.conf', 'nodes'].sort(),
    );
    expect(readdirSync(join(dir, 'keys'))).toEqual(['admin.nk', 'host.nk', 'operator.nk', 'system.nk', 'viewer.nk']);
    expect(readdirSync(join(dir, 'nodes'))).toEqual(['device-1', 'validator-1', 'validator-2']);
    const node = ['isochron.json', 'kex.key', 'member.nk', 'membership.json', 'nats.nk'];
    expect(readdirSync(join(dir, 'nodes', 'device-1'))).toEqual(node);
    expect(readdirSync(join(dir, 'nodes', 'validator-1')).sort()).toEqual([...node, 'mat.share'].sort());
  });

  it('lets nobody but its owner read a secret', async () => {
    for (const { file, mode } of await keyFilesOf(dir)) expect([file, mode]).toEqual([file, '0600']);
    expect(statSync(clusterPaths(dir).adminBundle).mode & 0o777).toBe(0o600);
    expect(statSync(clusterPaths(dir).keys).mode & 0o777).toBe(0o700);
  });

  it('is accepted whole', async () => {
    const whole = await readWholeCluster(dir);
    expect(whole.nodes.map(({ config }) => config.name)).toEqual(['validator-1', 'validator-2', 'device-1']);
    expect(whole.updated).toEqual([]);
    expect(whole.users.map(({ name, role }) => `${name} ${role}`)).toEqual([
      'validator-1 validator',
      'validator-2 validator',
      'device-1 device',
      'host host',
      'operator operator',
      'viewer viewer',
    ]);
  });

  it('gives validators MACs and ranks that ascend together, locally administered', async () => {
    const { snapshot } = await readWholeCluster(dir);
    const validators = snapshot.members.filter(({ role }) => role === 'validator');
    expect(validators.map(({ rank }) => rank)).toEqual([1, 2]);
    const macs = validators.map(({ mac }) => toHex(mac));
    expect([...macs].sort()).toEqual(macs);
    for (const { mac, role, rank } of snapshot.members) {
      expect(mac[0]).toBe(0x02);
      if (role !== 'validator') expect(rank).toBeUndefined();
    }
  });

  it('connects and signs with different keys', async () => {
    const { snapshot } = await readWholeCluster(dir);
    const keys = snapshot.members.flatMap(({ natsKey, peerId }) => [natsKey, peerId]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('counts epochs of the preset from now', async () => {
    const { snapshot, parameters } = await readWholeCluster(dir);
    expect(snapshot.deltaTMs).toBe(parameters.epochDurationMs);
    expect(Math.abs(snapshot.genesisMs - createClock().now())).toBeLessThan(60_000);
  });

  it('deals one group key to all validators', async () => {
    const { nodes, snapshot } = await readWholeCluster(dir);
    const shares = nodes.flatMap(({ groupShare }) => groupShare ?? []);
    expect(shares.map(({ index, threshold }) => [index, threshold])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    for (const { groupKey } of shares) expect(toHex(groupKey)).toBe(toHex(snapshot.groupKey));
  });

  it('deals shares of a majority from three validators on', async () => {
    await init(join(root, 'three'), { validators: 3, devices: 0 });
    const { nodes } = await readWholeCluster(join(root, 'three'));
    expect(nodes.map(({ groupShare }) => groupShare?.scheme)).toEqual(['frost', 'frost', 'frost']);
    expect(nodes[0]?.groupShare?.threshold).toBe(2);
  });

  it('asks for TLS off this machine, and says where its certificate belongs', async () => {
    const make = (name: string, url: string) =>
      makeCluster(
        { dir: join(root, name), validators: 1, devices: 0, preset: 'field', nats: { url, websocketPort: 5222 } },
        createClock(),
        createSeededRandom(seed),
      );
    await expect(make('open', 'nats://192.0.2.1:4222')).rejects.toThrow(/use tls:\/\//);
    expect(existsSync(join(root, 'open'))).toBe(false);
    await make('secure', 'tls://nats.example.com:4222');
    const { config } = await readWholeCluster(join(root, 'secure'));
    expect(config.nats.tls).toEqual({ certFile: 'tls/cert.pem', keyFile: 'tls/key.pem' });
    expect(readFileSync(join(root, 'secure', 'nats.conf'), 'utf8')).toContain(join(root, 'secure', 'tls', 'cert.pem'));
    expect(readFileSync(join(root, 'secure', 'dns.txt'), 'utf8')).toContain('/dns4/nats.example.com/tcp/5222/tls/ws');
  });

  it('has its server listen where others can reach it: at an address, or for a name on all of them', async () => {
    const hostOf = async (name: string, url: string): Promise<string | undefined> => {
      const plan = { validators: 1, devices: 0, preset: 'lab', nats: { url, websocketPort: 5222 } } as const;
      await makeCluster({ dir: join(root, name), ...plan }, createClock(), createSeededRandom(seed));
      return /^host: "(.*)"$/m.exec(readFileSync(join(root, name, 'nats.conf'), 'utf8'))?.[1];
    };
    expect(await hostOf('named', 'tls://nats.example.com:4222')).toBe('0.0.0.0');
    expect(await hostOf('numbered', 'tls://192.0.2.1:4222')).toBe('192.0.2.1');
    expect(await hostOf('six', 'nats://[::1]:4222')).toBe('::1');
    expect(await hostOf('here', 'nats://localhost:4222')).toBe('localhost');
  });

  it('makes whoever holds the bundle an administrator', () => {
    const bundle = decodeAdminBundle(readFileSync(clusterPaths(dir).adminBundle, 'utf8'));
    expect(bundle.clusterId).toBe('lab');
    expect(bundle.bootstrap).toEqual(['nats://127.0.0.1:4222', 'ws://127.0.0.1:5222']);
    expect(() => verifyAdminProof(bundle.adminProof, { systemKey: bundle.systemKey })).not.toThrow();
  });

  it('shows how to publish its address in DNS', () => {
    const dns = readFileSync(clusterPaths(dir).dns, 'utf8');
    expect(dns).toContain('_dnsaddr.example.com. 300 IN TXT "dnsaddr=/ip4/127.0.0.1/tcp/4222"');
    expect(dns).toContain('"dnsaddr=/ip4/127.0.0.1/tcp/5222/ws"');
  });

  it('repeats no seed in any file that others may read', () => {
    const secrets = readdirSync(join(dir, 'keys')).map((name) => readFileSync(join(dir, 'keys', name), 'utf8').trim());
    for (const file of ['isochron.json', 'membership.json', 'nats.conf', 'dns.txt']) {
      const text = readFileSync(join(dir, file), 'utf8');
      for (const secret of secrets) expect(text).not.toContain(secret);
      expect(text).not.toMatch(/\bS[UOA][A-Z2-7]{56}\b/);
    }
  });

  it('keeps each node on its own: a copy of its directory is enough', async () => {
    const copy = join(root, 'elsewhere');
    cpSync(join(dir, 'nodes', 'validator-2'), copy, { recursive: true });
    rmSync(dir, { recursive: true });
    expect((await readNodeFiles(copy)).member.rank).toBe(2);
  });

  it.each([
    ['an earlier cluster', () => undefined],
    [
      'any other file',
      () => {
        rmSync(dir, { recursive: true });
        mkdirSync(dir);
        writeFileSync(join(dir, 'notes.txt'), 'mine');
      },
    ],
  ])('never replaces %s', async (_, prepare) => {
    prepare();
    const before = readdirSync(dir);
    await expect(init(dir)).rejects.toThrow(TargetNotEmptyError);
    expect(readdirSync(dir)).toEqual(before);
  });

  it('fills an empty directory in place', async () => {
    const empty = join(root, 'empty');
    mkdirSync(empty);
    const { ino } = statSync(empty);
    await init(empty);
    expect(statSync(empty).ino).toBe(ino);
    await expect(readWholeCluster(empty)).resolves.toBeDefined();
  });

  it('leaves nothing behind when it cannot be written', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    await expect(init(join(file, 'lab'))).rejects.toThrow(`${file}: expected a directory, found a file`);
    await expect(init(join(root, 'many'), { validators: 300 })).rejects.toThrow();
    expect(existsSync(join(root, 'many'))).toBe(false);
  });
});

describe('a directory that is made', () => {
  it('comes with its parents, and tells which was the first', () => {
    const deep = join(root, 'a', 'b', 'c');
    expect(makeDirectory(deep)).toBe(join(root, 'a'));
    expect(statSync(deep).isDirectory()).toBe(true);
    expect(makeDirectory(deep)).toBeUndefined();
  });

  it('is refused in one line where none can be, also where Node would try for ever', () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    expect(() => makeDirectory(file)).toThrow(`${file}: expected a directory, found a file`);
    expect(() => makeDirectory(join(file, 'x', 'y'))).toThrow(`${file}: expected a directory, found a file`);
    expect(() => makeDirectory(join(root, 'x'.repeat(300)))).toThrow(FileError);
    if (existsSync('/proc/self')) expect(() => makeDirectory('/proc/isochron/x')).toThrow(FileError);
  });
});

describe('the parameters of a cluster', () => {
  it('are those of isochron.json on every node', async () => {
    const { config } = clusterPaths(dir);
    const json = JSON.parse(readFileSync(config, 'utf8')) as Record<string, unknown>;
    writeFileSync(config, JSON.stringify({ ...json, parameters: { gossipFanout: 2 } }));
    const whole = await readWholeCluster(dir);
    expect(whole.updated).toHaveLength(3);
    expect(whole.nodes.map(({ parameters }) => parameters.gossipFanout)).toEqual([2, 2, 2]);
    expect((await readWholeCluster(dir)).updated).toEqual([]);
  });

  it('are written to no node while any file of the cluster is wrong', async () => {
    const { config, node } = clusterPaths(dir);
    const file = join(node('validator-1'), 'isochron.json');
    const before = readFileSync(file, 'utf8');
    const json = JSON.parse(readFileSync(config, 'utf8')) as Record<string, unknown>;
    writeFileSync(config, JSON.stringify({ ...json, parameters: { gossipFanout: 2 } }));
    writeFileSync(join(node('device-1'), 'member.nk'), 'x');
    await expect(readWholeCluster(dir)).rejects.toThrow(FileError);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });
});

describe('key files', () => {
  it('are listed by their public halves', async () => {
    const keys = await keyFilesOf(dir);
    expect(keys).toHaveLength(16);
    for (const { publicKey, problem } of keys) {
      expect(problem).toBeNull();
      expect(publicKey).toMatch(/^(U[A-Z2-7]{55}|[0-9a-f]{64})$/);
    }
  });

  it('that others may read are told', async () => {
    chmodSync(join(dir, 'keys', 'operator.nk'), 0o644);
    const open = (await keyFilesOf(dir)).filter((key) => !key.private);
    expect(open.map(({ file, mode }) => `${file} ${mode}`)).toEqual(['keys/operator.nk 0644']);
  });
});

describe('small things', () => {
  it.each([
    ['My Lab!', 'my-lab'],
    ['lab', 'lab'],
    ['---', 'isochron'],
    ['x'.repeat(40), 'x'.repeat(32)],
    [`${'x'.repeat(31)}-y`, 'x'.repeat(31)],
  ])('the cluster of %j is called %j', (name, cluster) => {
    expect(clusterNameOf(name)).toBe(cluster);
  });

  it('a URL without a port means 4222', () => {
    expect(hostAndPort('nats://example.com')).toEqual({ host: 'example.com', port: 4222 });
    expect(hostAndPort('nats://[::1]:24333')).toEqual({ host: '[::1]', port: 24_333 });
  });

  it('a websocket port is always a port', () => {
    expect(websocketPortOf('nats://h:4222')).toBe(5222);
    expect(websocketPortOf('nats://h:65000')).toBe(64_000);
  });
});
