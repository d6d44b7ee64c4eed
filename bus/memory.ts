/**
 * The in-memory twin of NATS: one hub is one server, driven by the clock it is given, so that a simulation can lose, delay,
 * duplicate and partition by a function. Payloads really are encoded and decoded; only sockets are missing.
 */
import type { BusStatus, Unsubscribe } from './bus.ts';
import { BusCore, type BusOptions } from './core.ts';
import { BusUnavailableError } from './errors.ts';
import type { BusClock } from './ports.ts';
import type { Frame, FrameHandler, FrameHeaders, HeaderList, Transport } from './transport.ts';

/** nats-server's default. */
const maxPayloadDefault = 1_048_576;
/** Routes remembered; subjects are few, but an asker can invent them. */
const routesMax = 4_096;
const NO_RESPONDERS = 503;

/**
 * What becomes of `bytes` bytes from one node to another: the delays in ms of the copies that arrive, `[]` when lost.
 * `[0]` is the perfect network; `[5, 9]` delivers twice.
 */
export type Link = (from: string, to: string, bytes: number) => readonly number[];

export interface MemoryHubOptions {
  readonly clock: BusClock;
  readonly link?: Link;
  readonly maxPayload?: number;
}

/** A bus on a `MemoryHub`; see `Bus` for what it does. */
export class MemoryBus extends BusCore {}

interface Subscription {
  readonly transport: MemoryTransport;
  readonly tokens: readonly string[];
  readonly queue: string | undefined;
  readonly handler: FrameHandler;
  open: boolean;
}

/** A server in memory. Everything a bus publishes goes through `link`, one call a receiver. */
export class MemoryHub {
  readonly clock: BusClock;
  readonly maxPayload: number;
  readonly #link: Link;
  readonly #subscriptions = new Set<Subscription>();
  readonly #routes = new Map<string, readonly Subscription[]>();
  readonly #transports = new Set<MemoryTransport>();
  #turn = 0;

  constructor({ clock, link = () => PERFECT, maxPayload = maxPayloadDefault }: MemoryHubOptions) {
    this.clock = clock;
    this.maxPayload = maxPayload;
    this.#link = link;
  }

  /** A new bus on this hub. The hub's clock drives deliveries, the bus's own clock its timeouts. */
  connect(options: BusOptions): MemoryBus {
    return new MemoryBus(this.attach(options.node), options);
  }

  /** A bare connection under a node's name, for what speaks without a bus (tests, bridges). */
  attach(node: string): Transport {
    const transport = new MemoryTransport(this, node);
    this.#transports.add(transport);
    return transport;
  }

  /** Cuts or restores one node's connection to the server: its bus sees `reconnecting`, then `connected`. */
  setConnected(node: string, connected: boolean): void {
    for (const transport of this.#transports) {
      if (transport.node === node) transport.setConnected(connected);
    }
  }

  /** The server goes away, or comes back, for everyone. */
  setServing(serving: boolean): void {
    for (const transport of this.#transports) transport.setConnected(serving);
  }

  /** The node is killed: nothing leaves or reaches it any more, and its bus is told nothing. */
  kill(node: string): void {
    for (const transport of [...this.#transports]) {
      if (transport.node === node) transport.vanish();
    }
  }

  /** @internal */
  subscribe(subscription: Subscription): Unsubscribe {
    this.#subscriptions.add(subscription);
    this.#routes.clear();
    return () => {
      subscription.open = false;
      this.#subscriptions.delete(subscription);
      this.#routes.clear();
    };
  }

  /** @internal */
  leave(transport: MemoryTransport): void {
    this.#transports.delete(transport);
    for (const subscription of [...this.#subscriptions]) {
      if (subscription.transport === transport) this.#subscriptions.delete(subscription);
    }
    this.#routes.clear();
  }

  /** @internal */
  publish(sender: MemoryTransport, frame: Frame): void {
    const receivers = this.#receivers(sender, frame.subject);
    if (receivers.length === 0 && frame.reply !== undefined) this.#noResponders(sender, frame.reply);
    for (const receiver of receivers) {
      for (const delayMs of this.#link(sender.node, receiver.transport.node, frame.data.length)) {
        this.#after(delayMs, () => receiver.transport.deliver(receiver, frame));
      }
    }
  }

  /** Everyone subscribed but the sender, and one of each queue group in turn. */
  #receivers(sender: MemoryTransport, subject: string): readonly Subscription[] {
    const others = this.#route(subject).filter(({ transport }) => transport !== sender && transport.connected);
    const plain = others.filter(({ queue }) => queue === undefined);
    const queues = new Set(others.flatMap(({ queue }) => queue ?? []));
    for (const queue of queues) {
      const members = others.filter((member) => member.queue === queue);
      const chosen = members[this.#turn++ % members.length];
      if (chosen !== undefined) plain.push(chosen);
    }
    return plain;
  }

  #route(subject: string): readonly Subscription[] {
    const known = this.#routes.get(subject);
    if (known !== undefined) return known;
    const tokens = subject.split('.');
    const route = [...this.#subscriptions].filter((subscription) => matches(subscription.tokens, tokens));
    // Inboxes are used once: remembering them would only push the others out.
    if (!subject.startsWith('_INBOX.')) {
      if (this.#routes.size >= routesMax) this.#routes.clear();
      this.#routes.set(subject, route);
    }
    return route;
  }

  #noResponders(sender: MemoryTransport, reply: string): void {
    const frame: Frame = { subject: reply, data: new Uint8Array(0), headers: new MemoryHeaders([], NO_RESPONDERS) };
    this.clock.soon(() => {
      for (const own of this.#route(reply)) {
        if (own.transport === sender) own.transport.deliver(own, frame);
      }
    });
  }

  #after(delayMs: number, run: () => void): void {
    if (delayMs === 0) this.clock.soon(run);
    else this.clock.after(delayMs, run);
  }
}

const PERFECT: readonly number[] = [0];

class MemoryHeaders implements FrameHeaders {
  readonly code: number;
  readonly #list: HeaderList;

  constructor(list: HeaderList, code = 0) {
    this.#list = list;
    this.code = code;
  }

  get(name: string): string {
    const wanted = name.toLowerCase();
    return this.#list.find(([known]) => known.toLowerCase() === wanted)?.[1] ?? '';
  }
}

class MemoryTransport implements Transport {
  readonly node: string;
  readonly #hub: MemoryHub;
  readonly #listeners = new Set<(status: BusStatus) => void>();
  readonly #receiving = new Set<Unsubscribe>();
  #state: 'connected' | 'reconnecting' | 'closed' = 'connected';

  constructor(hub: MemoryHub, node: string) {
    this.#hub = hub;
    this.node = node;
  }

  get connected(): boolean {
    return this.#state === 'connected';
  }

  get maxPayload(): number {
    return this.#hub.maxPayload;
  }

  status(): BusStatus {
    return this.#state === 'connected' ? { type: 'connected', server: 'memory' } : { type: this.#state };
  }

  onStatus(listener: (status: BusStatus) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  setConnected(connected: boolean): void {
    if (this.#state === 'closed' || connected === this.connected) return;
    this.#become(connected ? 'connected' : 'reconnecting');
  }

  publish(
    subject: string,
    data: string | Uint8Array,
    headers: HeaderList | undefined,
    reply: string | undefined,
  ): void {
    // A copy: what is on its way must not change when the sender reuses its bytes.
    const bytes = typeof data === 'string' ? Buffer.from(data) : new Uint8Array(data);
    this.#hub.publish(this, {
      subject,
      data: bytes,
      ...(headers === undefined ? {} : { headers: new MemoryHeaders(headers) }),
      ...(reply === undefined ? {} : { reply }),
    });
  }

  subscribe(pattern: string, queue: string | undefined, handler: FrameHandler, lasting = false): Unsubscribe {
    const subscription = { transport: this, tokens: pattern.split('.'), queue, handler, open: true };
    const unsubscribe = this.#hub.subscribe(subscription);
    if (!lasting) this.#receiving.add(unsubscribe);
    return () => {
      this.#receiving.delete(unsubscribe);
      unsubscribe();
    };
  }

  deliver(subscription: Subscription, frame: Frame): void {
    if (this.connected && subscription.open) subscription.handler(frame);
  }

  flush(): Promise<void> {
    if (!this.connected) return Promise.reject(new BusUnavailableError('the server is away'));
    return new Promise((resolve) => this.#hub.clock.soon(resolve));
  }

  stopReceiving(): Promise<void> {
    return new Promise((resolve) => {
      this.#hub.clock.soon(() => {
        for (const unsubscribe of this.#receiving) unsubscribe();
        resolve();
      });
    });
  }

  /** As if its process had been killed. */
  vanish(): void {
    this.#hub.leave(this);
    this.#state = 'closed';
  }

  close(): Promise<void> {
    this.#hub.leave(this);
    this.#become('closed');
    return Promise.resolve();
  }

  #become(state: 'connected' | 'reconnecting' | 'closed'): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener(this.status());
  }
}

/** NATS subject matching: `*` is one token, `>` the rest. */
const matches = (pattern: readonly string[], subject: readonly string[]): boolean => {
  for (const [i, token] of pattern.entries()) {
    if (token === '>') return subject.length > i;
    if (i >= subject.length || (token !== '*' && token !== subject[i])) return false;
  }
  return pattern.length === subject.length;
};
