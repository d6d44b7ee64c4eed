/** Drives one picture alone: every placeholder records its calls, time is virtual, nothing else is there. */
import {
  type AnyStateMachine,
  createActor,
  type EventFromLogic,
  fromCallback,
  fromPromise,
  type InputFrom,
} from 'xstate';
import { createVirtualClock, placeholdersOf, stateText } from '../../actors/index.ts';

export interface Call {
  readonly effect: string;
  readonly params: unknown;
}

/** What the effects of a driven machine do when called; by default tasks never end and the rest only records. */
export type Stubs = Readonly<Record<string, (input: never) => unknown>>;

export const drive = <M extends AnyStateMachine>(machine: M, input: InputFrom<M>, stubs: Stubs = {}) => {
  const calls: Call[] = [];
  const clock = createVirtualClock();
  const names = placeholdersOf(machine);
  const { actors } = machine.implementations as unknown as { actors: Record<string, { config: unknown }> };
  const record = (effect: string, params: unknown): unknown => {
    calls.push({ effect, params });
    return (stubs[effect] as ((input: unknown) => unknown) | undefined)?.(params);
  };
  const isTask = (name: string): boolean => 'restoreSnapshot' in (actors[name] ?? {}) && stubs[name] !== undefined;
  const logic = (name: string) =>
    isTask(name)
      ? fromPromise(async ({ input: params }) => record(name, params))
      : fromCallback(({ input: params }) => void record(name, params));
  const actor = createActor(
    machine.provide({
      actions: Object.fromEntries(
        names.actions.map((name) => [name, (_: unknown, params: unknown) => void record(name, params)]),
      ),
      actors: Object.fromEntries(names.actors.map((name) => [name, logic(name)])),
    } as never) as unknown as M,
    {
      input,
      clock: {
        setTimeout: (run: () => void, ms: number) => clock.after(ms, run),
        clearTimeout: (timer: object) => clock.cancel(timer),
      },
    } as never,
  );
  let failure: unknown;
  actor.subscribe({
    error: (error: unknown) => {
      failure = error;
    },
  });
  actor.start();
  return {
    clock,
    calls,
    send: (event: EventFromLogic<M>) => actor.send(event as never),
    /** Names of the effects called since the last look. */
    effects: (): string[] => calls.splice(0).map(({ effect }) => effect),
    state: (): string => stateText((actor.getSnapshot() as { value: unknown }).value),
    context: () => (actor.getSnapshot() as { context: unknown }).context as Record<string, unknown>,
    /** What ended the machine, if an error did. */
    failure: (): unknown => failure,
    hasTag: (tag: string): boolean => (actor.getSnapshot() as { tags: Set<string> }).tags.has(tag),
  };
};
