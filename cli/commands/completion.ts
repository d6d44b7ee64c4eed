/** `isochron completion <shell>`: the script that makes a shell ask `isochron complete`. */
import { script } from '@bomb.sh/tab';
import type { Arguments } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { ExitCode } from '../exitCodes.ts';

const program = 'isochron';

export const run = async (_context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  script(args.required('shell'), program, program);
  return undefined;
};
