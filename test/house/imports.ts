/** Who imports whom: reading imports, and the rules of the table in ARCHITECTURE.md. */
import { posix } from 'node:path';
import { type Finding, folderOf, isProduct, lineAt, type Source, without } from './sources.ts';

export interface Import {
  readonly from: string;
  readonly line: number;
  /** As written. */
  readonly specifier: string;
  /** Path of the file, for a relative import. */
  readonly target: string | undefined;
  /** `import type` and `export type`: gone at run time. */
  readonly isType: boolean;
  /** `import('…')`: loaded when it is reached. */
  readonly isDynamic: boolean;
}

const statement =
  /(?:^|[\n;])\s*(?<keyword>import|export)\s+(?<type>type\s+(?!from\b|,))?(?:[\w$*{][^'"`;()=]*?\bfrom\s*)?(?<quote>['"])(?<specifier>[^'"\n]+)\k<quote>/g;
const dynamic = /\b(?:import|require)\s*\(\s*(?<quote>['"`])(?<specifier>[^'"`\n]+)\k<quote>/g;

const toImport = (path: string, code: string, match: RegExpMatchArray, isDynamic: boolean): Import => {
  const { specifier = '', type } = match.groups ?? {};
  const offset = (match.index ?? 0) + match[0].length;
  const target = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
  return { from: path, line: lineAt(code, offset), specifier, target, isType: type !== undefined, isDynamic };
};

export const importsOf = ({ path, text }: Source): readonly Import[] => {
  const code = without(text, ['comment']);
  return [
    ...[...code.matchAll(statement)].map((match) => toImport(path, code, match, false)),
    ...[...code.matchAll(dynamic)].map((match) => toImport(path, code, match, true)),
  ];
};

/** Folders that each folder of the product may import. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  machines: ['protocol'],
  bus: ['protocol'],
  hardware: ['protocol'],
  actors: ['machines', 'protocol', 'bus', 'hardware'],
  simulation: ['actors', 'bus', 'protocol'],
  cli: ['machines', 'protocol', 'bus', 'hardware', 'actors', 'simulation', 'visualizer'],
  visualizer: ['machines', 'protocol', 'bus'],
};

/** Packages and built-in modules that each folder may import; `node:` stands for all built-ins. */
const vendors: readonly (readonly [folder: string, allowed: RegExp])[] = [
  ['protocol', /^(@noble\/.+|@nats-io\/nkeys|cbor-x|zod|node:crypto)$/],
  ['machines', /^xstate(\/.+)?$/],
  ['bus', /^(nats|@nats-io\/.+|cbor-x|zod|node:(?!crypto$).+)$/],
  ['hardware', /^(zod|node:(?!crypto$).+)$/],
  ['actors/system', /^(xstate(\/.+)?|libsql|pino|cbor-x|zod|node:.+)$/],
  ['actors', /^zod$/],
  ['simulation', /^(zod|node:(?!crypto$).+)$/],
  ['cli', /^(?!xstate)(?!node:crypto$).+$/],
  ['visualizer', /^(?!xstate)(?!node:).+$/],
];

const inFolder = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);

const finding = (each: Import, rule: string): Finding => ({ path: each.from, line: each.line, rule });

const allImports = (sources: readonly Source[]): readonly Import[] => sources.filter(isProduct).flatMap(importsOf);

/** Every folder imports only those the table names. */
export const checkDirections = (sources: readonly Source[]): Finding[] =>
  allImports(sources).flatMap((each) => {
    if (each.target === undefined) return [];
    const [from, to] = [folderOf(each.from), folderOf(each.target)];
    if (from === to || mayImport[from]?.includes(to)) return [];
    return [finding(each, `${from} may not import ${to || 'files of the root'} (${each.specifier})`)];
  });

/** What has a door: every folder of the product, and the runtime inside actors/. A subfolder otherwise has none. */
const houses = ['actors/system'];

/** Which door a file stands behind. */
const houseOf = (path: string): string => houses.find((house) => inFolder(path, house)) ?? folderOf(path);

/** The runtime has a light door too, without its vendor libraries, for commands that must start fast. */
const isDoor = (path: string): boolean =>
  path === `${houseOf(path)}/index.ts` || path === 'actors/system/worldParts.ts';

/** From outside a folder only its door is imported. */
export const checkDoors = (sources: readonly Source[]): Finding[] =>
  allImports(sources).flatMap((each) => {
    if (each.target === undefined || houseOf(each.target) === houseOf(each.from) || isDoor(each.target)) return [];
    return [finding(each, `import the door ${houseOf(each.target)}/index.ts, not ${each.target}`)];
  });

/** Vendor libraries stay where the table puts them. */
export const checkVendors = (sources: readonly Source[]): Finding[] =>
  allImports(sources).flatMap((each) => {
    if (each.target !== undefined) return [];
    const [folder, allowed] = vendors.find(([name]) => inFolder(each.from, name)) ?? ['', /^/];
    return allowed.test(each.specifier) ? [] : [finding(each, `${folder} may not import ${each.specifier}`)];
  });

/** The only places that may import a module, whatever the folder allows. */
const reserved: readonly (readonly [specifier: RegExp, places: RegExp, where: string])[] = [
  [/^(node:)?crypto$/, /^(protocol\/crypto|actors\/system\/random\w*)\.ts$/, 'protocol/crypto.ts'],
  [
    /^(node:)?(timers(\/promises)?|perf_hooks)$/,
    /^actors\/system\/(clock|virtualClock)\w*\.ts$/,
    'actors/system/clock.ts',
  ],
  [/^xstate(\/.*)?$/, /^(machines|actors\/system)\//, 'machines/ and actors/system/'],
  [/^libsql$/, /^actors\/system\/store\w*\.ts$/, 'actors/system/store.ts'],
];

export const checkReserved = (sources: readonly Source[]): Finding[] =>
  allImports(sources).flatMap((each) =>
    reserved
      .filter(([specifier, places]) => specifier.test(each.specifier) && !places.test(each.from))
      .map(([, , where]) => finding(each, `only ${where} imports ${each.specifier}`)),
  );

/** No file of the product reaches into what serves it; tests, benches and scripts are nobody's import. */
export const checkUndeclared = (sources: readonly Source[]): Finding[] => {
  const manifest = sources.find(({ path }) => path === 'package.json');
  const declared = Object.keys(JSON.parse(manifest?.text ?? '{}').dependencies ?? {});
  return allImports(sources).flatMap((each) => {
    if (each.target !== undefined || each.specifier.startsWith('node:')) return [];
    const name = each.specifier
      .split('/')
      .slice(0, each.specifier.startsWith('@') ? 2 : 1)
      .join('/');
    return declared.includes(name) ? [] : [finding(each, `${name} is not among the dependencies of package.json`)];
  });
};

/**
 * What is loaded together never forms a circle; each circle is reported once. Types are gone by then, and what is
 * imported on demand (the commands of the command line) is loaded later.
 */
export const checkCycles = (sources: readonly Source[]): Finding[] => {
  const edges = new Map(
    sources
      .filter(({ path }) => path.endsWith('.ts'))
      .map((source) => [source.path, importsOf(source).filter(({ isType, isDynamic }) => !isType && !isDynamic)]),
  );
  const done = new Set<string>();
  const findings: Finding[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    for (const each of edges.get(path) ?? []) {
      const { target } = each;
      if (target === undefined || done.has(target)) continue;
      const start = trail.indexOf(target);
      if (start >= 0) findings.push(finding(each, `import cycle: ${[...trail.slice(start), target].join(' → ')}`));
      else visit(target, [...trail, target]);
    }
    done.add(path);
  };
  for (const path of [...edges.keys()].sort()) if (!done.has(path)) visit(path, [path]);
  return findings;
};
