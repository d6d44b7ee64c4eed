/**
 * Where an `<id>` is asked (3-interface §1): a bare id, which is a node or another unit of `host`, of `host`; an id with `/`,
 * which is an actor, of its node.
 */
import type { AskOptions } from '../bus/index.ts';
import {
  IsochronError,
  isName,
  reservedNames,
  type TreeNode,
  type Verb,
  type VerbReply,
  type VerbRequest,
} from '../protocol/index.ts';
import { askVerb } from './ask.ts';
import type { OperatorConnection } from './cluster.ts';
import { ClusterUnavailableError, UnknownIdError } from './errors.ts';

export interface Address {
  readonly id: string;
  /** Whom to ask. */
  readonly to: string;
  /** A bare id: what `host` supervises. */
  readonly isBare: boolean;
}

const pathPart = /^[A-Za-z0-9_-]{1,64}$/;

/** @throws UnknownIdError for what cannot be an id */
export const addressOf = (id: string): Address => {
  const [node = '', ...path] = id.split('/');
  const isKnowable = isName(node) && path.every((part) => pathPart.test(part));
  if (!isKnowable || (path.length > 0 && node !== 'host' && reservedNames.has(node))) throw new UnknownIdError(id);
  return path.length === 0 ? { id, to: 'host', isBare: true } : { id, to: node, isBare: false };
};

/** What asking about an id needs of a connection. */
export type Connection = Pick<OperatorConnection, 'bus' | 'nodes'>;

/**
 * Asks whoever is in charge of `id`.
 * @throws UnknownIdError when its node is none of the cluster; ClusterUnavailableError when `host` is away; what the bus throws
 */
export const askAbout = async <V extends Verb>(
  connection: Connection,
  address: Address,
  verb: V,
  request: VerbRequest<V>,
  options?: AskOptions,
): Promise<VerbReply<V>> => {
  try {
    return await askVerb(connection.bus, address.to, verb, request, options);
  } catch (error) {
    throw explained(connection, address, error);
  }
};

const explained = ({ nodes }: Connection, { id, to }: Address, error: unknown): unknown => {
  if (!(error instanceof IsochronError)) return error;
  if (error.code !== 'NO_RESPONDERS') return error;
  if (to === 'host') {
    return new ClusterUnavailableError(
      `'host' does not answer: no 'isochron up' runs this cluster, so nobody can be asked about '${id}'`,
    );
  }
  const names = nodes.map(({ name }) => name);
  return names.includes(to) ? error : new UnknownIdError(id, names);
};

/** The unit of that id in a tree, the root included. */
export const findUnit = (tree: TreeNode | undefined, id: string): TreeNode | undefined => {
  if (tree === undefined || tree.id === id) return tree;
  for (const child of tree.children) {
    const found = findUnit(child, id);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** A tree as a list, parents before children, the root first. */
export const unitsOf = (tree: TreeNode): readonly TreeNode[] => [tree, ...tree.children.flatMap(unitsOf)];
