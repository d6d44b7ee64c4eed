/**
 * The bus as its users see it (3-interface §1): four modes, one port, two implementations (`NatsBus`, `MemoryBus`)
 * that pass one contract suite. Between nodes there is only this; inside a node it is never used.
 */

/** How a payload travels. Radio messages are raw TLV; everything else is JSON or CBOR. */
export type Format = 'json' | 'cbor' | 'tlv';

/** A say or tell as it reached this node, decoded. `payload` is a `Uint8Array` exactly when `format` is `tlv`. */
export interface BusMessage {
  /** Taken from the subject, whose publisher the server has authenticated. */
  readonly from: string;
  /** `<concern>.<message>`. */
  readonly topic: string;
  readonly payload: unknown;
  readonly format: Format;
  readonly traceparent?: string;
}

/** An ask as it reached this node, decoded and checked against the verb's request schema. */
export interface BusRequest {
  readonly from: string;
  /** `<concern>.<verb>`. */
  readonly verb: string;
  readonly payload: unknown;
  readonly format: Format;
  readonly traceparent?: string;
}

export type MessageHandler = (message: BusMessage) => void;
/** Returns the reply; a thrown `IsochronError` becomes a typed error reply, anything else `INTERNAL` (500). */
export type RequestHandler = (request: BusRequest) => unknown | Promise<unknown>;
export type Unsubscribe = () => void;

export type BusStatus =
  | { readonly type: 'connected'; readonly server: string }
  | { readonly type: 'reconnecting' }
  | { readonly type: 'slowConsumer'; readonly pending: number }
  | { readonly type: 'denied'; readonly subject: string; readonly operation: 'publish' | 'subscribe' }
  | { readonly type: 'closed' };

export interface SendOptions {
  /** JSON unless said; a `Uint8Array` payload is always TLV. */
  readonly format?: 'json' | 'cbor';
  /**
   * What to do while the server is away: `drop` (default: a late beacon is worse than none; counted) or `keep`
   * (bounded, sent in order on reconnect).
   */
  readonly offline?: 'drop' | 'keep';
  readonly traceparent?: string;
}

export interface AskOptions {
  /** Default 5 000, at most 55 000 (the server forgets who may reply after a minute). */
  readonly timeoutMs?: number;
  readonly format?: 'json' | 'cbor';
  readonly signal?: AbortSignal;
  readonly traceparent?: string;
}

export interface Bus {
  /** This node's name: the `<from>` of everything it sends. */
  readonly node: string;
  readonly cluster: string;
  status(): BusStatus;
  onStatus(listener: (status: BusStatus) => void): Unsubscribe;

  /** Broadcast; never heard by the sender itself. @throws PayloadTooLargeError */
  say(topic: string, payload: unknown, options?: SendOptions): void;
  /** One way, to one node. @throws PayloadTooLargeError */
  tell(to: string, topic: string, payload: unknown, options?: SendOptions): void;
  /**
   * Request and reply; `any` = one ready validator.
   * @throws AskTimeoutError, NoRespondersError, BusUnavailableError, PayloadTooLargeError, RemoteError
   */
  ask(to: string, verb: string, request?: unknown, options?: AskOptions): Promise<unknown>;

  /** Listens to what any node says on `topic`. */
  hear(topic: string, handler: MessageHandler): Unsubscribe;
  /** Listens to what is told to this node on `topic`. */
  receive(topic: string, handler: MessageHandler): Unsubscribe;
  /** Serves `verb`; a second handler for one verb is an error. */
  answer(verb: string, handler: RequestHandler): Unsubscribe;
  /** Joins or leaves the queue group that shares `ask.any` (validators only; others ignore it). */
  setReady(ready: boolean): void;

  /** Publishes an inspection envelope on `live.<node>.<actor>`. */
  live(actor: string, envelope: unknown): void;
  /** Listens to another node's inspection stream; `actor` may be `*`. */
  watch(node: string, actor: string, handler: (actor: string, envelope: unknown) => void): Unsubscribe;

  /** Resolves when everything sent so far has reached the server. */
  flush(): Promise<void>;
  /** Handles what is in flight, then closes. */
  drain(): Promise<void>;
}
