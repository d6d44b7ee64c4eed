/** The door of the runtime: define actors, write down a tree, run it on a World. */
export { installCrashHandlers, runUnattributed } from './attribution.ts';
export { createClock } from './clock.ts';
export {
  type ActorDefinition,
  type ActorWorld,
  anyDefinition,
  checkEffects,
  defineActor,
  type EffectsOf,
  hears,
  placeholdersOf,
  type Refusal,
  refuse,
  type Send,
} from './define.ts';
export * from './errors.ts';
export { type Fact, FactBoard, fact } from './facts.ts';
export { createIdentity, type IdentityKeys } from './identity.ts';
export { exitOf, stateText } from './instance.ts';
export { createLog, type LogLevel, logLevels, type NodeLog, silentLog } from './log.ts';
export { type BurstLog, oncePerBurst } from './logBurst.ts';
export { renderLogLine } from './logLine.ts';
export { type CrashFate, createMemoryStore, type MemoryStore, type StoreImage } from './memoryStore.ts';
export { createMetrics } from './metrics.ts';
export { createRandom, createSeededRandom, type SeededRandom } from './random.ts';
export { openStore } from './store.ts';
export * from './storeErrors.ts';
export { System, type SystemOptions } from './system.ts';
export { deadline, delay, every } from './timing.ts';
export {
  actor,
  type ChildDefinition,
  type ChildOptions,
  defineSupervisor,
  type ProgramDefinition,
  program,
  type SupervisorDefinition,
  supervisor,
} from './tree.ts';
export type { Unit, UnitHooks, UnitView } from './unit.ts';
export { createVirtualClock, type NodeClock, type VirtualClock } from './virtualClock.ts';
export type * from './world.ts';
