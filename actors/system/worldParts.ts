/**
 * The second, light door of the runtime: the parts of a World that load no vendor library, for commands that need
 * a clock but no actors. The first door also loads XState, SQLite and pino, which takes longer than such a command.
 */
export { createClock } from './clock.ts';
export { type BurstFields, type BurstLog, oncePerBurst } from './logBurst.ts';
export { renderLogLine } from './logLine.ts';
export { createMetrics, labelValuesMax, otherLabel, seriesMax } from './metrics.ts';
export { createRandom, createSeededRandom, integerBelow, jitter, type SeededRandom } from './random.ts';
export { DeadlineError, type DeadlineOptions, deadline, delay, every } from './timing.ts';
export {
  createVirtualClock,
  type NodeClock,
  type NodeClockOptions,
  type ThrowHandler,
  type VirtualClock,
  type VirtualClockOptions,
} from './virtualClock.ts';
