/**
 * The asking side of request/reply: one reply inbox a connection, `_INBOX.<from>.<random>.<n>` over plain publish and
 * subscribe. The client library's own `request()` costs four times as much under load (research: peers, trap 1).
 */
import type { AskOptions } from './bus.ts';
import { contentTypeHeader, decodePayload, encodePayload, formatOf } from './codec.ts';
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
import { checkDotted, type Subjects } from './subjects.ts';
import { type Frame, sizeAbove, type Transport } from './transport.ts';

const askTimeoutDefaultMs = 5_000;
/** Below the minute after which the server forgets who may reply (`allow_responses`). */
export const askTimeoutMaxMs = 55_000;
/** 18 characters: more than the 16 that keep two connections of one name apart (3-interface §1). */
const inboxRandomChars = 18;
const NO_RESPONDERS = 503;

interface Pending extends Waiting {
  readonly n: number;
  readonly to: string;
  readonly verb: string;
  readonly subject: string;
  resolve(reply: unknown): void;
  reject(error: unknown): void;
  /** Detaches the caller's abort signal. */
  release: (() => void) | undefined;
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
    return new Promise((resolve, reject) => this.#send(to, verb, request, options, resolve, reject));
  }

  /** Everything waiting fails at once: the connection is gone, and the replies with it. */
  failAll(message: string): void {
    for (const pending of [...this.#pending.values()]) this.#settle(pending).reject(new BusUnavailableError(message));
  }

  /** The server refused what these asks published. */
  failDenied(subject: string): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.subject !== subject) continue;
      this.#settle(pending).reject(
        new BusDeniedError(`not allowed to ask ${pending.verb} of ${pending.to}`, { subject }),
      );
    }
  }

  close(): void {
    this.#closed = true;
    this.failAll('the bus is closed');
    this.#deadlines.clear();
  }

  #send(
    to: string,
    verb: string,
    request: unknown,
    options: AskOptions,
    resolve: (reply: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    const subject = this.#subjects.ask(to) + checkDotted('verb', verb);
    const timeoutMs = checkTimeout(options.timeoutMs);
    const { data, contentType } = encodePayload(request, options.format);
    const headers = headerList(contentType, options.traceparent);
    const size = sizeAbove(this.#transport.maxPayload, data, headers);
    if (size > 0) throw new PayloadTooLargeError(subject, size, this.#transport.maxPayload);
    if (this.#closed) throw new BusUnavailableError('the bus is closed');
    if (!this.#transport.connected) throw new BusUnavailableError('the NATS server is away');
    options.signal?.throwIfAborted();
    const pending = this.#open(to, verb, subject, timeoutMs, resolve, reject);
    if (options.signal !== undefined) this.#follow(pending, options.signal);
    this.#transport.publish(subject, data, headers, this.#inbox + pending.n);
  }

  #open(
    to: string,
    verb: string,
    subject: string,
    timeoutMs: number,
    resolve: (reply: unknown) => void,
    reject: (error: unknown) => void,
  ): Pending {
    const n = this.#next++;
    const pending: Pending = {
      n,
      to,
      verb,
      subject,
      timeoutMs,
      deadline: 0,
      previous: undefined,
      next: undefined,
      release: undefined,
      resolve,
      reject,
      expire: () => {
        this.#pending.delete(n);
        pending.release?.();
        reject(new AskTimeoutError(to, verb, timeoutMs));
      },
    };
    this.#pending.set(n, pending);
    this.#deadlines.add(pending);
    return pending;
  }

  #follow(pending: Pending, signal: AbortSignal): void {
    const onAbort = () => this.#settle(pending).reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    pending.release = () => signal.removeEventListener('abort', onAbort);
  }

  #settle(pending: Pending): Pending {
    this.#pending.delete(pending.n);
    this.#deadlines.remove(pending);
    pending.release?.();
    return pending;
  }

  #onReply(frame: Frame): void {
    const pending = this.#pending.get(Number(frame.subject.slice(this.#inbox.length)));
    // Late, or a second copy: the ask is settled already.
    if (pending === undefined) return;
    this.#settle(pending);
    try {
      const { headers, data } = frame;
      if (headers === undefined) {
        pending.resolve(decodePayload(data, formatOf(data, undefined)));
      } else if (headers.code === NO_RESPONDERS && data.length === 0) {
        pending.reject(new NoRespondersError(pending.to, pending.verb));
      } else {
        const payload = decodePayload(data, formatOf(data, headers.get(contentTypeHeader, 'insensitive')));
        const status = headers.get(errorCodeHeader, 'insensitive');
        if (status === '') pending.resolve(payload);
        else pending.reject(readErrorReply(status, headers, payload));
      }
    } catch (error) {
      pending.reject(error);
    }
  }
}

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
