/** How an error reaches a person or a script: one line on stderr, with `--json` the same body as on the bus. */
import { IsochronError } from '../protocol/index.ts';
import { systemCodeOf } from './exitCodes.ts';
import type { Output } from './output.ts';

const onOneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ');

/** Message of whatever was thrown, on one line. */
export const messageOf = (error: unknown): string => {
  if (systemCodeOf(error) === 'ENOSPC') return `the disk is full (${onOneLine(String((error as Error).message))})`;
  return onOneLine(error instanceof Error ? error.message : String(error));
};

/** Prints it; what is not an `IsochronError` is a bug of ours and says where it came from when ISOCHRON_DEBUG is set. */
export const reportError = (
  error: unknown,
  output: Output,
  env: Readonly<Record<string, string | undefined>> = process.env,
): void => {
  const known = error instanceof IsochronError ? error : undefined;
  const code = known?.code ?? (systemCodeOf(error) || 'INTERNAL');
  output.error(code, messageOf(error), known?.details ?? {});
  if (env.ISOCHRON_DEBUG && error instanceof Error) output.message(error.stack ?? '');
};
