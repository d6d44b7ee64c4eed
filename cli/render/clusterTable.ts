/** The live picture of a cluster's time: one row a node, its phase drawn on from what it last answered. Pure. */
import {
  type ClusterView,
  disagreements,
  epochAt,
  headOf,
  healthOf,
  isAnswering,
  type NodeView,
  restartsOf,
  skewOf,
  statusOf,
} from '../clusterView.ts';
import type { Colour, Paint } from '../output.ts';
import { progressBar } from './bar.ts';
import { type TableColumn, tableLines } from './columns.ts';
import { formatSignedMs } from './durations.ts';
import { plain } from './text.ts';

/** Eight steps a character: an epoch of 5 s moves the bar with every frame. */
const barWidth = 10;

const orDash = (value: string | number | null | undefined): string =>
  value === null || value === undefined ? '-' : String(value);

const skewText = (view: ClusterView, node: NodeView): string => {
  const skewMs = skewOf(view, node);
  return skewMs === null ? '-' : formatSignedMs(skewMs);
};

/** The bar; for a node without an epoch, what is the matter with it. */
const phaseText = (node: NodeView, nowMs: number): string => {
  const { epoch } = node;
  if (epoch === undefined) return statusOf(node) === 'running' ? 'no epoch' : statusOf(node);
  const bar = progressBar(epochAt(epoch, nowMs).phase, barWidth);
  return epoch.synchronized ? bar : `${bar} alone`;
};

const phaseColour = ({ epoch }: NodeView): Colour => {
  if (epoch === undefined) return 'red';
  return epoch.synchronized ? 'cyan' : 'yellow';
};

const columnsOf = (view: ClusterView, nowMs: number): readonly TableColumn<NodeView>[] => {
  const { head } = headOf(view);
  // Both say so: the others, and the node itself.
  const leads = ({ name, epoch }: NodeView): boolean => name === head && epoch?.clusterHead === name;
  return [
    {
      title: 'NODE',
      text: ({ name }) => plain(name),
      colour: (node) => (!isAnswering(node) ? 'red' : leads(node) ? 'green' : undefined),
      minWidth: 8,
    },
    { title: 'ROLE', text: ({ role }) => role ?? '-', optional: 2 },
    {
      title: 'HEAD',
      text: (node) => (leads(node) ? 'leads' : orDash(node.epoch?.clusterHead)),
      colour: (node) => (leads(node) ? 'green' : undefined),
      minWidth: 8,
    },
    { title: 'TERM', text: ({ epoch }) => orDash(epoch?.term), align: 'right', optional: 1 },
    {
      title: 'EPOCH',
      text: ({ epoch }) => (epoch === undefined ? '-' : String(epochAt(epoch, nowMs).epoch)),
      align: 'right',
    },
    { title: 'PHASE', text: (node) => phaseText(node, nowMs), colour: phaseColour },
    { title: 'SKEW MS', text: (node) => skewText(view, node), align: 'right', optional: 3 },
    {
      title: 'RESTARTS',
      text: (node) => String(restartsOf(node)),
      colour: (node) => (restartsOf(node) > 0 ? 'yellow' : undefined),
      align: 'right',
      optional: 4,
    },
  ];
};

export interface ClusterTableOptions {
  readonly paint: Paint;
  readonly width: number;
  /** This machine's clock now, Unix ms. */
  readonly nowMs: number;
}

/** The table of nodes, titles first. */
export const clusterTable = (view: ClusterView, { paint, width, nowMs }: ClusterTableOptions): string[] =>
  tableLines(columnsOf(view, nowMs), view.nodes, { paint, width });

const healthColours: Readonly<Record<ReturnType<typeof healthOf>, Colour>> = {
  healthy: 'green',
  degraded: 'yellow',
  down: 'red',
};

/** `lab-7f3a  healthy  3 nodes agree` or what keeps them from it. */
export const healthLine = (view: ClusterView, paint: Paint): string => {
  const health = healthOf(view);
  const [first, ...more] = disagreements(view);
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  const why = first === undefined ? `${view.nodes.length} nodes agree` : `${plain(first)}${others}`;
  return `${paint('bold', view.cluster)}  ${paint(healthColours[health], health)}  ${why}`;
};
