/**
 * Who may do what on NATS (3-interface §1), generated from the verb table: the server enforces this, whatever a client runs.
 * - A node publishes only subjects that carry its own name as `<from>`, so that name can be trusted.
 * - Nodes reply through `allow_responses` (one reply an ask, one minute), never by a standing permission on inboxes: a
 *   responder that knows an asker's inbox must not be able to answer in another's place.
 * - A node does not hear itself, not even on a second connection: `allow_responses` lets whoever receives a message publish
 *   on its reply subject *whatever it is*, past every deny (seen on 2.9.10), so a node that could send to itself could
 *   publish as the host. Two nodes that conspire still can; only one reply, and only what they send.
 * - Nobody but `host` touches JetStream: a consumer's deliver subject, or the reply of a get, makes the *server* publish
 *   stored bytes anywhere, past every permission.
 */
import { type Role, type VerbSpec, verbs as verbTable } from '../protocol/index.ts';
import { discoveryKinds, discoveryRoot } from './discovery.ts';
import { inboxRoot, subjectsOf } from './subjects.ts';

export interface Permissions {
  readonly publish: readonly string[];
  /** `subject` or `subject queue`. */
  readonly subscribe: readonly string[];
  /** Subjects within `subscribe` that are not delivered. */
  readonly deaf: readonly string[];
  /** One reply to each message received, for a minute. */
  readonly responds: boolean;
}

/** Roles that run a bus with a service; the others are people who ask. */
const nodeRoles: ReadonlySet<Role> = new Set(['validator', 'device', 'client', 'host']);
/** Roles that look at a cluster from outside. */
const watcherRoles: ReadonlySet<Role> = new Set(['host', 'operator', 'viewer']);
const discovery = discoveryKinds.flatMap((kind) => [`${discoveryRoot}${kind}`, `${discoveryRoot}${kind}.>`]);
/** Streams, key-value buckets and objects belong to the host. */
const jetStream = ['$JS.API.>', '$JS.ACK.>', '$KV.>', '$O.>'];

/**
 * The permissions of one login. People connect under their role's name: `operator`, `viewer`.
 * @throws BusNameError when cluster or node cannot be subject tokens.
 */
export const permissionsFor = (
  cluster: string,
  node: string,
  role: Role,
  verbs: Readonly<Record<string, VerbSpec>> = verbTable,
): Permissions => {
  const { prefix, live, toldTo, askedOf, inbox } = subjectsOf(cluster, node);
  const isNode = nodeRoles.has(role);
  const watches = watcherRoles.has(role);
  const asks = Object.keys(verbs).filter((verb) => verbs[verb]?.askedBy.includes(role));
  return {
    publish: [
      ...(isNode ? [`${prefix}say.${node}.>`, `${prefix}tell.*.${node}.>`, `${live}>`] : []),
      ...asks.map((verb) => `${prefix}ask.*.${node}.${verb}`),
      ...(watches ? discovery : []),
      ...(role === 'host' ? jetStream : []),
    ],
    subscribe: [
      `${prefix}say.>`,
      ...(isNode ? [`${toldTo}>`, `${askedOf}>`, '$SRV.>'] : []),
      ...(role === 'validator' ? [`${prefix}ask.any.> q`] : []),
      ...(watches ? [`${prefix}live.>`] : []),
      `${inbox}>`,
    ],
    // The host may do everything anyway, and hears its own inspection streams.
    deaf:
      isNode && role !== 'host'
        ? [`${prefix}say.${node}.>`, `${toldTo}${node}.>`, `${askedOf}${node}.>`, `${prefix}ask.any.${node}.>`]
        : [],
    responds: isNode,
  };
};

/** The inbox prefix a login may use: pass it to any NATS tool. */
export const inboxPrefix = (node: string): string => `${inboxRoot}${node}`;
