/**
 * The tie between `up -d` and the `up` it leaves behind: an IPC channel until the first is satisfied. Unlike a node, this
 * `up` lives on when the channel ends.
 */
import type { ReadyLine } from './readyMessage.ts';

export interface StartedMessage {
  readonly type: 'started';
  readonly dir: string;
  readonly nats: string | null;
}

export type StarterMessage = StartedMessage | { readonly type: 'ready'; readonly line: ReadyLine };

/** Set by `up -d` for the process it leaves behind. */
export const detachedVariable = 'ISOCHRON_DETACHED';

export interface StarterLink {
  started(dir: string, nats: string | null): void;
  ready(line: ReadyLine): void;
}

const send = (message: StarterMessage): void => {
  // The starter may have left already; then nobody wants to know.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
};

export const starterLink = (env: Readonly<Record<string, string | undefined>>): StarterLink => {
  const isDetached = env[detachedVariable] === '1' && process.send !== undefined;
  if (!isDetached) return { started: () => undefined, ready: () => undefined };
  return {
    started: (dir, nats) => send({ type: 'started', dir, nats }),
    ready: (line) => send({ type: 'ready', line }),
  };
};
