/** What happened between two views of a cluster, in words: what somebody who looks at a live table wants to have seen. Pure. */

import type { TreeNode } from '../protocol/index.ts';
import { type ClusterView, headOf, isAgreed, type NodeView, restartsOf, statusOf } from './clusterView.ts';

/** Sentences without a full stop, most important first; empty when nothing worth saying happened. */
export const changesBetween = (before: ClusterView, after: ClusterView): readonly string[] => [
  ...headChange(before, after),
  ...after.nodes.flatMap((node) =>
    nodeChanges(
      before.nodes.find(({ name }) => name === node.name),
      node,
    ),
  ),
  ...otherUnits(after).flatMap((unit) =>
    unitChanges(
      otherUnits(before).find(({ id }) => id === unit.id),
      unit,
    ),
  ),
  ...(isAgreed(after) && !isAgreed(before) ? ['all nodes agree'] : []),
];

const headChange = (before: ClusterView, after: ClusterView): string[] => {
  const was = headOf(before);
  const is = headOf(after);
  if (is.head === null) return was.head === null ? [] : ['the cluster has no head'];
  if (is.head === was.head && is.term === was.term) return [];
  return [is.head === was.head ? `${is.head} leads again, in term ${is.term}` : `${is.head} leads in term ${is.term}`];
};

const reasonOf = (unit: TreeNode | undefined): string => {
  const { type, detail } = unit?.lastExit ?? {};
  // Asked to end, it ended: that is no news.
  return type === undefined || type === 'shutdown' ? '' : `: ${detail ?? type}`;
};

const nodeChanges = (was: NodeView | undefined, is: NodeView): string[] => {
  if (was === undefined) return [`${is.name} joined the membership`];
  const ended = endings(is.name, statusOf(was), statusOf(is), restartsOf(is) - restartsOf(was), is.unit);
  return [...ended, ...synchronization(was, is)];
};

/** Processes of `host` that are no nodes: the nats-server. */
const otherUnits = ({ host, nodes }: ClusterView): readonly TreeNode[] =>
  (host?.children ?? []).filter(({ id }) => !nodes.some(({ name }) => name === id));

const unitChanges = (was: TreeNode | undefined, is: TreeNode): string[] =>
  was === undefined ? [] : endings(is.id, was.status, is.status, is.restarts - was.restarts, is);

/** Nobody expects an answer yet of a unit that was so a moment ago. */
const onTheWay: ReadonlySet<string> = new Set(['starting', 'restarting', 'stopping']);

const endings = (name: string, was: string, is: string, restarts: number, unit: TreeNode | undefined): string[] => {
  if (is === was) return restarts > 0 ? [`${name} was restarted${reasonOf(unit)}`] : [];
  if (is === 'running') return [`${name} is running`];
  // Its next incarnation runs and does not answer yet: that it ended is the news, once.
  if (is === 'silent' && restarts > 0) return [`${name} ended${reasonOf(unit)}`];
  if (is === 'silent') return onTheWay.has(was) ? [] : [`${name} does not answer`];
  if (is === 'stopped' || is === 'failed') return [`${name} ${is}${reasonOf(unit)}`];
  return is === 'restarting' || restarts > 0 ? [`${name} ended${reasonOf(unit)}`] : [];
};

const synchronization = ({ epoch: was }: NodeView, { name, epoch: is }: NodeView): string[] => {
  if (was === undefined || is === undefined || was.synchronized === is.synchronized) return [];
  return [is.synchronized ? `${name} is synchronized` : `${name} hears no head and counts on alone`];
};
