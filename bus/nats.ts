/**
 * The bus over NATS: connection, reconnects, permissions, floods. Above it the bus knows none of this; below it nats.js
 * knows the protocol. A node starts, and keeps running on local progression, while its server is away.
 */
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  errors,
  type Msg,
  type NatsConnection,
  nkeyAuthenticator,
  type Status,
  type Subscription,
} from 'nats';
import type { BusStatus, Unsubscribe } from './bus.ts';
import { BusCore, type BusOptions } from './core.ts';
import { BusDeniedError, BusUnavailableError } from './errors.ts';
import type { BusClock, BusRandom } from './ports.ts';
import { type Publish, publisherOf } from './publisher.ts';
import { installReader } from './reader.ts';
import { type BusTls, checkServers } from './servers.ts';
import type { FrameHandler, HeaderList, Transport } from './transport.ts';

/** nats-server's default, until the server says otherwise. */
const maxPayloadDefault = 1_048_576;
/** First wait before a reconnect; doubled to the maximum. Short, because a local server is back within a second. */
const reconnectMinMs = 100;
/** Longest wait: bounds how late a node hears beacons again after its server is back. */
const reconnectMaxMs = 2_000;
/** How long one server may take to accept. */
const dialTimeoutMs = 3_000;
/** A dead peer without a closed socket is noticed after two of these. */
const pingIntervalMs = 5_000;
/** What nonces servers send (11 characters today); a login signs nothing that could be a message (3-interface §3). */
const NONCE = /^[A-Za-z0-9_-]{11,64}$/;

export interface NatsOptions extends BusOptions {
  /** `nats://127.0.0.1:4222`; off loopback `tls://`, or certificates, or `insecure`. */
  readonly servers: string | readonly string[];
  /** Seed of the nkey that connects (`SU…`). Without it the server must not ask for one. */
  readonly seed?: string | Uint8Array;
  readonly tls?: BusTls;
  /** Allows clear text off loopback, for networks that are already private. */
  readonly insecure?: boolean;
  /** `wait`: start with status `reconnecting` and keep trying (nodes). `fail`: reject (command line). Default `fail`. */
  readonly whenAway?: 'wait' | 'fail';
}

/** A bus over NATS; see `Bus` for what it does. */
export class NatsBus extends BusCore {}

/**
 * Connects a bus.
 * @throws BusUnavailableError, BusDeniedError (only with `whenAway: 'fail'`), TlsRequiredError, BusNameError
 */
export const connectNats = async (options: NatsOptions): Promise<NatsBus> => {
  const transport = new NatsTransport(options);
  const bus = new NatsBus(transport, options);
  try {
    await transport.open();
  } catch (error) {
    if (options.whenAway !== 'wait') {
      await transport.close();
      throw error;
    }
    transport.keepTrying();
  }
  return bus;
};

/** Signs the server's nonce with the connecting key, and only a nonce. */
const authenticator = (seed: string | Uint8Array): Authenticator => {
  const sign = nkeyAuthenticator(typeof seed === 'string' ? new TextEncoder().encode(seed) : seed);
  return (nonce) => {
    if (nonce !== undefined && !NONCE.test(nonce))
      throw new BusDeniedError('the server sent a nonce that is none; nothing was signed');
    return sign(nonce);
  };
};

interface Desired {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly handler: FrameHandler;
  readonly lasting: boolean;
  live: Subscription | undefined;
}

class NatsTransport implements Transport {
  readonly #options: NatsOptions;
  readonly #clock: BusClock;
  readonly #connection: ConnectionOptions;
  readonly #desired = new Set<Desired>();
  readonly #handlers = new Map<number, FrameHandler>();
  readonly #listeners = new Set<(status: BusStatus) => void>();
  readonly #backoff: Backoff;
  #nc: NatsConnection | undefined;
  #publish: Publish = () => undefined;
  #state: BusStatus = { type: 'reconnecting' };
  #maxPayload = maxPayloadDefault;
  #retry: object | undefined;
  connected = false;

  constructor(options: NatsOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#backoff = new Backoff(options.random);
    this.#connection = connectionOptions(options, this.#backoff);
  }

  get maxPayload(): number {
    return this.#maxPayload;
  }

  status(): BusStatus {
    return this.#state;
  }

  onStatus(listener: (status: BusStatus) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** One attempt. @throws BusUnavailableError, BusDeniedError */
  async open(): Promise<void> {
    let nc: NatsConnection;
    try {
      nc = await connect({ ...this.#connection });
    } catch (cause) {
      throw openError(cause, [this.#options.servers].flat().join(', '));
    }
    if (this.#state.type === 'closed') return nc.close();
    this.#nc = nc;
    this.#publish = publisherOf(nc);
    installReader(nc, this.#handlers);
    for (const desired of this.#desired) this.#subscribe(nc, desired);
    this.#online(nc);
    void this.#follow(nc);
  }

  /** Attempts until one succeeds or the bus closes. */
  keepTrying(): void {
    if (this.#state.type === 'closed') return;
    this.#retry = this.#clock.after(this.#backoff.delayMs(), () => {
      this.#backoff.attempted();
      this.open().catch(() => this.keepTrying());
    });
  }

  publish(
    subject: string,
    data: string | Uint8Array,
    headers: HeaderList | undefined,
    reply: string | undefined,
  ): void {
    this.#publish(subject, data, headers, reply);
  }

  subscribe(subject: string, queue: string | undefined, handler: FrameHandler, lasting = false): Unsubscribe {
    const desired: Desired = { subject, queue, handler, lasting, live: undefined };
    this.#desired.add(desired);
    if (this.#nc !== undefined) this.#subscribe(this.#nc, desired);
    return () => {
      this.#desired.delete(desired);
      if (desired.live === undefined) return;
      this.#handlers.delete(desired.live.getID());
      if (!desired.live.isClosed()) desired.live.unsubscribe();
    };
  }

  async flush(): Promise<void> {
    if (!this.connected) throw new BusUnavailableError('the NATS server is away');
    await this.#nc?.flush();
  }

  async stopReceiving(): Promise<void> {
    if (!this.connected) return;
    const inbound = [...this.#desired].filter(({ lasting }) => !lasting);
    await Promise.allSettled(inbound.map(({ live }) => (live?.isClosed() === false ? live.drain() : undefined)));
  }

  async close(): Promise<void> {
    if (this.#state.type === 'closed') return;
    if (this.#retry !== undefined) this.#clock.cancel(this.#retry);
    const wasConnected = this.connected;
    this.#become({ type: 'closed' });
    if (this.#nc === undefined || this.#nc.isClosed()) return;
    if (wasConnected) await this.#nc.flush().catch(() => undefined);
    await this.#nc.close();
  }

  #subscribe(nc: NatsConnection, desired: Desired): void {
    const handler = this.#guarded(desired.handler);
    const callback = (error: Error | null, message: Msg) => {
      if (error === null) handler(message);
    };
    if (desired.live !== undefined) this.#handlers.delete(desired.live.getID());
    desired.live = nc.subscribe(desired.subject, {
      callback,
      ...(desired.queue === undefined ? {} : { queue: desired.queue }),
    });
    this.#handlers.set(desired.live.getID(), handler);
  }

  /** A throw would end nats.js' read loop, silently and for good; elsewhere it is seen, and charged to nobody wrongly. */
  #guarded(handler: FrameHandler): FrameHandler {
    return (frame) => {
      try {
        handler(frame);
      } catch (bug) {
        this.#clock.soon(() => {
          throw bug;
        });
      }
    };
  }

  async #follow(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) this.#onStatus(nc, status);
    // nats.js gave up for good (a server that refuses us): the bus does not.
    if (this.#state.type === 'closed') return;
    this.#nc = undefined;
    this.#become({ type: 'reconnecting' });
    this.keepTrying();
  }

  #onStatus(nc: NatsConnection, status: Status): void {
    switch (status.type) {
      case 'reconnecting':
        this.#backoff.attempted();
        break;
      case 'disconnect':
        this.#become({ type: 'reconnecting' });
        break;
      case 'reconnect':
        for (const desired of this.#desired) {
          if (desired.live?.isClosed() !== false) this.#subscribe(nc, desired);
        }
        this.#online(nc);
        break;
      case 'error':
        this.#onError(status.error);
        break;
    }
  }

  #onError(error: Error): void {
    if (!(error instanceof errors.PermissionViolationError)) return;
    const operation = error.operation === 'publish' ? 'publish' : 'subscribe';
    this.#emit({ type: 'denied', subject: error.subject, operation });
  }

  #online(nc: NatsConnection): void {
    this.#backoff.reset();
    this.#maxPayload = nc.info?.max_payload ?? maxPayloadDefault;
    this.#become({ type: 'connected', server: nc.getServer() });
  }

  #become(state: BusStatus): void {
    if (this.#state.type === 'closed' || (this.#state.type === state.type && state.type !== 'connected')) return;
    this.#state = state;
    this.connected = state.type === 'connected';
    this.#emit(state);
  }

  #emit(status: BusStatus): void {
    for (const listener of [...this.#listeners]) listener(status);
  }
}

const connectionOptions = (options: NatsOptions, backoff: Backoff): ConnectionOptions => {
  const { servers, tls } = checkServers(options);
  return {
    servers: [...servers],
    name: options.node,
    noEcho: true,
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    // A server restarted with another configuration may refuse us for a while; a node outlives that.
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: () => backoff.delayMs(),
    timeout: dialTimeoutMs,
    pingInterval: pingIntervalMs,
    ...(options.seed === undefined ? {} : { authenticator: authenticator(options.seed) }),
    ...(tls === undefined ? {} : { tls }),
  };
};

const openError = (cause: unknown, server: string): BusUnavailableError | BusDeniedError => {
  if (cause instanceof BusDeniedError) return cause;
  if (cause instanceof errors.AuthorizationError)
    return new BusDeniedError(`the server at ${server} does not accept this key`, { cause });
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new BusUnavailableError(`no NATS server at ${server}: ${reason}`, { cause, server });
};

/**
 * Exponential with jitter, so that a restarted server is not met by everyone at once. Asking for the delay does not change
 * it: nats.js asks several times a wait.
 */
class Backoff {
  readonly #random: BusRandom;
  #attempts = 0;
  #delayMs: number;

  constructor(random: BusRandom) {
    this.#random = random;
    this.#delayMs = this.#draw();
  }

  delayMs(): number {
    return this.#delayMs;
  }

  /** One attempt is under way; the wait after it is longer. */
  attempted(): void {
    this.#attempts++;
    this.#delayMs = this.#draw();
  }

  reset(): void {
    this.#attempts = 0;
    this.#delayMs = this.#draw();
  }

  #draw(): number {
    const ceiling = Math.min(reconnectMaxMs, reconnectMinMs * 2 ** this.#attempts);
    return ceiling * (0.5 + this.#random.fraction() / 2);
  }
}
