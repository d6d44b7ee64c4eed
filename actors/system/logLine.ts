/** Log lines for people: what `isochron logs` shows. The raw lines stay the truth. */

const levelWidth = 5;

/** Control characters, the C1 ones included: a log line must not be able to drive the terminal that shows it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

const escapeControl = (text: string): string =>
  text.replace(control, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

const isPlain = (text: string): boolean => /^[^\s"=]+$/.test(text);

const renderValue = (value: unknown): string => {
  const text = typeof value === 'string' && isPlain(value) ? value : JSON.stringify(value);
  return escapeControl(text);
};

const two = (n: number): string => String(n).padStart(2, '0');

/** Local time of day; `--:--:--.---` when there is none. */
const renderTime = (time: unknown): string => {
  const date = new Date(typeof time === 'number' ? time : Number.NaN);
  if (Number.isNaN(date.getTime())) return '--:--:--.---';
  const millis = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${millis}`;
};

const parse = (json: string): Record<string, unknown> | undefined => {
  try {
    const parsed: unknown = JSON.parse(json);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
};

/**
 * `HH:MM:SS.mmm level node action=… key=value …` of one NDJSON line, local time. A line that is no JSON object
 * (a crash report, a torn tail) is shown as it is, without its control characters.
 */
export const renderLogLine = (json: string): string => {
  const line = parse(json);
  if (line === undefined) return escapeControl(json.trimEnd());
  const { time, level, node, ...fields } = line;
  const head = [
    renderTime(time),
    escapeControl(String(level ?? '-')).padEnd(levelWidth),
    escapeControl(String(node ?? '-')),
  ];
  return [
    ...head,
    ...Object.entries(fields).map(([name, value]) => `${escapeControl(name)}=${renderValue(value)}`),
  ].join(' ');
};
