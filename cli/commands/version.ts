/** `isochron version`. */
import type { Arguments } from '../arguments.ts';
import type { Context } from '../context.ts';
import type { ExitCode } from '../exitCodes.ts';
import { version } from '../version.ts';

export const run = async ({ output }: Context, _args: Arguments): Promise<ExitCode | undefined> => {
  const { arch, platform, version: node } = process;
  output.result({ version, node: node.slice(1), platform: `${platform}-${arch}` }, () => version);
  return undefined;
};
