/** The headers a message carries: its content type and the W3C trace it belongs to. */
import { contentTypeHeader } from './codec.ts';
import type { FrameHeaders, HeaderList } from './transport.ts';

/** W3C Trace Context. */
const traceparentHeader = 'traceparent';
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Undefined when there is nothing to say, so that the fast path carries no headers at all. A malformed trace is left out. */
export const headerList = (
  contentType: string | undefined,
  traceparent: string | undefined,
): HeaderList | undefined => {
  const trace = traceparent !== undefined && TRACEPARENT.test(traceparent) ? traceparent : undefined;
  if (contentType === undefined && trace === undefined) return undefined;
  const list: [string, string][] = [];
  if (contentType !== undefined) list.push([contentTypeHeader, contentType]);
  if (trace !== undefined) list.push([traceparentHeader, trace]);
  return list;
};

export const traceparentOf = (headers: FrameHeaders | undefined): string | undefined => {
  const trace = headers?.get(traceparentHeader, 'insensitive');
  return trace !== undefined && TRACEPARENT.test(trace) ? trace : undefined;
};

export const contentTypeOf = (headers: FrameHeaders | undefined): string | undefined =>
  headers?.get(contentTypeHeader, 'insensitive');
