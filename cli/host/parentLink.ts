/**
 * The tie between a node and the `up` that started it: an IPC channel. Its end is the one thing that even SIGKILL of the
 * parent cannot prevent, and a node without its parent ends at once.
 */
import { exitCodes } from '../exitCodes.ts';

/** What a node tells its parent. */
export type NodeMessage = { readonly type: 'ready' };

export interface ParentLink {
  /** Every actor of the node is up. */
  ready(): void;
}

/** Ties this process to its parent; without one (`node` started by hand or by systemd) nothing happens. */
export const parentLink = (): ParentLink => {
  if (process.send === undefined) return { ready: () => undefined };
  process.once('disconnect', () => process.exit(exitCodes.failure));
  if (!process.connected) process.exit(exitCodes.failure);
  return {
    ready: () => {
      const message: NodeMessage = { type: 'ready' };
      process.send?.(message, undefined, undefined, () => undefined);
    },
  };
};
