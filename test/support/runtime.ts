/** A World in memory for tests of the runtime: virtual time, a hub with an operator on it, a log that is kept. */

import { expect } from 'vitest';
import {
  createMemoryStore,
  createMetrics,
  createSeededRandom,
  createVirtualClock,
  FactBoard,
  type Log,
  type LogFields,
  type VirtualClock,
  type World,
} from '../../actors/index.ts';
import type { AnyDefinition } from '../../actors/system/define.ts';
import { Instance, type Observer } from '../../actors/system/instance.ts';
import { type Bus, MemoryHub } from '../../bus/index.ts';
import type { ExitReason } from '../../machines/index.ts';
import { type IsochronError, parseParameters } from '../../protocol/index.ts';

export interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly action: string;
  readonly fields: LogFields;
}

export const keptLog = (lines: Line[], bound: LogFields = {}): Log => {
  const write =
    (level: Line['level']) =>
    (line: string, fields: LogFields = {}) =>
      void lines.push({ level, action: line, fields: { ...bound, ...fields } });
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => keptLog(lines, { ...bound, ...fields }),
  };
};

export interface TestWorld {
  /** The time line; the node has a clock of its own on it. */
  readonly clock: VirtualClock;
  /** Timers that the node still waits for. */
  pending(): number;
  readonly world: World;
  readonly facts: FactBoard;
  readonly lines: Line[];
  /** Log lines of that action. */
  logged(action: string): readonly Line[];
  /** The sum of a counter over all its labels. */
  counted(name: string): number;
  /** Another node on the same hub, which asks and says. */
  readonly operator: Bus;
  /** Asks this node as the operator and lets happen what has to; errors are returned, as `{code}`. */
  ask(verb: string, request?: unknown): Promise<unknown>;
  readonly hub: MemoryHub;
}

export const testWorld = (node = 'node-1'): TestWorld => {
  const clock = createVirtualClock({ startMs: 1_000_000 });
  const hub = new MemoryHub({ clock });
  const random = createSeededRandom(1);
  const nodeClock = clock.clockOf();
  const operator = hub.connect({ cluster: 'test', node: 'operator', role: 'operator', clock, random });
  const lines: Line[] = [];
  const metrics = createMetrics();
  const world: World = {
    clock: nodeClock,
    random,
    bus: hub.connect({ cluster: 'test', node, role: 'validator', clock: nodeClock, random }),
    store: createMemoryStore(),
    identity: {
      name: node,
      cluster: 'test',
      role: 'validator',
      mac: new Uint8Array(6),
      rank: 1,
      peerId: 'U',
      sign: () => new Uint8Array(64),
      agree: () => new Uint8Array(32),
    },
    log: keptLog(lines),
    metrics,
    config: { parameters: parseParameters('lab'), startedAtMs: 0, genesisMs: 0, systemKey: '', membership: null },
  };
  return {
    clock,
    pending: () => nodeClock.pending(),
    world,
    hub,
    facts: new FactBoard(),
    lines,
    operator,
    ask: async (verb, request) => {
      const reply = operator.ask(node, verb, request).catch((error: IsochronError) => ({ code: error.code }));
      await clock.settle();
      return reply;
    },
    logged: (wanted) => lines.filter((line) => line.action === wanted),
    counted: (name) =>
      metrics
        .read()
        .filter((sample) => sample.name === name)
        .reduce((sum, { value }) => sum + value, 0),
  };
};

/** One instance without a supervisor: what it reports is kept. */
export const runInstance = (
  test: TestWorld,
  definition: AnyDefinition,
  observer?: Observer,
): { readonly instance: Instance; readonly exits: ExitReason[]; readonly starts: () => number } => {
  const exits: ExitReason[] = [];
  let starts = 0;
  const runtime = { ...test.world, facts: test.facts, observerOf: () => observer };
  const instance = new Instance(definition, `${test.world.identity.name}/${definition.name}`, runtime, {
    started: () => {
      starts++;
    },
    exited: (reason) => void exits.push(reason),
  });
  return { instance, exits, starts: () => starts };
};

/** What an ended incarnation holds. */
export const nothing = { timers: 0, subscriptions: 0, effects: 0 };

/** How an actor ends that throws `new Error('boom')`. */
export const boom = { type: 'error', code: 'CRASH', message: 'boom' };

export const expectNothingLeft = async (instance: Instance, world: TestWorld): Promise<void> => {
  expect(instance.held).toEqual(nothing);
  expect(world.pending(), 'pending timers').toBe(0);
  for (const verb of ['election.get', 'membership.get', 'config.get']) {
    expect(await world.ask(verb)).toEqual({ code: expect.stringMatching(/NO_RESPONDERS|VERB/) });
  }
};
