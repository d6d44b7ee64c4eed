/**
 * An actor that holds everything an incarnation can hold (a delayed transition, a ticking activity, a running task,
 * subscriptions of every kind) and that can be made to fail in every place where code of its own runs.
 */
import { assign, setup } from 'xstate';
import { type ActorWorld, anyDefinition, defineActor, every, fact, hears, refuse } from '../../actors/index.ts';
import { action, activity, task } from '../../machines/index.ts';

export const places = [
  'guard',
  'assign',
  'action',
  'async action',
  'entry',
  'exit',
  'delay',
  'delay that is no number',
  'input of an effect',
  'task',
  'task that throws at once',
  'activity',
  'async activity',
  'callback of an activity',
  'timer',
  'soon',
  'statement of a fact',
  'hearing of a fact',
] as const;
export type Place = (typeof places)[number];

type Break = { readonly type: 'break'; readonly place: Place };
type Event = Break | { type: 'tick' } | { type: 'heartbeat' } | { type: 'heard' } | { type: 'mended' };

export const breakFact = fact<number>('test.break');
export const poisonFact = fact<boolean>('test.poison');

const fail = (): never => {
  throw new Error('boom');
};
const isPlace =
  (place: Place) =>
  ({ event }: { event: Event }): boolean =>
    event.type === 'break' && event.place === place;
const at = (place: Place) => ({ type: 'isPlace' as const, params: { place } });

const troubledMachine = setup({
  types: { context: {} as { poisoned: boolean; ticks: number }, events: {} as Event },
  actions: {
    explode: action(),
    explodeLater: action(),
    explodeInTimer: action(),
    explodeSoon: action(),
    explodeInAssign: assign(fail),
    poison: assign({ poisoned: true }),
    count: assign({ ticks: ({ context }) => context.ticks + 1 }),
  },
  actors: {
    tick: activity(),
    wait: task<void>(),
    failTask: task<void, { readonly atOnce: boolean }>(),
    failActivity: activity<{ readonly how: 'at once' | 'async' | 'in a callback' }>(),
  },
  guards: {
    isPlace: ({ event }, { place }: { place: Place }) => isPlace(place)({ event }),
    explode: fail,
  },
  delays: { long: 60_000, explode: fail, wrong: () => Number.NaN },
}).createMachine({
  id: 'troubled',
  context: { poisoned: false, ticks: 0 },
  type: 'parallel',
  on: {
    tick: { actions: 'count' },
    break: [
      { guard: at('assign'), actions: 'explodeInAssign' },
      { guard: at('action'), actions: 'explode' },
      { guard: at('async action'), actions: 'explodeLater' },
      { guard: at('timer'), actions: 'explodeInTimer' },
      { guard: at('soon'), actions: 'explodeSoon' },
      { guard: at('statement of a fact'), actions: 'poison' },
    ],
  },
  states: {
    held: {
      invoke: [{ src: 'tick' }, { src: 'wait', onError: '.waited' }],
      after: { long: '.waited' },
      initial: 'waiting',
      states: { waiting: {}, waited: {} },
    },
    fragile: {
      initial: 'whole',
      states: {
        whole: {
          on: {
            break: [
              { guard: at('guard'), target: 'guarded' },
              { guard: at('entry'), target: 'entered' },
              { guard: at('exit'), target: 'left' },
              { guard: at('delay'), target: 'delayed' },
              { guard: at('delay that is no number'), target: 'wronglyDelayed' },
              { guard: at('input of an effect'), target: 'wronglyFed' },
              { guard: at('task'), target: 'failedTask' },
              { guard: at('task that throws at once'), target: 'failedTaskAtOnce' },
              { guard: at('activity'), target: 'failedActivity' },
              { guard: at('async activity'), target: 'failedAsyncActivity' },
              { guard: at('callback of an activity'), target: 'failedCallback' },
            ],
          },
        },
        guarded: { always: { guard: 'explode', target: 'whole' } },
        entered: { entry: 'explode', invoke: { src: 'tick' } },
        left: { exit: 'explode', always: 'whole' },
        delayed: { after: { explode: 'whole' } },
        wronglyDelayed: { after: { wrong: 'whole' } },
        wronglyFed: { invoke: { src: 'failTask', input: fail } },
        failedTask: { invoke: { src: 'failTask', input: { atOnce: false } } },
        failedTaskAtOnce: { invoke: { src: 'failTask', input: { atOnce: true } } },
        failedActivity: { invoke: { src: 'failActivity', input: { how: 'at once' } } },
        failedAsyncActivity: { invoke: { src: 'failActivity', input: { how: 'async' } } },
        failedCallback: { invoke: { src: 'failActivity', input: { how: 'in a callback' } } },
      },
    },
  },
});

const failing = {
  'at once': fail,
  'in a callback': ({ clock }: ActorWorld) => void clock.after(10, fail),
  // To TypeScript an async function may stand for one that returns nothing.
  async: (async () => fail()) as () => never,
};

/** Handed out by the effects of the latest incarnation, to look at afterwards. */
export interface Seen {
  ticks: number;
  received: number;
  readonly signals: AbortSignal[];
}

const effects = (seen: Seen) => (world: ActorWorld) => ({
  explode: fail,
  explodeLater: async () => fail(),
  explodeInTimer: () => void world.clock.after(10, fail),
  explodeSoon: () => world.clock.soon(fail),
  tick: (_input: undefined, signal: AbortSignal, send: (event: Event) => void) => {
    seen.signals.push(signal);
    const tick = () => {
      seen.ticks++;
      send({ type: 'tick' });
    };
    every(world.clock, 100, tick, signal);
  },
  wait: (_input: undefined, signal: AbortSignal) =>
    new Promise<void>((_resolve, reject) => {
      seen.signals.push(signal);
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    }),
  failTask: ({ atOnce }: { readonly atOnce: boolean }) => (atOnce ? fail() : Promise.reject(new Error('boom'))),
  failActivity: ({ how }: { readonly how: 'at once' | 'async' | 'in a callback' }): void => failing[how](world),
});

export const troubled = (name = 'troubled', seen: Seen = { ticks: 0, received: 0, signals: [] }) => ({
  seen,
  definition: anyDefinition(
    defineActor({
      name,
      machine: troubledMachine,
      input: () => undefined,
      effects: effects(seen),
      receives: () => ({
        'election.heartbeat': ({ payload }) => {
          seen.received++;
          const text = String(payload);
          if (text === 'throw') fail();
          return text === 'refuse' ? refuse('unwanted') : ({ type: 'heartbeat' } as const);
        },
        'election.answer': () => undefined,
      }),
      answers: () => ({
        'election.get': () => ({ clusterHead: null }),
        'membership.get': fail,
        'config.get': async () => fail(),
      }),
      hears: () => [hears(breakFact, (value) => (value < 0 ? fail() : { type: 'heard' as const }))],
      states: (state) => [state(poisonFact, ({ context }) => (context.poisoned ? fail() : false))],
      operable: ['break'],
    }),
  ),
});
