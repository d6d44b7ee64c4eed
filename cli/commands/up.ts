/** Not written yet. */
import type { Arguments } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { ExitCode } from '../exitCodes.ts';

export const run = async (_context: Context, _args: Arguments): Promise<ExitCode | undefined> => undefined;
