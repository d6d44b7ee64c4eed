/**
 * RFC3339Nano in UTC, to the nanosecond: `Date.parse` merges different nanoseconds, and as text `…00Z` sorts after `…00.5Z`,
 * so times of membership documents are compared as integers.
 */
import { IsochronError } from './errors.ts';

/** A text is not an RFC3339Nano time in UTC. `details.field` names it. */
export class TimeTextError extends IsochronError {
  constructor(field: string) {
    super('TIME_INVALID', 400, `${field}: expected a UTC time such as 2025-11-19T08:30:00.123456789Z`, {
      details: { field },
    });
  }
}

const pattern = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z$/;

/** Nanoseconds since 1970. Leap seconds (`:60`) are refused: Unix time has none. @throws TimeTextError */
export const parseRfc3339Nano = (text: string, field = 'time'): bigint => {
  const [, seconds, fraction = ''] = pattern.exec(text) ?? [];
  const at = new Date(`${seconds}.000Z`);
  // Date rolls 30 February over to March; such a day is refused.
  if (seconds === undefined || Number.isNaN(at.getTime()) || !at.toISOString().startsWith(seconds))
    throw new TimeTextError(field);
  return BigInt(at.getTime()) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
};

/** As Go writes it: no trailing zeros in the fraction. @throws TimeTextError outside the years 0–9999. */
export const formatRfc3339Nano = (timeNs: bigint): string => {
  const fraction = ((timeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const at = new Date(Number((timeNs - fraction) / 1_000_000n));
  if (Number.isNaN(at.getTime()) || at.getUTCFullYear() < 0 || at.getUTCFullYear() > 9999)
    throw new TimeTextError('time');
  const digits = fraction.toString().padStart(9, '0').replace(/0+$/, '');
  return `${at.toISOString().slice(0, 19)}${digits === '' ? '' : `.${digits}`}Z`;
};
