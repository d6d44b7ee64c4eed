/**
 * Reads TLV (3-interface §2) without ever reading past a value: every read names its field, so that whatever is wrong is
 * reported as field and offset. Byte fields are views of the input, never copies.
 */
import { WireError } from './wireError.ts';

export const headerBytes = 3;

export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  /** Where the innermost open value says it ends; may lie beyond the input when that is cut short. */
  #end: number;
  /** How far reads may go: `#end`, but never beyond the input. */
  #limit: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#end = bytes.length;
    this.#limit = bytes.length;
  }

  /** Offset of the next field. */
  get offset(): number {
    return this.#at;
  }

  /** Enters a nested TLV of exactly this type; returns the outer end, for `close`. */
  open(type: number, field: string): number {
    const start = this.#at;
    const outer = this.#end;
    const found = this.u8(field);
    if (found !== type)
      throw new WireError('WIRE_UNKNOWN_TYPE', field, start, `type ${hexByte(found)}, expected ${hexByte(type)}`);
    this.#enter(field, outer);
    return outer;
  }

  /** Enters the outermost TLV, whatever its type; returns that type. */
  openMessage(): number {
    const type = this.u8('type');
    this.#enter('message', Number.POSITIVE_INFINITY);
    return type;
  }

  #enter(field: string, outer: number): void {
    const at = this.#at;
    const end = at + 2 + this.u16(`${field}.length`);
    if (end > outer)
      throw new WireError(
        'WIRE_LENGTH',
        `${field}.length`,
        at,
        `reaches ${end - outer} bytes past the enclosing value`,
      );
    this.#setEnd(end);
  }

  /** Leaves the value `open` entered. */
  close(outer: number, field: string): void {
    this.#closeValue(field);
    this.#setEnd(outer);
  }

  /** Leaves the outermost value, which must end with the input. */
  closeMessage(field: string): void {
    this.#closeValue(field);
    if (this.#bytes.length > this.#end) {
      throw new WireError(
        'WIRE_TRAILING',
        field,
        this.#end,
        `${this.#bytes.length - this.#end} bytes after the message`,
      );
    }
  }

  #closeValue(field: string): void {
    if (this.#at !== this.#end) {
      throw new WireError(
        'WIRE_LENGTH',
        field,
        this.#at,
        `${this.#end - this.#at} more bytes in the value than its fields take`,
      );
    }
  }

  #setEnd(end: number): void {
    this.#end = end;
    this.#limit = Math.min(end, this.#bytes.length);
  }

  /** Takes `size` bytes for `field`; returns where they start. */
  #take(size: number, field: string): number {
    const start = this.#at;
    const next = start + size;
    if (next > this.#limit) {
      const cut = next > this.#bytes.length;
      const message = cut
        ? `the message ends ${next - this.#bytes.length} bytes early`
        : `the value ends ${next - this.#end} bytes early`;
      throw new WireError(cut ? 'WIRE_TRUNCATED' : 'WIRE_LENGTH', field, start, message);
    }
    this.#at = next;
    return start;
  }

  u8(field: string): number {
    return this.#view.getUint8(this.#take(1, field));
  }

  u16(field: string): number {
    return this.#view.getUint16(this.#take(2, field));
  }

  u32(field: string): number {
    return this.#view.getUint32(this.#take(4, field));
  }

  /** An unsigned 64-bit integer that a JS number holds exactly. */
  u64(field: string): number {
    const at = this.#take(8, field);
    const high = this.#view.getUint32(at);
    if (high > 0x1f_ffff) throw new WireError('WIRE_FIELD', field, at, 'above 2^53 - 1');
    return high * 0x1_0000_0000 + this.#view.getUint32(at + 4);
  }

  /** A finite IEEE 754 double. */
  f64(field: string): number {
    const at = this.#take(8, field);
    const value = this.#view.getFloat64(at);
    if (!Number.isFinite(value)) throw new WireError('WIRE_FIELD', field, at, 'not a finite number');
    return value;
  }

  /** A view of the next `size` bytes. */
  bytes(size: number, field: string): Uint8Array {
    return this.view(this.#take(size, field), this.#at);
  }

  /** A view of the input from `start` to `end`; plain Uint8Array even when the input is a Buffer. */
  view(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, end - start);
  }
}

const hexByte = (byte: number): string => `0x${byte.toString(16).padStart(2, '0')}`;
