/** Messages of the bus for people and as JSON: bytes as hex, MACs as the names of their nodes, long things shortened. Pure. */
import { type RadioMessage, toHex } from '../../protocol/index.ts';
import { clip, plain } from './text.ts';

/** Twelve hex digits → name; undefined when nobody has that MAC. */
export type NameOfMac = (mac: string) => string | undefined;

const macBytes = 6;
/** Longest value of a field on one line, in columns. */
const valueWidthMax = 60;
/** What every message carries and nobody reads. */
const unread: ReadonlySet<string> = new Set(['type', 'bytes', 'signature']);

/** A decoded radio message as JSON: bytes in lower-case hex, without the wire bytes it came from. */
export const messageJson = (message: RadioMessage): unknown => jsonOf(message);

const jsonOf = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => name !== 'bytes');
  return Object.fromEntries(entries.map(([name, inner]) => [name, jsonOf(inner)]));
};

/** `epoch=5 term=513 clusterHead=validator-2 …` of any object; nested ones as JSON. */
export const fieldsText = (value: unknown, nameOf: NameOfMac = () => undefined): string => {
  if (typeof value !== 'object' || value === null) return shown(value);
  return Object.entries(value)
    .filter(([name, inner]) => !unread.has(name) && inner !== undefined)
    .map(([name, inner]) => `${plain(name)}=${fieldText(name, inner, nameOf)}`)
    .join(' ');
};

const fieldText = (name: string, value: unknown, nameOf: NameOfMac): string => {
  if (value instanceof Uint8Array)
    return (value.length === macBytes ? nameOf(toHex(value)) : undefined) ?? shown(toHex(value));
  // Of a whole configuration on one line, its version is what changes.
  if (name === 'featureConfig') return `v${String((value as { version?: unknown }).version)}`;
  return shown(typeof value === 'object' ? JSON.stringify(jsonOf(value)) : value);
};

const shown = (value: unknown): string => clip(plain(String(value)), valueWidthMax);

const two = (n: number): string => String(n).padStart(2, '0');

/** `HH:MM:SS.mmm`, local time, as in logs. */
export const timeText = (atMs: number): string => {
  const date = new Date(atMs);
  if (Number.isNaN(date.getTime())) return '--:--:--.---';
  const millis = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${millis}`;
};
