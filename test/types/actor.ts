/**
 * What the compiler refuses in an actor's definition. Nothing here runs: `npm run check` fails when a line marked as an
 * error compiles, or when one that should compile does not. (An effect, topic or verb too many and a missing action are
 * beyond TypeScript; they are refused by name when the actor is made: actor.test.ts.)
 */
import { setup } from 'xstate';
import { defineActor, fact, hears, refuse } from '../../actors/index.ts';
import { action, activity, task } from '../../machines/index.ts';

const machine = setup({
  types: {
    input: {} as { readonly limit: number },
    context: {} as { readonly count: number },
    events: {} as { type: 'count'; by: number } | { type: 'reset' },
    tags: {} as 'low' | 'high',
  },
  actions: { write: action<{ readonly text: string }>() },
  actors: {
    fetch: task<number, { readonly url: string }>(),
    tick: activity<{ readonly everyMs: number }>(),
    last: activity(),
  },
}).createMachine({ context: { count: 0 } });

const level = fact<number>('test.level');
const input = () => ({ limit: 1 });
const complete = {
  write: ({ text }: { readonly text: string }) => void text,
  fetch: async ({ url }: { readonly url: string }) => url.length,
  tick: () => {},
  last: () => {},
};

// ── What fits, fits, and everything is inferred ─────────────────────────────

export const right = defineActor({
  name: 'right',
  machine,
  input,
  effects: ({ bus, clock }) => ({
    write: ({ text }) => bus.say('beacon.beacon', text.toUpperCase()),
    fetch: async ({ url }, signal) => (signal.aborted ? 0 : url.length),
    tick: ({ everyMs }, _signal, send) => void clock.after(everyMs, () => send({ type: 'count', by: 1 })),
    last: (_input, _signal, send) => send({ type: 'reset' }),
  }),
  receives: () => ({
    'beacon.beacon': (_message, { context, hasTag }) =>
      hasTag('low') && context.count > 0 ? refuse('late') : { type: 'count', by: 1 },
  }),
  hears: () => [hears(level, (value) => (value > 1 ? { type: 'count', by: value } : undefined))],
  states: (state) => [state(level, ({ context }) => context.count)],
  answers: () => ({ 'epoch.get': ({ context }, { from }, { stateMs }) => ({ count: context.count, from, stateMs }) }),
  operable: ['reset'],
});

// ── Input ───────────────────────────────────────────────────────────────────

// @ts-expect-error the machine's input has a limit
export const wrongInput = defineActor({ name: 'a', machine, input: () => ({}), effects: () => complete });

// ── Effects ─────────────────────────────────────────────────────────────────

export const missingTask = defineActor({
  name: 'a',
  machine,
  input,
  // @ts-expect-error fetch is missing
  effects: () => ({ tick: () => {}, last: () => {} }),
});

export const missingActivity = defineActor({
  name: 'a',
  machine,
  input,
  // @ts-expect-error last is missing
  effects: () => ({ fetch: async () => 1, tick: () => {} }),
});

export const wrongOutput = defineActor({
  name: 'a',
  machine,
  input,
  // @ts-expect-error fetch ends with a number
  effects: () => ({ ...complete, fetch: async () => 'text' }),
});

export const wrongParams = defineActor({
  name: 'a',
  machine,
  input,
  // @ts-expect-error write is given a text
  effects: () => ({ ...complete, write: ({ bytes }: { readonly bytes: Uint8Array }) => void bytes }),
});

export const wrongSend = defineActor({
  name: 'a',
  machine,
  input,
  effects: () => ({
    ...complete,
    // @ts-expect-error the machine knows no such event
    last: (_input: undefined, _signal: AbortSignal, send) => send({ type: 'count' }),
  }),
});

// ── The bus: actors send, and listen only by declaration ────────────────────

export const listening = defineActor({
  name: 'a',
  machine,
  input,
  effects: ({ bus, facts }) => {
    // @ts-expect-error a subscription that nobody would sweep
    bus.hear('beacon.beacon', () => {});
    // @ts-expect-error nor this one
    facts.hear(level, () => {});
    // @ts-expect-error facts are stated by `states`
    facts.state(level, 1);
    return complete;
  },
});

export const unknownTopic = defineActor({
  name: 'a',
  machine,
  input,
  effects: () => complete,
  // @ts-expect-error no such topic
  receives: () => ({ 'beacon.nothing': () => undefined }),
});

export const wrongReceived = defineActor({
  name: 'a',
  machine,
  input,
  effects: () => complete,
  // @ts-expect-error the machine knows no such event
  receives: () => ({ 'beacon.beacon': () => ({ type: 'counted' }) as const }),
});

export const unknownVerb = defineActor({
  name: 'a',
  machine,
  input,
  effects: () => complete,
  // @ts-expect-error no such verb
  answers: () => ({ 'epoch.nothing': () => ({}) }),
});

// ── Facts ───────────────────────────────────────────────────────────────────

export const wrongHeard = defineActor({
  name: 'a',
  machine,
  input,
  effects: () => complete,
  // @ts-expect-error the machine knows no such event
  hears: () => [hears(level, () => ({ type: 'counted' }) as const)],
});

export const wrongStated = defineActor({
  name: 'a',
  machine,
  input,
  effects: () => complete,
  // @ts-expect-error the level is a number
  states: (state) => [state(level, ({ context }) => String(context.count))],
});

export const wrongSnapshot = defineActor({
  name: 'a',
  machine,
  input,
  effects: () => complete,
  // @ts-expect-error there is no such field in its context
  states: (state) => [state(level, ({ context }) => context.level)],
});

// ── People ──────────────────────────────────────────────────────────────────

export const wrongOperable = defineActor({
  name: 'a',
  machine,
  input,
  effects: () => complete,
  // @ts-expect-error the machine knows no such event
  operable: ['restart'],
});
