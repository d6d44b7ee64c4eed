/** What follows from the answers of nodes: head, skew, phase, agreement, health, and what changed between two views. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesBetween } from '../cli/clusterChanges.ts';
import {
  disagreements,
  epochAt,
  headOf,
  healthOf,
  isAgreed,
  type NodeView,
  skewOf,
  statusOf,
} from '../cli/clusterView.ts';
import { allRows, nodeRows, wholeTrees } from '../cli/unitRows.ts';
import {
  epochDurationMs,
  epochOf,
  healthyNodes,
  nodeOf,
  nowMs,
  silentNode,
  treeOf,
  unitOf,
  viewOf,
} from './support/clusterViews.ts';

const seed = Number(process.env.ISOCHRON_SEED ?? 20_262);

const with_ = (index: number, more: Partial<NodeView>): NodeView[] =>
  healthyNodes().map((node, i) => (i === index ? { ...node, ...more } : node));

describe('the head', () => {
  it('is the one seen in the highest term', () => {
    expect(headOf(viewOf())).toEqual({ head: 'validator-2', term: 258 });
    const later = with_(0, { epoch: epochOf({ clusterHead: 'validator-1', term: 513 }) });
    expect(headOf(viewOf(later))).toEqual({ head: 'validator-1', term: 513 });
  });

  it('is none when nobody sees one', () => {
    expect(headOf(viewOf([]))).toEqual({ head: null, term: 0 });
    const leaderless = healthyNodes().map((node) => ({ ...node, epoch: epochOf({ clusterHead: null }) }));
    expect(headOf(viewOf(leaderless)).head).toBeNull();
  });
});

describe('skew', () => {
  it('is the difference of cluster clocks to the head', () => {
    const view = viewOf();
    expect(view.nodes.map((node) => skewOf(view, node)?.toFixed(1))).toEqual(['0.2', '0.0', '-1.3']);
  });

  it('cannot be told for a node on another machine, whose clock is another', () => {
    const view = viewOf(with_(0, { unit: undefined }));
    expect(view.nodes.map((node) => skewOf(view, node) === null)).toEqual([true, false, false]);
    const remoteHead = viewOf(with_(1, { unit: undefined }));
    expect(remoteHead.nodes.every((node) => skewOf(remoteHead, node) === null)).toBe(true);
  });
});

describe('the epoch now', () => {
  it('goes on from what the node answered', () => {
    expect(epochAt(epochOf(), nowMs)).toEqual({ epoch: 7, phase: 0.5 });
    expect(epochAt(epochOf(), nowMs + 2 * epochDurationMs)).toEqual({ epoch: 9, phase: 0.5 });
    expect(epochAt(epochOf({ offsetMs: 1_000 }), nowMs).phase).toBeCloseTo(0.7);
  });

  it('is never before the answer, and its phase within the epoch, whatever the clocks', () => {
    const property = fc.property(
      fc.integer({ min: -1e9, max: 1e9 }),
      fc.integer({ min: -100_000, max: 100_000 }),
      (offsetMs, laterMs) => {
        const { epoch, phase } = epochAt(epochOf({ offsetMs }), nowMs + laterMs);
        expect(epoch).toBeGreaterThanOrEqual(7);
        expect(phase).toBeGreaterThanOrEqual(0);
        expect(phase).toBeLessThanOrEqual(1);
      },
    );
    fc.assert(property, { seed });
  });
});

describe('a cluster', () => {
  it('agrees, and is healthy', () => {
    expect(isAgreed(viewOf())).toBe(true);
    expect(healthOf(viewOf())).toBe('healthy');
  });

  it('agrees while an epoch begins, when one has answered before and one after', () => {
    const next = epochOf({ epoch: 8, epochStartMs: epochOf().epochStartMs + epochDurationMs, atMs: nowMs });
    expect(disagreements(viewOf(with_(2, { epoch: next })))).toEqual([]);
  });

  it.each<[string, Partial<NodeView>]>([
    ['device-1 does not answer (ASK_TIMEOUT)', silentNode('device-1')],
    ['device-1 is stopped', { ...silentNode('device-1'), unit: unitOf('device-1', { status: 'stopped' }) }],
    ['device-1 is not synchronized', { epoch: epochOf({ synchronized: false }) }],
    ['device-1 follows validator-1', { epoch: epochOf({ clusterHead: 'validator-1' }) }],
    ['device-1 follows nobody', { epoch: epochOf({ clusterHead: null }) }],
    ['device-1 is in term 257', { epoch: epochOf({ term: 257 }) }],
    ['device-1 counts epoch 8', { epoch: epochOf({ epoch: 8 }) }],
    ['device-1 counts epoch 12', { epoch: epochOf({ epoch: 12, epochStartMs: epochOf().epochStartMs + 25_000 }) }],
    ['device-1 is -900 ms off', { epoch: epochOf({ offsetMs: -899.9 }) }],
  ])('does not agree when %s', (problem, more) => {
    const view = viewOf(with_(2, more));
    expect(disagreements(view)).toEqual([problem]);
    expect(healthOf(view)).toBe('degraded');
  });

  it('is down without a head, without nodes, and when nobody is synchronized', () => {
    const all = (more: Partial<NodeView>) => viewOf(healthyNodes().map((node) => ({ ...node, ...more })));
    expect(healthOf(all({ epoch: epochOf({ clusterHead: null }) }))).toBe('down');
    expect(healthOf(all({ epoch: epochOf({ synchronized: false }) }))).toBe('down');
    expect(healthOf(viewOf([]))).toBe('down');
    expect(disagreements(viewOf([]))).toEqual(['no nodes are known']);
  });
});

describe('the status of a node', () => {
  it.each<[string, NodeView]>([
    ['running', nodeOf('a')],
    ['silent', silentNode('a')],
    ['stopped', nodeOf('a', { unit: unitOf('a', { status: 'stopped' }), tree: undefined, epoch: undefined })],
    ['running', nodeOf('a', { unit: undefined })],
    ['silent', { ...silentNode('a'), unit: undefined }],
  ])('is %s', (status, node) => {
    expect(statusOf(node)).toBe(status);
  });
});

describe('rows', () => {
  it('of nodes say what they do, and how much waits in all their mailboxes', () => {
    expect(
      nodeRows(viewOf()).map(({ id, actor, state, mailbox, pid }) => ({ id, actor, state, mailbox, pid })),
    ).toEqual([
      { id: 'validator-1', actor: 'validator', state: 'following', mailbox: 2, pid: 4_711 },
      { id: 'validator-2', actor: 'validator', state: 'leading', mailbox: 2, pid: 4_711 },
      { id: 'device-1', actor: 'device', state: 'following', mailbox: 2, pid: 4_711 },
    ]);
  });

  it('of all units hold the other processes, then each node and its actors', () => {
    const ids = allRows(viewOf([nodeOf('validator-1')])).map(({ id }) => id);
    expect(ids).toEqual([
      'nats-server',
      'validator-1',
      'validator-1/membership',
      'validator-1/time',
      'validator-1/epoch',
      'validator-1/election',
    ]);
  });

  it('say how a silent node and one that never ran stand', () => {
    const never = { ...silentNode('device-9'), unit: undefined };
    expect(nodeRows(viewOf([silentNode('device-1'), never]))).toMatchObject([
      { status: 'silent', state: '', pid: 4_711 },
      { status: 'silent', state: '', pid: null, restarts: 0 },
    ]);
  });
});

describe('the whole tree', () => {
  it('holds each node’s own tree under its process', () => {
    const [host] = wholeTrees(viewOf());
    expect(host?.children.map(({ id, children }) => [id, children.length])).toEqual([
      ['nats-server', 0],
      ['validator-1', 2],
      ['validator-2', 2],
      ['device-1', 2],
    ]);
  });

  it('says of a node what ps says: one that runs and does not answer is silent', () => {
    const nodes = [...healthyNodes().slice(0, 2), silentNode('device-1')];
    const [host] = wholeTrees(viewOf(nodes));
    expect(host?.children.map(({ status }) => status)).toEqual(['running', 'running', 'running', 'silent']);
  });

  it('is one a node where no host runs them', () => {
    const nodes = [nodeOf('validator-1', { unit: undefined }), { ...silentNode('device-1'), unit: undefined }];
    expect(wholeTrees(viewOf(nodes, { host: undefined })).map(({ id }) => id)).toEqual(['validator-1']);
  });
});

describe('what happened', () => {
  const from = (more: Partial<NodeView>, index = 2) => changesBetween(viewOf(), viewOf(with_(index, more)));
  const killed = { type: 'killed', detail: 'killed(SIGKILL)' } as const;

  it('is nothing while nothing does', () => {
    expect(changesBetween(viewOf(), viewOf())).toEqual([]);
  });

  it('is a new head, or the same in a new term, or none', () => {
    const led = (clusterHead: string | null, term: number) =>
      viewOf(healthyNodes().map((node) => ({ ...node, epoch: epochOf({ clusterHead, term }) })));
    expect(changesBetween(viewOf(), led('validator-1', 513))).toEqual(['validator-1 leads in term 513']);
    expect(changesBetween(viewOf(), led('validator-2', 514))).toEqual(['validator-2 leads again, in term 514']);
    expect(changesBetween(viewOf(), led(null, 258))).toEqual(['the cluster has no head']);
    expect(changesBetween(led(null, 258), viewOf())).toEqual(['validator-2 leads in term 258', 'all nodes agree']);
  });

  it.each<[string, Partial<NodeView>]>([
    ['device-1 does not answer', silentNode('device-1')],
    [
      'device-1 ended: killed(SIGKILL)',
      { ...silentNode('device-1'), unit: unitOf('device-1', { status: 'restarting', lastExit: killed }) },
    ],
    [
      'device-1 ended: killed(SIGKILL)',
      { ...silentNode('device-1', 'NO_RESPONDERS'), unit: unitOf('device-1', { restarts: 1, lastExit: killed }) },
    ],
    ['device-1 was restarted: killed(SIGKILL)', { unit: unitOf('device-1', { restarts: 1, lastExit: killed }) }],
    [
      'device-1 stopped',
      { ...silentNode('device-1'), unit: unitOf('device-1', { status: 'stopped', lastExit: { type: 'shutdown' } }) },
    ],
    ['device-1 hears no head and counts on alone', { epoch: epochOf({ synchronized: false }) }],
  ])('is that %s', (sentence, more) => {
    expect(from(more)).toEqual([sentence]);
  });

  it('is that a node is back, and that all agree again', () => {
    const before = viewOf(with_(2, { ...silentNode('device-1'), unit: unitOf('device-1', { status: 'restarting' }) }));
    expect(changesBetween(before, viewOf())).toEqual(['device-1 is running', 'all nodes agree']);
  });

  it('tells one end once, however the node is seen on its way back', () => {
    const with1 = (node: NodeView) => viewOf(with_(2, node));
    const restarting = unitOf('device-1', { status: 'restarting', restarts: 1, lastExit: killed });
    const views = [
      viewOf(),
      with1({ ...silentNode('device-1'), unit: restarting }),
      with1({ ...silentNode('device-1'), unit: { ...restarting, status: 'running' } }),
      with1(nodeOf('device-1', { unit: { ...restarting, status: 'running' } })),
    ];
    const told = views.slice(1).flatMap((after, i) => changesBetween(views[i] ?? after, after));
    expect(told).toEqual(['device-1 ended: killed(SIGKILL)', 'device-1 is running', 'all nodes agree']);
  });

  it('is that another process of host was restarted, or a node joined', () => {
    const host = unitOf('host', { children: [unitOf('nats-server', { restarts: 1, lastExit: killed })] });
    expect(changesBetween(viewOf(), viewOf(healthyNodes(), { host }))).toEqual([
      'nats-server was restarted: killed(SIGKILL)',
    ]);
    const grown = viewOf([...healthyNodes(), nodeOf('device-2', { tree: treeOf('device-2') })]);
    expect(changesBetween(viewOf(), grown)).toEqual(['device-2 joined the membership']);
  });
});
