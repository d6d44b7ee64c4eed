/** What may not stand in a file: clocks outside World, escapes from the type checker, leftovers, places that only one machine has. */
import { codeOf, type Finding, findAll, folderOf, isCode, isProduct, type Source } from './sources.ts';

/** Longest file, in lines: what fits one head. */
const fileLinesMax = 400;

/** World itself: the only files that may read a clock, start a timer or draw a random number. */
const worldFiles = /^actors\/system\/(clock|virtualClock|random)\w*\.ts$/;

/** A global by its name alone: not the property of an object, not the key of one. */
const timers =
  /(?<![.\w$#])(?:setTimeout|setInterval|setImmediate|queueMicrotask|clearTimeout|clearInterval|clearImmediate)\b(?!\s*:)/g;

/** The same as a member of the global object, and clocks and randomness that are members anyway. */
const members =
  /\b(?:globalThis|global|window|self)\s*\.\s*(?:set(?:Timeout|Interval|Immediate)|queueMicrotask|performance|crypto|Date|Math)\b|\bDate\s*\.\s*now\b|\bnew\s+Date\s*(?:\(\s*\)|(?![\s\w(.]))|(?<!new\s*)(?<![.\w$])Date\s*\(|\bperformance\s*\.\s*\w+|\bMath\s*\.\s*random\b|\bprocess\s*\.\s*(?:hrtime|nextTick|uptime)\b|\bAbortSignal\s*\.\s*timeout\b|(?<![.\w$])crypto\s*\.\s*(?:getRandomValues|randomUUID|subtle)\b/g;

/** Time and randomness come from World (ARCHITECTURE.md, "The seams"). */
export const checkGlobals = (sources: readonly Source[]): Finding[] =>
  sources
    .filter((source) => isProduct(source) && !worldFiles.test(source.path))
    .flatMap(({ path, text }) => {
      const code = codeOf(text);
      const rule = (match: string) => `${match} belongs to World: take a Clock or a Random`;
      return [...findAll(path, code, timers, rule), ...findAll(path, code, members, rule)];
    });

export const checkSizes = (sources: readonly Source[]): Finding[] =>
  sources.filter(isCode).flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n').length;
    return lines > fileLinesMax
      ? [{ path, line: fileLinesMax + 1, rule: `${lines} lines; at most ${fileLinesMax}` }]
      : [];
  });

/** `any` as a type, where it cannot be a name. (The linter knows the rest; this holds when someone quiets the linter.) */
const anyType = /(?:[:<|&]\s*|\bas\s+|\bextends\s+|\bkeyof\s+|=>\s*)any\b(?=\s*(?:[\])>;,|&=[{}]|$))|,\s*any(?=\s*>)/gm;

/** Ways around the type checker, also in comments. */
const suppressions = /@ts-(?:ignore|nocheck|expect-error)\b/g;
/** There an expected error is what is asserted: the compiler complains when it does not occur. */
const typeTests = 'test/types/';
const suppressionsOf = (path: string): RegExp =>
  path.startsWith(typeTests) ? /@ts-(?:ignore|nocheck)\b/g : suppressions;

export const checkTypeEscapes = (sources: readonly Source[]): Finding[] =>
  sources
    .filter(isCode)
    .flatMap(({ path, text }) => [
      ...findAll(path, codeOf(text), anyType, () => '`any` switches the type checker off: use `unknown`'),
      ...findAll(path, text, suppressionsOf(path), (match) => `${match} switches the type checker off`),
    ]);

const leftovers = /\b(?:TODO|FIXME|XXX|HACK)\b|<{7} |>{7} |\bdebugger;|\b(?:it|describe|test)\.only\b/g;

/** Nothing is left for later, and nothing is left over. */
export const checkLeftovers = (sources: readonly Source[]): Finding[] =>
  sources.flatMap(({ path, text }) => findAll(path, text, leftovers, (match) => `${match} is left over`));

/** Absolute paths of one machine: home and work folders, temporary files. */
const machinePaths =
  /(?<![\w.~)}>/*-])\/(?:root|work|tmp|home\/[\w-]+|Users\/[\w-]+|private\/var|mnt|media)\/[\w.-]+|\b[A-Z]:\\{1,2}Users\\/g;

/** Where packages came from belongs to whoever installs them. */
const registries =
  /\b(?:registry\.(?:npmjs|yarnpkg|npmmirror)\.\w+|npm\.pkg\.github\.com|localhost:4873|[\w.-]*(?:artifactory|nexus|verdaccio)[\w.-]*\.\w+)\b/g;

/** The repository speaks of the project alone. */
export const checkPlaces = (sources: readonly Source[]): Finding[] =>
  sources.flatMap(({ path, text }) => [
    ...findAll(path, text, machinePaths, (match) => `${match} exists on one machine`),
    ...findAll(path, text, registries, (match) => `${match}: no registry hosts`),
  ]);

/** The text of the block comment that a file opens with, after an optional `#!` line. */
const openingOf = (text: string): string =>
  (/^(?:#![^\n]*\n)?\/\*([\s\S]*?)\*\//.exec(text)?.[1] ?? '').replace(/[\s*]+/g, ' ').trim();

/** Every file says first what it is; a test says it with its names. */
export const checkOpening = (sources: readonly Source[]): Finding[] =>
  sources
    .filter((source) => isCode(source) && folderOf(source.path) !== 'test' && openingOf(source.text) === '')
    .map(({ path }) => ({ path, line: 1, rule: 'open with a block comment: what it is, why, its source' }));
