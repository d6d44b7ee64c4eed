/**
 * World: everything an actor may touch outside its own picture (2-architecture, "The seam").
 * Production and simulation differ in the World they pass in and in nothing else.
 */
import type { Bus } from '../../bus/index.ts';
import type { Parameters, Role } from '../../protocol/index.ts';

/** A pending timer of a `Clock`; only the clock that made it can cancel it. */
export type Timer = object;

/** Time and timers. Nothing else in the project reads a clock or starts a timer. */
export interface Clock {
  /** Wall clock, Unix milliseconds (fractions allowed). May step. */
  now(): number;
  /** Monotonic milliseconds since an arbitrary origin. Never steps. */
  elapsed(): number;
  /**
   * Runs `run` once, `delayMs` from now.
   * @throws RangeError when `delayMs` is not a finite number ≥ 0 (a NaN delay would fire at once and spin).
   */
  after(delayMs: number, run: () => void): Timer;
  cancel(timer: Timer): void;
  /** Runs `run` after the current work, before any later timer: how facts enter mailboxes. */
  soon(run: () => void): void;
}

/** Randomness; seeded in simulation. */
export interface Random {
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1). For jitter, never for secrets. */
  fraction(): number;
}

/** A value the store can hold: what CBOR carries. */
export type StoreValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly StoreValue[]
  | { readonly [field: string]: StoreValue };

/** Synchronous durable state of one node: when `put` returns, the value survives a crash. Keys are `concern.name`. */
export interface Store {
  get(key: string): StoreValue | undefined;
  /** @throws StoreError `STORE_FULL` when the disk is full, `STORE_FAILED` otherwise; the old value is kept. */
  put(key: string, value: StoreValue): void;
  /** All or nothing. */
  putAll(entries: Readonly<Record<string, StoreValue>>): void;
  delete(key: string): void;
  /** Keys that start with `prefix`, ascending. */
  keys(prefix: string): readonly string[];
  close(): void;
}

/** Who this node is. No secret leaves it. */
export interface Identity {
  readonly name: string;
  readonly cluster: string;
  readonly role: Role;
  /** 6 bytes: the node on the radio and in elections. */
  readonly mac: Uint8Array;
  /** Validators only: unique, never reused; the low byte of every term this node claims. */
  readonly rank: number | undefined;
  /** Ed25519 member key in nkey text (`U…`). */
  readonly peerId: string;
  /** Ed25519 over `bytes`, 64 bytes (RFC 8032). */
  sign(bytes: Uint8Array): Uint8Array;
  /** X25519 with a peer's public key, 32 bytes (RFC 7748). */
  agree(publicKey: Uint8Array): Uint8Array;
}

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Structured log: every line has an `action` and flat fields (decision 15). */
export interface Log {
  debug(action: string, fields?: LogFields): void;
  info(action: string, fields?: LogFields): void;
  warn(action: string, fields?: LogFields): void;
  error(action: string, fields?: LogFields): void;
  child(fields: LogFields): Log;
}

export type Labels = Readonly<Record<string, string>>;
export interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

/** Counters and gauges of one node; names are snake_case with a unit. */
export interface Metrics {
  count(name: string, labels?: Labels, by?: number): void;
  gauge(name: string, value: number, labels?: Labels): void;
  read(): readonly Sample[];
}

/** What the membership and the command line decided for this node. */
export interface NodeConfig {
  readonly parameters: Parameters;
  /** Monotonic time at which this node started. */
  readonly startedAtMs: number;
  /** When epoch 0 began, Unix ms; from the membership snapshot. */
  readonly genesisMs: number;
  /** System key (`U…` nkey text) that admin proofs must chain to. */
  readonly systemKey: string;
  /** The signed membership envelope as read from disk, unverified. */
  readonly membership: unknown;
}

export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly store: Store;
  readonly identity: Identity;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly config: NodeConfig;
}
