/**
 * Membership: who belongs, with which keys (003; 3-interface §3). Here the signed snapshot a node was given is verified.
 *
 *   verifying ──▶ confirmed
 *       └───────▶ unconfigured ──operator.verify──▶ verifying
 */
import { assign, setup } from 'xstate';
import type { MembershipError, Snapshot } from '../protocol/index.ts';
import { action, task } from './placeholder.ts';

export type MembershipContext = { readonly snapshot: Snapshot | null; readonly reason: string | null };
export type MembershipEvent = { readonly type: 'operator.verify' };
export type RefusalParams = { readonly reason: string };

const membership = setup({
  types: {
    context: {} as MembershipContext,
    events: {} as MembershipEvent,
    tags: {} as 'confirmed',
  },
  actors: { verifySnapshot: task<Snapshot>() },
  actions: {
    reportRefusal: action<RefusalParams>(),
    adopt: assign((_, { snapshot }: { readonly snapshot: Snapshot }) => ({ snapshot, reason: null })),
    refuse: assign((_, { reason }: RefusalParams) => ({ reason })),
  },
});

const reasonOf = ({ event }: { event: { readonly error: unknown } }): RefusalParams => ({
  reason: (event.error as MembershipError).message,
});

export const membershipMachine = membership.createMachine({
  id: 'membership',
  context: { snapshot: null, reason: null },
  initial: 'verifying',
  states: {
    verifying: {
      description: 'Checks the envelope, the admin proof and every member before anyone is believed.',
      invoke: {
        id: 'verification',
        src: 'verifySnapshot',
        onDone: {
          target: 'confirmed',
          actions: { type: 'adopt', params: ({ event }) => ({ snapshot: event.output }) },
        },
        onError: {
          target: 'unconfigured',
          actions: [
            { type: 'refuse', params: reasonOf },
            { type: 'reportRefusal', params: reasonOf },
          ],
        },
      },
    },
    confirmed: { description: 'The members are known; every signature is checked against them.', tags: 'confirmed' },
    unconfigured: {
      description: 'No membership that can be believed: nobody is listened to.',
      on: { 'operator.verify': 'verifying' },
    },
  },
});
