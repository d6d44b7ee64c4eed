/**
 * The answering side of request/reply: one service a node (ADR-32), requests checked against the verb's schema at the edge,
 * one reply an ask. It replies to inboxes only: a reply subject that points anywhere else would make this node publish,
 * under its own name, what the asker may not (3-interface §1).
 */
import { IsochronError, type VerbSpec } from '../protocol/index.ts';
import type { BusRequest, Format, RequestHandler, Unsubscribe } from './bus.ts';
import { decodeFrame, type Encoded, encodePayload, frameFormat } from './codec.ts';
import {
  anyEndpoint,
  anyQueue,
  directEndpoint,
  discoveryKind,
  discoveryReply,
  discoveryRoot,
  type Endpoint,
  type ServiceIdentity,
} from './discovery.ts';
import { errorReply } from './errorReply.ts';
import {
  BadRequestError,
  BusyError,
  FormatUnsupportedError,
  PayloadTooLargeError,
  UnknownVerbError,
  VerbTakenError,
} from './errors.ts';
import { contentTypeOf, headerList, traceparentOf } from './headers.ts';
import type { BusClock, Refusal } from './ports.ts';
import { inboxRoot, type SenderReader, type Subjects, senderReader } from './subjects.ts';
import { type Frame, type FrameHandler, type HeaderList, sizeAbove, type Transport } from './transport.ts';

/** Requests whose handlers have not answered yet. More would only grow the heap: the askers time out in seconds. */
export const requestsInFlightMax = 1_024;
const nsPerMs = 1_000_000;

interface Served {
  readonly verb: string;
  readonly spec: VerbSpec;
  readonly handler: RequestHandler;
  readonly direct: Endpoint;
  readonly any: Endpoint | undefined;
}

/** What replying needs to know of a request, whatever became of it. */
interface Origin {
  readonly subject: string;
  readonly reply: string;
  /** Format of the reply; JSON when the request's could not be read. */
  format: Format;
  /** The asker named a content type, so the reply names one too. */
  readonly explicit: boolean;
  readonly traceparent: string | undefined;
}

/** How this side listens: through whatever stands between carrier and handlers. */
export type Subscribe = (subject: string, queue: string | undefined, handler: FrameHandler) => Unsubscribe;

export interface AnswersOptions {
  readonly transport: Transport;
  readonly subscribe: Subscribe;
  readonly subjects: Subjects;
  readonly clock: BusClock;
  readonly verbs: Readonly<Record<string, VerbSpec>>;
  readonly service: ServiceIdentity;
  /** Whether this node shares `ask.any` when ready (validators). */
  readonly sharesAny: boolean;
  readonly refuse: (refusal: Refusal) => void;
}

export class Answers {
  readonly #options: AnswersOptions;
  readonly #served = new Map<string, Served>();
  #stopServing: Unsubscribe | undefined;
  #leaveAny: Unsubscribe | undefined;
  #ready = false;
  #inFlight = 0;
  #onIdle: (() => void)[] = [];

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  answer(verb: string, handler: RequestHandler): Unsubscribe {
    const { verbs, subjects, sharesAny } = this.#options;
    const spec = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
    if (spec === undefined) throw new UnknownVerbError(verb);
    if (this.#served.has(verb)) throw new VerbTakenError(verb);
    const any = spec.any && sharesAny ? anyEndpoint(subjects, verb) : undefined;
    this.#served.set(verb, { verb, spec, handler, direct: directEndpoint(subjects, verb), any });
    this.#serve();
    return () => void this.#served.delete(verb);
  }

  setReady(ready: boolean): void {
    this.#ready = ready && this.#options.sharesAny;
    if (this.#ready && this.#leaveAny === undefined) {
      const { subscribe, subjects } = this.#options;
      const read = senderReader(subjects.askedOfAny.length);
      this.#leaveAny = subscribe(`${subjects.askedOfAny}>`, anyQueue, (frame) => this.#onAsk(frame, read, true));
    } else if (!this.#ready) {
      this.#leaveAny?.();
      this.#leaveAny = undefined;
    }
  }

  /** Resolves when every request taken on has been answered. */
  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Subscriptions start with the first verb: a bus that serves nothing is no service. */
  #serve(): void {
    if (this.#stopServing !== undefined) return;
    const { subscribe, subjects } = this.#options;
    const read = senderReader(subjects.askedOf.length);
    const stopAsks = subscribe(`${subjects.askedOf}>`, undefined, (frame) => this.#onAsk(frame, read, false));
    const stopDiscovery = subscribe(`${discoveryRoot}>`, undefined, (frame) => this.#onDiscovery(frame));
    this.#stopServing = () => {
      stopAsks();
      stopDiscovery();
    };
  }

  #onAsk(frame: Frame, read: SenderReader, any: boolean): void {
    const { subject } = frame;
    const reply = this.#replyOf(frame);
    if (reply === undefined) return;
    const sender = read(subject);
    if (sender === undefined) {
      this.#options.refuse({ reason: 'badName', subject });
      return;
    }
    const { from, topic: verb } = sender;
    const { headers } = frame;
    const contentType = contentTypeOf(headers);
    const explicit = contentType !== undefined && contentType !== '';
    const origin: Origin = { subject, reply, format: 'json', explicit, traceparent: traceparentOf(headers) };
    const served = this.#served.get(verb);
    const endpoint = any ? served?.any : served?.direct;
    const started = this.#options.clock.elapsed();
    try {
      origin.format = requestFormat(frame, contentType);
      if (served === undefined || endpoint === undefined) throw new UnknownVerbError(verb);
      endpoint.stats.requests++;
      this.#invoke(served, endpoint, origin, from, frame, started);
    } catch (error) {
      this.#fail(endpoint, origin, error, started);
    }
  }

  #invoke(served: Served, endpoint: Endpoint, origin: Origin, from: string, frame: Frame, started: number): void {
    const payload = checkRequest(served.spec, decodeFrame(frame, origin.format));
    if (this.#inFlight >= requestsInFlightMax) throw new BusyError(requestsInFlightMax);
    const { format, traceparent } = origin;
    const request: BusRequest = { from, verb: served.verb, payload, format };
    const result = served.handler(traceparent === undefined ? request : { ...request, traceparent });
    if (!isThenable(result)) {
      this.#succeed(endpoint, origin, result, started);
      return;
    }
    this.#inFlight++;
    result.then(
      (value) => this.#finish(() => this.#succeed(endpoint, origin, value, started)),
      (error) => this.#finish(() => this.#fail(endpoint, origin, error, started)),
    );
  }

  #finish(reply: () => void): void {
    this.#inFlight--;
    reply();
    if (this.#inFlight > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #succeed(endpoint: Endpoint, origin: Origin, value: unknown, started: number): void {
    try {
      const encoded = encodePayload(value ?? {}, origin.format === 'cbor' ? 'cbor' : 'json');
      const contentType = encoded.contentType ?? (origin.explicit ? 'application/json' : undefined);
      this.#publish(origin, encoded, headerList(contentType, origin.traceparent));
      endpoint.stats.processingNs += (this.#options.clock.elapsed() - started) * nsPerMs;
    } catch (error) {
      this.#fail(endpoint, origin, error, started);
    }
  }

  #fail(endpoint: Endpoint | undefined, origin: Origin, error: unknown, started: number): void {
    const { body, headers } = errorReply(error);
    if (endpoint !== undefined) {
      endpoint.stats.errors++;
      endpoint.stats.lastError = `${body.error.code}: ${body.error.message}`;
      endpoint.stats.processingNs += (this.#options.clock.elapsed() - started) * nsPerMs;
    }
    if (!(error instanceof IsochronError)) {
      this.#options.refuse({ reason: 'handlerFailed', subject: origin.subject, error });
    }
    try {
      const encoded = encodePayload(body, origin.format === 'cbor' ? 'cbor' : 'json');
      const contentType = encoded.contentType ?? (origin.explicit ? 'application/json' : undefined);
      this.#publish(origin, encoded, [...headers, ...(headerList(contentType, origin.traceparent) ?? [])]);
    } catch (cause) {
      this.#options.refuse({ reason: 'replyFailed', subject: origin.subject, error: cause });
    }
  }

  #publish({ reply, subject }: Origin, { data }: Encoded, headers: HeaderList | undefined): void {
    const { transport, refuse } = this.#options;
    const size = sizeAbove(transport.maxPayload, data, headers);
    if (size > 0) throw new PayloadTooLargeError(subject, size, transport.maxPayload);
    if (transport.connected) transport.publish(reply, data, headers, undefined);
    else refuse({ reason: 'replyFailed', subject });
  }

  /** The reply subject, or undefined for one that is missing or points outside the inboxes. */
  #replyOf({ subject, reply }: Frame): string | undefined {
    if (reply?.startsWith(inboxRoot)) return reply;
    this.#options.refuse({ reason: 'badReplySubject', subject });
    return undefined;
  }

  #onDiscovery(frame: Frame): void {
    const { service, transport } = this.#options;
    const kind = discoveryKind(frame.subject, service.id);
    if (kind === undefined || !transport.connected) return;
    const reply = this.#replyOf(frame);
    if (reply === undefined) return;
    const text = JSON.stringify(discoveryReply(kind, service, this.#endpoints()));
    transport.publish(reply, text, undefined, undefined);
  }

  #endpoints(): readonly Endpoint[] {
    const served = [...this.#served.values()];
    const shared = this.#ready ? served.flatMap(({ any }) => any ?? []) : [];
    return [...served.map(({ direct }) => direct), ...shared];
  }
}

/** TLV is for radio messages on say and tell. */
const requestFormat = (frame: Frame, contentType: string | undefined): Format => {
  const format = frameFormat(frame, contentType);
  if (format === 'tlv') throw new FormatUnsupportedError(contentType ?? 'TLV');
  return format;
};

const checkRequest = (spec: VerbSpec, payload: unknown): unknown => {
  const parsed = spec.request.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new BadRequestError(issue?.path.join('.') || '(root)', issue?.message ?? 'invalid', parsed.error);
};

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
