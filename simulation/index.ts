/** The door of simulation/: a whole cluster in virtual time, on a virtual network, from one seed. */
export * from './cluster.ts';
export * from './network.ts';
