/** Membership: gives the picture its verification, and tells the node who its members are. */
import { membershipMachine } from '../machines/index.ts';
import { Members, verifySnapshot } from '../protocol/index.ts';
import { membersFact } from './facts.ts';
import { defineActor } from './system/index.ts';

const membersOf = new WeakMap<object, Members>();

export const membership = defineActor({
  name: 'membership',
  machine: membershipMachine,
  input: () => undefined,

  effects: ({ config, identity, log }) => ({
    verifySnapshot: async () => {
      const snapshot = verifySnapshot(config.membership, { systemKey: config.systemKey, clusterId: identity.cluster });
      log.info('membership_confirmed', { seq: snapshot.seq, members: snapshot.members.length });
      return snapshot;
    },
    reportRefusal: ({ reason }) => log.error('membership_refused', { reason }),
  }),

  states: (state) => [
    state(membersFact, ({ context }) => {
      const { snapshot } = context;
      if (snapshot === null) return null;
      const members = membersOf.get(snapshot) ?? new Members(snapshot);
      membersOf.set(snapshot, members);
      return members;
    }),
  ],

  answers: ({ config }) => ({ 'membership.get': () => ({ envelope: config.membership }) }),
  operable: ['operator.verify'],
});
