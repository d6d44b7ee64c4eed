/** Commands as people can run them: what is printed as a next step is typed as it stands. */
import { basename, sep } from 'node:path';

/** What no shell takes for anything but itself. */
const harmless = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word for a POSIX shell. */
export const shellWord = (word: string): string =>
  harmless.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;

const localBin = `${sep}node_modules${sep}.bin${sep}`;

/**
 * How this program is called: by its name where a shell found it by that, else through npx, as in a checkout (`npm start`
 * runs dist/cli/main.js, npx a link in node_modules/.bin).
 */
export const programText = (script = process.argv[1] ?? ''): string =>
  basename(script) === 'isochron' && !script.includes(localBin) ? 'isochron' : 'npx isochron';

/** A whole command line: `npx isochron down --dir '/my lab'`. */
export const commandText = (words: readonly string[], script?: string): string =>
  [programText(script), ...words.map(shellWord)].join(' ');
