/** What a radio message that cannot be read, or must not be written, ends in (3-interface §2; issue "What bad input gets"). */
import { IsochronError } from './errors.ts';

/** One code per reason that receivers count apart. */
export type WireErrorCode =
  /** No message type starts so, or a nested type stands where another belongs. */
  | 'WIRE_UNKNOWN_TYPE'
  /** The bytes end before the message does. */
  | 'WIRE_TRUNCATED'
  /** Bytes follow the message. */
  | 'WIRE_TRAILING'
  /** A length field disagrees with the fields it covers, or exceeds its bound. */
  | 'WIRE_LENGTH'
  /** A value is out of bounds. */
  | 'WIRE_FIELD';

/**
 * A radio message is malformed. `field` is the name of docs/wire.md (`feature_config.pilot_plan.slot`), `offset` the byte
 * where that field starts, counted from the first byte of the message.
 */
export class WireError extends IsochronError {
  declare readonly code: WireErrorCode;
  readonly field: string;
  readonly offset: number;

  constructor(code: WireErrorCode, field: string, offset: number, message: string) {
    super(code, 400, `${field} at byte ${offset}: ${message}`, { details: { field, offset } });
    this.field = field;
    this.offset = offset;
  }
}
