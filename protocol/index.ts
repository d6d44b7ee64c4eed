/** The door of protocol/: what nodes say and how it is checked. */
export * from './errors.ts';
export * from './parameters.ts';
export * from './roles.ts';
export * from './topics.ts';
export * from './verbs.ts';
