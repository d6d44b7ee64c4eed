/** `isochron status [id]`: whether a unit, or the cluster, is active; the exit code says it too (LSB: 0, 3, 4). */
import type { TreeNode } from '../../protocol/index.ts';
import type { Arguments } from '../arguments.ts';
import type { OperatorConnection } from '../cluster.ts';
import { type ClusterView, disagreements, epochAt, headOf, healthOf, isAnswering } from '../clusterView.ts';
import type { Context } from '../context.ts';
import { UnknownIdError } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { addressOf, findUnit, unitsOf } from '../ids.ts';
import { observe } from '../observe.ts';
import type { Colour } from '../output.ts';
import { formatDuration } from '../render/durations.ts';
import { plain } from '../render/text.ts';
import { allRows, colourOf, nodeRow, type UnitRow, unitRow } from '../unitRows.ts';

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const id = args.text('id');
  const { connection, gatherer } = await observe(context);
  if (id === undefined) return showCluster(context, await gatherer.gather({ trees: true, elections: true }));
  const view = await gatherer.gather({ trees: true });
  return showUnit(context, rowOf(view, connection, id));
};

// ── The cluster ─────────────────────────────────────────────────────────────

const healthColours: Readonly<Record<string, Colour>> = { healthy: 'green', degraded: 'yellow', down: 'red' };

const showCluster = ({ output }: Context, view: ClusterView): ExitCode => {
  const health = healthOf(view);
  const { head, term } = headOf(view);
  const synchronized = view.nodes.filter(({ epoch }) => epoch?.synchronized === true).length;
  const epoch =
    view.nodes.find(({ name }) => name === head)?.epoch ?? view.nodes.flatMap((node) => node.epoch ?? [])[0];
  const now = epoch === undefined ? null : epochAt(epoch, view.atMs);
  const leadsMs = view.nodes.find(({ name }) => name === head)?.election?.sinceMs ?? null;
  const problems = disagreements(view);
  const document = {
    cluster: view.cluster,
    health,
    active: health !== 'down',
    head,
    term,
    leadsMs,
    epoch: now?.epoch ?? null,
    nodes: view.nodes.length,
    answering: view.nodes.filter(isAnswering).length,
    synchronized,
    problems,
  };
  output.result(document, (paint) => {
    const since = leadsMs === null ? '' : `, for ${formatDuration(leadsMs)}`;
    const lines = [
      `${paint('bold', view.cluster)}  ${paint(healthColours[health] ?? 'dim', health)}`,
      `head          ${head === null ? 'none' : `${head}, term ${term}${since}`}`,
      `epoch         ${now === null ? 'unknown' : `${now.epoch}, ${Math.floor(now.phase * 100)} % through`}`,
      `synchronized  ${synchronized} of ${view.nodes.length} nodes`,
      ...problems.map((problem) => `problem       ${paint('yellow', plain(problem))}`),
    ];
    return lines.join('\n');
  });
  return health === 'down' ? exitCodes.inactive : exitCodes.ok;
};

// ── One unit ────────────────────────────────────────────────────────────────

/** @throws UnknownIdError when neither `host`, nor its node, nor the membership knows it */
const rowOf = (view: ClusterView, { nodes }: OperatorConnection, id: string): UnitRow => {
  const address = addressOf(id);
  const known = allRows(view).find((row) => row.id === id);
  if (known !== undefined) return known;
  if (view.host !== undefined && id === view.host.id) return unitRow(view.host);
  const node = view.nodes.find(({ name }) => name === address.to);
  // A node that is down cannot say what it would run: its actors are as inactive as it is.
  if (node !== undefined && node.tree === undefined)
    return { ...nodeRow(node), id, actor: id.slice(id.indexOf('/') + 1) };
  const stopped = stoppedAbove(view, node?.tree, id);
  if (stopped !== undefined) return { ...unitRow(stopped), id, actor: id.slice(id.indexOf('/') + 1) };
  throw new UnknownIdError(id, address.isBare ? nodes.map(({ name }) => name) : actorsOf(node?.tree));
};

/** A supervisor that is down does not tell what it would run; other nodes show that there is such an actor. */
const stoppedAbove = ({ nodes }: ClusterView, tree: TreeNode | undefined, id: string): TreeNode | undefined => {
  const path = id.slice(id.indexOf('/'));
  const exists = nodes.some(({ name, tree: other }) => findUnit(other, `${name}${path}`) !== undefined);
  if (!exists || tree === undefined) return undefined;
  return unitsOf(tree).find(({ actor, status }) => actor === 'supervisor' && status !== 'running');
};

const actorsOf = (tree: TreeNode | undefined): readonly string[] =>
  tree === undefined ? [] : tree.children.flatMap((child) => [child.id, ...actorsOf(child)]);

const showUnit = ({ output }: Context, row: UnitRow): ExitCode => {
  const active = row.status === 'running';
  output.result({ ...row, active }, (paint) => {
    const facts = [
      paint('bold', row.id),
      `${paint(colourOf(row.status) ?? 'dim', active ? 'active' : 'inactive')} (${row.status})`,
      ...(row.state === '' ? [] : [plain(row.state)]),
      `restarts ${row.restarts}`,
      ...(active ? [`up ${formatDuration(row.uptimeMs)}`] : []),
      ...(row.pid === null ? [] : [`pid ${row.pid}`]),
      ...(row.lastExit === null ? [] : [`last exit: ${plain(row.lastExit)}`]),
    ];
    return facts.join('  ');
  });
  return active ? exitCodes.ok : exitCodes.inactive;
};
