/** Which cluster a command means, and the records by which a second terminal finds one. Real files, no process. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { findCluster } from '../cli/cluster.ts';
import {
  AlreadyRunningError,
  AmbiguousClusterError,
  ClusterUnavailableError,
  FileError,
  UsageError,
} from '../cli/errors.ts';
import { type ClusterRecord, Records, stateDirectory } from '../cli/records.ts';
import { encodeNkeyPublic } from '../protocol/index.ts';
import { temporaryDirectory } from './support/temporary.ts';

let root: string;
let env: Record<string, string>;
let records: Records;
/** Processes that run, as far as the records know. */
let running: Set<number>;

beforeEach(() => {
  root = temporaryDirectory();
  env = { XDG_STATE_HOME: join(root, 'state') };
  running = new Set([process.pid]);
  records = new Records(env, (pid) => running.has(pid));
});

const recordOf = (dir: string, more: Partial<ClusterRecord> = {}): ClusterRecord => ({
  dir,
  nats: 'nats://127.0.0.1:4222',
  console: null,
  pid: process.pid,
  temporary: false,
  ...more,
});

/** The least that is a cluster directory. */
const clusterDir = (name: string, url = 'nats://127.0.0.1:4999'): string => {
  const dir = join(root, name);
  mkdirSync(join(dir, 'keys'), { recursive: true });
  const systemKey = encodeNkeyPublic(new Uint8Array(32).fill(1));
  writeFileSync(join(dir, 'isochron.json'), JSON.stringify({ cluster: name, preset: 'lab', systemKey, nats: { url } }));
  return dir;
};

/** Records of clusters whose process is this one: `up` is in no command line here, so liveness is told by the pid alone. */
const find = (globals: { dir?: string; nats?: string } = {}, cwd = root, more: Record<string, string> = {}) =>
  findCluster(
    { cwd, env: { ...env, ...more }, globals: { dir: globals.dir, nats: globals.nats, yes: false } },
    records,
  );

describe('a record', () => {
  it('is found by whoever looks while its process lives', () => {
    const record = recordOf(join(root, 'a'));
    records.claim(record);
    expect(records.running()).toEqual([record]);
    expect(records.of(record.dir)).toEqual(record);
  });

  it('is not running while it has no server yet, but holds its directory', () => {
    records.claim(recordOf(join(root, 'a'), { nats: null }));
    expect(records.running()).toEqual([]);
    expect(records.live()).toHaveLength(1);
  });

  it('of a process that is gone counts for nothing and is removed', () => {
    records.claim(recordOf(join(root, 'a')));
    running.clear();
    expect(records.live()).toEqual([]);
    expect(readdirSync(stateDirectory(env))).toEqual([]);
  });

  it('of a process that is gone does not keep its directory', () => {
    records.claim(recordOf(join(root, 'a'), { pid: 999_999 }));
    records.claim(recordOf(join(root, 'a')));
    expect(records.of(join(root, 'a'))?.pid).toBe(process.pid);
  });

  it('that somebody claims while another finds it stale stays', () => {
    const record = recordOf(join(root, 'a'));
    records.claim({ ...record, pid: 999_999 });
    let claimed = false;
    const slow = new Records(env, (pid) => {
      if (pid === 999_999 && !claimed) {
        claimed = true;
        records.claim(record);
      }
      return running.has(pid);
    });
    slow.live();
    expect(records.of(record.dir)).toEqual(record);
  });

  it('is claimed past the lock of a process that died with it', () => {
    const record = recordOf(join(root, 'a'));
    records.claim({ ...record, pid: 999_999 });
    const [file = ''] = readdirSync(stateDirectory(env));
    writeFileSync(join(stateDirectory(env), `${file}.lock`), '4194303');
    records.claim(record);
    expect(records.of(record.dir)).toEqual(record);
  });

  it('with a process number that is none counts for nothing', () => {
    const record = recordOf(join(root, 'a'));
    records.claim(record);
    const [file = ''] = readdirSync(stateDirectory(env));
    writeFileSync(join(stateDirectory(env), file), JSON.stringify({ ...record, pid: 0 }));
    expect(records.live()).toEqual([]);
  });

  it('refuses a second claim, naming the pid', () => {
    const record = recordOf(join(root, 'a'));
    records.claim(record);
    expect(() => records.claim({ ...record, pid: 1 })).toThrow(AlreadyRunningError);
    expect(() => records.claim({ ...record, pid: 1 })).toThrow(new RegExp(`process ${process.pid};`));
  });

  it('is replaced whole, and removed by its own process only', () => {
    const record = recordOf(join(root, 'a'), { nats: null });
    records.claim(record);
    records.update({ ...record, nats: 'nats://127.0.0.1:5000' });
    expect(records.of(record.dir)?.nats).toBe('nats://127.0.0.1:5000');
    records.release(record.dir, 1);
    expect(records.live()).toHaveLength(1);
    records.release(record.dir, process.pid);
    expect(readdirSync(stateDirectory(env))).toEqual([]);
  });

  it('that is damaged counts for nothing and hinders nobody', () => {
    const record = recordOf(join(root, 'a'));
    records.claim(record);
    const [file = ''] = readdirSync(stateDirectory(env));
    writeFileSync(join(stateDirectory(env), file), '{"dir":');
    expect(records.live()).toEqual([]);
    records.claim(record);
    expect(records.live()).toEqual([record]);
  });

  it('never gets a directory removed that up did not make', () => {
    const precious = join(root, 'precious');
    mkdirSync(precious);
    records.claim(recordOf(precious, { pid: 999_999, temporary: true }));
    expect(records.live()).toEqual([]);
    expect(existsSync(precious)).toBe(true);
  });

  it.each([
    ['XDG_STATE_HOME', { XDG_STATE_HOME: '/state' }, '/state/isochron/clusters'],
    ['the home folder', { HOME: '/people/x' }, '/people/x/.local/state/isochron/clusters'],
    [
      'the home folder, when XDG_STATE_HOME is relative',
      { XDG_STATE_HOME: 'here', HOME: '/people/x' },
      '/people/x/.local/state/isochron/clusters',
    ],
  ])('lies below %s', (_, given, expected) => {
    expect(stateDirectory(given)).toBe(expected);
  });
});

describe('the cluster that is meant', () => {
  it('is the one of --dir, at the server of its record', () => {
    const dir = clusterDir('a');
    records.claim(recordOf(dir));
    expect(find({ dir: 'a' })).toMatchObject({ dir, nats: 'nats://127.0.0.1:4222', record: { pid: process.pid } });
  });

  it('is the one of --dir, at the server of its file when no up runs it', () => {
    expect(find({ dir: clusterDir('a') })).toMatchObject({ nats: 'nats://127.0.0.1:4999', record: undefined });
  });

  it('is the one of --dir at the server of --nats', () => {
    const dir = clusterDir('a');
    records.claim(recordOf(dir));
    expect(find({ dir, nats: 'nats://10.0.0.1:4222' }).nats).toBe('nats://10.0.0.1:4222');
  });

  it('is matched by --nats to a record, however the loopback is spelled', () => {
    const dir = clusterDir('a');
    records.claim(recordOf(dir));
    expect(find({ nats: 'nats://localhost:4222/' }).dir).toBe(dir);
  });

  it('is the one around the current folder', () => {
    const dir = clusterDir('a');
    mkdirSync(join(dir, 'nodes', 'validator-1'), { recursive: true });
    expect(find({}, join(dir, 'nodes', 'validator-1')).dir).toBe(dir);
  });

  it('is the only one that runs', () => {
    const dir = clusterDir('a');
    records.claim(recordOf(dir));
    expect(find().dir).toBe(dir);
  });

  it('is asked for, with a list, when several run', () => {
    for (const name of ['a', 'b']) records.claim(recordOf(clusterDir(name)));
    expect(() => find()).toThrow(AmbiguousClusterError);
    expect(() => find()).toThrow(/2 clusters.*a, .*b/);
  });

  it('is missing when none runs', () => {
    expect(() => find()).toThrow(ClusterUnavailableError);
  });

  it('is missing when --nats names an unknown server and no keys are here', () => {
    expect(() => find({ nats: 'nats://127.0.0.1:1' })).toThrow(UsageError);
  });

  it('is missing when --dir names nothing', () => {
    expect(() => find({ dir: 'nowhere' })).toThrow(FileError);
  });

  it('is that of the environment when no flag says otherwise', () => {
    const [a, b] = [clusterDir('a'), clusterDir('b')];
    expect(find({}, a, { ISOCHRON_DIR: b }).dir).toBe(b);
    expect(find({ dir: a }, root, { ISOCHRON_DIR: b }).dir).toBe(a);
  });

  it('ignores a NATS_URL that belongs to something else', () => {
    const dir = clusterDir('a');
    records.claim(recordOf(dir));
    expect(find({}, root, { NATS_URL: 'nats://127.0.0.1:1' })).toMatchObject({ dir, nats: 'nats://127.0.0.1:4222' });
  });

  it('takes NATS_URL for a cluster of the current folder that no up runs', () => {
    const dir = clusterDir('a');
    expect(find({}, dir, { NATS_URL: 'nats://127.0.0.1:1' }).nats).toBe('nats://127.0.0.1:1');
  });
});
