/** A virtual network: loss, delay, jitter and partitions between named nodes, drawn from one seed. */

import type { SeededRandom } from '../actors/index.ts';
import type { Link } from '../bus/index.ts';

export interface NetworkConditions {
  /** Probability that a frame is lost, 0 … 1. */
  readonly loss: number;
  /** Least delay of a frame, ms. */
  readonly delayMs: number;
  /** Up to this much more, uniformly, ms: frames overtake each other. */
  readonly jitterMs: number;
  /** Probability that a frame arrives twice, 0 … 1. */
  readonly duplication: number;
}

export const perfectNetwork: NetworkConditions = { loss: 0, delayMs: 0, jitterMs: 0, duplication: 0 };

export class VirtualNetwork {
  readonly #random: SeededRandom;
  readonly #sides = new Map<string, number>();
  conditions: NetworkConditions;

  constructor(random: SeededRandom, conditions: NetworkConditions = perfectNetwork) {
    this.#random = random;
    this.conditions = conditions;
  }

  /** Splits the nodes into groups that do not hear each other; nodes not named hear everyone. */
  partition(...groups: readonly (readonly string[])[]): void {
    this.#sides.clear();
    for (const [side, group] of groups.entries()) {
      for (const node of group) this.#sides.set(node, side);
    }
  }

  heal(): void {
    this.#sides.clear();
  }

  /** What a `MemoryHub` asks for every frame and receiver. */
  readonly link: Link = (from, to) => {
    const { loss, duplication } = this.conditions;
    if (!this.connects(from, to) || this.#random.fraction() < loss) return [];
    return this.#random.fraction() < duplication ? [this.#delay(), this.#delay()] : [this.#delay()];
  };

  /** Whether two nodes are on the same side of every partition. */
  connects(from: string, to: string): boolean {
    const [a, b] = [this.#sides.get(from), this.#sides.get(to)];
    return a === undefined || b === undefined || a === b;
  }

  #delay(): number {
    const { delayMs, jitterMs } = this.conditions;
    return delayMs + this.#random.fraction() * jitterMs;
  }
}
