/**
 * A cluster as one person sees it at one moment: what every node answered, and what follows from it. Pure; `gather.ts` asks.
 * Skew between nodes is the difference of their cluster clocks (3-interface §1): it can be told only for nodes whose local
 * clock is this machine's, which are those that `host` runs.
 */
import type { ElectionReply, EpochReply, MemberRole, TreeNode } from '../protocol/index.ts';

/** Why something did not answer; the code is the one the bus gave. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
}

/** An epoch reply, and when it was true: the middle of the round trip, this machine's clock, Unix ms. */
export interface TimedEpoch extends EpochReply {
  readonly atMs: number;
}

export interface NodeView {
  readonly name: string;
  /** From the membership; undefined when nobody could be asked for it. */
  readonly role: MemberRole | undefined;
  /** The node as `host` supervises it; undefined when `host` does not run it. */
  readonly unit: TreeNode | undefined;
  /** Its own tree; undefined when it did not answer, or was not asked. */
  readonly tree: TreeNode | undefined;
  readonly epoch: TimedEpoch | undefined;
  readonly election: ElectionReply | undefined;
  /** Undefined when it answered everything it was asked. */
  readonly trouble: Trouble | undefined;
}

export interface ClusterView {
  readonly cluster: string;
  /** When this was gathered, this machine's clock, Unix ms. */
  readonly atMs: number;
  /** `host`'s tree; undefined when it did not answer. */
  readonly host: TreeNode | undefined;
  readonly hostTrouble: Trouble | undefined;
  /** By role, then by name. */
  readonly nodes: readonly NodeView[];
}

/** Cluster clocks further apart than this part of an epoch do not agree, whatever they count. */
const skewOfEpochMax = 0.1;

/** Whether the node runs on the machine of `host`, which is also where its clock can be compared. */
export const isLocal = (node: NodeView): boolean => node.unit !== undefined;

/** Whether the node answers. */
export const isAnswering = (node: NodeView): boolean => node.tree !== undefined || node.epoch !== undefined;

/** The head that the most nodes see in the highest term; null when none is seen. */
export const headOf = ({ nodes }: ClusterView): { readonly head: string | null; readonly term: number } => {
  const seen = nodes.flatMap(({ epoch }) => epoch ?? []);
  const term = Math.max(0, ...seen.map((epoch) => epoch.term));
  const heads = seen.flatMap((epoch) => (epoch.term === term && epoch.clusterHead !== null ? [epoch.clusterHead] : []));
  const votes = (name: string): number => heads.filter((head) => head === name).length;
  const head = [...heads].sort((a, b) => votes(b) - votes(a))[0] ?? null;
  return { head, term };
};

/** Difference of the node's cluster clock and the head's, ms; null where it cannot be told. */
export const skewOf = (view: ClusterView, node: NodeView): number | null => {
  const head = view.nodes.find(({ name }) => name === headOf(view).head);
  if (head?.epoch === undefined || node.epoch === undefined || !isLocal(head) || !isLocal(node)) return null;
  return node.epoch.offsetMs - head.epoch.offsetMs;
};

/** Epoch and phase (0 … 1) now, counted on from what the node last answered: epochs tick by themselves. */
export const epochAt = (epoch: TimedEpoch, nowMs: number): { readonly epoch: number; readonly phase: number } => {
  const { epochStartMs, epochDurationMs, offsetMs, atMs } = epoch;
  const whenAnswered = (atMs + offsetMs - epochStartMs) / epochDurationMs;
  // A node elsewhere, with another local clock: its phase is unknown, so it is taken to be within its epoch.
  const isComparable = whenAnswered > -skewOfEpochMax && whenAnswered < 1 + skewOfEpochMax;
  const position = isComparable ? Math.max(0, whenAnswered) + (nowMs - atMs) / epochDurationMs : 0;
  const passed = Math.max(0, Math.floor(position));
  return { epoch: epoch.epoch + passed, phase: Math.min(1, Math.max(0, position - passed)) };
};

const anchorOf = ({ epoch, epochStartMs, epochDurationMs }: EpochReply): number =>
  epochStartMs - epoch * epochDurationMs;

const sameEpoch = (a: EpochReply, b: EpochReply): boolean =>
  a.epochDurationMs === b.epochDurationMs &&
  Math.abs(a.epoch - b.epoch) <= 1 &&
  Math.abs(anchorOf(a) - anchorOf(b)) < skewOfEpochMax * a.epochDurationMs;

/**
 * Whether every node of the cluster answered, is synchronized, follows the same head in the same term, and counts the same
 * epochs. Nodes that crossed an epoch boundary between two answers still agree.
 */
export const isAgreed = (view: ClusterView): boolean => disagreements(view).length === 0;

/** What keeps the cluster from agreeing, in words; empty when it agrees. Without codes where something else tells them. */
export const disagreements = (view: ClusterView, withCodes = true): readonly string[] => {
  const { head, term } = headOf(view);
  const reference =
    view.nodes.find(({ name }) => name === head)?.epoch ?? view.nodes.flatMap(({ epoch }) => epoch ?? [])[0];
  if (view.nodes.length === 0) return ['no nodes are known'];
  const found = view.nodes.flatMap((node) =>
    node.epoch === undefined ? [whyAbsent(node, withCodes)] : disagreementOf(view, node, reference, { head, term }),
  );
  return head === null ? ['no head', ...found] : found;
};

/** `device-1 is stopped`, `device-1 does not answer (ASK_TIMEOUT)`. */
export const whyAbsent = ({ name, unit, trouble }: NodeView, withCode = true): string => {
  if (unit !== undefined && unit.status !== 'running') return `${name} is ${unit.status}`;
  return `${name} does not answer${trouble === undefined || !withCode ? '' : ` (${trouble.code})`}`;
};

const disagreementOf = (
  view: ClusterView,
  node: NodeView,
  reference: EpochReply | undefined,
  { head, term }: { readonly head: string | null; readonly term: number },
): string[] => {
  const { name, epoch } = node;
  if (epoch === undefined) return [];
  if (!epoch.synchronized) return [`${name} is not synchronized`];
  if (epoch.clusterHead !== head) return [`${name} follows ${epoch.clusterHead ?? 'nobody'}`];
  if (epoch.term !== term) return [`${name} is in term ${epoch.term}`];
  if (reference !== undefined && !sameEpoch(reference, epoch)) return [`${name} counts epoch ${epoch.epoch}`];
  const skew = skewOf(view, node) ?? 0;
  return Math.abs(skew) > skewOfEpochMax * epoch.epochDurationMs ? [`${name} is ${Math.round(skew)} ms off`] : [];
};

/** `healthy`: all agree. `degraded`: somebody keeps time under a head. `down`: nobody does. */
export type Health = 'healthy' | 'degraded' | 'down';

export const healthOf = (view: ClusterView): Health => {
  if (isAgreed(view)) return 'healthy';
  const keepsTime = headOf(view).head !== null && view.nodes.some(({ epoch }) => epoch?.synchronized === true);
  return keepsTime ? 'degraded' : 'down';
};

/** Restarts of the node's process, as its supervisor counts them. */
export const restartsOf = ({ unit, tree }: NodeView): number => unit?.restarts ?? tree?.restarts ?? 0;

/** One word for the node: its supervisor's, unless it runs and does not answer. */
export const statusOf = (node: NodeView): string => {
  const { unit, tree } = node;
  if (unit !== undefined && unit.status !== 'running') return unit.status;
  if (isAnswering(node)) return tree?.status ?? unit?.status ?? 'running';
  return node.trouble === undefined ? (unit?.status ?? 'unknown') : 'silent';
};
