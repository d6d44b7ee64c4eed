/**
 * Supervisor: the phases of a supervised group. `decide` is its brain and lives in its context; the picture shows only
 * where it has got to (2-architecture, "decide, then act"; OTP `supervisor`).
 *
 *   starting ──▶ running ◀──▶ restarting
 *      │            │             │
 *      └────────────┴──▶ stopping ◀┘──▶ stopped
 */
import { assign, setup } from 'xstate';
import { action } from '../placeholder.ts';
import { decide, initialState } from './decide.ts';
import type {
  Moment,
  SupervisorAction,
  SupervisorInput,
  SupervisorPhase,
  SupervisorRules,
  SupervisorState,
} from './model.ts';

// ── Vocabulary ──────────────────────────────────────────────────────────────

export type SupervisorMachineInput = { readonly rules: SupervisorRules };
export type SupervisorContext = { readonly state: SupervisorState; readonly actions: readonly SupervisorAction[] };
export type SupervisorEvent = {
  readonly type: 'supervisor.input';
  readonly input: SupervisorInput;
  readonly moment: Moment;
};

type Phase = { readonly phase: SupervisorPhase };
type Decided = { readonly input: SupervisorInput; readonly moment: Moment };
type Acts = { readonly actions: readonly SupervisorAction[] };

const decidedOf = ({ event }: { event: SupervisorEvent }): Decided => ({ input: event.input, moment: event.moment });
const actsOf = ({ context }: { context: SupervisorContext }): Acts => ({ actions: context.actions });
const phase = (name: SupervisorPhase) => ({ type: 'isPhase' as const, params: { phase: name } });

// ── Named parts ─────────────────────────────────────────────────────────────

const supervisor = setup({
  types: {
    input: {} as SupervisorMachineInput,
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    tags: {} as 'healthy' | 'busy' | 'over',
  },
  actions: {
    act: action<Acts>(),
    decide: assign(({ context }, { input, moment }: Decided) => {
      const [state, actions] = decide(context.state, input, moment);
      return { state, actions };
    }),
  },
  guards: {
    isPhase: ({ context }, { phase: wanted }: Phase) => context.state.phase === wanted,
  },
});

// ── Diagram ─────────────────────────────────────────────────────────────────

export const supervisorMachine = supervisor.createMachine({
  id: 'supervisor',
  context: ({ input }) => ({ state: initialState(input.rules), actions: [] }),
  initial: 'starting',
  on: {
    'supervisor.input': {
      actions: [
        { type: 'decide', params: decidedOf },
        { type: 'act', params: actsOf },
      ],
    },
  },
  states: {
    starting: {
      description: 'Starts its children in order; one that fails ends the whole group.',
      tags: 'busy',
      always: [
        { guard: phase('running'), target: 'running' },
        { guard: phase('stopping'), target: 'stopping' },
        { guard: phase('stopped'), target: 'stopped' },
      ],
    },
    running: {
      description: 'Every child that should run runs.',
      tags: 'healthy',
      always: [
        { guard: phase('restarting'), target: 'restarting' },
        { guard: phase('stopping'), target: 'stopping' },
        { guard: phase('stopped'), target: 'stopped' },
      ],
    },
    restarting: {
      description: 'Brings down and up what a failure or a command asked for; still answers and still stops.',
      tags: 'busy',
      always: [
        { guard: phase('running'), target: 'running' },
        { guard: phase('stopping'), target: 'stopping' },
        { guard: phase('stopped'), target: 'stopped' },
      ],
    },
    stopping: {
      description: 'Stops its children in reverse order, each within its deadline.',
      tags: 'busy',
      always: { guard: phase('stopped'), target: 'stopped' },
    },
    stopped: {
      description: 'Nothing of the group is left.',
      tags: 'over',
      type: 'final',
    },
  },
});
