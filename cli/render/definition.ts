/** A statechart as an outline: its states, nested, with what each waits for; where the actor is now is marked. */
import type { Paint } from '../output.ts';
import { plain } from './text.ts';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const keysOf = (value: unknown): readonly string[] => (isObject(value) ? Object.keys(value) : []);

/** State values nest no deeper; a definition that does is not ours. */
const depthMax = 12;

/** Which of a region's states are active, and the value below each: `'leader'`, `{leader: 'idle'}`, `{a: …, b: …}`. */
const activeBelow = (value: unknown, name: string): { readonly active: boolean; readonly below: unknown } => {
  if (typeof value === 'string') return { active: value === name, below: undefined };
  if (!isObject(value)) return { active: false, below: undefined };
  return { active: Object.hasOwn(value, name), below: value[name] };
};

const eventsOf = (state: Json): readonly string[] => [
  ...keysOf(state.on),
  ...keysOf(state.after).map((delay) => `after ${delay}`),
  ...(state.always === undefined ? [] : ['always']),
];

/** One line a state: `▶ leader  on heartbeat, after electionTimeout  – description`. */
export const stateLines = (definition: unknown, value: unknown, paint: Paint): string[] => {
  const lines: string[] = [];
  const walk = (parent: unknown, region: unknown, depth: number): void => {
    const states = isObject(parent) ? parent.states : undefined;
    if (!isObject(states) || depth > depthMax) return;
    for (const [name, state] of Object.entries(states)) {
      const { active, below } = activeBelow(region, name);
      const details = isObject(state) ? state : {};
      const events = eventsOf(details);
      const description = typeof details.description === 'string' ? plain(details.description) : '';
      const marked = `${active ? '▶' : ' '} ${'  '.repeat(depth)}${plain(name)}`;
      const on = events.length === 0 ? '' : `  ${paint('dim', `on ${events.map(plain).join(', ')}`)}`;
      lines.push(`${active ? paint('green', marked) : marked}${on}${description === '' ? '' : `  ${description}`}`);
      walk(state, active ? below : undefined, depth + 1);
    }
  };
  walk(definition, value, 0);
  return lines;
};
