/** Writes TLV (3-interface §2) and refuses every value the reader would refuse, naming it the same way. */
import { WireError } from './wireError.ts';
import { headerBytes } from './wireReader.ts';

/** Room for the longest message, SYNC_REPLY around the longest beacon (1 329 bytes). */
const capacity = 2048;

export class WireWriter {
  readonly #bytes = new Uint8Array(capacity);
  readonly #view = new DataView(this.#bytes.buffer);
  /** Names of the open nested values: field names are put together only when something is wrong. */
  readonly #path: string[] = [];
  #at = 0;

  /** Starts over; nothing written before survives. */
  reset(): void {
    this.#at = 0;
    this.#path.length = 0;
  }

  get offset(): number {
    return this.#at;
  }

  /** Writes the header of the message, whose length `closeMessage` fills in. */
  openMessage(type: number): void {
    this.#header(type);
  }

  /** Fills in the length of the message, counting `following` bytes still to be written. */
  closeMessage(following: number): void {
    this.#fillLength(0, following);
  }

  /** Writes the header of a nested value, whose length `close` fills in; returns where it starts. */
  open(type: number, field: string): number {
    this.#path.push(field);
    return this.#header(type);
  }

  /** Fills in the length of the value opened at `start`. */
  close(start: number): void {
    this.#path.pop();
    this.#fillLength(start, 0);
  }

  u16(value: number, field: string): void {
    this.#view.setUint16(this.#take(2), this.#checked(value, 0xffff, field));
  }

  u32(value: number, field: string): void {
    this.#view.setUint32(this.#take(4), this.#checked(value, 0xffff_ffff, field));
  }

  u64(value: number, field: string): void {
    this.#checked(value, Number.MAX_SAFE_INTEGER, field);
    const at = this.#take(8);
    this.#view.setUint32(at, Math.floor(value / 0x1_0000_0000));
    this.#view.setUint32(at + 4, value % 0x1_0000_0000);
  }

  f64(value: number, field: string): void {
    if (!Number.isFinite(value)) throw this.#refusal(field, 'not a finite number');
    this.#view.setFloat64(this.#take(8), value);
  }

  /** Writes exactly `size` bytes. */
  bytes(value: Uint8Array, size: number, field: string): void {
    if (value.length !== size) throw this.#refusal(field, `${value.length} bytes, expected ${size}`);
    this.#bytes.set(value, this.#take(size));
  }

  /** Throws for a value that breaks a rule of the field about to be written. */
  require(holds: boolean, field: string, rule: string): void {
    if (!holds) throw this.#refusal(field, rule);
  }

  /** What was written from `start` on, valid until the next `reset`. */
  written(start = 0): Uint8Array {
    return this.#bytes.subarray(start, this.#at);
  }

  #checked(value: number, max: number, field: string): number {
    if (!(Number.isInteger(value) && value >= 0 && value <= max))
      throw this.#refusal(field, `${value} is no integer in 0…${max}`);
    return value;
  }

  #refusal(field: string, message: string): WireError {
    const names = field === '' ? this.#path : [...this.#path, field];
    return new WireError('WIRE_FIELD', names.join('.') || 'message', this.#at, message);
  }

  #header(type: number): number {
    const start = this.#take(headerBytes);
    this.#view.setUint8(start, type);
    return start;
  }

  #fillLength(start: number, following: number): void {
    this.#view.setUint16(start + 1, this.#at - start - headerBytes + following);
  }

  #take(size: number): number {
    const start = this.#at;
    this.#at += size;
    return start;
  }
}
