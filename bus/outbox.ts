/**
 * What was said while the server was away. The client library buffers publishes by accident of timing; here the policy of
 * each message decides: a late beacon is worse than none, a membership change must not be lost (issue: offline policy).
 */
import type { HeaderList } from './transport.ts';

/** Messages kept for the reconnect; more is a node that talks to nobody for too long. */
export const outboxMessagesMax = 1_024;
/** Characters or bytes kept, whatever the count. */
export const outboxBytesMax = 4 * 1024 * 1024;

interface Kept {
  readonly subject: string;
  readonly data: string | Uint8Array;
  readonly headers: HeaderList | undefined;
}

export class Outbox {
  #kept: Kept[] = [];
  #bytes = 0;

  /** False when it is full: the newest is refused, so that what is kept stays in order and without holes. */
  keep(subject: string, data: string | Uint8Array, headers: HeaderList | undefined): boolean {
    if (this.#kept.length >= outboxMessagesMax || this.#bytes + data.length > outboxBytesMax) return false;
    // The caller may reuse its bytes before the server is back.
    this.#kept.push({ subject, data: typeof data === 'string' ? data : new Uint8Array(data), headers });
    this.#bytes += data.length;
    return true;
  }

  /** Empties the outbox, oldest first. */
  take(): readonly Kept[] {
    const kept = this.#kept;
    this.#kept = [];
    this.#bytes = 0;
    return kept;
  }
}
