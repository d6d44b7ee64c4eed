/**
 * Facts: how actors of one node meet. An actor states a fact, others hear it; the last value is retained, so order of start
 * does not matter. Facts never touch NATS: a dead server stops nothing local (2-architecture, "How actors meet").
 */

/** The name and type of a fact. Made once by `fact()`, shared by who states and who hears it. */
export interface Fact<T> {
  readonly name: string;
  /** Two values that are the same are not stated twice. */
  readonly same: (a: T, b: T) => boolean;
  /** What becomes of the last value when the actor that stated it has ended. Undefined: it stays true without it. */
  readonly orphaned: ((last: T) => T) | undefined;
}

export interface FactOptions<T> {
  /** Default: field by field. */
  readonly same?: (a: T, b: T) => boolean;
  readonly orphaned?: (last: T) => T;
}

/** Declares a fact `<concern>.<fact>`. Values must be plain data. */
export const fact = <T>(name: string, { same = shallowEqual, orphaned }: FactOptions<T> = {}): Fact<T> => ({
  name,
  same,
  orphaned,
});

const shallowEqual = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.is((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
};

type Hearer = (value: unknown) => void;

/** The reading side of a `FactBoard`. */
export interface FactReader {
  /** The last value stated, or undefined before the first. */
  get<T>(fact: Fact<T>): T | undefined;
}

/** The facts of one node. */
export class FactBoard implements FactReader {
  readonly #values = new Map<string, unknown>();
  readonly #hearers = new Map<string, Set<Hearer>>();

  get<T>(fact: Fact<T>): T | undefined {
    return this.#values.get(fact.name) as T | undefined;
  }

  /** Retains `value` and tells every hearer, unless it is what was stated last. */
  state<T>(fact: Fact<T>, value: T): void {
    const known = this.#values.has(fact.name);
    if (known && fact.same(this.#values.get(fact.name) as T, value)) return;
    this.#values.set(fact.name, value);
    for (const hearer of this.#hearers.get(fact.name) ?? []) hearer(value);
  }

  /** Whoever stated `fact` has ended: a head that no longer elects leads no more, whatever it said last. */
  orphan<T>(fact: Fact<T>): void {
    if (fact.orphaned === undefined || !this.#values.has(fact.name)) return;
    this.state(fact, fact.orphaned(this.#values.get(fact.name) as T));
  }

  /** Calls `hearer` with the retained value, if any, and with every later one. */
  hear<T>(fact: Fact<T>, hearer: (value: T) => void): () => void {
    const hearers = this.#hearers.get(fact.name) ?? new Set();
    this.#hearers.set(fact.name, hearers);
    hearers.add(hearer as Hearer);
    if (this.#values.has(fact.name)) hearer(this.#values.get(fact.name) as T);
    return () => hearers.delete(hearer as Hearer);
  }
}
