/** Gathering a cluster over the in-memory bus: everyone in parallel, and nobody hides the rest. */
import { describe, expect, it } from 'vitest';
import { createSeededRandom, createVirtualClock, type VirtualClock } from '../actors/index.ts';
import { type Bus, MemoryHub } from '../bus/index.ts';
import { askVerb, ReplyInvalidError } from '../cli/ask.ts';
import { type ClusterView, headOf, isAgreed, statusOf } from '../cli/clusterView.ts';
import { Gatherer, type GatherOptions, type GatherWhat, membersOf } from '../cli/gather.ts';
import { addressOf, askAbout, findUnit, unitsOf } from '../cli/ids.ts';
import { isVerb, type Role } from '../protocol/index.ts';
import { epochOf, nowMs, treeOf, unitOf } from './support/clusterViews.ts';
import { envelopeOf } from './support/membership.ts';

type Answers = Readonly<Record<string, unknown>>;

const never = new Promise<never>(() => undefined);

/** What a healthy node answers. */
const healthy = (name: string): Answers => {
  const { atMs, ...epoch } = epochOf();
  return {
    'epoch.get': epoch,
    'supervisor.tree': treeOf(name),
    'membership.get': { envelope: envelopeOf() },
    'election.get': {
      clusterHead: 'validator-2',
      term: 258,
      state: 'following',
      sinceMs: 5,
      hadHead: true,
      headSilentMs: 1,
    },
  };
};
const host: Answers = {
  'supervisor.tree': unitOf('host', {
    children: ['nats-server', 'validator-1', 'validator-2', 'device-1'].map((id) => unitOf(id)),
  }),
};
const everyone: Readonly<Record<string, Answers>> = {
  host,
  'validator-1': healthy('validator-1'),
  'validator-2': healthy('validator-2'),
  'device-1': healthy('device-1'),
};

interface Lab {
  readonly clock: VirtualClock;
  readonly hub: MemoryHub;
  readonly operator: Bus;
  /** Asks that reached each verb, `node verb`. */
  readonly asked: string[];
  gather(what?: GatherWhat, options?: Partial<GatherOptions>): Promise<ClusterView>;
  /** The promise's outcome, after as much virtual time as it needs. */
  outcome<T>(work: Promise<T>): Promise<T>;
}

const roleOf = (name: string): Role =>
  name === 'host' ? 'host' : name.startsWith('validator') ? 'validator' : 'device';

const lab = (nodes: Readonly<Record<string, Answers>> = everyone): Lab => {
  const clock = createVirtualClock({ startMs: nowMs });
  const hub = new MemoryHub({ clock });
  const random = createSeededRandom(5);
  const connect = (node: string, role: Role) => hub.connect({ cluster: 'lab', node, role, clock, random });
  const asked: string[] = [];
  for (const [name, answers] of Object.entries(nodes)) {
    const bus = connect(name, roleOf(name));
    for (const [verb, reply] of Object.entries(answers)) {
      if (!isVerb(verb)) throw new Error(`no verb ${verb}`);
      bus.answer(verb, () => {
        asked.push(`${name} ${verb}`);
        return reply;
      });
    }
    bus.setReady(true);
  }
  const operator = connect('operator', 'operator');
  const outcome = async <T>(work: Promise<T>): Promise<T> => {
    let settled = false;
    const ended = work.finally(() => {
      settled = true;
    });
    ended.catch(() => undefined);
    await clock.runUntil(() => settled, 60_000, 'an answer');
    return ended;
  };
  return {
    clock,
    hub,
    operator,
    asked,
    outcome,
    gather: (what, options) => outcome(new Gatherer({ bus: operator, clock, ...options }).gather(what)),
  };
};

const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(everyone).filter(([name]) => !names.includes(name)));

describe('gathering', () => {
  it('finds every node by the membership, with its role, its process and its answers', async () => {
    const view = await lab().gather({ trees: true, elections: true });
    expect(view.nodes.map(({ name, role }) => [name, role])).toEqual([
      ['validator-1', 'validator'],
      ['validator-2', 'validator'],
      ['device-1', 'device'],
    ]);
    expect(headOf(view)).toEqual({ head: 'validator-2', term: 258 });
    expect(isAgreed(view)).toBe(true);
    for (const node of view.nodes)
      expect(node).toMatchObject({ trouble: undefined, tree: { id: node.name }, unit: { pid: 4_711 } });
    expect(view.nodes.map(({ election }) => election?.sinceMs)).toEqual([5, 5, undefined]);
  });

  it('asks for no more than it is told to', async () => {
    const { gather, asked } = lab();
    await gather();
    expect(asked.filter((one) => /election|device-1 supervisor/.test(one))).toEqual([]);
  });

  it('stamps an epoch with the middle of the round trip', async () => {
    const { hub, clock, operator, outcome } = lab();
    const slow = new MemoryHub({ clock, link: () => [10] });
    expect(hub).not.toBe(slow);
    const bus = slow.connect({
      cluster: 'lab',
      node: 'validator-1',
      role: 'validator',
      clock,
      random: createSeededRandom(1),
    });
    bus.answer('epoch.get', () => healthy('validator-1')['epoch.get']);
    const asker = slow.connect({
      cluster: 'lab',
      node: 'operator',
      role: 'operator',
      clock,
      random: createSeededRandom(2),
    });
    const members = [{ name: 'validator-1', role: 'validator' }] as const;
    const gathered = await outcome(new Gatherer({ bus: asker, clock, members }).gather());
    expect(operator.node).toBe('operator');
    expect(gathered.nodes[0]?.epoch?.atMs).toBe(gathered.atMs - 10);
  });

  it('shows a dead node as such and the others whole', async () => {
    const view = await lab(without('validator-1')).gather({ trees: true });
    expect(view.nodes.map((node) => [node.name, statusOf(node), node.trouble?.code])).toEqual([
      ['validator-1', 'silent', 'NO_RESPONDERS'],
      ['validator-2', 'running', undefined],
      ['device-1', 'running', undefined],
    ]);
  });

  it('waits for a hung node no longer than its deadline, and for all at once', async () => {
    const hung = { ...healthy('device-1'), 'epoch.get': never, 'supervisor.tree': never };
    const { gather, clock } = lab({
      ...everyone,
      'device-1': hung,
      'validator-1': { ...hung, 'membership.get': never },
    });
    const startMs = clock.elapsed();
    const view = await gather({ trees: true }, { timeoutMs: 300, members: membersOf(envelopeOf()) });
    // One deadline for the nodes; the membership came from whoever answers.
    expect(clock.elapsed() - startMs).toBeLessThanOrEqual(400);
    expect(view.nodes.map(({ trouble }) => trouble?.code)).toEqual(['ASK_TIMEOUT', undefined, 'ASK_TIMEOUT']);
  });

  it('takes an answer that is none for a trouble of that node', async () => {
    const odd = { ...healthy('device-1'), 'epoch.get': { epoch: 'seven' } };
    const view = await lab({ ...everyone, 'device-1': odd }).gather();
    expect(view.nodes[2]?.trouble).toMatchObject({ code: 'REPLY_INVALID' });
    expect(view.nodes[0]?.trouble).toBeUndefined();
  });

  it('manages without host: nodes that run by themselves', async () => {
    const view = await lab(without('host')).gather({ trees: true });
    expect(view.host).toBeUndefined();
    expect(view.hostTrouble?.code).toBe('NO_RESPONDERS');
    expect(view.nodes.map(statusOf)).toEqual(['running', 'running', 'running']);
  });

  it('as host itself asks nobody for what it knows', async () => {
    const { gather, asked } = lab();
    const view = await gather({}, { host: () => unitOf('host', { children: [unitOf('device-1')] }) });
    expect(asked).not.toContain('host supervisor.tree');
    expect(view.nodes.map(({ unit }) => unit !== undefined)).toEqual([false, false, true]);
  });

  it('learns the members from a device when no validator is ready', async () => {
    const view = await lab(without('validator-1', 'validator-2')).gather();
    expect(view.nodes.map(({ name, role }) => [name, role])).toEqual([
      ['validator-1', 'validator'],
      ['validator-2', 'validator'],
      ['device-1', 'device'],
    ]);
  });

  it('shows the processes of host while nobody can say who the members are', async () => {
    const view = await lab({ host }).gather({ trees: true });
    expect(view.nodes.map(({ name, role }) => [name, role])).toEqual([
      ['device-1', undefined],
      ['validator-1', undefined],
      ['validator-2', undefined],
    ]);
  });

  it('asks for the membership again only now and then', async () => {
    const { operator, clock, asked, outcome } = lab();
    const gatherer = new Gatherer({ bus: operator, clock });
    for (let i = 0; i < 25; i++) await outcome(gatherer.gather());
    // Of any validator once, and later of any and of each by name.
    expect(asked.filter((one) => one.endsWith('membership.get'))).toHaveLength(1 + 4);
  });

  it('ends when there is no server to ask through', async () => {
    const { gather, hub } = lab();
    hub.setConnected('operator', false);
    await expect(gather()).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  });
});

describe('members of an envelope', () => {
  it('have a name, a role and a MAC in plain hex', () => {
    expect(membersOf(envelopeOf())[0]).toEqual({ name: 'validator-1', role: 'validator', mac: '020000000001' });
  });

  it.each([[undefined], [null], [{}], [{ payload: 'e30=', payloadType: 'x', signatures: [] }], ['text']])(
    'are none in %j',
    (envelope) => {
      expect(membersOf(envelope)).toEqual([]);
    },
  );
});

describe('an id', () => {
  it('is asked of host when it is bare, of its node when it is an actor', () => {
    expect(addressOf('validator-1')).toEqual({ id: 'validator-1', to: 'host', isBare: true });
    expect(addressOf('validator-1/election')).toEqual({ id: 'validator-1/election', to: 'validator-1', isBare: false });
    expect(addressOf('host/validator-1').to).toBe('host');
  });

  it.each(['', '/', 'Validator', 'a b', 'a/', 'a//b', 'a/b.c', 'any/x', 'operator/x', `${'x'.repeat(33)}`, 'a/>'])(
    "cannot be '%s'",
    (id) => {
      expect(() => addressOf(id)).toThrow(expect.objectContaining({ code: 'UNKNOWN_ID' }));
    },
  );

  it('of a node that is none of the cluster is unknown; of one that is away, its node does not answer', async () => {
    const { operator, outcome } = lab(without('device-1'));
    const connection = { bus: operator, nodes: [{ name: 'device-1', role: 'device' }] } as const;
    const about = (id: string) => outcome(askAbout(connection, addressOf(id), 'actor.snapshot', { id }));
    await expect(about('nope/epoch')).rejects.toMatchObject({ code: 'UNKNOWN_ID' });
    await expect(about('device-1/epoch')).rejects.toMatchObject({ code: 'NO_RESPONDERS' });
  });

  it('that only host could know needs host', async () => {
    const { operator, outcome } = lab(without('host'));
    const asking = outcome(
      askAbout({ bus: operator, nodes: [] }, addressOf('device-1'), 'supervisor.kill', { id: 'device-1' }),
    );
    await expect(asking).rejects.toMatchObject({ code: 'CLUSTER_UNAVAILABLE' });
  });

  it('is found anywhere in a tree, the root included', () => {
    const tree = treeOf('validator-1');
    expect(findUnit(tree, 'validator-1')?.actor).toBe('node');
    expect(findUnit(tree, 'validator-1/election')?.mailbox).toBe(2);
    expect(findUnit(tree, 'validator-1/nope')).toBeUndefined();
    expect(findUnit(undefined, 'x')).toBeUndefined();
    expect(unitsOf(tree)).toHaveLength(5);
  });
});

it('an answer that does not fit its verb is refused, naming the field', async () => {
  const { operator, outcome } = lab({ 'device-1': { 'epoch.valid': { valid: 'yes' } } });
  const asking = outcome(askVerb(operator, 'device-1', 'epoch.valid', { epoch: 1 }));
  await expect(asking).rejects.toBeInstanceOf(ReplyInvalidError);
  await expect(asking).rejects.toMatchObject({ details: { field: 'valid' } });
});
