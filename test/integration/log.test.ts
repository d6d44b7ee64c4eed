/** The log of a real process: whole when it exits, and never the reason it dies. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

const built = (name: string): string => fileURLToPath(new URL(`../../dist/actors/system/${name}.js`, import.meta.url));

/** Runs `body` in a process of its own, with `createLog`, `clock` and the arguments at hand. */
const argumentsFor = (body: string, ...rest: string[]): string[] => [
  '--input-type=module',
  '-e',
  `const { createLog } = await import(process.argv[1]);
   const { createClock } = await import(process.argv[2]);
   const clock = createClock();
   const [, , , ...args] = process.argv;
   ${body}`,
  built('log'),
  built('clock'),
  ...rest,
];

const run = (body: string, ...rest: string[]) =>
  spawnSync(process.execPath, argumentsFor(body, ...rest), { encoding: 'utf8', timeout: 20_000 });

const writeMany = `for (let n = 0; n < 5000; n++) log.info('counted', { n });`;

describe('the log of a process', () => {
  it.each(['', 'process.exit(3);', 'throw new Error("broken");'])('is whole when it ends so: "%s"', (ending) => {
    const folder = mkdtempSync(join(tmpdir(), 'isochron-log-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'node.ndjson');
    run(`const log = createLog({ node: 'n', clock, destination: args[0] }); ${writeMany} ${ending}`, file);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(5_000);
    expect(lines.map((line) => JSON.parse(line).n)).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
  });

  it('goes to standard output unless told otherwise', () => {
    const { stdout } = run(`createLog({ node: 'n', clock }).info('hello');`);
    expect(JSON.parse(stdout)).toMatchObject({ action: 'hello', node: 'n', level: 'info' });
  });

  it.skipIf(!existsSync('/dev/full'))('loses lines on a full disk, says so, and the process lives', () => {
    const { stdout, status } = run(`
      let lost = 0;
      const log = createLog({ node: 'n', clock, destination: '/dev/full', onError: () => { lost++; } });
      log.info('first');
      setTimeout(() => { log.info('second'); log.flush(); console.log(lost > 0 ? 'alive' : 'nothing lost'); }, 50);
    `);
    expect([stdout, status]).toEqual(['alive\n', 0]);
  });

  it('outlives the reader of its pipe', async () => {
    const body = `
      const log = createLog({ node: 'n', clock });
      log.info('ready');
      const timer = setInterval(() => log.info('tick', { text: 'x'.repeat(1000) }), 1);
      setTimeout(() => { clearInterval(timer); process.stderr.write('alive'); }, 200);
    `;
    const child = spawn(process.execPath, argumentsFor(body), { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data) => {
      said += String(data);
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [code] = await once(child, 'exit');
    expect([said, code]).toEqual(['alive', 0]);
  });
});
