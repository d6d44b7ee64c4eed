/**
 * What can go wrong on the bus: one class per distinct reaction (3-interface §1, errors).
 * A remote failure keeps the code and status its sender gave it, so the command line shows the same code on both ends.
 */
import { type ErrorDetails, IsochronError } from '../protocol/index.ts';

/** No reply came in time; the request may or may not have been handled. */
export class AskTimeoutError extends IsochronError {
  constructor(to: string, verb: string, timeoutMs: number) {
    super('ASK_TIMEOUT', 504, `${to} did not answer ${verb} within ${timeoutMs} ms`, {
      details: { to, verb, timeoutMs },
    });
  }
}

/** Nobody serves the subject: the node is away, or no validator is ready. */
export class NoRespondersError extends IsochronError {
  constructor(to: string, verb: string) {
    super('NO_RESPONDERS', 503, `nobody answers ${verb} at ${to}`, { details: { to, verb } });
  }
}

/** The server cannot be reached, or this bus is closed. */
export class BusUnavailableError extends IsochronError {
  constructor(message: string, options: { readonly cause?: unknown; readonly server?: string } = {}) {
    super('BUS_UNAVAILABLE', 503, message, {
      cause: options.cause,
      details: options.server === undefined ? {} : { server: options.server },
    });
  }
}

/** The server's permissions forbid it, or it does not know this key. */
export class BusDeniedError extends IsochronError {
  constructor(message: string, options: { readonly cause?: unknown; readonly subject?: string } = {}) {
    super('BUS_DENIED', 403, message, {
      cause: options.cause,
      details: options.subject === undefined ? {} : { subject: options.subject },
    });
  }
}

/** Larger than the server's `max_payload`; nothing was sent. */
export class PayloadTooLargeError extends IsochronError {
  constructor(subject: string, bytes: number, limit: number) {
    super('PAYLOAD_TOO_LARGE', 413, `${bytes} bytes for ${subject} exceed the limit of ${limit}`, {
      details: { subject, bytes, limit },
    });
  }
}

/** The other end answered with a typed error. */
export class RemoteError extends IsochronError {
  constructor(code: string, status: number, message: string, details: ErrorDetails = {}) {
    super(code, status, message, { details });
  }
}

/** The verb is not in the table, or this node does not serve it. */
export class UnknownVerbError extends IsochronError {
  constructor(verb: string) {
    super('UNKNOWN_VERB', 404, `unknown verb ${verb}`, { details: { verb } });
  }
}

/** The request does not fit the verb's schema; `details.field` names the first field that does not. */
export class BadRequestError extends IsochronError {
  constructor(field: string, message: string, cause?: unknown) {
    super('BAD_REQUEST', 400, `${field}: ${message}`, { cause, details: { field } });
  }
}

/** Bytes that are not what their format says; `details.offset` is where, when known. */
export class PayloadMalformedError extends IsochronError {
  constructor(format: string, message: string, options: { readonly cause?: unknown; readonly offset?: number } = {}) {
    super('PAYLOAD_MALFORMED', 400, `${format}: ${message}`, {
      cause: options.cause,
      details: options.offset === undefined ? { format } : { format, offset: options.offset },
    });
  }
}

/** A value that the format cannot carry (cyclic, a function, a bigint in JSON). */
export class PayloadUnencodableError extends IsochronError {
  constructor(format: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super('PAYLOAD_UNENCODABLE', 400, `${format}: ${reason}`, { cause, details: { format } });
  }
}

/** A `Content-Type` this bus does not speak, or not here. */
export class FormatUnsupportedError extends IsochronError {
  constructor(contentType: string) {
    super('FORMAT_UNSUPPORTED', 415, `unsupported content type ${contentType}`, { details: { contentType } });
  }
}

/** A node, topic, verb or actor name that cannot be a subject token. */
export class BusNameError extends IsochronError {
  constructor(field: string, value: string, expected: string) {
    super('NAME_INVALID', 400, `${field}: expected ${expected}, got ${JSON.stringify(value.slice(0, 80))}`, {
      details: { field },
    });
  }
}

/** An option of the bus is out of its range. */
export class BusOptionError extends IsochronError {
  constructor(field: string, expected: string) {
    super('BUS_OPTION_INVALID', 400, `${field}: expected ${expected}`, { details: { field } });
  }
}

/** A second handler for one verb. */
export class VerbTakenError extends IsochronError {
  constructor(verb: string) {
    super('VERB_TAKEN', 409, `${verb} is already answered`, { details: { verb } });
  }
}

/** More requests in flight than this node takes on. */
export class BusyError extends IsochronError {
  constructor(limit: number) {
    super('BUSY', 503, `more than ${limit} requests in flight`, { details: { limit } });
  }
}

/** Off loopback the bus refuses to speak in the clear (3-interface §1). */
export class TlsRequiredError extends IsochronError {
  constructor(server: string) {
    super('TLS_REQUIRED', 400, `${server} is not on this machine: use tls:// or configure certificates`, {
      details: { server },
    });
  }
}

/** No nats-server binary on this machine. */
export class NatsServerMissingError extends IsochronError {
  constructor(looked: readonly string[]) {
    super(
      'NATS_SERVER_MISSING',
      503,
      'nats-server not found: install it (`apt-get install nats-server`, `brew install nats-server`) or set NATS_SERVER_BIN',
      {
        details: { looked },
      },
    );
  }
}

/** Another program listens on the port. */
export class PortInUseError extends IsochronError {
  constructor(address: string) {
    super('PORT_IN_USE', 503, `port in use: ${address}`, { details: { address } });
  }
}

/** The nats-server ended before it accepted connections. */
export class NatsServerFailedError extends IsochronError {
  constructor(reason: string, options: { readonly cause?: unknown } = {}) {
    super('NATS_SERVER_FAILED', 503, `nats-server did not start: ${reason}`, { cause: options.cause });
  }
}
