/** The trace of a simulated cluster: what every node came to believe, when. Same seed, same trace, same hash. */
import { type ClockFact, clockFact, type HeadFact, headFact } from '../actors/index.ts';
import { sha256, toHex, utf8 } from '../protocol/index.ts';
import type { SimulatedCluster } from './cluster.ts';

export type TraceEntry = { readonly atMs: number; readonly node: string } & (
  | { readonly type: 'head'; readonly value: HeadFact | null }
  | { readonly type: 'clock'; readonly value: ClockFact }
  | { readonly type: 'fault'; readonly value: string }
);

/** Sees entries as they happen. */
export type TraceWatcher = (entry: TraceEntry) => void;

export class Trace {
  readonly #cluster: SimulatedCluster;
  readonly #startMs: number;
  readonly #watchers: readonly TraceWatcher[];
  /** Chained, so that a day's trace needs no memory. */
  #hash = sha256(utf8('isochron/trace'));
  length = 0;

  constructor(cluster: SimulatedCluster, watchers: readonly TraceWatcher[]) {
    this.#cluster = cluster;
    this.#startMs = cluster.clock.elapsed();
    this.#watchers = watchers;
  }

  /** Follows a node from its start; call again after every restart. */
  follow(node: string): void {
    const facts = this.#cluster.facts(node);
    facts.hear(headFact, (value) => this.add({ atMs: this.#now(), node, type: 'head', value }));
    facts.hear(clockFact, (value) => this.add({ atMs: this.#now(), node, type: 'clock', value }));
  }

  fault(node: string, value: string): void {
    this.add({ atMs: this.#now(), node, type: 'fault', value });
  }

  add(entry: TraceEntry): void {
    this.length += 1;
    this.#hash = sha256(this.#hash, utf8(JSON.stringify(entry)));
    for (const watch of this.#watchers) watch(entry);
  }

  hash(): string {
    return toHex(this.#hash);
  }

  #now(): number {
    return this.#cluster.clock.elapsed() - this.#startMs;
  }
}
