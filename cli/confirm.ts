/** Asks a person yes or no. Off a terminal there is nobody to ask: scripts are taken at their word. */
import { createInterface } from 'node:readline';
import type { Context } from './context.ts';

/** True when a person said yes, when `--yes` was given, and when there is no person. */
export const confirm = async (
  { output, stdin, globals, signal }: Context,
  question: string,
  prompts: NodeJS.WritableStream = process.stderr,
): Promise<boolean> => {
  if (globals.yes || !output.interactive || stdin.isTTY !== true) return true;
  // Not through `message`: a question must be seen even with --quiet, and it goes where the answer is typed.
  const lines = createInterface({ input: stdin, output: prompts });
  try {
    return await new Promise((resolve) => {
      lines.on('close', () => resolve(false));
      lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
      lines.question(`${question} [y/N] `, { signal }, (answer) => resolve(/^y(es)?$/i.test(answer.trim())));
    });
  } finally {
    lines.close();
  }
};
