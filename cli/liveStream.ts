/**
 * An inspection stream, leased and renewed (3-interface §1, `live.watch`): what one actor, or every actor of a node, is sent
 * and where that takes it. A node that restarts has forgotten its leases and is asked again.
 */
import { z } from 'zod';
import { stateText } from '../actors/index.ts';
import { every } from '../actors/system/worldParts.ts';
import type { OperatorConnection } from './cluster.ts';
import type { Context } from './context.ts';
import { addressOf, askAbout, unitsOf } from './ids.ts';
import { messageOf } from './report.ts';
import type { LiveTarget } from './tailSubject.ts';

/** The longest a lease may last; renewed three times as often, so that one lost renewal is nothing. */
const leaseMs = 10_000;
const renewalMs = 3_000;

/** Our versioned envelope; what this version does not know is passed on as it is. */
const envelopeSchema = z.looseObject({
  type: z.string(),
  actor: z.string(),
  atMs: z.number(),
  event: z.looseObject({ type: z.string() }).optional(),
  snapshot: z.looseObject({ value: z.unknown() }).optional(),
});

/** One step of an actor. */
export interface LiveStep {
  /** `validator-1/election` */
  readonly id: string;
  readonly atMs: number;
  /** `@xstate.actor`, `@xstate.event`, `@xstate.snapshot`, … */
  readonly type: string;
  readonly event: { readonly type: string } | undefined;
  /** After it, as text. */
  readonly state: string | undefined;
  readonly envelope: unknown;
}

export class LiveStream {
  readonly #connection: OperatorConnection;
  readonly #context: Context;
  readonly #target: LiveTarget;
  #silent = false;

  constructor(connection: OperatorConnection, context: Context, target: LiveTarget) {
    this.#connection = connection;
    this.#context = context;
    this.#target = target;
  }

  /**
   * Resolves when the first leases are given; goes on until the command ends.
   * @throws UnknownIdError, and what the bus throws
   */
  async start(onStep: (step: LiveStep) => void): Promise<void> {
    const { node, actor } = this.#target;
    const { signal, clock, onExit } = this.#context;
    onExit(
      this.#connection.bus.watch(node, actor ?? '*', (path, envelope) => onStep(stepOf(`${node}/${path}`, envelope))),
    );
    const actors = actor === undefined ? await this.#leaseAll() : [actor];
    if (actor !== undefined) await this.#lease(actor);
    every(clock, renewalMs, () => void this.#renew(actors), signal);
  }

  /** Those that can be watched: one that cannot must not hide the others. @throws what the bus throws when none can */
  async #leaseAll(): Promise<readonly string[]> {
    const { output } = this.#context;
    const actors = await this.#actors();
    const tried = await Promise.allSettled(actors.map((actor) => this.#lease(actor)));
    const failed = tried.flatMap((one, i) =>
      one.status === 'rejected' ? [{ actor: actors[i], reason: one.reason }] : [],
    );
    const [first] = failed;
    if (first !== undefined && failed.length === actors.length) throw first.reason;
    for (const { actor, reason } of failed)
      output.warn(`${this.#target.node}/${actor} cannot be watched: ${messageOf(reason)}`);
    return actors.filter((_, i) => tried[i]?.status === 'fulfilled');
  }

  /** Every actor of the node; its supervisors only pass on what their children do. */
  async #actors(): Promise<readonly string[]> {
    const { node } = this.#target;
    const tree = await askAbout(this.#connection, { id: node, to: node, isBare: false }, 'supervisor.tree', {});
    return unitsOf(tree)
      .filter(
        ({ id, actor, isolation }) => id.startsWith(`${node}/`) && actor !== 'supervisor' && isolation === 'inline',
      )
      .map(({ id }) => id.slice(node.length + 1));
  }

  async #lease(actor: string): Promise<void> {
    const address = addressOf(`${this.#target.node}/${actor}`);
    await askAbout(this.#connection, address, 'live.watch', { actor, ttlMs: leaseMs });
  }

  async #renew(actors: readonly string[]): Promise<void> {
    const { output } = this.#context;
    try {
      await Promise.all(actors.map((actor) => this.#lease(actor)));
      if (this.#silent) output.message(`${this.#target.node} answers again`);
      this.#silent = false;
    } catch (error) {
      if (!this.#silent) output.warn(`${messageOf(error)}; trying on`);
      this.#silent = true;
    }
  }
}

const stepOf = (id: string, envelope: unknown): LiveStep => {
  const parsed = envelopeSchema.safeParse(envelope);
  if (!parsed.success)
    return { id, atMs: Number.NaN, type: 'unreadable', event: undefined, state: undefined, envelope };
  const { atMs, type, event, snapshot } = parsed.data;
  return { id, atMs, type, event, state: snapshot === undefined ? undefined : stateText(snapshot.value), envelope };
};
