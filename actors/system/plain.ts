/** Makes what an actor holds fit to be shown: JSON and CBOR know no bigints, functions, maps or cycles. */

/** Deeper than this a context is no longer read by people; it also ends cycles. */
const DEPTH_MAX = 12;

/**
 * Plain data of the same shape: bigints become text, functions `{type: name}`, maps and sets arrays, what lies too deep
 * `'…'`. Bytes stay bytes: the codec writes them as hex.
 */
export const plain = (value: unknown, depth = 0): unknown => {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function') return { type: value.name || 'inline' };
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (depth === DEPTH_MAX) return '…';
  const inner = (one: unknown): unknown => plain(one, depth + 1);
  if (value instanceof Error) return { name: value.name, message: value.message };
  if (value instanceof Map || value instanceof Set || Array.isArray(value)) return [...value].map(inner);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inner(one)]));
};
