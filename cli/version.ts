/** The version of this program, from the package it was installed with. */
import { readFileSync } from 'node:fs';

/** Found from `cli/` and from `dist/cli/` alike: the first package.json upwards is ours. */
const read = (): string => {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'));
      if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version);
    } catch {
      // One level further up.
    }
  }
  return '0.0.0';
};

export const version = read();
