/** The door of actors/: the concerns of a node, and the runtime they run on. */
export * from './facts.ts';
export * from './node.ts';
export * from './system/index.ts';
