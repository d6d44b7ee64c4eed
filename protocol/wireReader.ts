/**
 * Reads TLV (3-interface §2) without ever reading past a value: every read names its field, so that whatever is wrong is
 * reported as field and offset. Byte fields are views of the input, never copies.
 */
import { WireError, type WireErrorCode } from './wireError.ts';

export const headerBytes = 3;

export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Names of the open nested values: field names are put together only when something is wrong. */
  readonly #path: string[] = [];
  #at = 0;
  /** Where the innermost open value says it ends; may lie beyond the input when that is cut short. */
  #end: number;
  /** How far reads may go: `#end`, but never beyond the input. */
  #limit: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#end = Number.POSITIVE_INFINITY;
    this.#limit = bytes.length;
  }

  /** Offset of the next field. */
  get offset(): number {
    return this.#at;
  }

  /** An error about `field` of the innermost open value; about that value itself when `field` is empty. */
  error(code: WireErrorCode, field: string, offset: number, message: string): WireError {
    const names = field === '' ? this.#path : [...this.#path, field];
    return new WireError(code, names.join('.') || 'message', offset, message);
  }

  /** Enters the outermost TLV, whatever its type; returns that type. */
  openMessage(): number {
    const type = this.u8('type');
    this.#enter(Number.POSITIVE_INFINITY);
    return type;
  }

  /** Leaves the outermost value, which must end with the input. */
  closeMessage(): void {
    this.#requireEnd();
    this.requireNothingAfter();
  }

  /** Enters a nested TLV of exactly this type; returns the outer end, for `close`. */
  open(type: number, field: string): number {
    const start = this.#at;
    const outer = this.#end;
    this.#path.push(field);
    const found = this.u8('type');
    if (found !== type) {
      throw this.error('WIRE_UNKNOWN_TYPE', 'type', start, `${hexByte(found)}, expected ${hexByte(type)}`);
    }
    this.#enter(outer);
    return outer;
  }

  /** Leaves the value `open` entered. */
  close(outer: number): void {
    this.#requireEnd();
    this.#path.pop();
    this.#setEnd(outer);
  }

  /** @throws WireError when the innermost open value, whose header is at `start`, claims more than `max` bytes. */
  requireSize(start: number, max: number): void {
    const size = this.#end - start;
    if (size > max) throw this.error('WIRE_LENGTH', 'length', start + 1, `${size} bytes, more than ${max}`);
  }

  /** @throws WireError `WIRE_TRAILING` when bytes follow the value read last. */
  requireNothingAfter(): void {
    const after = this.#bytes.length - this.#at;
    if (after > 0) throw this.error('WIRE_TRAILING', '', this.#at, `${after} bytes after the message`);
  }

  #enter(outer: number): void {
    const at = this.#at;
    const end = at + 2 + this.u16('length');
    if (end > outer) {
      throw this.error('WIRE_LENGTH', 'length', at, `reaches ${end - outer} bytes past the enclosing value`);
    }
    this.#setEnd(end);
  }

  #requireEnd(): void {
    if (this.#at !== this.#end) {
      throw this.error('WIRE_LENGTH', '', this.#at, `${this.#end - this.#at} bytes more than its fields take`);
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
    if (next > this.#limit) throw this.#shortOf(next, field);
    this.#at = next;
    return start;
  }

  #shortOf(next: number, field: string): WireError {
    const cut = next - this.#bytes.length;
    if (cut > 0) return this.error('WIRE_TRUNCATED', field, this.#at, `the bytes end ${cut} early`);
    return this.error('WIRE_LENGTH', field, this.#at, `its value ends ${next - this.#end} bytes early`);
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
    if (high > 0x1f_ffff) throw this.error('WIRE_FIELD', field, at, 'above 2^53 - 1');
    return high * 0x1_0000_0000 + this.#view.getUint32(at + 4);
  }

  /** A finite IEEE 754 double. */
  f64(field: string): number {
    const at = this.#take(8, field);
    const value = this.#view.getFloat64(at);
    if (!Number.isFinite(value)) throw this.error('WIRE_FIELD', field, at, 'not a finite number');
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
