/**
 * What is stored although the node could live without it: a full disk must not stop a node that merely follows
 * (it runs on and tries again with the next write). What a message of this node depends on is stored without this.
 */
import { type ActorWorld, StoreError } from './system/index.ts';

const failing = new WeakSet<object>();

/** Codes a node waits out: the disk may have room again, or come back. */
const passing: ReadonlySet<string> = new Set(['STORE_FULL', 'STORE_FAILED']);

/**
 * Runs `write`; a disk that cannot take it is told once, and once more when it can again.
 * @returns whether it was stored
 * @throws what is no matter of the disk
 */
export const tryStore = (
  { store, log, metrics }: Pick<ActorWorld, 'store' | 'log' | 'metrics'>,
  write: () => void,
): boolean => {
  try {
    write();
  } catch (error) {
    if (!(error instanceof StoreError && passing.has(error.code))) throw error;
    metrics.count('store_failures_total', { code: error.code });
    if (!failing.has(store)) log.error('store_failed', { code: error.code, error: error.message });
    failing.add(store);
    return false;
  }
  if (failing.delete(store)) log.info('store_recovered');
  return true;
};
