/** Durations and offsets as people read and type them. */

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const two = (n: number): string => String(n).padStart(2, '0');

/** `850ms`, `3.2s`, `42s`, `3m12s`, `2h05m`, `3d04h`: two units at most. */
export const formatDuration = (ms: number): string => {
  if (!Number.isFinite(ms)) return '-';
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < secondMs) return `${Math.floor(ms)}ms`;
  if (ms < 10 * secondMs) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  if (ms < minuteMs) return `${Math.floor(ms / secondMs)}s`;
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)}m${two(Math.floor((ms % minuteMs) / secondMs))}s`;
  if (ms < dayMs) return `${Math.floor(ms / hourMs)}h${two(Math.floor((ms % hourMs) / minuteMs))}m`;
  return `${Math.floor(ms / dayMs)}d${two(Math.floor((ms % dayMs) / hourMs))}h`;
};

/** `+0.31`, `-12.4`, `+1234`: milliseconds with a sign, finer when small. */
export const formatSignedMs = (ms: number): string => {
  const size = Math.abs(ms);
  const digits = size < 10 ? 2 : size < 1_000 ? 1 : 0;
  const text = size.toFixed(digits);
  return `${ms < 0 && Number(text) !== 0 ? '-' : '+'}${text}`;
};
