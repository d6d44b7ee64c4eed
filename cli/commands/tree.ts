/** `isochron tree`: `host`'s tree with each node's own under its process. */

import type { Context } from '../context.ts';
import type { ExitCode } from '../exitCodes.ts';
import { observe, silentNodes } from '../observe.ts';
import type { Paint } from '../output.ts';
import { formatDuration } from '../render/durations.ts';
import { plain } from '../render/text.ts';
import { renderTree, type TreeItem } from '../render/tree.ts';
import { colourOf, type ShownTree, wholeTrees } from '../unitRows.ts';

export const run = async (context: Context): Promise<ExitCode | undefined> => {
  const { output } = context;
  const { gatherer } = await observe(context);
  const view = await gatherer.gather({ trees: true });
  const trees = wholeTrees(view);
  output.result({ cluster: view.cluster, trees }, (paint) =>
    trees.flatMap((tree) => renderTree(itemOf(tree, paint), (branch) => paint('dim', branch))).join('\n'),
  );
  for (const silent of silentNodes(view)) output.message(silent);
  return undefined;
};

const itemOf = (unit: ShownTree, paint: Paint): TreeItem => ({
  label: labelOf(unit, paint),
  children: unit.children.map((child) => itemOf(child, paint)),
});

/** `election  running  head  restarts 1  up 3m12s`; the pid of a process. */
const labelOf = ({ id, status, state, restarts, uptimeMs, pid, lastExit }: ShownTree, paint: Paint): string => {
  const name = plain(id.slice(id.lastIndexOf('/') + 1));
  const facts = [
    paint('bold', name),
    paint(colourOf(status) ?? 'dim', status),
    ...(state === '' || state === status ? [] : [plain(state)]),
    ...(restarts === 0 ? [] : [paint('yellow', `restarts ${restarts}`)]),
    ...(lastExit === undefined ? [] : [paint('dim', `last exit: ${plain(lastExit.detail ?? lastExit.type)}`)]),
    ...(status === 'running' ? [paint('dim', `up ${formatDuration(uptimeMs)}`)] : []),
    ...(pid === null ? [] : [paint('dim', `pid ${pid}`)]),
  ];
  return facts.join('  ');
};
