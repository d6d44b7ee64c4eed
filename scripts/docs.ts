/** `npm run docs`: writes every page of docs/ that is generated from code. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cliPage } from '../cli/docs.ts';
import { asyncApiYaml } from './asyncapi.ts';
import { machinesPage } from './machines.ts';

const pages: Readonly<Record<string, () => string>> = {
  'asyncapi.yaml': asyncApiYaml,
  'cli.md': cliPage,
  'machines.md': machinesPage,
};

/** From dist/scripts/, where this runs. */
const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
for (const [name, generate] of Object.entries(pages)) {
  writeFileSync(docs + name, generate());
  process.stdout.write(`docs/${name}\n`);
}
