/**
 * The root of every error a user can meet: one class per distinct reaction, each with a stable `code`.
 * The bus carries the same code in its error headers and the command line prints it (3-interface §1).
 */

/** JSON-able facts about an error: the field, the offset, the limit. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface IsochronErrorOptions {
  readonly cause?: unknown;
  readonly details?: ErrorDetails;
}

/** Base class. `status` is the HTTP-like number of `Nats-Service-Error-Code`. */
export class IsochronError extends Error {
  readonly code: string;
  readonly status: number;
  readonly details: ErrorDetails;

  constructor(code: string, status: number, message: string, options: IsochronErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.status = status;
    this.details = options.details ?? {};
  }
}
