/** The arguments and options of one call, read and checked; commands ask for them by name. */
import type { ValueSpec } from './command.ts';
import { UsageError } from './errors.ts';

export type Value = string | number | boolean | readonly string[];

export class Arguments {
  readonly #values: ReadonlyMap<string, Value>;

  constructor(values: ReadonlyMap<string, Value>) {
    this.#values = values;
  }

  /** A text or choice; undefined when it was not given and has no default. */
  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  /** A required argument. @throws UsageError when it is missing after all */
  required(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw new UsageError(`missing argument <${name}>`);
    return text;
  }

  flag(name: string): boolean {
    return this.#values.get(name) === true;
  }

  /** A count, or a duration in milliseconds. */
  number(name: string): number | undefined {
    const value = this.#values.get(name);
    return typeof value === 'number' ? value : undefined;
  }

  /** A variadic argument; empty when there is none. */
  list(name: string): readonly string[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? value : [];
  }
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `500ms`, `30s`, `1.5h`; undefined for anything else. */
export const parseDuration = (text: string): number | undefined => {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Math.round(Number(amount) * (unitsMs[unit] ?? 1));
};

/** Reads one value; a text that says what was expected when it does not fit. */
export const parseValue = (spec: ValueSpec | undefined, text: string): { value: Value } | { expected: string } => {
  switch (spec?.kind) {
    case 'count': {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
      return value >= spec.min && value <= spec.max ? { value } : { expected: `a number, ${spec.min} to ${spec.max}` };
    }
    case 'duration': {
      const value = parseDuration(text);
      return value === undefined ? { expected: 'a duration such as 500ms, 30s, 5m or 2h' } : { value };
    }
    case 'choice':
      return spec.choices.includes(text) ? { value: text } : { expected: `one of ${spec.choices.join(', ')}` };
    default:
      return { value: text };
  }
};
