/** The units of a cluster as rows and as a tree: what `ps`, `tree`, `top` and `status` show. Pure. */
import type { TreeNode } from '../protocol/index.ts';
import { type ClusterView, isAnswering, type NodeView, restartsOf, statusOf } from './clusterView.ts';
import { unitsOf } from './ids.ts';
import type { Colour } from './output.ts';
import type { TableColumn } from './render/columns.ts';
import { formatDuration } from './render/durations.ts';
import { plain } from './render/text.ts';

export interface UnitRow {
  readonly id: string;
  readonly actor: string;
  /** `running`, `stopped`, …; `silent` for a node that runs and does not answer. */
  readonly status: string;
  readonly state: string;
  readonly restarts: number;
  readonly uptimeMs: number;
  readonly pid: number | null;
  readonly mailbox: number;
  /** How its last incarnation ended; null when none did. */
  readonly lastExit: string | null;
}

/** The row of a unit as its supervisor shows it. */
export const unitRow = (unit: TreeNode): UnitRow => {
  const { id, actor, status, state, restarts, uptimeMs, pid, mailbox, lastExit } = unit;
  const ended = lastExit === undefined ? null : (lastExit.detail ?? lastExit.type);
  return { id, actor, status, state, restarts, uptimeMs, pid, mailbox, lastExit: ended };
};

/** What the node is doing: whether it leads, on a device whether it is synchronized. */
const stateOfNode = ({ name, tree, unit, epoch }: NodeView): string => {
  const units = tree === undefined ? [] : unitsOf(tree);
  const election = units.find(({ id }) => id === `${name}/election`);
  // Without the regions below it: `following`, not everything that goes on meanwhile.
  if (election !== undefined) return election.state.replace(/[(.].*$/s, '');
  if (epoch !== undefined) return epoch.synchronized ? 'synchronized' : 'unsynchronized';
  return unit?.state ?? '';
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

/** The row of a node: its process as `host` sees it, and what it says of itself. */
export const nodeRow = (node: NodeView): UnitRow => {
  const { name, unit, tree } = node;
  const base = unit ?? tree;
  return {
    ...(base === undefined ? emptyRow : unitRow(base)),
    id: name,
    actor: node.role ?? unit?.actor ?? 'node',
    status: statusOf(node),
    state: isAnswering(node) ? stateOfNode(node) : '',
    restarts: restartsOf(node),
    pid: unit?.pid ?? tree?.pid ?? null,
    mailbox: tree === undefined ? 0 : sum(unitsOf(tree).map(({ mailbox }) => mailbox)),
  };
};

const emptyRow: Omit<UnitRow, 'id'> = {
  actor: '',
  status: 'unknown',
  state: '',
  restarts: 0,
  uptimeMs: 0,
  pid: null,
  mailbox: 0,
  lastExit: null,
};

export const nodeRows = ({ nodes }: ClusterView): readonly UnitRow[] => nodes.map(nodeRow);

/** Every unit: `host`'s processes, each node followed by its actors. */
export const allRows = (view: ClusterView): readonly UnitRow[] => {
  const others = (view.host?.children ?? []).filter(({ id }) => !view.nodes.some(({ name }) => name === id));
  const ofNode = (node: NodeView): readonly UnitRow[] => {
    const own = node.tree === undefined ? [] : unitsOf(node.tree).slice(1);
    return [nodeRow(node), ...own.map(unitRow)];
  };
  return [...others.flatMap(unitsOf).map(unitRow), ...view.nodes.flatMap(ofNode)];
};

/** A tree as it is shown: its nodes may also be `silent`. */
export interface ShownTree extends Omit<TreeNode, 'status' | 'children'> {
  readonly status: string;
  readonly children: readonly ShownTree[];
}

/** The trees of a cluster: `host`'s with each node's own under its process, then nodes that run by themselves. */
export const wholeTrees = ({ host, nodes }: ClusterView): readonly ShownTree[] => {
  const graft = (unit: TreeNode): ShownTree => {
    const node = nodes.find(({ name }) => name === unit.id);
    if (node === undefined) return { ...unit, children: unit.children.map(graft) };
    const status = statusOf(node);
    // What its supervisor last heard of a silent node is not how it is.
    return { ...unit, status, state: status === 'silent' ? '' : unit.state, children: node.tree?.children ?? [] };
  };
  const alone = nodes.flatMap(({ tree, unit }) => (unit === undefined && tree !== undefined ? [tree] : []));
  return host === undefined ? alone : [graft(host), ...alone];
};

/** What a status looks like. */
export const colourOf = (status: string): Colour | undefined => {
  switch (status) {
    case 'running':
      return 'green';
    case 'starting':
    case 'restarting':
    case 'stopping':
      return 'yellow';
    case 'failed':
    case 'silent':
      return 'red';
    default:
      return 'dim';
  }
};

const whenUp = ({ uptimeMs, pid, status }: UnitRow): string =>
  status === 'running' || pid !== null ? formatDuration(uptimeMs) : '-';

/** Columns of `ps` and `top`. */
export const unitColumns: readonly TableColumn<UnitRow>[] = [
  { title: 'ID', text: ({ id }) => plain(id), minWidth: 16 },
  { title: 'STATUS', text: ({ status }) => status, colour: ({ status }) => colourOf(status) },
  { title: 'STATE', text: ({ state }) => plain(state) || '-', minWidth: 10, shrinksFirst: true },
  {
    title: 'RESTARTS',
    text: ({ restarts }) => String(restarts),
    colour: ({ restarts }) => (restarts > 0 ? 'yellow' : undefined),
    align: 'right',
  },
  { title: 'UPTIME', text: whenUp, align: 'right' },
  { title: 'PID', text: ({ pid }) => (pid === null ? '-' : String(pid)), align: 'right', optional: 1 },
  { title: 'MAILBOX', text: ({ mailbox }) => String(mailbox), align: 'right', optional: 2 },
];
