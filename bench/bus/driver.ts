/** What is measured, as every competitor offers it: one asking and telling end, one answering and hearing end. */

/** 128 bytes as JSON: a typical small message. */
export const payload = { text: 'x'.repeat(128 - '{"text":""}'.length) };

export interface DriverOptions {
  /** `host:port` of the nats-server. */
  readonly server: string;
  /** Where `npm ci --prefix bench` put the peers. */
  readonly peers: string;
  /** Seeds of the logins Isochron connects with, by node name. */
  readonly seeds: Readonly<Record<string, string>>;
  /** A login without restrictions, for the peers. */
  readonly user: string;
  readonly password: string;
}

/** The answering end: answers with the request's payload, and hands every told payload, decoded, to `onTold`. */
export type Serve = (options: DriverOptions, onTold: (payload: unknown) => void) => Promise<void>;

export interface Driving {
  ask(): Promise<unknown>;
  tell(): void;
}
/** The asking end. */
export type Drive = (options: DriverOptions) => Promise<Driving>;

export interface Driver {
  readonly serve: Serve;
  readonly drive: Drive;
}
