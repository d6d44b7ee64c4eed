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
