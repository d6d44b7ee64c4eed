/** Directories of a test, gone when it is. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A fresh directory, without symbolic links in its path. */
export const temporaryDirectory = (): string => {
  const dir = mkdtempSync(join(realpathSync(tmpdir()), 'isochron-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};
