/**
 * Attribution: every dispatch runs inside `AsyncLocalStorage`, so that a stray rejection or a throw in a timer is charged
 * to the actor that caused it and restarts only that one (proved in a real process by integration/attribution.test.ts).
 * One way out stays open: Node 20 forgets the context of a throw in a bare `queueMicrotask`, which the product never uses.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** Something that can be blamed. */
export interface Attributed {
  readonly id: string;
  /** Ends the blamed unit with an error; a second call does nothing. */
  crash(error: unknown): void;
}

const storage = new AsyncLocalStorage<Attributed>();

/** Runs `run` on the account of `unit`. */
export const runAs = <T>(unit: Attributed, run: () => T): T => storage.run(unit, run);

/** Runs `run` on nobody's account: codec, verification and bus loops, where tracking costs two to three times. */
export const runUnattributed = <T>(run: () => T): T => storage.exit(run);

export const currentUnit = (): Attributed | undefined => storage.getStore();

/**
 * Charges uncaught exceptions and unhandled rejections to their actor; what belongs to nobody goes to `onUnattributed`.
 * Install once a process, at its composition root. Returns how to uninstall.
 */
export const installCrashHandlers = (onUnattributed: (error: unknown) => void): (() => void) => {
  const handle = (error: unknown): void => {
    const unit = storage.getStore();
    if (unit === undefined) onUnattributed(error);
    else unit.crash(error);
  };
  process.on('uncaughtException', handle);
  process.on('unhandledRejection', handle);
  return () => {
    process.off('uncaughtException', handle);
    process.off('unhandledRejection', handle);
  };
};
