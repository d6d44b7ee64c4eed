/**
 * What a node knows of election terms (decision 5): the highest one, on disk before anything that uses it leaves, and how
 * far others may be ahead of it. Read once and kept in memory: a disk that fails must not stop a node that only follows,
 * and every beacon asks.
 */
import { isPlausibleTerm, roundCredit, roundOf, roundsMargin } from '../protocol/index.ts';
import { tryStore } from './durable.ts';
import type { ActorWorld, Store } from './system/index.ts';

type DiskWorld = Pick<ActorWorld, 'log' | 'metrics'>;
type TermWorld = Pick<ActorWorld, 'store' | 'clock' | 'config'>;

const TERM_KEY = 'election.term';

/** As stored: `atMs` is the wall clock then, because terms may have moved on while the node was off. */
interface StoredTerm {
  readonly term: number;
  readonly atMs: number;
  readonly credit: number;
}

interface Terms {
  readonly term: number;
  /** What is on disk; behind `term` while the disk is full. */
  readonly stored: number;
  /** Rounds by which others might have been ahead at `atMs`: see `roundCredit`. */
  readonly credit: number;
  /** Monotonic, so that a wall clock set back locks nobody out: credit grows whatever it shows. */
  readonly atMs: number;
}

const known = new WeakMap<Store, Terms>();

const termsOf = (world: TermWorld): Terms => {
  const found = known.get(world.store);
  if (found !== undefined) return found;
  const read = load(world);
  known.set(world.store, read);
  return read;
};

const load = ({ store, clock, config }: TermWorld): Terms => {
  const stored = store.get(TERM_KEY) as Partial<StoredTerm> | undefined;
  const { term = 0, atMs = config.genesisMs, credit = roundsMargin } = stored ?? {};
  const now = roundCredit(credit, clock.now() - atMs, config.parameters.answerTimeoutMs);
  return { term, stored: term, credit: now, atMs: clock.elapsed() };
};

const creditNow = ({ clock, config }: TermWorld, { credit, atMs }: Terms): number =>
  roundCredit(credit, clock.elapsed() - atMs, config.parameters.answerTimeoutMs);

/** The highest term ever used or heard; 0 if none. */
export const knownTerm = (world: TermWorld): number => termsOf(world).term;

/** Whether elections can have brought terms from `from` to `term` by now. */
export const mayHaveCome = (world: TermWorld, term: number, from: number): boolean =>
  isPlausibleTerm(term, from, creditNow(world, termsOf(world)));

/**
 * Stores a term this validator is about to claim, and only then knows it.
 * @throws StoreError when the disk cannot take it: then it was never claimed.
 */
export const claimTerm = (world: TermWorld, term: number): void => {
  write(world, advanced(world, term));
};

/** Remembers a term that somebody else claims, and stores it when the disk can take it. An older one changes nothing. */
export const learnTerm = (world: TermWorld & DiskWorld, term: number): void => {
  const next = advanced(world, term);
  known.set(world.store, next);
  if (next.term > next.stored) tryStore(world, () => write(world, next));
};

const advanced = (world: TermWorld, term: number): Terms => {
  const terms = termsOf(world);
  if (term <= terms.term) return terms;
  const credit = Math.max(0, creditNow(world, terms) - (roundOf(term) - roundOf(terms.term)));
  return { ...terms, term, credit, atMs: world.clock.elapsed() };
};

const write = ({ store, clock }: TermWorld, { term, credit, atMs }: Terms): void => {
  store.put(TERM_KEY, { term, atMs: Math.floor(clock.now()), credit });
  known.set(store, { term, stored: term, credit, atMs });
};
