/**
 * Reading without detours. nats.js makes three views and an object of every message before a handler sees it, and decodes
 * subject and payload apart; reading them from the network chunk in place halves the cost of a small message. Whatever is
 * not a plain message to one of our subscriptions goes to nats.js' own parser, byte for byte, as does everything when this
 * version of nats.js has no such parser where we look. A test feeds both the same bytes and compares what comes out.
 */
import type { NatsConnection } from 'nats';
import type { Frame, FrameHandler } from './transport.ts';

/** Our subscriptions, by the number nats.js gave them. */
export type Handlers = ReadonlyMap<number, FrameHandler>;

/** What we use of nats.js' parser. `state` is 0 between two protocol messages. */
export interface Parser {
  readonly state: number;
  parse(bytes: Uint8Array): void;
}
const BETWEEN = 0;

/** A torn message larger than this is left to nats.js: joining chunks again and again would copy it again and again. */
const tornBytesMax = 131_072;
/** nats-server's own bound of a protocol line is 4 KiB; a longer one is not ours to understand. */
const lineBytesMax = 8_192;

const CR = 0x0d;
const M = 0x4d;
const H = 0x48;
const REPLACEMENT = '\uFFFD';

/** One message, still in the chunk it came in. */
class WireFrame implements Frame {
  readonly subject: string;
  readonly reply: string;
  readonly #chunk: Buffer;
  readonly #start: number;
  readonly #end: number;

  constructor(line: Line, chunk: Buffer, start: number) {
    this.subject = line.subject;
    this.reply = line.reply;
    this.#chunk = chunk;
    this.#start = start;
    this.#end = start + line.size;
  }

  get data(): Uint8Array {
    return this.#chunk.subarray(this.#start, this.#end);
  }

  firstByte(): number | undefined {
    return this.#start < this.#end ? this.#chunk[this.#start] : undefined;
  }

  text(): string | undefined {
    const text = this.#chunk.toString('utf8', this.#start, this.#end);
    // Either it was there, or the bytes are no UTF-8: a stricter decoder must tell.
    return text.includes(REPLACEMENT) ? undefined : text;
  }
}

/** A parsed `MSG <subject> <sid> [reply] <bytes>`. */
interface Line {
  readonly subject: string;
  readonly sid: number;
  readonly reply: string;
  readonly size: number;
  /** Bytes of the line with its end. */
  readonly length: number;
}

export class Reader implements Parser {
  readonly #inner: Parser;
  readonly #handlers: Handlers;
  readonly #memo = new LineMemo();
  #torn: Buffer | undefined;

  constructor(inner: Parser, handlers: Handlers) {
    this.#inner = inner;
    this.#handlers = handlers;
  }

  get state(): number {
    return this.#inner.state;
  }

  parse(bytes: Uint8Array): void {
    if (this.#inner.state !== BETWEEN) {
      this.#inner.parse(bytes);
      return;
    }
    const chunk = this.#join(bytes);
    let at = 0;
    while (at < chunk.length) {
      const next = chunk[at] === M ? this.#message(chunk, at) : this.#other(chunk, at);
      if (next === at) break;
      at = next;
    }
    if (at < chunk.length) this.#keep(chunk.subarray(at));
  }

  #join(bytes: Uint8Array): Buffer {
    const chunk = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#torn === undefined) return chunk;
    const joined = Buffer.concat([this.#torn, chunk]);
    this.#torn = undefined;
    return joined;
  }

  #keep(rest: Buffer): void {
    if (rest.length > tornBytesMax) this.#inner.parse(rest);
    else this.#torn = rest;
  }

  /** Offset after the message at `at`, or `at` when it has not wholly arrived. */
  #message(chunk: Buffer, at: number): number {
    const line = this.#memo.read(chunk, at);
    if (line === undefined) return this.#other(chunk, at);
    const start = at + line.length;
    const end = start + line.size + 2;
    if (end > chunk.length) return at;
    const handler = this.#handlers.get(line.sid);
    if (handler === undefined) this.#inner.parse(chunk.subarray(at, end));
    else handler(new WireFrame(line, chunk, start));
    return end;
  }

  /** Hands one whole protocol message to nats.js; everything, when it is not one we know the end of. */
  #other(chunk: Buffer, at: number): number {
    const cr = chunk.indexOf(CR, at);
    if (cr < 0 || cr + 1 >= chunk.length) return chunk.length - at > lineBytesMax ? this.#surrender(chunk, at) : at;
    const end = cr + 2 + payloadBytes(chunk, at, cr);
    // NaN, too: then nats.js says what is wrong with it.
    if (!(end >= cr + 2)) return this.#surrender(chunk, at);
    if (end > chunk.length) return at;
    this.#inner.parse(chunk.subarray(at, end));
    return this.#inner.state === BETWEEN ? end : this.#surrender(chunk, end);
  }

  #surrender(chunk: Buffer, at: number): number {
    this.#inner.parse(chunk.subarray(at));
    return chunk.length;
  }
}

/** Bytes that follow a line: its last number and a line end for messages, nothing for the rest. */
const payloadBytes = (chunk: Buffer, at: number, cr: number): number => {
  if (chunk[at] !== H && chunk[at] !== M) return 0;
  const line = chunk.toString('latin1', at, cr);
  return sizeOf(line.slice(line.lastIndexOf(' ') + 1)) + 2;
};

const sizeOf = (digits: string): number => (/^\d{1,9}$/.test(digits) ? Number(digits) : Number.NaN);

/** Reads message lines. Messages come in runs from one sender on one topic, so a line equal to the last is not read again. */
class LineMemo {
  #last: Line | undefined;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Undefined for a line that has not wholly arrived, or is no `MSG` line of the usual form. */
  read(chunk: Buffer, at: number): Line | undefined {
    if (this.#last !== undefined && this.#repeats(chunk, at, this.#last.length)) return this.#last;
    const cr = chunk.indexOf(CR, at);
    if (cr < 0 || cr + 1 >= chunk.length) return undefined;
    const line = readLine(chunk.toString('latin1', at, cr), cr + 2 - at);
    // Lines with a reply subject never repeat.
    if (line !== undefined && line.reply === '') {
      this.#last = line;
      this.#chunk = chunk;
      this.#at = at;
    }
    return line;
  }

  #repeats(chunk: Buffer, at: number, length: number): boolean {
    if (at + length > chunk.length) return false;
    const last = this.#chunk;
    const offset = this.#at - at;
    for (let i = at; i < at + length; i++) {
      if (chunk[i] !== last[i + offset]) return false;
    }
    return true;
  }
}

const readLine = (text: string, length: number): Line | undefined => {
  if (!text.startsWith('MSG ')) return undefined;
  const subjectEnd = text.indexOf(' ', 4);
  const sidEnd = text.indexOf(' ', subjectEnd + 1);
  if (subjectEnd < 0 || sidEnd < 0) return undefined;
  const replyEnd = text.indexOf(' ', sidEnd + 1);
  const sid = sizeOf(text.slice(subjectEnd + 1, sidEnd));
  const size = sizeOf(text.slice((replyEnd < 0 ? sidEnd : replyEnd) + 1));
  if (Number.isNaN(sid) || Number.isNaN(size)) return undefined;
  return {
    subject: text.slice(4, subjectEnd),
    sid,
    reply: replyEnd < 0 ? '' : text.slice(sidEnd + 1, replyEnd),
    size,
    length,
  };
};

/** The protocol handler behind a connection, when its parser is where we expect it. */
const protocolOf = (nc: NatsConnection): { parser: Parser } | undefined => {
  const protocol = (nc as { protocol?: { parser?: Partial<Parser> } }).protocol;
  const parser = protocol?.parser;
  return typeof parser?.parse === 'function' && typeof parser.state === 'number'
    ? (protocol as { parser: Parser })
    : undefined;
};

/**
 * Reads messages of `handlers` on this connection from now on; nats.js makes a new parser for every connect, which is
 * wrapped as well. False when this nats.js is not made that way: its callbacks then deliver everything.
 */
export const installReader = (nc: NatsConnection, handlers: Handlers): boolean => {
  const protocol = protocolOf(nc);
  if (protocol === undefined) return false;
  let reader = new Reader(protocol.parser, handlers);
  Object.defineProperty(protocol, 'parser', {
    configurable: true,
    enumerable: true,
    get: () => reader,
    set: (fresh: Parser) => {
      reader = new Reader(fresh, handlers);
    },
  });
  return true;
};
