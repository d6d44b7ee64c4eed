/**
 * Collects the state of the whole cluster: `host` for the processes, every node in parallel for its own tree, epoch and
 * election, each with a short deadline. A node that does not answer is shown as such and never hides the rest.
 */
import type { Bus } from '../bus/index.ts';
import {
  envelopeSchema,
  fromBase64,
  fromUtf8,
  IsochronError,
  type MemberRole,
  snapshotSchema,
  type TreeNode,
  type VerbRequest,
} from '../protocol/index.ts';
import { askVerb } from './ask.ts';
import type { ClusterView, NodeView, TimedEpoch, Trouble } from './clusterView.ts';
import { natsUnitName } from './host/natsProgram.ts';

/** How long one answer is waited for: a healthy node takes milliseconds, and a person waits for the slowest. */
export const gatherTimeoutMsDefault = 1_000;
/** Gatherings after which the membership is asked for again: it seldom changes. */
const gatheringsPerMembership = 20;
/** Nodes asked for the membership by name: an envelope of 1 000 members takes most of a megabyte. */
const witnessesMax = 4;
/** Roles that run a node; clients only ask. */
const nodeRoles: ReadonlySet<MemberRole> = new Set(['validator', 'device']);
const roleOrder: readonly (MemberRole | undefined)[] = ['validator', 'device', 'client', undefined];

/** A member as far as a picture of the cluster needs it. */
export interface MemberView {
  readonly name: string;
  readonly role: MemberRole;
  /** Twelve hex digits, lower case: what radio messages call it. */
  readonly mac?: string;
}

export interface GatherOptions {
  readonly bus: Pick<Bus, 'ask' | 'cluster'>;
  readonly clock: { now(): number };
  /** `host`'s tree, where `host` itself gathers: a bus does not hear its own asks. */
  readonly host?: () => TreeNode;
  /** Members to begin with, until a node answers for the membership in force. */
  readonly members?: readonly MemberView[];
  readonly timeoutMs?: number;
}

/** What to ask of each node; the epoch always is. */
export interface GatherWhat {
  readonly trees?: boolean;
  readonly elections?: boolean;
}

type Answer<T> =
  | { readonly value: T; readonly trouble?: undefined }
  | { readonly value?: undefined; readonly trouble: Trouble };

/** Without the server there is nothing to gather: that ends it. Everything else is one node's trouble. */
const answerOf = async <T>(work: Promise<T>): Promise<Answer<T>> => {
  try {
    return { value: await work };
  } catch (error) {
    if (!(error instanceof IsochronError) || error.code === 'BUS_UNAVAILABLE') throw error;
    return { trouble: { code: error.code, message: error.message } };
  }
};

/**
 * Members of a membership envelope, or none when it is not one. Not verified: nodes do that, and here they are only names
 * for a table.
 */
export const membersOf = (envelope: unknown): readonly MemberView[] => {
  try {
    const payload: unknown = JSON.parse(fromUtf8(fromBase64(envelopeSchema.parse(envelope).payload)));
    const { members } = snapshotSchema.pick({ members: true }).parse(payload);
    return members.map(({ name, role, mac }) => ({ name, role, mac: mac.toLowerCase().replace(/[^0-9a-f]/g, '') }));
  } catch {
    return [];
  }
};

/** Gathers again and again, remembering who the members are. */
export class Gatherer {
  readonly #options: GatherOptions;
  readonly #timeoutMs: number;
  #members: readonly MemberView[];
  #untilMembership = 0;

  constructor(options: GatherOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? gatherTimeoutMsDefault;
    this.#members = options.members ?? [];
  }

  /** @throws BusUnavailableError when there is no server to ask through */
  async gather(what: GatherWhat = {}): Promise<ClusterView> {
    const [host] = await Promise.all([this.#host(), this.members()]);
    const units = host.value?.children ?? [];
    if (this.#members.length === 0) {
      this.#members = await this.#membersFrom(
        nodesAmong(units)
          .slice(0, witnessesMax)
          .map(({ id }) => id),
      );
    }
    const nodes = await Promise.all(this.#roster(units).map((node) => this.#node(node, what)));
    return {
      cluster: this.#options.bus.cluster,
      atMs: this.#options.clock.now(),
      host: host.value,
      hostTrouble: host.trouble,
      nodes: nodes.sort(byRoleThenName),
    };
  }

  /** The members as the cluster last told them; empty when nobody did. @throws BusUnavailableError */
  async members(): Promise<readonly MemberView[]> {
    if (this.#untilMembership-- > 0) return this.#members;
    // Every node knows its membership, also while no validator is ready.
    const members = await this.#membersFrom(['any', ...this.#members.slice(0, witnessesMax).map(({ name }) => name)]);
    if (members.length > 0) this.#members = members;
    this.#untilMembership = this.#members.length > 0 ? gatheringsPerMembership : 0;
    return this.#members;
  }

  /** What the first of them says that says anything: a hung node delays nobody. */
  #membersFrom(names: readonly string[]): Promise<readonly MemberView[]> {
    return new Promise((resolve, reject) => {
      const asking = names.map(async (name) => {
        const { value } = await answerOf(this.#ask(name, 'membership.get'));
        const members = membersOf(value?.envelope);
        if (members.length > 0) resolve(members);
      });
      Promise.all(asking).then(() => resolve([]), reject);
    });
  }

  #ask<V extends 'supervisor.tree' | 'epoch.get' | 'election.get' | 'membership.get'>(to: string, verb: V) {
    const nothing = {} as VerbRequest<V>;
    return askVerb(this.#options.bus, to, verb, nothing, { timeoutMs: this.#timeoutMs });
  }

  async #host(): Promise<Answer<TreeNode>> {
    const { host } = this.#options;
    return host === undefined ? answerOf(this.#ask('host', 'supervisor.tree')) : { value: host() };
  }

  /** Members that run a node; while the members are unknown, the units of `host`. */
  #roster(units: readonly TreeNode[]): Pick<NodeView, 'name' | 'role' | 'unit'>[] {
    const unitOf = (name: string) => units.find(({ id }) => id === name);
    if (this.#members.length === 0) {
      return nodesAmong(units).map((unit) => ({ name: unit.id, role: undefined, unit }));
    }
    return this.#members
      .map(({ name, role }) => ({ name, role, unit: unitOf(name) }))
      .filter(({ role, unit }) => nodeRoles.has(role) || unit !== undefined);
  }

  async #node(node: Pick<NodeView, 'name' | 'role' | 'unit'>, what: GatherWhat): Promise<NodeView> {
    const { name, role } = node;
    const asksElection = what.elections === true && (role === undefined || role === 'validator');
    const [epoch, tree, election] = await Promise.all([
      answerOf(this.#epoch(name)),
      what.trees === true ? answerOf(this.#ask(name, 'supervisor.tree')) : undefined,
      asksElection ? answerOf(this.#ask(name, 'election.get')) : undefined,
    ]);
    return {
      ...node,
      tree: tree?.value,
      epoch: epoch.value,
      election: election?.value,
      trouble: tree?.trouble ?? epoch.trouble,
    };
  }

  async #epoch(name: string): Promise<TimedEpoch> {
    const { clock } = this.#options;
    const askedMs = clock.now();
    const reply = await this.#ask(name, 'epoch.get');
    return { ...reply, atMs: (askedMs + clock.now()) / 2 };
  }
}

/** The nats-server is a unit of `host` as well, and no node. */
const nodesAmong = (units: readonly TreeNode[]): readonly TreeNode[] => units.filter(({ id }) => id !== natsUnitName);

const byRoleThenName = (a: NodeView, b: NodeView): number =>
  roleOrder.indexOf(a.role) - roleOrder.indexOf(b.role) || a.name.localeCompare(b.name, 'en', { numeric: true });
