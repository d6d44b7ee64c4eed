/** The facts of a node: what its actors know of each other (2-architecture, "How actors meet"). */
import type { Beacon, FeatureConfig, Members } from '../protocol/index.ts';
import { type ActorWorld, fact } from './system/index.ts';

/** Verified members, or null while nobody may be believed. */
export const membersFact = fact<Members | null>('membership.members');

/** Who leads, and whether it is this node; null while nobody does. */
export interface HeadFact {
  readonly name: string;
  readonly term: number;
  readonly self: boolean;
}
export const headFact = fact<HeadFact | null>('election.head', { orphaned: () => null });

/** This node's cluster clock: cluster time = monotonic clock + `baseMs`. */
export interface ClockFact {
  readonly baseMs: number;
  /** Highest epoch begun or accepted. */
  readonly epoch: number;
  readonly synchronized: boolean;
  /** Term and head of the last beacon accepted. */
  readonly term: number;
  readonly head: string | null;
  /** Best round trip to the head lately; 0 before the first. */
  readonly rttMs: number;
}
export const clockFact = fact<ClockFact>('epoch.clock', {
  // The clock runs on as it was; nobody watches any longer whether it is still right.
  orphaned: (last) => ({ ...last, synchronized: false }),
});

/** The feature configuration in force; null before the first. */
export const configFact = fact<FeatureConfig | null>('epoch.config');

/** The last beacon this node said as head; null before the first. */
export const ownBeaconFact = fact<Beacon | null>('beacon.own');

/** Cluster time now, Unix ms; the local wall clock before the first fact. */
export const clusterNow = ({ clock, facts }: Pick<ActorWorld, 'clock' | 'facts'>): number => {
  const base = facts.get(clockFact)?.baseMs;
  return base === undefined ? clock.now() : clock.elapsed() + base;
};
