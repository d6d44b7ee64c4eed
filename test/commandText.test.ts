/** Commands that are printed can be typed as they stand. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createClock, createSeededRandom } from '../actors/index.ts';
import { commandFor } from '../cli/cluster.ts';
import { commandText, programText, shellWord } from '../cli/commandText.ts';
import { makeCluster } from '../cli/files/makeCluster.ts';
import { Records } from '../cli/records.ts';
import { temporaryDirectory } from './support/temporary.ts';

describe('a printed command', () => {
  it.each([
    ['/usr/local/bin/isochron', 'isochron'],
    ['/repo/node_modules/.bin/isochron', 'npx isochron'],
    ['/repo/dist/cli/main.js', 'npx isochron'],
  ])('calls the program as it was called: %s is %s', (script, program) => {
    expect(programText(script)).toBe(program);
  });

  it.each(['/my lab', "it's", '$HOME', 'a;b', '*', '', '/plain/path-1'])('brings %j whole through a shell', (word) => {
    expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' })).toBe(word);
  });

  it('quotes only what needs it', () => {
    expect(commandText(['down', '--dir', '/my lab'], '/bin/isochron')).toBe("isochron down --dir '/my lab'");
    expect(commandText(['up', '/lab'], '/bin/isochron')).toBe('isochron up /lab');
  });
});

describe('a command about a cluster', () => {
  const setting = () => {
    const root = temporaryDirectory();
    const env = { XDG_STATE_HOME: join(root, 'state') };
    const records = new Records(env, () => true);
    const claim = (dir: string) =>
      records.claim({ dir, nats: 'nats://127.0.0.1:4222', console: null, pid: process.pid, temporary: false });
    return { root, env, records, claim };
  };

  it('names its directory unless it is the only one that runs', () => {
    const { env, records, claim } = setting();
    const next = () => commandFor({ cwd: '/', env }, '/a', ['ps'], records);
    expect(next()).toBe('npx isochron ps --dir /a');
    claim('/a');
    expect(next()).toBe('npx isochron ps');
    claim('/b');
    expect(next()).toBe('npx isochron ps --dir /a');
  });

  it('names it where the current folder is another cluster', async () => {
    const { root, env, records, claim } = setting();
    const here = join(root, 'here');
    const nats = { url: 'nats://127.0.0.1:4222', websocketPort: 5222 };
    const plan = { dir: here, validators: 1, devices: 0, preset: 'lab', nats } as const;
    await makeCluster(plan, createClock(), createSeededRandom(1));
    claim('/a');
    expect(commandFor({ cwd: here, env }, '/a', ['ps'], records)).toBe('npx isochron ps --dir /a');
  });
});
