/**
 * Typed errors on the wire: ADR-32's headers `Nats-Service-Error-Code` and `Nats-Service-Error`, and a body
 * `{"error":{"code","message","details"}}` in the format of the request (3-interface §1).
 */
import { type ErrorDetails, IsochronError } from '../protocol/index.ts';
import { RemoteError } from './errors.ts';
import type { FrameHeaders } from './transport.ts';

export const errorCodeHeader = 'Nats-Service-Error-Code';
export const errorHeader = 'Nats-Service-Error';
/** Longer texts add nothing and every reply must stay small. */
const messageCharsMax = 1_000;
const INTERNAL = 500;

export interface ErrorReply {
  readonly headers: readonly (readonly [string, string])[];
  readonly body: {
    readonly error: { readonly code: string; readonly message: string; readonly details: ErrorDetails };
  };
}

/** An error of ours goes out as it is; anything else is `INTERNAL` and keeps its text at home. */
export const errorReply = (error: unknown): ErrorReply => {
  const known = error instanceof IsochronError;
  const code = known ? error.code : 'INTERNAL';
  const message = known ? error.message.slice(0, messageCharsMax) : 'internal error';
  const headers = [
    [errorCodeHeader, String(known ? error.status : INTERNAL)],
    [errorHeader, headerText(message)],
  ] as const;
  return { headers, body: { error: { code, message, details: known ? error.details : {} } } };
};

/** Header values are one line of printable ASCII (ADR-4). */
const headerText = (text: string): string => text.replace(/[^\x20-\x7e]+/g, ' ').trim();

export const readErrorReply = (status: string, headers: FrameHeaders, payload: unknown): RemoteError => {
  const error = isRecord(payload) && isRecord(payload.error) ? payload.error : {};
  const { code, message, details } = error;
  const number = Number(status);
  return new RemoteError(
    typeof code === 'string' ? code : 'REMOTE_ERROR',
    Number.isInteger(number) ? number : INTERNAL,
    typeof message === 'string' ? message : headers.get(errorHeader, 'insensitive') || 'remote error',
    isRecord(details) ? (details as ErrorDetails) : {},
  );
};

interface Body {
  readonly [field: string]: unknown;
  readonly error?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly details?: unknown;
}

const isRecord = (value: unknown): value is Body =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
