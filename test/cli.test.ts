/** How a command line is understood: arguments, options, globals, help, suggestions; and what its data promises. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDuration, parseValue } from '../cli/arguments.ts';
import { globalOptions } from '../cli/command.ts';
import { cliPage } from '../cli/docs.ts';
import { UsageError } from '../cli/errors.ts';
import { manifest } from '../cli/manifest.ts';
import { type Call, parseCommandLine } from '../cli/program.ts';

const parse = (...argv: string[]) => parseCommandLine(argv, manifest, '1.2.3');
const called = (...argv: string[]): Call => {
  const { asked } = parse(...argv);
  if ('text' in asked) throw new Error(`no call: ${asked.text}`);
  return asked;
};
const said = (...argv: string[]): string => {
  const { asked } = parse(...argv);
  if (!('text' in asked)) throw new Error(`a call: ${asked.spec.name}`);
  return asked.text;
};
const refused = (...argv: string[]): UsageError => {
  try {
    parse(...argv);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('not refused');
};

describe('a command line', () => {
  it('names a command, its arguments and its options', () => {
    const { spec, args } = called('init', 'lab', '--validators', '3', '--preset', 'field');
    expect(spec.name).toBe('init');
    expect(args.required('dir')).toBe('lab');
    expect(args.number('validators')).toBe(3);
    expect(args.text('preset')).toBe('field');
  });

  it('fills in the defaults that help shows', () => {
    const { args } = called('init', 'lab');
    expect([args.number('validators'), args.number('devices'), args.text('preset')]).toEqual([2, 1, 'lab']);
  });

  it('leaves what was not given undefined', () => {
    const { args } = called('up');
    expect(args.text('dir')).toBeUndefined();
    expect(args.number('for')).toBeUndefined();
    expect(args.flag('detach')).toBe(false);
  });

  it('reads durations as milliseconds', () => {
    expect(called('up', '--for', '30s').args.number('for')).toBe(30_000);
  });

  it.each([
    ['before', ['--json', '--dir', 'x', 'up']],
    ['after', ['up', '--json', '--dir', 'x']],
  ])('takes global options %s the command', (_, argv) => {
    const { globals } = parse(...argv);
    expect(globals.get('json')).toBe(true);
    expect(globals.get('dir')).toBe('x');
  });

  it('passes everything after -- on as words', () => {
    expect(called('complete', '--', 'up', '--f', '').args.list('words')).toEqual(['up', '--f', '']);
  });

  it.each([
    ['an unknown command', ['dwon'], /unknown command 'dwon'.*Did you mean down/],
    ['an unknown option', ['up', '--waitt'], /unknown option '--waitt'.*Did you mean --wait/],
    ['a missing argument', ['init'], /missing required argument 'dir'/],
    ['an argument too many', ['up', 'a', 'b'], /too many arguments/],
    ['a bad number', ['init', 'x', '--validators', '0'], /expected a number, 1 to 255, got '0'/],
    ['a bad duration', ['up', '--for', '30'], /expected a duration such as/],
    ['a bad choice', ['init', 'x', '--preset', 'moon'], /expected one of lab, field, got 'moon'/],
  ])('refuses %s in one line', (_, argv, message) => {
    const error = refused(...argv);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
  });

  it('shows every command in the help, and no hidden one', () => {
    const help = said('--help');
    for (const { name, hidden } of manifest) {
      if (hidden === true) expect(help).not.toMatch(new RegExp(`^ +${name} `, 'm'));
      else expect(help).toMatch(new RegExp(`^ +${name} `, 'm'));
    }
  });

  it('shows help when nothing is asked', () => {
    expect(said()).toBe(said('--help'));
  });

  it('shows arguments, options and examples of a command', () => {
    const help = said('up', '--help');
    expect(help).toContain('--for <time>');
    expect(help).toContain('isochron up lab -d --wait');
    expect(help).toMatch(/Global Options:[\s\S]*--json +print results as JSON/);
  });

  it('prints the version', () => {
    expect(said('--version')).toBe('1.2.3\n');
  });
});

describe('the manifest', () => {
  it('names each command once', () => {
    const names = manifest.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(manifest.map((spec) => [spec.name, spec] as const))(
    '%s is described, and takes no global option for its own',
    (_, spec) => {
      expect(spec.summary).not.toMatch(/[.!]$|^[A-Z]/);
      expect(spec.description).toMatch(/\.$/);
      const globals = new Set(globalOptions.map(({ name }) => name));
      for (const { name } of spec.options ?? []) expect(globals.has(name)).toBe(false);
    },
  );

  it('has every command of this version', () => {
    const expected =
      'init up down node ps tree top status inspect send kill restart stop start logs tail epoch doctor config completion keys version';
    expect(manifest.map(({ name }) => name)).toEqual(expect.arrayContaining(expected.split(' ')));
  });

  it('is what docs/cli.md says', () => {
    expect(readFileSync(new URL('../docs/cli.md', import.meta.url), 'utf8')).toBe(cliPage());
  });
});

describe('a value', () => {
  it.each([
    ['250ms', 250],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '30', 's', '-1s', '1 s', '1e3s', 'Infinitys'])('%j is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it.each(['', '-1', '1.5', '0x10', '1e2', '9999999999'])('%j is no count', (text) => {
    expect(parseValue({ kind: 'count', min: 0, max: 1_000 }, text)).toHaveProperty('expected');
  });
});
