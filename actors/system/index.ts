/** The door of the runtime: define actors, write down a tree, run it on a World. */
export { installCrashHandlers, runUnattributed } from './attribution.ts';
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
  states,
} from './define.ts';
export * from './errors.ts';
export { type Fact, FactBoard, fact } from './facts.ts';
export { exitOf, stateText } from './instance.ts';
export { System, type SystemOptions } from './system.ts';
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
export type * from './world.ts';
