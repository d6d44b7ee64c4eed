/** Asking a person, and not asking a script. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { confirm } from '../cli/confirm.ts';
import { type CommandOptions, commandContext } from './support/commandContext.ts';

/** The answer to a question, and what was asked. */
const asked = async (typed: string | undefined, options: CommandOptions = {}) => {
  const { context, stdin } = commandContext(options);
  const prompts = new PassThrough();
  const answer = confirm(context, 'Kill it?', prompts);
  if (typed !== undefined) stdin.end(typed);
  return { answer: await answer, question: String(prompts.read() ?? '') };
};

describe('a question', () => {
  it.each([
    ['y\n', true],
    ['Yes\n', true],
    ['n\n', false],
    ['\n', false],
    ['yellow\n', false],
    ['', false],
  ])('answered with %j is %s', async (typed, answer) => {
    expect(await asked(typed)).toEqual({ answer, question: 'Kill it? [y/N] ' });
  });

  it.each<[string, CommandOptions]>([
    ['off a terminal', { isTerminal: false }],
    ['with --json', { json: true }],
    ['with --yes', { globals: { yes: true } }],
  ])('is not asked %s', async (_, options) => {
    expect(await asked(undefined, options)).toEqual({ answer: true, question: '' });
  });
});
