/**
 * The asking side of request/reply: one reply inbox a connection, `_INBOX.<from>.<random>.<n>` over plain publish and
 * subscribe. The client library's own `request()` costs four times as much under load (research: peers, trap 1).
 */
import type { AskOptions } from './bus.ts';
import { contentTypeHeader, decodeFrame, encodePayload, frameFormat } from './codec.ts';
import { Deadlines, type Waiting } from './deadlines.ts';
import { errorCodeHeader, readErrorReply } from './errorReply.ts';
import {
  AskTimeoutError,
  BusDeniedError,
  BusOptionError,
  BusUnavailableError,
  NoRespondersError,
  PayloadTooLargeError,
} from './errors.ts';
import { headerList } from './headers.ts';
import type { BusClock, BusRandom } from './ports.ts';
import type { Subjects } from './subjects.ts';
import { type Frame, type FrameHeaders, sizeAbove, type Transport } from './transport.ts';

const askTimeoutDefaultMs = 5_000;
/** Below the minute after which the server forgets who may reply (`allow_responses`). */
export const askTimeoutMaxMs = 55_000;
/** 18 characters: more than the 16 that keep two connections of one name apart (3-interface §1). */
const inboxRandomChars = 18;
const NO_RESPONDERS = 503;

class Pending implements Waiting {
  deadline = 0;
  previous: Waiting | undefined;
  next: Waiting | undefined;
  /** Detaches the caller's abort signal. */
  release: (() => void) | undefined;
  readonly n: number;
  readonly ask: Ask;
  readonly timeoutMs: number;
  readonly #owner: Map<number, Pending>;

  constructor(n: number, ask: Ask, timeoutMs: number, owner: Map<number, Pending>) {
    this.n = n;
    this.ask = ask;
    this.timeoutMs = timeoutMs;
    this.#owner = owner;
  }

  expire(): void {
    this.#owner.delete(this.n);
    this.release?.();
    this.ask.reject(new AskTimeoutError(this.ask.to, this.ask.verb, this.timeoutMs));
  }
}

/** What an ask is about, and who waits for it. */
interface Ask {
  readonly to: string;
  readonly verb: string;
  readonly subject: string;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface AsksOptions {
  readonly transport: Transport;
  readonly subjects: Subjects;
  readonly clock: BusClock;
  readonly random: BusRandom;
}

const noOptions: AskOptions = {};

export class Asks {
  readonly #transport: Transport;
  readonly #subjects: Subjects;
  readonly #deadlines: Deadlines;
  readonly #inbox: string;
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  #closed = false;

  constructor({ transport, subjects, clock, random }: AsksOptions) {
    this.#transport = transport;
    this.#subjects = subjects;
    this.#deadlines = new Deadlines(clock);
    this.#inbox = `${subjects.inbox}${randomToken(random, inboxRandomChars)}.`;
    transport.subscribe(`${this.#inbox}*`, undefined, (frame) => this.#onReply(frame), true);
  }

  ask(to: string, verb: string, request: unknown, options: AskOptions = noOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#send({ to, verb, subject: this.#subjects.ask(to, verb), resolve, reject }, request, options);
    });
  }

  /** Everything waiting fails at once: the connection is gone, and the replies with it. */
  failAll(message: string): void {
    for (const pending of [...this.#pending.values()]) this.#settle(pending).reject(new BusUnavailableError(message));
  }

  /** The server refused what these asks published. */
  failDenied(subject: string): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.ask.subject !== subject) continue;
      const { to, verb, reject } = this.#settle(pending);
      reject(new BusDeniedError(`not allowed to ask ${verb} of ${to}`, { subject }));
    }
  }

  close(): void {
    this.#closed = true;
    this.failAll('the bus is closed');
    this.#deadlines.clear();
  }

  #send(ask: Ask, request: unknown, options: AskOptions): void {
    const timeoutMs = checkTimeout(options.timeoutMs);
    const { data, contentType } = encodePayload(request, options.format);
    const headers = headerList(contentType, options.traceparent);
    const size = sizeAbove(this.#transport.maxPayload, data, headers);
    if (size > 0) throw new PayloadTooLargeError(ask.subject, size, this.#transport.maxPayload);
    if (this.#closed) throw new BusUnavailableError('the bus is closed');
    if (!this.#transport.connected) throw new BusUnavailableError('the NATS server is away');
    options.signal?.throwIfAborted();
    const pending = new Pending(this.#next++, ask, timeoutMs, this.#pending);
    this.#pending.set(pending.n, pending);
    this.#deadlines.add(pending);
    if (options.signal !== undefined) this.#follow(pending, options.signal);
    this.#transport.publish(ask.subject, data, headers, this.#inbox + pending.n);
  }

  #follow(pending: Pending, signal: AbortSignal): void {
    const onAbort = () => this.#settle(pending).reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    pending.release = () => signal.removeEventListener('abort', onAbort);
  }

  #settle(pending: Pending): Ask {
    this.#pending.delete(pending.n);
    this.#deadlines.remove(pending);
    pending.release?.();
    return pending.ask;
  }

  #onReply(frame: Frame): void {
    const pending = this.#pending.get(Number(frame.subject.slice(this.#inbox.length)));
    // Late, or a second copy: the ask is settled already.
    if (pending === undefined) return;
    const ask = this.#settle(pending);
    const { headers } = frame;
    try {
      if (headers === undefined) ask.resolve(decodeFrame(frame, frameFormat(frame, undefined)));
      else if (headers.code === NO_RESPONDERS && frame.data.length === 0)
        ask.reject(new NoRespondersError(ask.to, ask.verb));
      else settleWithHeaders(ask, frame, headers);
    } catch (error) {
      ask.reject(error);
    }
  }
}

const settleWithHeaders = (ask: Ask, frame: Frame, headers: FrameHeaders): void => {
  const payload = decodeFrame(frame, frameFormat(frame, headers.get(contentTypeHeader, 'insensitive')));
  const status = headers.get(errorCodeHeader, 'insensitive');
  if (status === '') ask.resolve(payload);
  else ask.reject(readErrorReply(status, headers, payload));
};

const checkTimeout = (timeoutMs: number | undefined): number => {
  if (timeoutMs === undefined) return askTimeoutDefaultMs;
  if (!(timeoutMs > 0 && timeoutMs <= askTimeoutMaxMs)) throw new BusOptionError('timeoutMs', `1 … ${askTimeoutMaxMs}`);
  return Math.ceil(timeoutMs);
};

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-';
const ALPHABET_MASK = 63;

/** A token of `[A-Za-z0-9_-]`, six bits of randomness a character. */
export const randomToken = (random: BusRandom, length: number): string => {
  let token = '';
  for (const byte of random.bytes(length)) token += ALPHABET[byte & ALPHABET_MASK];
  return token;
};
