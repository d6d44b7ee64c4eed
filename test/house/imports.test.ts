/** The import rules hold in the repository, and each rule catches a planted violation. */
import { describe, expect, it } from 'vitest';
import {
  checkCycles,
  checkDirections,
  checkDoors,
  checkReserved,
  checkUndeclared,
  checkVendors,
  importsOf,
  mayImport,
} from './imports.ts';
import { productFolders, readRepository, report, type Source } from './sources.ts';

const repository = readRepository();

/** A file of one line for each statement. */
const file = (path: string, ...lines: string[]): Source => ({ path, text: `${lines.join('\n')}\n` });

describe('imports in the repository', () => {
  it.each([
    ['point only where the table allows', checkDirections],
    ['go through doors', checkDoors],
    ['leave each vendor library in its folders', checkVendors],
    ['leave crypto, timers, xstate and libsql in their places', checkReserved],
    ['name declared dependencies', checkUndeclared],
    ['form no cycle', checkCycles],
  ])('%s', (_, check) => {
    expect(report(check(repository))).toEqual([]);
  });

  it('are found at all: most files have some', () => {
    const code = repository.filter(({ path }) => path.endsWith('.ts'));
    expect(code.length).toBeGreaterThan(50);
    expect(code.filter((source) => importsOf(source).length > 0).length).toBeGreaterThan(code.length / 2);
  });

  it('have a row in the table for every folder of the product', () => {
    expect(Object.keys(mayImport).sort()).toEqual([...productFolders].sort());
  });
});

describe('reading imports', () => {
  it('finds every form, with its line', () => {
    const found = importsOf(
      file(
        'bus/a.ts',
        "import x from './one.ts';",
        "import { a, type B } from './two.ts';",
        "import type { C } from './three.ts';",
        'import {',
        '  d,',
        "} from './four.ts';",
        "export * from './five.ts';",
        "export type { E } from './six.ts';",
        "import * as f from '../bus/seven.ts';",
        "import './eight.ts';",
        "const g = await import('./nine.ts');",
        'const h = require("ten");',
        "import type from './eleven.ts';",
        "import y, { z } from './twelve.ts'; import './thirteen.ts';",
        "export type * from './fourteen.ts';",
      ),
    );
    const brief = found.map(({ line, specifier, isType }) => `${line} ${specifier}${isType ? ' type' : ''}`);
    expect(brief.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))).toEqual([
      '1 ./one.ts',
      '2 ./two.ts',
      '3 ./three.ts type',
      '6 ./four.ts',
      '7 ./five.ts',
      '8 ./six.ts type',
      '9 ../bus/seven.ts',
      '10 ./eight.ts',
      '11 ./nine.ts',
      '12 ten',
      '13 ./eleven.ts',
      '14 ./twelve.ts',
      '14 ./thirteen.ts',
      '15 ./fourteen.ts type',
    ]);
    expect(found.find(({ specifier }) => specifier === '../bus/seven.ts')?.target).toBe('bus/seven.ts');
  });

  it('is not misled by comments and text', () => {
    const found = importsOf(
      file(
        'bus/a.ts',
        "// import './one.ts';",
        "/* import './two.ts'; */",
        "const text = 'see import { x } from the table';",
        'const from = "x"; export const y = from;',
        "const quote = /['\"]/; import './real.ts';",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: a template in text
        "const template = `${'import'} // not a comment`; import './real2.ts';",
      ),
    );
    expect(found.map(({ specifier }) => specifier)).toEqual(['./real.ts', './real2.ts']);
  });
});

describe('a planted import', () => {
  it.each([
    ['protocol/a.ts', '../bus/index.ts'],
    ['machines/a.ts', '../actors/index.ts'],
    ['machines/a.ts', '../bus/index.ts'],
    ['bus/a.ts', '../hardware/index.ts'],
    ['hardware/a.ts', '../bus/index.ts'],
    ['bus/a.ts', '../actors/index.ts'],
    ['actors/a.ts', '../cli/index.ts'],
    ['actors/a.ts', '../simulation/index.ts'],
    ['simulation/a.ts', '../cli/index.ts'],
    ['visualizer/a.ts', '../actors/index.ts'],
    ['cli/a.ts', '../test/support/index.ts'],
    ['cli/a.ts', '../bench/index.ts'],
    ['actors/system/a.ts', '../../cli/index.ts'],
    ['cli/a.ts', '../vitest.config.ts'],
  ])('in the wrong direction is caught: %s imports %s', (path, specifier) => {
    for (const form of [
      `import { x } from '${specifier}';`,
      `import type { X } from '${specifier}';`,
      `await import('${specifier}');`,
    ]) {
      expect(report(checkDirections([file(path, '', form)]))[0]).toMatch(new RegExp(`^${path}:2 .* may not import`));
    }
  });

  it('in an allowed direction is not', () => {
    const allowed = Object.entries(mayImport).flatMap(([from, targets]) =>
      targets.map((to) => file(`${from}/a.ts`, `import { x } from '../${to}/index.ts';`)),
    );
    expect(checkDirections(allowed)).toEqual([]);
    expect(checkDoors(allowed)).toEqual([]);
    expect(checkDirections([file('test/a.test.ts', "import { x } from '../cli/main.ts';")])).toEqual([]);
  });

  it('past a door is caught, also the one of the runtime inside actors/', () => {
    const caught = (path: string, specifier: string) =>
      report(checkDoors([file(path, `import { x } from '${specifier}';`)]));
    expect(caught('actors/a.ts', '../bus/nats.ts')).toEqual([
      'actors/a.ts:1 import the door bus/index.ts, not bus/nats.ts',
    ]);
    expect(caught('actors/a.ts', './system/engine.ts')).toHaveLength(1);
    expect(caught('actors/ledger/a.ts', '../system/engine.ts')).toHaveLength(1);
    expect(caught('actors/system/a.ts', '../radio.ts')).toHaveLength(1);
    expect(caught('cli/commands/a.ts', '../../actors/ledger/index.ts')).toHaveLength(1);
    expect(caught('actors/a.ts', './system/index.ts')).toEqual([]);
    expect(caught('cli/a.ts', '../actors/system/worldParts.ts')).toEqual([]);
    expect(caught('actors/system/a.ts', './engine.ts')).toEqual([]);
    expect(caught('cli/commands/a.ts', '../render/table.ts')).toEqual([]);
    expect(caught('test/a.test.ts', '../bus/nats.ts')).toEqual([]);
  });

  it.each([
    ['protocol/a.ts', 'node:fs'],
    ['protocol/a.ts', 'xstate'],
    ['machines/a.ts', 'zod'],
    ['machines/a.ts', 'node:fs'],
    ['actors/election.ts', 'xstate'],
    ['actors/election.ts', 'node:fs'],
    ['actors/election.ts', 'nats'],
    ['bus/a.ts', 'xstate/graph'],
    ['bus/a.ts', 'node:crypto'],
    ['simulation/a.ts', 'xstate'],
    ['cli/a.ts', 'xstate'],
    ['visualizer/a.ts', 'xstate'],
  ])('of a vendor in the wrong folder is caught: %s imports %s', (path, specifier) => {
    expect(report(checkVendors([file(path, `import x from '${specifier}';`)]))).toEqual([
      `${path}:1 ${path.split('/')[0]} may not import ${specifier}`,
    ]);
  });

  it.each([
    ['node:crypto', 'protocol/keys.ts', 'protocol/crypto.ts'],
    ['crypto', 'actors/system/identity.ts', 'actors/system/random.ts'],
    ['node:timers/promises', 'cli/up.ts', 'actors/system/clock.ts'],
    ['node:perf_hooks', 'actors/system/engine.ts', 'actors/system/virtualClock.ts'],
    ['xstate', 'cli/up.ts', 'machines/election.ts'],
    ['xstate/graph', 'bus/a.ts', 'actors/system/engine.ts'],
    ['libsql', 'actors/system/engine.ts', 'actors/system/store.ts'],
  ])('of %s outside its place is caught', (specifier, outside, inside) => {
    const importing = (path: string) => checkReserved([file(path, `import x from '${specifier}';`)]);
    expect(importing(outside)).toHaveLength(1);
    expect(importing(inside)).toEqual([]);
  });

  it('of an undeclared package is caught', () => {
    const manifest = file(
      'package.json',
      '{ "dependencies": { "@a/b": "1", "c": "1" }, "devDependencies": { "d": "1" } }',
    );
    const importing = (specifier: string) =>
      checkUndeclared([manifest, file('bus/a.ts', `import x from '${specifier}';`)]);
    for (const specifier of ['@a/b', '@a/b/sub.js', 'c', 'c/sub', 'node:fs']) expect(importing(specifier)).toEqual([]);
    for (const specifier of ['d', '@a/c', 'e']) expect(importing(specifier)).toHaveLength(1);
  });

  it('that closes a circle is caught, unless types or imports on demand break it', () => {
    const circle = [
      file('bus/a.ts', "import { b } from './b.ts';"),
      file('bus/b.ts', "import { c } from './c.ts';"),
      file('bus/c.ts', "export { a } from './a.ts';"),
    ];
    expect(report(checkCycles(circle))).toEqual(['bus/c.ts:1 import cycle: bus/a.ts → bus/b.ts → bus/c.ts → bus/a.ts']);
    const types = [circle[0], circle[1], file('bus/c.ts', "import type { A } from './a.ts';")] as Source[];
    expect(checkCycles(types)).toEqual([]);
    expect(checkCycles([circle[0], circle[1], file('bus/c.ts', "await import('./a.ts');")] as Source[])).toEqual([]);
    expect(checkCycles([file('bus/a.ts', "import { a } from './a.ts';")])).toHaveLength(1);
    const inline = file('bus/c.ts', "import { type A } from './a.ts';");
    expect(checkCycles([circle[0], circle[1], inline] as Source[])).toHaveLength(1);
  });
});
