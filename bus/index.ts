/** The door of bus/: how messages travel. */
export * from './bus.ts';
