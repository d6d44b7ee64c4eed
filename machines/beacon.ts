/**
 * Beacon: the head tells the cluster the time (000 §3.1.1).
 *
 *   silent ──head.won──▶ broadcasting ──head.lost──▶ silent
 */
import { assign, setup } from 'xstate';
import type { Beacon } from '../protocol/index.ts';
import { activity } from './placeholder.ts';

export type BeaconContext = { readonly term: number; readonly sent: number; readonly last: Beacon | null };
export type BeaconEvent =
  | { readonly type: 'head.won'; readonly term: number }
  | { readonly type: 'head.lost' }
  | { readonly type: 'beacon.sent'; readonly beacon: Beacon };
export type BroadcastInput = { readonly term: number };

const beacon = setup({
  types: {
    context: {} as BeaconContext,
    events: {} as BeaconEvent,
    tags: {} as 'broadcasting',
  },
  actors: { broadcastBeacons: activity<BroadcastInput>() },
  actions: {
    adoptTerm: assign((_, { term }: BroadcastInput) => ({ term, sent: 0 })),
    countBeacon: assign(({ context }, { beacon: last }: { readonly beacon: Beacon }) => ({
      sent: context.sent + 1,
      last,
    })),
  },
  guards: { isOtherTerm: ({ context }, { term }: BroadcastInput) => term !== context.term },
});

const termOf = ({ event }: { event: { readonly term: number } }): BroadcastInput => ({ term: event.term });

export const beaconMachine = beacon.createMachine({
  id: 'beacon',
  context: { term: 0, sent: 0, last: null },
  initial: 'silent',
  states: {
    silent: {
      description: 'This node does not lead.',
      on: { 'head.won': { target: 'broadcasting', actions: { type: 'adoptTerm', params: termOf } } },
    },
    broadcasting: {
      description: 'Says a signed beacon at once and then every beaconInterval, numbered within its term.',
      tags: 'broadcasting',
      invoke: { id: 'broadcast', src: 'broadcastBeacons', input: ({ context }) => ({ term: context.term }) },
      on: {
        'beacon.sent': { actions: { type: 'countBeacon', params: ({ event }) => ({ beacon: event.beacon }) } },
        'head.lost': 'silent',
        'head.won': {
          guard: { type: 'isOtherTerm', params: termOf },
          target: 'broadcasting',
          reenter: true,
          actions: { type: 'adoptTerm', params: termOf },
        },
      },
    },
  },
});
