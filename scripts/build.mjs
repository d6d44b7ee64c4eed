/**
 * Builds `dist/` with tsc and makes the bin executable. Plain JavaScript, because it runs before anything is built,
 * and called from `prepare`, `start` and `test`, so that what runs is always what is written.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

if (!existsSync(tsc)) {
  // A production install (`npm ci --omit=dev`) has no compiler: it uses the dist/ it came with.
  process.exit(existsSync(join(root, 'dist', 'cli', 'main.js')) ? 0 : fail('no compiler and no dist/: run `npm ci`'));
}
const built = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.json')], { stdio: 'inherit' });
if (built.status !== 0) process.exit(built.status ?? 1);
const EXECUTABLE = 0o755;
const bin = join(root, 'dist', 'cli', 'main.js');
chmodSync(bin, EXECUTABLE);
linkBin();

/** Makes `npx isochron` work in this checkout at once; npm links the bins of dependencies only, never the project's own. */
function linkBin() {
  if (process.platform === 'win32') return;
  const link = join(root, 'node_modules', '.bin', 'isochron');
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(join('..', '..', 'dist', 'cli', 'main.js'), link);
}

function fail(message) {
  process.stderr.write(`build: ${message}\n`);
  return 1;
}
