/** Shows a cluster again and again until the command is interrupted: redrawn on a terminal, one result after another off it. */
import { delay } from '../actors/system/worldParts.ts';
import { IsochronError } from '../protocol/index.ts';
import type { ClusterView } from './clusterView.ts';
import type { Context } from './context.ts';
import { terminalOf } from './observe.ts';
import { inlineScreen } from './render/screen.ts';

export interface Repeated {
  readonly gather: () => Promise<ClusterView>;
  readonly linesOf: (view: ClusterView) => readonly string[];
  readonly documentOf: (view: ClusterView) => unknown;
}

/** Resolves when the command is interrupted. A server that goes away is said and waited for. */
export const repeat = async (context: Context, intervalMs: number, shown: Repeated): Promise<void> => {
  const { output, signal, clock } = context;
  const screen = output.interactive ? inlineScreen(terminalOf(output)) : undefined;
  if (screen !== undefined) context.onExit(() => screen.close());
  while (!signal.aborted) {
    const view = await shown.gather().catch(unreachable);
    if (view instanceof IsochronError) {
      if (screen === undefined) output.warn(view.message);
      else screen.draw([view.message]);
    } else if (screen === undefined) {
      output.result(shown.documentOf(view), () => shown.linesOf(view).join('\n'));
    } else {
      screen.draw(shown.linesOf(view));
    }
    await delay(clock, intervalMs, signal).catch(() => {});
  }
};

/** The server may come back; anything else is a bug and ends the command. */
const unreachable = (error: unknown): IsochronError => {
  if (error instanceof IsochronError && error.code === 'BUS_UNAVAILABLE') return error;
  throw error;
};
