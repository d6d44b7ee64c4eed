/**
 * The line between the bus and its carrier. Everything of 3-interface §1 is written once above this line, so the NATS bus
 * and its in-memory twin can only differ below it. A NATS message satisfies `Frame` by shape: nothing is wrapped.
 */
import type { BusStatus, Unsubscribe } from './bus.ts';

export interface FrameHeaders {
  /** Status of a server message (503 = no responders), 0 otherwise. */
  readonly code: number;
  /** Empty when absent. */
  get(name: string, match?: 'insensitive'): string;
}

/** One message as the carrier delivers it. */
export interface Frame {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Absent or empty when no reply is wanted. */
  readonly reply?: string;
  readonly headers?: FrameHeaders;
  /** From carriers that have these without making `data`: the payload as text, undefined when it may not be UTF-8 … */
  text?(): string | undefined;
  /** … and its first byte, undefined when it is empty. */
  firstByte?(): number | undefined;
}

export type FrameHandler = (frame: Frame) => void;
export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface Transport {
  readonly connected: boolean;
  /** Bytes of headers and payload that the server takes; the last known while it is away. */
  readonly maxPayload: number;
  /** The state of the connection: connected, reconnecting or closed. */
  status(): BusStatus;
  /** Also reports `denied` and `slowConsumer`, which are moments and no states. */
  onStatus(listener: (status: BusStatus) => void): Unsubscribe;
  /** Only while connected; the caller has checked the size. */
  publish(subject: string, data: string | Uint8Array, headers: HeaderList | undefined, reply: string | undefined): void;
  /** Kept across reconnects. `lasting` subscriptions (the inbox of own asks) outlive `stopReceiving`. */
  subscribe(subject: string, queue: string | undefined, handler: FrameHandler, lasting?: boolean): Unsubscribe;
  flush(): Promise<void>;
  /** Ends the subscriptions; resolves when what was on its way has been handed over. */
  stopReceiving(): Promise<void>;
  close(): Promise<void>;
}

const utf8 = new TextEncoder();
/** A UTF-16 unit takes at most three bytes of UTF-8. */
const bytesPerUnitMax = 3;

/** Bytes on the wire of headers and payload, or 0 when that is surely below `limit` (the common case costs nothing). */
export const sizeAbove = (limit: number, data: string | Uint8Array, headers: HeaderList | undefined): number => {
  const atMost = typeof data === 'string' ? data.length * bytesPerUnitMax : data.length;
  if (headers === undefined && atMost <= limit) return 0;
  const size = (typeof data === 'string' ? utf8.encode(data).length : data.length) + headerBytes(headers);
  return size > limit ? size : 0;
};

const headerBytes = (headers: HeaderList | undefined): number => {
  if (headers === undefined) return 0;
  const line = '\r\n'.length;
  const fields = headers.reduce((sum, [name, value]) => sum + name.length + ': '.length + value.length + line, 0);
  return 'NATS/1.0'.length + line + fields + line;
};
