/**
 * `host`: the System of `isochron up` (2-architecture, "The supervisor"). Its children are programs; it answers the
 * supervisor verbs on the bus under their bare names, so that `kill validator-1` reaches it.
 */
import {
  type Clock,
  createMemoryStore,
  createMetrics,
  defineSupervisor,
  type Identity,
  type Log,
  type ProgramDefinition,
  program,
  type Random,
  System,
} from '../../actors/index.ts';
import type { Bus } from '../../bus/index.ts';
import type { Backoff, ExitReason } from '../../machines/index.ts';
import { IsochronError, type Preset } from '../../protocol/index.ts';
import type { WholeCluster } from '../files/readCluster.ts';
import { guardedBus } from './guardedBus.ts';

export interface HostSystemOptions {
  readonly whole: WholeCluster;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly log: Log;
  /** In start order: the server before its clients. */
  readonly programs: readonly ProgramDefinition[];
  readonly onExit: (reason: ExitReason) => void;
}

/** In a lab people kill nodes and watch: back within half a second, and patient with those who do it again and again. */
const backoffOf: Readonly<Record<Preset, Backoff>> = {
  lab: { minMs: 20, maxMs: 1_000, jitter: 0.2, resetAfterMs: 2_000 },
  field: { minMs: 100, maxMs: 10_000, jitter: 0.2, resetAfterMs: 30_000 },
};
/**
 * A node that keeps crashing must not take the others with it, so `host` never gives up on one that has once been up; the
 * backoff keeps this below any budget. One that cannot even start the first time ends `up`, with its reason (see
 * `RunningCluster.failed`).
 */
const restartsMax = 10_000;
const restartsPeriodMs = 60_000;

/** `host` belongs to no member: it has a login, and nothing that signs. */
class HostSignsNothingError extends IsochronError {
  constructor() {
    super('HOST_SIGNS_NOTHING', 500, 'host has no member key');
  }
}

const refuse = (): never => {
  throw new HostSignsNothingError();
};

const identityOf = (cluster: string): Identity => ({
  name: 'host',
  cluster,
  role: 'host',
  mac: new Uint8Array(6),
  rank: undefined,
  peerId: '',
  sign: refuse,
  agree: refuse,
});

/** Not started yet; see `System`. */
export const hostSystem = ({ whole, clock, random, bus, log, programs, onExit }: HostSystemOptions): System => {
  const backoff = backoffOf[whole.config.preset];
  return new System({
    world: {
      clock,
      random,
      bus: guardedBus(bus),
      log,
      store: createMemoryStore({ name: 'host' }),
      metrics: createMetrics(),
      identity: identityOf(whole.config.cluster),
      config: {
        parameters: whole.parameters,
        startedAtMs: clock.elapsed(),
        genesisMs: whole.snapshot.genesisMs,
        systemKey: whole.config.systemKey,
        membership: whole.envelope,
      },
    },
    tree: defineSupervisor({
      name: 'host',
      strategy: 'one_for_one',
      intensity: restartsMax,
      periodMs: restartsPeriodMs,
      children: programs.map((one) => program(one, { restart: 'permanent', backoff })),
    }),
    idOf: (name) => name,
    onExit,
  });
};
