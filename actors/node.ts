/** A node's tree: what a validator and a device run, and which failure restarts what (2-architecture, "A node's tree"). */
import type { MemberRole } from '../protocol/index.ts';
import { beacon } from './beacon.ts';
import { election } from './election.ts';
import { epoch } from './epoch.ts';
import { clockFact } from './facts.ts';
import { membership } from './membership.ts';
import {
  actor,
  type ChildDefinition,
  defineSupervisor,
  type SupervisorDefinition,
  System,
  type SystemOptions,
  supervisor,
} from './system/index.ts';

/** An election crash never stops the epoch; whoever counts on the epoch restarts with it. */
const timeOf = (role: MemberRole): ChildDefinition =>
  supervisor(
    defineSupervisor({
      name: 'time',
      strategy: 'rest_for_one',
      children: role === 'validator' ? [actor(epoch), actor(election), actor(beacon)] : [actor(epoch)],
    }),
  );

/** The tree of one node. */
const nodeTree = (role: MemberRole): SupervisorDefinition =>
  defineSupervisor({ name: 'node', strategy: 'one_for_one', children: [actor(membership), timeOf(role)] });

/**
 * A member's node on its World, not started yet. A validator takes its share of `ask.any` only while it is synchronised:
 * whoever asks any of them is answered by one that knows the time.
 */
export const createNode = (options: Omit<SystemOptions, 'tree'> & { readonly role: MemberRole }): System => {
  const system = new System({ ...options, tree: nodeTree(options.role) });
  system.facts.hear(clockFact, ({ synchronized }) => options.world.bus.setReady(synchronized));
  return system;
};
