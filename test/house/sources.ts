/** The repository as text: its files, and each file without comments or without the contents of its strings. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the repository; `path` is relative to its root, with `/`. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** A broken rule. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
}

/** What the product consists of; everything else serves to build, test, measure or show it. */
export const productFolders = [
  'protocol',
  'machines',
  'bus',
  'hardware',
  'actors',
  'simulation',
  'cli',
  'visualizer',
] as const;

const root = fileURLToPath(new URL('../..', import.meta.url));
const skipped: ReadonlySet<string> = new Set(['node_modules', 'dist', 'coverage', '.git']);

const walk = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : walk(path);
    return entry.isFile() ? [path] : [];
  });

const binary = /\.(png|jpg|gif|ico|wasm|cbor|bin|sqlite|iq|pcap)$/;

/** Every text file of the repository. */
export const readRepository = (): readonly Source[] =>
  walk('')
    .filter((path) => !binary.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

export const isCode = ({ path }: Source): boolean => /\.(ts|tsx|mts|mjs|js)$/.test(path);

export const folderOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '');

export const isProduct = (source: Source): boolean =>
  isCode(source) && (productFolders as readonly string[]).includes(folderOf(source.path));

export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

/** One finding for each match of `pattern` in `text`, which has the offsets of the file at `path`. */
export const findAll = (path: string, text: string, pattern: RegExp, rule: (match: string) => string): Finding[] =>
  [...text.matchAll(pattern)].map((match) => ({ path, line: lineAt(text, match.index), rule: rule(match[0].trim()) }));

/** How a test shows findings: one `file:line rule` each. */
export const report = (findings: readonly Finding[]): string[] =>
  findings.map(({ path, line, rule }) => `${path}:${line} ${rule}`);

type Kind = 'comment' | 'string';

/**
 * One token of interest at a time: comments, quoted strings, templates without their `${…}` parts, and regular
 * expressions (whose quotes would otherwise open a string), which end where a value cannot stand before a `/`.
 */
const token =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<string>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|(?<=(?:^|[=(,:;!&|?{}[+\-*%~^<>]|\b(?:return|typeof|case|in|of))\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*)|(?<template>`)|(?<open>\{)|(?<close>\})/g;

const spaces = (text: string): string => text.replace(/[^\n]/g, ' ');

/** The end of a template's literal part that begins at `from`: after its closing backquote or its `${`. */
const templatePart = (text: string, from: number): { end: number; opens: boolean } => {
  const end = /\\[\s\S]|`|\$\{/g;
  end.lastIndex = from;
  for (let match = end.exec(text); match; match = end.exec(text)) {
    if (match[0] === '`') return { end: end.lastIndex, opens: false };
    if (match[0] === '${') return { end: end.lastIndex, opens: true };
  }
  return { end: text.length, opens: false };
};

/** Replaces comments, or the contents of strings as well, by spaces; offsets and lines stay. */
export const without = (text: string, kinds: readonly Kind[]): string => {
  let result = '';
  let at = 0;
  /** For each open brace: whether it is the `${` of a template. */
  const braces: boolean[] = [];
  const keep = (end: number, kind?: Kind): void => {
    const part = text.slice(at, end);
    result += kind && kinds.includes(kind) ? spaces(part) : part;
    at = end;
  };
  const template = (): void => {
    const { end, opens } = templatePart(text, at);
    keep(end, 'string');
    if (opens) braces.push(true);
  };
  for (;;) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (!match?.groups) break;
    keep(match.index);
    const end = match.index + match[0].length;
    if (match.groups.comment !== undefined) keep(end, 'comment');
    else if (match.groups.string !== undefined) keep(end, 'string');
    else keep(end);
    if (match.groups.template !== undefined) template();
    if (match.groups.open !== undefined) braces.push(false);
    if (match.groups.close !== undefined && braces.pop()) template();
  }
  keep(text.length);
  return result;
};

/** Code alone: what runs, without comments and the contents of strings. */
export const codeOf = (text: string): string => without(text, ['comment', 'string']);
