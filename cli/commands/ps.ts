/** `isochron ps`: one row a node, or a unit with `--all`. */
import type { Arguments } from '../arguments.ts';
import type { ClusterView } from '../clusterView.ts';
import type { Context } from '../context.ts';
import type { ExitCode } from '../exitCodes.ts';
import { observe, silentNodes, tableWidth } from '../observe.ts';
import { tableLines } from '../render/columns.ts';
import { repeat } from '../repeat.ts';
import { allRows, nodeRows, unitColumns } from '../unitRows.ts';

/** Between two tables of `--watch`. */
const watchIntervalMs = 1_000;

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const { output } = context;
  const { gatherer } = await observe(context);
  const rowsOf = args.flag('all') ? allRows : nodeRows;
  const linesOf = (view: ClusterView) => [
    ...tableLines(unitColumns, rowsOf(view), {
      paint: output.paint,
      width: args.flag('watch') ? tableWidth(output) : undefined,
    }),
    ...(args.flag('watch') ? silentNodes(view) : []),
  ];
  const documentOf = (view: ClusterView) => ({ cluster: view.cluster, units: rowsOf(view) });
  if (args.flag('watch')) {
    await repeat(context, watchIntervalMs, { gather: () => gatherer.gather({ trees: true }), linesOf, documentOf });
    return undefined;
  }
  const view = await gatherer.gather({ trees: true });
  output.result(documentOf(view), () => linesOf(view).join('\n'));
  for (const silent of silentNodes(view)) output.message(silent);
  return undefined;
};
