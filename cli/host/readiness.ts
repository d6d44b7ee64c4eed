/** When a cluster is ready: every node answers, is synchronised, and names the same head and the same epoch. */
import type { Clock } from '../../actors/index.ts';
import { delay } from '../../actors/system/worldParts.ts';
import type { Bus } from '../../bus/index.ts';
import { type EpochReply, epochReplySchema } from '../../protocol/index.ts';

/** How often nodes are asked while they do not agree yet: a tenth of what a person notices. */
const pollMs = 100;
/** A node that is starting does not answer at all; one that is slow may. */
const askTimeoutMs = 1_000;

export interface Agreement {
  readonly epoch: number;
  readonly term: number;
  readonly head: string;
}

/** What all replies agree on; undefined when they do not, or one is missing. */
export const agreementOf = (replies: readonly (EpochReply | undefined)[]): Agreement | undefined => {
  const [first] = replies;
  if (first === undefined || first.clusterHead === null) return undefined;
  const agrees = (reply: EpochReply | undefined): boolean =>
    reply?.synchronized === true && reply.clusterHead === first.clusterHead && reply.epoch === first.epoch;
  return replies.every(agrees) ? { epoch: first.epoch, term: first.term, head: first.clusterHead } : undefined;
};

const ask = async (bus: Bus, node: string, signal: AbortSignal): Promise<EpochReply | undefined> => {
  try {
    const parsed = epochReplySchema.safeParse(
      await bus.ask(node, 'epoch.get', {}, { timeoutMs: askTimeoutMs, signal }),
    );
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
};

/** Asks until all agree. @throws the signal's reason when it aborts first */
export const waitForAgreement = async (
  bus: Bus,
  nodes: readonly string[],
  clock: Clock,
  signal: AbortSignal,
): Promise<Agreement> => {
  for (;;) {
    signal.throwIfAborted();
    const agreement = agreementOf(await Promise.all(nodes.map((node) => ask(bus, node, signal))));
    if (agreement !== undefined) return agreement;
    await delay(clock, pollMs, signal);
  }
};
