/**
 * The bus itself (3-interface §1), once for both carriers: say, tell, ask, live over a `Transport`. `NatsBus` and
 * `MemoryBus` are this class with a carrier, which is why one contract suite describes both.
 */
import { type Role, type VerbSpec, verbs as verbTable } from '../protocol/index.ts';
import { Answers } from './answers.ts';
import { Asks, randomToken } from './asks.ts';
import type {
  AskOptions,
  Bus,
  BusMessage,
  BusStatus,
  MessageHandler,
  RequestHandler,
  SendOptions,
  Unsubscribe,
} from './bus.ts';
import { decodeFrame, encodePayload, frameFormat } from './codec.ts';
import { PayloadTooLargeError } from './errors.ts';
import { contentTypeOf, headerList, traceparentOf } from './headers.ts';
import { Inbound, inboundPendingMax } from './inbound.ts';
import { Outbox } from './outbox.ts';
import type { BusClock, BusMetrics, BusRandom, Refusal } from './ports.ts';
import { actorTokens, type SenderReader, type Subjects, senderReader, subjectsOf } from './subjects.ts';
import { type Frame, type FrameHandler, sizeAbove, type Transport } from './transport.ts';

/** How long `drain` waits for handlers that are still answering. */
const drainTimeoutMs = 5_000;
const serviceIdChars = 22;

/** What every bus is told at its birth, whatever carries it. */
export interface BusOptions {
  readonly cluster: string;
  readonly node: string;
  /** Validators share `ask.any`. */
  readonly role: Role;
  readonly clock: BusClock;
  readonly random: BusRandom;
  readonly metrics?: BusMetrics;
  /** Told of everything that went no further; counted in `bus_refused_total` whether given or not. */
  readonly onRefused?: (refusal: Refusal) => void;
  /** SemVer and text for ADR-32 discovery. */
  readonly service?: { readonly version: string; readonly description?: string };
  /** Received messages that may wait for a busy event loop; the newest beyond are dropped. Default 65 536. */
  readonly pendingMax?: number;
  /** The verb table; tests bring their own. */
  readonly verbs?: Readonly<Record<string, VerbSpec>>;
}

interface Heard {
  readonly handlers: Set<MessageHandler>;
  readonly unsubscribe: Unsubscribe;
}

export class BusCore implements Bus {
  readonly node: string;
  readonly cluster: string;
  readonly #transport: Transport;
  readonly #subjects: Subjects;
  readonly #clock: BusClock;
  readonly #options: BusOptions;
  readonly #asks: Asks;
  readonly #answers: Answers;
  readonly #inbound: Inbound;
  readonly #outbox = new Outbox();
  readonly #listeners = new Set<(status: BusStatus) => void>();
  readonly #heard = new Map<string, Heard>();
  #draining: Promise<void> | undefined;

  constructor(transport: Transport, options: BusOptions) {
    this.node = options.node;
    this.cluster = options.cluster;
    this.#transport = transport;
    this.#options = options;
    this.#clock = options.clock;
    this.#subjects = subjectsOf(options.cluster, options.node);
    const shared = { transport, subjects: this.#subjects, clock: options.clock };
    this.#inbound = this.#createInbound(options);
    this.#asks = new Asks({ ...shared, random: options.random });
    this.#answers = new Answers({
      ...shared,
      subscribe: (subject, queue, handler) => this.#subscribe(subject, queue, handler),
      verbs: options.verbs ?? verbTable,
      sharesAny: options.role === 'validator',
      service: serviceIdentity(options),
      refuse: (refusal) => this.#refuse(refusal),
    });
    transport.onStatus((status) => this.#onStatus(status));
  }

  status(): BusStatus {
    return this.#transport.status();
  }

  onStatus(listener: (status: BusStatus) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  say(topic: string, payload: unknown, options?: SendOptions): void {
    this.#send(this.#subjects.say(topic), payload, options);
  }

  tell(to: string, topic: string, payload: unknown, options?: SendOptions): void {
    this.#send(this.#subjects.tell(to, topic), payload, options);
  }

  ask(to: string, verb: string, request?: unknown, options?: AskOptions): Promise<unknown> {
    return this.#asks.ask(to, verb, request, options);
  }

  hear(topic: string, handler: MessageHandler): Unsubscribe {
    return this.#listen(this.#subjects.heard(topic), `${this.#subjects.prefix}say.`.length, handler);
  }

  receive(topic: string, handler: MessageHandler): Unsubscribe {
    return this.#listen(this.#subjects.received(topic), this.#subjects.toldTo.length, handler);
  }

  answer(verb: string, handler: RequestHandler): Unsubscribe {
    return this.#answers.answer(verb, handler);
  }

  setReady(ready: boolean): void {
    this.#answers.setReady(ready);
  }

  live(actor: string, envelope: unknown): void {
    this.#send(this.#subjects.live + actorTokens(actor), envelope, undefined);
  }

  watch(node: string, actor: string, handler: (actor: string, envelope: unknown) => void): Unsubscribe {
    const root = this.#subjects.liveOf(node);
    const subject = root + (actor === '*' ? '>' : actorTokens(actor));
    return this.#subscribe(subject, undefined, (frame) => {
      const message = this.#decode(frame, 'live', node);
      if (message === undefined) return;
      try {
        handler(frame.subject.slice(root.length).replaceAll('.', '/'), message.payload);
      } catch (error) {
        this.#refuse({ reason: 'handlerFailed', subject: frame.subject, error });
      }
    });
  }

  flush(): Promise<void> {
    return this.#transport.flush();
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  #send(subject: string, payload: unknown, options: SendOptions | undefined): void {
    const { data, contentType } = encodePayload(payload, options?.format);
    const headers = headerList(contentType, options?.traceparent);
    const transport = this.#transport;
    const size = sizeAbove(transport.maxPayload, data, headers);
    if (size > 0) throw new PayloadTooLargeError(subject, size, transport.maxPayload);
    if (transport.connected) transport.publish(subject, data, headers, undefined);
    else if (this.#draining !== undefined) this.#refuse({ reason: 'closed', subject });
    else if (options?.offline !== 'keep') this.#refuse({ reason: 'offline', subject });
    else if (!this.#outbox.keep(subject, data, headers)) this.#refuse({ reason: 'outboxFull', subject });
  }

  /** One subscription a subject, however many listen; each message is decoded once. */
  #listen(subject: string, fromStart: number, handler: MessageHandler): Unsubscribe {
    const heard = this.#heard.get(subject) ?? this.#open(subject, senderReader(fromStart));
    // A wrapper a call, so that one handler given twice is two registrations.
    const registered: MessageHandler = (message) => handler(message);
    heard.handlers.add(registered);
    return () => {
      if (!heard.handlers.delete(registered) || heard.handlers.size > 0) return;
      this.#heard.delete(subject);
      heard.unsubscribe();
    };
  }

  #open(subject: string, read: SenderReader): Heard {
    const handlers = new Set<MessageHandler>();
    const onFrame = (frame: Frame) => this.#onMessage(frame, read, handlers);
    const heard = { handlers, unsubscribe: this.#subscribe(subject, undefined, onFrame) };
    this.#heard.set(subject, heard);
    return heard;
  }

  #createInbound({ clock, pendingMax = inboundPendingMax }: BusOptions): Inbound {
    return new Inbound({
      clock,
      pendingMax,
      onSlow: (pending) => this.#emit({ type: 'slowConsumer', pending }),
      onDropped: ({ subject }) => this.#refuse({ reason: 'slowConsumer', subject }),
    });
  }

  #subscribe(subject: string, queue: string | undefined, handler: FrameHandler): Unsubscribe {
    return this.#transport.subscribe(subject, queue, (frame) => this.#inbound.push(handler, frame));
  }

  #onMessage(frame: Frame, read: SenderReader, handlers: ReadonlySet<MessageHandler>): void {
    const sender = read(frame.subject);
    if (sender === undefined) {
      this.#refuse({ reason: 'badName', subject: frame.subject });
      return;
    }
    const message = this.#decode(frame, sender.topic, sender.from);
    if (message === undefined) return;
    for (const handler of handlers) {
      try {
        handler(message);
      } catch (error) {
        // It must not end the loop that serves all the others.
        this.#refuse({ reason: 'handlerFailed', subject: frame.subject, error });
      }
    }
  }

  #decode(frame: Frame, topic: string, from: string): BusMessage | undefined {
    const { subject, headers } = frame;
    try {
      const format = frameFormat(frame, headers === undefined ? undefined : contentTypeOf(headers));
      const message = { from, topic, payload: decodeFrame(frame, format), format };
      const traceparent = headers === undefined ? undefined : traceparentOf(headers);
      return traceparent === undefined ? message : { ...message, traceparent };
    } catch (error) {
      this.#refuse({ reason: 'malformed', subject, error });
      return undefined;
    }
  }

  #refuse(refusal: Refusal): void {
    this.#options.metrics?.count('bus_refused_total', { reason: refusal.reason });
    this.#options.onRefused?.(refusal);
  }

  #onStatus(status: BusStatus): void {
    switch (status.type) {
      case 'connected':
        for (const { subject, data, headers } of this.#outbox.take()) {
          this.#transport.publish(subject, data, headers, undefined);
        }
        break;
      case 'reconnecting':
        this.#asks.failAll('the connection to the NATS server was lost');
        break;
      case 'denied':
        if (status.operation === 'publish') this.#asks.failDenied(status.subject);
        break;
      case 'closed':
        this.#asks.close();
        break;
      case 'slowConsumer':
        break;
    }
    this.#emit(status);
  }

  #emit(status: BusStatus): void {
    for (const listener of [...this.#listeners]) listener(status);
  }

  async #drain(): Promise<void> {
    await this.#transport.stopReceiving();
    await this.#withDeadline(this.#inbound.idle().then(() => this.#answers.idle()));
    this.#inbound.close();
    this.#asks.close();
    await this.#transport.close();
  }

  #withDeadline(work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(drainTimeoutMs, resolve);
      void work.then(() => {
        this.#clock.cancel(timer);
        resolve();
      });
    });
  }
}

const serviceIdentity = ({ cluster, node, role, clock, random, service }: BusOptions) => ({
  id: randomToken(random, serviceIdChars),
  version: service?.version ?? '0.0.0',
  description: service?.description ?? 'A node of an Isochron cluster.',
  metadata: { cluster, node, role },
  started: new Date(clock.now()).toISOString(),
});
