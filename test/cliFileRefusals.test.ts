/** Files that are not what they should be: each is refused in one line naming file, field and what was expected. Real files. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createClock, createSeededRandom } from '../actors/index.ts';
import { FileError } from '../cli/errors.ts';
import { clusterPaths, readMembership } from '../cli/files/clusterFiles.ts';
import { type MadeCluster, makeCluster } from '../cli/files/makeCluster.ts';
import { nodePaths, readNodeFiles } from '../cli/files/nodeFiles.ts';
import { readWholeCluster } from '../cli/files/readCluster.ts';
import type { Preset } from '../protocol/index.ts';
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

/** The line that names what is wrong. */
const refusal = async (work: () => unknown): Promise<string> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof FileError) return error.message;
    throw error;
  }
  throw new Error('not refused');
};

let root: string;
let dir: string;
beforeEach(async () => {
  root = temporaryDirectory();
  dir = join(root, 'lab');
  await init(dir);
});

describe('a file that is not what it should be', () => {
  const editJson = (file: string, change: (json: Record<string, unknown>) => void): void => {
    const json = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    change(json);
    writeFileSync(file, JSON.stringify(json));
  };

  it.each<[string, (json: Record<string, unknown>) => void, RegExp]>([
    [
      'an unknown field',
      (json) => {
        json.colour = 'red';
      },
      /isochron\.json: colour: expected no such field$/,
    ],
    [
      'a missing field',
      (json) => {
        delete json.cluster;
      },
      /isochron\.json: cluster: expected \[a-z0-9-\]\{1,32\}$/,
    ],
    [
      'a bad name',
      (json) => {
        json.cluster = 'Lab 1';
      },
      /isochron\.json: cluster: expected \[a-z0-9-\]\{1,32\}$/,
    ],
    [
      'an unknown preset',
      (json) => {
        json.preset = 'moon';
      },
      /isochron\.json: preset: expected "lab" or "field"$/,
    ],
    [
      'a bad key',
      (json) => {
        json.systemKey = 'SU1';
      },
      /isochron\.json: systemKey: expected a public user nkey/,
    ],
    [
      'a bad URL',
      (json) => {
        json.nats = { url: 'http://x' };
      },
      /isochron\.json: nats\.url: expected nats:\/\/host:port/,
    ],
    ...['nats://127.0.0.1:99999', 'nats://a:b:c', 'nats://a:0', 'nats://:4222', 'nats://[x]:1', 'nats://a b'].map(
      (url): [string, (json: Record<string, unknown>) => void, RegExp] => [
        `the URL ${url}`,
        (json) => {
          json.nats = { url };
        },
        /isochron\.json: nats\.url: expected nats:\/\/host:port or tls:\/\/host:port, the port 1 to 65535$/,
      ],
    ),
    [
      'a bad port',
      (json) => {
        json.nats = { ...nats, websocketPort: 70_000 };
      },
      /isochron\.json: nats\.websocketPort: expected a port/,
    ],
    [
      'an unknown parameter',
      (json) => {
        json.parameters = { speed: 1 };
      },
      /isochron\.json: speed: unknown parameter$/,
    ],
    [
      'a parameter of another type',
      (json) => {
        json.parameters = { gossipFanout: 'x' };
      },
      /isochron\.json: gossipFanout: expected number, got string$/,
    ],
    [
      'parameters that contradict',
      (json) => {
        json.parameters = { beaconIntervalMs: 4_000 };
      },
      /isochron\.json: beaconIntervalMs: must be below/,
    ],
  ])('of the cluster is named with its field: %s', async (_, change, line) => {
    editJson(clusterPaths(dir).config, change);
    expect(await refusal(() => readWholeCluster(dir))).toMatch(line);
  });

  it.each<[string, string, RegExp]>([
    ['no JSON', '{"cluster":', /isochron\.json: expected JSON \(/],
    ['an empty file', '', /isochron\.json: expected JSON \(/],
    ['an array', '[]', /isochron\.json: expected object, got array$/],
    ['no text', '\u00ff\ufffe', /isochron\.json: expected JSON/],
  ])('is named whatever it holds: %s', async (_, content, line) => {
    writeFileSync(clusterPaths(dir).config, content);
    expect(await refusal(() => readWholeCluster(dir))).toMatch(line);
  });

  it('is named when it is missing or a directory', async () => {
    const { config } = clusterPaths(dir);
    rmSync(config);
    expect(await refusal(() => readWholeCluster(dir))).toBe(`${config}: expected a file, found none`);
    mkdirSync(config);
    expect(await refusal(() => readWholeCluster(dir))).toBe(`${config}: expected a file, found a directory`);
    expect(await refusal(() => readWholeCluster(join(root, 'nowhere')))).toMatch(
      /nowhere: expected a directory, found none/,
    );
  });

  it('that holds far too much is not read into memory for long', async () => {
    const { config } = clusterPaths(dir);
    writeFileSync(config, ' '.repeat(5 * 1_048_576));
    expect(await refusal(() => readWholeCluster(dir))).toMatch(/expected at most \d+ bytes/);
  });

  it.each(['nats.nk', 'member.nk', 'kex.key', 'mat.share'])(
    'is refused when %s is damaged, and never repeated',
    async (name) => {
      const file = join(dir, 'nodes', 'validator-1', name);
      const content = readFileSync(file);
      content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1;
      writeFileSync(file, content);
      const line = await refusal(() => readWholeCluster(dir));
      expect(line).toContain(file);
      expect(line).not.toContain(content.toString('latin1').trim().slice(0, 20));
    },
  );

  it.each(['nats.nk', 'member.nk', 'kex.key'])('is refused when %s is that of another node', async (name) => {
    const file = join(dir, 'nodes', 'validator-1', name);
    copyFileSync(join(dir, 'nodes', 'validator-2', name), file);
    expect(await refusal(() => readNodeFiles(join(dir, 'nodes', 'validator-1')))).toMatch(
      /expected the key of this node/,
    );
  });

  it('is refused when the share belongs to another cluster', async () => {
    await makeCluster(
      { dir: join(root, 'b'), validators: 2, devices: 1, preset: 'lab', nats },
      createClock(),
      createSeededRandom(seed + 1),
    );
    copyFileSync(join(root, 'b', 'nodes', 'validator-1', 'mat.share'), join(dir, 'nodes', 'validator-1', 'mat.share'));
    expect(await refusal(() => readNodeFiles(join(dir, 'nodes', 'validator-1')))).toMatch(
      /mat\.share: group key: expected that of the membership/,
    );
  });

  it('is refused when the membership was changed, or is another cluster’s', async () => {
    const { membership } = clusterPaths(dir);
    editJson(membership, (json) => {
      json.payload = Buffer.from(
        Buffer.from(String(json.payload), 'base64').toString().replace('device-1', 'device-7'),
      ).toString('base64');
    });
    expect(await refusal(() => readWholeCluster(dir))).toMatch(/membership\.json: signatures: no signature holds/);
    await makeCluster(
      { dir: join(root, 'b'), cluster: 'lab', validators: 2, devices: 1, preset: 'lab', nats },
      createClock(),
      createSeededRandom(seed + 1),
    );
    copyFileSync(clusterPaths(join(root, 'b')).membership, membership);
    expect(await refusal(() => readWholeCluster(dir))).toMatch(
      /membership\.json: admin_proof: not signed by the system key/,
    );
  });

  it('is refused when it contradicts the signed membership', async () => {
    const { config } = nodePaths(join(dir, 'nodes', 'device-1'));
    editJson(config, (json) => {
      json.role = 'validator';
    });
    expect(await refusal(() => readNodeFiles(join(dir, 'nodes', 'device-1')))).toMatch(
      /device-1\.role: expected validator/,
    );
    editJson(clusterPaths(dir).config, (json) => {
      json.parameters = { epochDurationMs: 6_000 };
    });
    editJson(config, (json) => {
      json.role = 'device';
    });
    expect(await refusal(() => readWholeCluster(dir))).toMatch(
      /epochDurationMs: expected 5000, as the membership says/,
    );
  });

  it('is judged by its time only where a time is given', () => {
    const config = {
      cluster: 'lab',
      systemKey: (JSON.parse(readFileSync(clusterPaths(dir).config, 'utf8')) as { systemKey: string }).systemKey,
    };
    const { membership } = clusterPaths(dir);
    const tenYearsMs = 10 * 365 * 24 * 3_600_000;
    expect(readMembership(membership, config).snapshot.seq).toBe(1);
    expect(() => readMembership(membership, config, createClock().now() + tenYearsMs)).toThrow(
      /admin_proof\.valid_to: has passed/,
    );
  });
});

describe('a node in the field', () => {
  let field: string;
  beforeEach(async () => {
    field = join(root, 'field');
    await init(field, { preset: 'field' });
  });

  it.each(['system.nk', 'admin.nk', 'keys/system.nk'])('is refused a directory that holds %s', async (name) => {
    const node = join(field, 'nodes', 'validator-1');
    mkdirSync(join(node, 'keys'), { recursive: true });
    copyFileSync(join(field, 'keys', name.includes('admin') ? 'admin.nk' : 'system.nk'), join(node, name));
    expect(await refusal(() => readNodeFiles(node))).toMatch(/expected no system or admin key/);
  });

  it('is accepted where init put it', async () => {
    expect((await readNodeFiles(join(field, 'nodes', 'validator-1'))).parameters.epochDurationMs).toBe(30_000);
  });

  it('in a lab may lie beside them', async () => {
    const node = join(dir, 'nodes', 'validator-1');
    copyFileSync(join(dir, 'keys', 'system.nk'), join(node, 'system.nk'));
    await expect(readNodeFiles(node)).resolves.toBeDefined();
  });
});
