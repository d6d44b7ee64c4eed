/** The parts of a World, real and virtual, for the door of this folder to pass on. */
export { createClock } from './clock.ts';
export {
  createLog,
  type LogLevel,
  type LogOptions,
  logLevels,
  type NodeLog,
  silentLog,
} from './log.ts';
export { type BurstFields, type BurstLog, oncePerBurst } from './logBurst.ts';
export { renderLogLine } from './logLine.ts';
export type { LogDestination, LogErrorHandler } from './logSink.ts';
export {
  type CrashFate,
  createMemoryStore,
  type MemoryStore,
  type MemoryStoreOptions,
  type StoreImage,
} from './memoryStore.ts';
export { createMetrics, labelValuesMax, otherLabel, seriesMax } from './metrics.ts';
export { createRandom, createSeededRandom, integerBelow, jitter, type SeededRandom } from './random.ts';
export { openStore, type StoreOptions } from './store.ts';
export { type DamageHandler, valueBytesMax } from './storeEntries.ts';
export { StoreError, type StoreErrorCode } from './storeErrors.ts';
export { DeadlineError, type DeadlineOptions, deadline, delay, every } from './timing.ts';
export {
  createVirtualClock,
  type NodeClock,
  type NodeClockOptions,
  type ThrowHandler,
  type VirtualClock,
  type VirtualClockOptions,
} from './virtualClock.ts';
