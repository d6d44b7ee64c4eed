/** A node's tree: what a validator and a device run, and which failure restarts what (2-architecture, "A node's tree"). */
import type { MemberRole } from '../protocol/index.ts';
import { beacon } from './beacon.ts';
import { election } from './election.ts';
import { epoch } from './epoch.ts';
import { membership } from './membership.ts';
import {
  actor,
  type ChildDefinition,
  defineSupervisor,
  type SupervisorDefinition,
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
export const nodeTree = (role: MemberRole): SupervisorDefinition =>
  defineSupervisor({ name: 'node', strategy: 'one_for_one', children: [actor(membership), timeOf(role)] });
