/** The door of machines/: pictures and pure decisions. */
export * from './beacon.ts';
export * from './election.ts';
export * from './epoch.ts';
export * from './membership.ts';
export * from './placeholder.ts';
export * from './supervisor/decide.ts';
export * from './supervisor/machine.ts';
export * from './supervisor/model.ts';
