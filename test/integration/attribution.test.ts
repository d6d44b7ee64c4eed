/** Errors that escape every dispatch, in a real process: vitest would catch them itself. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../support/strayErrors.mjs', import.meta.url));

interface Outcome {
  readonly units: readonly { name: string; restarts: number; status: string; lastExit?: { detail: string } }[];
  readonly unattributed: readonly string[];
}

test('a stray rejection or throw restarts the actor that caused it and no other; the process lives', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  const { units, unattributed } = JSON.parse(stdout) as Outcome;
  const guilty = units.filter(({ name }) => name !== 'bystander');
  expect(guilty).toHaveLength(8);
  for (const unit of guilty) {
    const detail = `error(CRASH): ${unit.name}`;
    expect(unit).toMatchObject({ restarts: 1, status: 'running', lastExit: { type: 'error', detail } });
  }
  expect(units.at(-1)).toEqual({ name: 'bystander', restarts: 0, status: 'running' });
  expect(unattributed).toEqual(['nobody']);
});
