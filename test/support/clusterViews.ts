/** Clusters as somebody sees them, for tests of what is shown. */
import type { ClusterView, NodeView, TimedEpoch } from '../../cli/clusterView.ts';
import type { TreeNode } from '../../protocol/index.ts';

/** Halfway through epoch 7. */
export const nowMs = Date.UTC(2026, 0, 1);
export const epochDurationMs = 5_000;

export const unitOf = (id: string, more: Partial<TreeNode> = {}): TreeNode => ({
  id,
  actor: id.slice(id.indexOf('/') + 1),
  state: 'running',
  status: 'running',
  restarts: 0,
  incarnation: 1,
  mailbox: 0,
  uptimeMs: 65_000,
  isolation: id.includes('/') ? 'inline' : 'process',
  pid: id.includes('/') ? null : 4_711,
  children: [],
  ...more,
});

export const epochOf = (more: Partial<TimedEpoch> = {}): TimedEpoch => ({
  epoch: 7,
  epochStartMs: nowMs - epochDurationMs / 2,
  epochDurationMs,
  synchronized: true,
  toleratedEpochs: [6, 7, 8],
  clusterHead: 'validator-2',
  term: 258,
  configVersion: 1,
  offsetMs: 0,
  atMs: nowMs,
  ...more,
});

export const treeOf = (name: string, election = 'following'): TreeNode =>
  unitOf(name, {
    actor: 'node',
    children: [
      unitOf(`${name}/membership`, { state: 'confirmed' }),
      unitOf(`${name}/time`, {
        actor: 'supervisor',
        children: [unitOf(`${name}/epoch`), unitOf(`${name}/election`, { state: election, mailbox: 2 })],
      }),
    ],
  });

export const nodeOf = (name: string, more: Partial<NodeView> = {}): NodeView => ({
  name,
  role: name.startsWith('validator') ? 'validator' : 'device',
  unit: unitOf(name),
  tree: treeOf(name),
  epoch: epochOf(),
  election: undefined,
  trouble: undefined,
  ...more,
});

/** A node that `host` runs and nobody hears. */
export const silentNode = (name: string, code = 'ASK_TIMEOUT'): NodeView =>
  nodeOf(name, { tree: undefined, epoch: undefined, trouble: { code, message: 'no answer' } });

export const healthyNodes = (): NodeView[] => [
  nodeOf('validator-1', { epoch: epochOf({ offsetMs: 0.3 }) }),
  nodeOf('validator-2', { tree: treeOf('validator-2', 'leading'), epoch: epochOf({ offsetMs: 0.1 }) }),
  nodeOf('device-1', { epoch: epochOf({ offsetMs: -1.2 }) }),
];

export const viewOf = (nodes: readonly NodeView[] = healthyNodes(), more: Partial<ClusterView> = {}): ClusterView => ({
  cluster: 'lab',
  atMs: nowMs,
  host: unitOf('host', {
    children: [unitOf('nats-server', { pid: 4_700 }), ...nodes.flatMap(({ unit }) => unit ?? [])],
  }),
  hostTrouble: undefined,
  nodes,
  ...more,
});
