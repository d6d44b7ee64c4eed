/** What the commands that watch a cluster share: a connection with its gatherer, and screens over `Output`. */

import { connectOperator, type OperatorConnection } from './cluster.ts';
import { type ClusterView, whyAbsent } from './clusterView.ts';
import type { Context } from './context.ts';
import { Gatherer } from './gather.ts';
import type { Output } from './output.ts';
import type { TerminalStream } from './render/screen.ts';

export interface Observation {
  readonly connection: OperatorConnection;
  readonly gatherer: Gatherer;
}

/** Connects as operator and prepares to gather. @throws what `connectOperator` throws */
export const observe = async (context: Context): Promise<Observation> => {
  const connection = await connectOperator(context);
  const { bus, nodes } = connection;
  return { connection, gatherer: new Gatherer({ bus, clock: context.clock, members: nodes }) };
};

/**
 * Width to lay a table out for that is redrawn: the terminal's, or none, so that nothing is cut in a file or a pipe. What is
 * printed once has none either: the terminal wraps it, and nothing is lost.
 */
export const tableWidth = (output: Output): number | undefined =>
  output.interactive && output.columns > 0 ? output.columns : undefined;

/** Stdout as a screen draws on it. */
export const terminalOf = (output: Output): TerminalStream => ({
  get columns() {
    return output.columns;
  },
  get rows() {
    return output.rows;
  },
  write: (text) => output.raw(text),
});

/** Resolves when the command is interrupted. */
export const interrupted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Nodes that run and do not answer, a sentence each: a table shows their status, not why. */
export const silentNodes = ({ nodes }: ClusterView): readonly string[] =>
  nodes
    .filter(({ trouble, unit }) => trouble !== undefined && (unit === undefined || unit.status === 'running'))
    .map((node) => whyAbsent(node));
