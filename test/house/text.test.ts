/** The rules about what a file says hold in the repository, and each rule catches a planted violation. */
import { describe, expect, it } from 'vitest';
import { codeOf, type Finding, readRepository, report, type Source, without } from './sources.ts';
import { checkGlobals, checkLeftovers, checkOpening, checkPlaces, checkSizes, checkTypeEscapes } from './text.ts';

/** These files hold the violations they plant. */
const repository = readRepository().filter(({ path }) => !path.startsWith('test/house/'));

describe('the repository', () => {
  it.each([
    ['reads clocks, starts timers and draws random numbers only in World', checkGlobals],
    ['has no file above 400 lines', checkSizes],
    ['never switches the type checker off', checkTypeEscapes],
    ['leaves nothing for later', checkLeftovers],
    ['names no machine and no registry', checkPlaces],
    ['opens every file with what it is', checkOpening],
  ])('%s', (_, check: (sources: readonly Source[]) => Finding[]) => {
    expect(report(check(repository))).toEqual([]);
  });
});

type Check = (sources: readonly Source[]) => Finding[];

/** The lines on which `check` finds something. */
const linesFound = (check: Check, path: string, lines: readonly string[]): number[] =>
  check([{ path, text: lines.join('\n') }]).map(({ line }) => line);

const catches = (check: Check, path: string, lines: readonly string[]): void => {
  for (const line of lines) expect([line, linesFound(check, path, ['', line])]).toEqual([line, [2]]);
};

const passes = (check: Check, path: string, lines: readonly string[]): void => {
  for (const line of lines) expect([line, linesFound(check, path, [line])]).toEqual([line, []]);
};

describe('a planted clock, timer or random number', () => {
  const bad = [
    'const t = Date.now();',
    'const now = Date.now;',
    'const d = new Date();',
    'const d = new Date;',
    'const text = Date();',
    'performance.now()',
    'performance.timeOrigin',
    'Math.random()',
    'setTimeout(run, 5);',
    'const later = setTimeout;',
    'await new Promise((resolve) => setImmediate(resolve));',
    'setInterval(() => {}, 1)',
    'clearTimeout(timer)',
    'queueMicrotask(run)',
    'globalThis.setTimeout(run)',
    'process.hrtime.bigint()',
    'process.nextTick(run)',
    'AbortSignal.timeout(100)',
    'crypto.getRandomValues(bytes)',
    'const id = crypto.randomUUID();',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: code in a template is code
    'const text = `at ${Date.now()}`;',
    'const quote = /[\'"]/; Date.now();',
  ];

  it.each([
    'protocol',
    'machines',
    'bus',
    'hardware',
    'actors',
    'actors/system',
    'simulation',
    'cli',
    'cli/commands',
    'visualizer',
  ])('is caught in %s', (folder) => catches(checkGlobals, `${folder}/a.ts`, bad));

  it('is World’s business in its own files, and free outside the product', () => {
    for (const path of [
      'actors/system/clock.ts',
      'actors/system/virtualClock.ts',
      'actors/system/random.ts',
      'test/a.test.ts',
      'bench/a.ts',
    ])
      passes(checkGlobals, path, bad);
  });

  it('is not seen where there is none', () => {
    passes(checkGlobals, 'actors/a.ts', [
      '// Date.now() in a comment',
      '/** setTimeout, Math.random() */',
      "throw new Error('never call Date.now() or setTimeout(x)');",
      'const text = `Date.now() setTimeout(`;',
      'const date = new Date(clock.now());',
      'const at = Date.UTC(2026, 0, 1), parsed = Date.parse(text);',
      'const clock = { setTimeout: (run) => world.clock.after(1, run) };',
      'system.clock.setTimeout(run, 5);',
      'const mySetTimeout = 1; const setTimeoutMs = 2;',
      'crypto.sha256(bytes)',
      "const pattern = /Date.now()/; const other = 'x';",
    ]);
  });
});

describe('a planted escape, leftover or place', () => {
  it('from the type checker is caught', () => {
    catches(checkTypeEscapes, 'bus/a.ts', [
      'let x: any;',
      'const y = z as any;',
      'const list: any[] = [];',
      'type T = Map<string, any>;',
      'const f = (x: any, y: number): void => {};',
      'type F = () => any;',
      'type U = string | any;',
      'function g<T extends any>() {}',
      '// @ts-ignore',
      '// @ts-expect-error reason',
      '// @ts-nocheck',
    ]);
    passes(checkTypeEscapes, 'bus/a.ts', [
      '// any: a comment may say any',
      "const target = 'any';",
      "ask('any', verb);",
      'const spec = { any: true };',
      'if (spec.any) serve();',
      'const { any } = spec;',
      'const company: Company = x;',
    ]);
  });

  it('from the type checker is an assertion in type tests, if it can fail', () => {
    passes(checkTypeEscapes, 'test/types/a.ts', ['// @ts-expect-error reason']);
    catches(checkTypeEscapes, 'test/types/a.ts', ['// @ts-ignore', '// @ts-nocheck']);
  });

  it('for later is caught in any file', () => {
    catches(checkLeftovers, 'README.md', ['TODO', '<!-- FIXME: x -->', 'HACK around', '<<<<<<< HEAD']);
    catches(checkLeftovers, 'bus/a.ts', ['// TODO later', 'it.only("x", () => {});', 'debugger;']);
    passes(checkLeftovers, 'bus/a.ts', ['const todos = 1;', 'it.onlyOnce()']);
  });

  it('of one machine, or a registry, is caught in any file', () => {
    catches(checkPlaces, 'docs/a.md', [
      'see /home/someone/isochron/x.ts',
      "const file = '/tmp/data.sqlite';",
      '/Users/someone/x',
      '"/root/x"',
      'at /work/x/y',
      'https://registry.npmjs.org/x',
      'artifactory.example.com',
    ]);
    passes(checkPlaces, 'docs/a.md', [
      '/usr/sbin/nats-server',
      '/dev/full',
      './work/x.ts',
      'nodes/tmp/x',
      '<dir>/tmp/x',
      'https://example.com/home/page',
      'https://www.npmjs.com/package/x',
    ]);
  });

  it('of size is caught: 401 lines, not 400', () => {
    const lines = (count: number) => checkSizes([{ path: 'bus/a.ts', text: 'x;\n'.repeat(count) }]);
    expect(report(lines(401))).toEqual(['bus/a.ts:401 401 lines; at most 400']);
    expect(lines(400)).toEqual([]);
  });

  it('without an opening comment is caught', () => {
    const opening = (text: string) => checkOpening([{ path: 'bus/a.ts', text }]).length;
    for (const text of ['import x;\n', '// line comment\n', '', '\n/** late */', '/** */\n', '/**\n */\n'])
      expect([text, opening(text)]).toEqual([text, 1]);
    for (const text of [
      '/** The bus. */\n',
      '/*\n * The bus.\n */',
      '/**\n * The bus.\n */',
      '#!/usr/bin/env node\n/** The command. */',
    ]) {
      expect([text, opening(text)]).toEqual([text, 0]);
    }
  });
});

describe('reading code', () => {
  it('keeps offsets and lines', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: code in a template is code
    const text = "a; // one\n/* two\n three */ b('four');\nconst t = `five\n${six(`seven`)}`;\n";
    for (const kinds of [['comment'], ['string'], ['comment', 'string']] as const) {
      const left = without(text, kinds);
      expect(left.length).toBe(text.length);
      expect(left.split('\n').length).toBe(text.split('\n').length);
    }
    const lines = codeOf(text).split('\n');
    expect(lines.map((line) => line.trim())).toEqual(['a;', '', 'b(      );', 'const t = `', 'six(`      )} ;', '']);
  });

  it('tells a division from a regular expression', () => {
    expect(codeOf("const half = total / 2; const s = '/';")).toContain('total / 2;');
    expect(codeOf("return /'/.test(x) ? a : b;")).toMatch(/return +\.test\(x\) \? a : b;/);
    expect(codeOf("f(/[/']/g, 'x'); g();")).toContain('g();');
  });
});
