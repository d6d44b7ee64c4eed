/** Election terms (decision 5): term = round · 256 + rank of the candidate, so two validators never claim the same one. */
import { IsochronError } from './errors.ts';

/** Terms are u32 on the wire. */
export const roundMax = 2 ** 24 - 1;
export const rankMax = 255;

/** A round or rank does not fit into a term. `details.field` names it. */
export class TermError extends IsochronError {
  constructor(field: 'round' | 'rank' | 'term', value: number, max: number) {
    super('TERM_OUT_OF_RANGE', 400, `${field}: ${value} is no integer in 0…${max}`, { details: { field } });
  }
}

const checked = (field: 'round' | 'rank' | 'term', value: number, max: number): number => {
  if (!(Number.isInteger(value) && value >= 0 && value <= max)) throw new TermError(field, value, max);
  return value;
};

/** @throws TermError */
export const termOf = (round: number, rank: number): number =>
  checked('round', round, roundMax) * 256 + checked('rank', rank, rankMax);

/** @throws TermError */
export const roundOf = (term: number): number => Math.floor(checked('term', term, 0xffff_ffff) / 256);

/** @throws TermError */
export const rankOf = (term: number): number => checked('term', term, 0xffff_ffff) % 256;

/** The next round's term of this validator. */
export const nextTerm = ({ term, rank }: { readonly term: number; readonly rank: number }): number =>
  termOf(roundOf(term) + 1, rank);

/** Rounds a validator may be ahead although no election can have happened in the time known. */
export const roundsMargin = 8;
/** Elections one after the other for longer than this are none, ms: what a node was away for may be far more. */
const ELECTING_MAX_MS = 86_400_000;

/**
 * Rounds by which others may be ahead: a purse that time fills, one round an `answerTimeoutMs`, and that every jump
 * empties. One hostile 2³²−1 must not freeze elections, nor many hostile messages of 8 rounds each (decision 5).
 * @param left what was left of it `sinceMs` ago.
 */
export const roundCredit = (left: number, sinceMs: number, answerTimeoutMs: number): number =>
  Math.min(roundsMargin + ELECTING_MAX_MS / answerTimeoutMs, left + Math.max(0, sinceMs) / answerTimeoutMs);

/** Whether `term` can have come about since `known`. */
export const isPlausibleTerm = (term: number, known: number, credit: number): boolean =>
  roundOf(term) <= roundOf(known) + Math.floor(credit);
