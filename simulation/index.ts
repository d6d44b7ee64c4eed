/** The door of simulation/: a whole cluster in virtual time, on a virtual network, from one seed. */
export * from './cluster.ts';
export * from './invariants.ts';
export * from './network.ts';
export * from './soak.ts';
export * from './trace.ts';
