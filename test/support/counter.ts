/** A system of actors that count, and of programs, on a World in memory. */
import { assign, setup } from 'xstate';
import { anyDefinition, type ChildDefinition, defineActor, System } from '../../actors/index.ts';
import { action, type ExitReason } from '../../machines/index.ts';
import type { TreeNode } from '../../protocol/index.ts';
import { atOnce, group } from './programs.ts';
import { testWorld } from './runtime.ts';

/** Counts; `count` may be sent by people, `reset` and `fail` only by its own effects. */
const counter = (name = 'counter') =>
  anyDefinition(
    defineActor({
      name,
      machine: setup({
        types: {
          context: {} as { count: number; extra: unknown },
          events: {} as { type: 'count'; by?: number } | { type: 'reset' } | { type: 'keep'; what: string | object },
          tags: {} as 'low' | 'high',
        },
        actions: {
          count: assign({ count: ({ context }) => context.count + 1 }),
          keep: assign((_, what: string | object) => ({ extra: what })),
          reset: action(),
        },
      }).createMachine({
        id: 'counter',
        context: () => ({ count: 0, extra: null }),
        initial: 'low',
        on: {
          count: { actions: 'count' },
          reset: { actions: 'reset' },
          keep: { actions: { type: 'keep', params: ({ event }) => event.what } },
        },
        states: {
          low: { tags: 'low', always: { guard: ({ context }) => context.count > 2, target: 'high' } },
          high: { tags: 'high' },
        },
      }),
      input: () => undefined,
      effects: () => ({ reset: () => {} }),
      operable: ['count'],
    }),
  );

export const child = (name?: string): ChildDefinition => ({
  kind: 'actor',
  definition: counter(name),
  options: { backoff: atOnce },
});

export const startSystem = async (
  children: readonly ChildDefinition[] = [child()],
  idOf?: (name: string) => string,
) => {
  const test = testWorld(idOf === undefined ? 'node-1' : 'host');
  const exits: ExitReason[] = [];
  const system = new System({
    world: test.world,
    tree: group(children),
    onExit: (reason) => void exits.push(reason),
    ...(idOf === undefined ? {} : { idOf }),
  });
  await system.start();
  const tree = async () => (await test.ask('supervisor.tree')) as TreeNode;
  return { ...test, system, exits, tree };
};
