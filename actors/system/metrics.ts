/**
 * Counters and gauges of one node, in memory. What others put into a label (a peer's name, a reason) cannot make it
 * grow without bound: a label keeps a limited number of values, and what comes later counts as `other`.
 */
import type { Labels, Metrics, Sample } from './world.ts';

/** Values one label of one metric may take: more than a cluster has validators or a codec has reasons. */
export const labelValuesMax = 64;

/** Label combinations of one metric; beyond it every label becomes `other`. 64 values of one label times 16 of another. */
export const seriesMax = 1_024;

/** What a label value beyond the limit becomes. */
export const otherLabel = 'other';

type Kind = 'counter' | 'gauge';

const namePattern = /^[a-z][a-z0-9_]{0,99}$/;

class Series {
  readonly labels: Labels;
  value = 0;

  constructor(labels: Labels) {
    this.labels = labels;
  }
}

const keyOf = (labels: readonly (readonly [string, string])[]): string => JSON.stringify(labels);

/** One metric: its series, and which values each label has taken. */
class Metric {
  readonly kind: Kind;
  readonly series = new Map<string, Series>();
  readonly #values = new Map<string, Set<string>>();
  readonly #unlabelled = new Series({});

  constructor(kind: Kind) {
    this.kind = kind;
  }

  find(labels: Labels | undefined): Series {
    if (labels === undefined) return this.#adopt('[]', this.#unlabelled);
    const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = keyOf(pairs);
    return this.series.get(key) ?? this.#bounded(pairs);
  }

  #bounded(pairs: readonly [string, string][]): Series {
    const isFull = this.series.size >= seriesMax;
    const kept = pairs.map(([label, value]) => [label, isFull ? otherLabel : this.#limit(label, value)] as const);
    const key = keyOf(kept);
    return this.series.get(key) ?? this.#adopt(key, new Series(Object.fromEntries(kept)));
  }

  #adopt(key: string, series: Series): Series {
    if (!this.series.has(key)) this.series.set(key, series);
    return series;
  }

  #limit(label: string, value: string): string {
    const values = this.#values.get(label) ?? new Set();
    this.#values.set(label, values);
    if (!values.has(value) && values.size >= labelValuesMax) return otherLabel;
    values.add(value);
    return value;
  }
}

class MetricRegistry implements Metrics {
  readonly #metrics = new Map<string, Metric>();

  count(name: string, labels?: Labels, by = 1): void {
    if (!(Number.isFinite(by) && by >= 0)) throw new RangeError(`${name}: a counter grows by 0 or more; got ${by}`);
    this.#find(name, 'counter').find(labels).value += by;
  }

  gauge(name: string, value: number, labels?: Labels): void {
    if (!Number.isFinite(value)) throw new RangeError(`${name}: a gauge is a finite number; got ${value}`);
    this.#find(name, 'gauge').find(labels).value = value;
  }

  read(): readonly Sample[] {
    return [...this.#metrics].flatMap(([name, metric]) =>
      [...metric.series.values()].map(({ labels, value }) => ({ name, labels, value })),
    );
  }

  #find(name: string, kind: Kind): Metric {
    const known = this.#metrics.get(name);
    if (known?.kind === kind) return known;
    if (known) throw new TypeError(`${name} is a ${known.kind}, not a ${kind}`);
    if (!namePattern.test(name))
      throw new TypeError(`${JSON.stringify(name)} is not a metric name: snake_case, unit last`);
    const metric = new Metric(kind);
    this.#metrics.set(name, metric);
    return metric;
  }
}

/** An empty registry. Metric names come from code, so they are checked, not limited. */
export const createMetrics = (): Metrics => new MetricRegistry();
