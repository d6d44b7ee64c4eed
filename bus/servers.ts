/** Which servers a bus may talk to, and how: off loopback only over TLS (3-interface §1). */
import type { TlsOptions } from 'nats';
import { BusOptionError, TlsRequiredError } from './errors.ts';

/** PEM files; without any the system's certificate authorities decide. */
export interface BusTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface CheckedServers {
  /** `host:port`, as nats.js takes them. */
  readonly servers: readonly string[];
  readonly tls: TlsOptions | undefined;
}

/** @throws TlsRequiredError, BusOptionError naming `servers` */
export const checkServers = (options: {
  readonly servers: string | readonly string[];
  readonly tls?: BusTls;
  readonly insecure?: boolean;
}): CheckedServers => {
  const urls = [options.servers].flat().map(parseServer);
  if (urls.length === 0) throw new BusOptionError('servers', 'at least one');
  const secure = options.tls !== undefined || urls.some(({ tls }) => tls);
  const open = urls.find(({ hostname }) => !isLoopback(hostname));
  if (open !== undefined && !secure && options.insecure !== true) throw new TlsRequiredError(open.url);
  return { servers: urls.map(({ host }) => host), tls: secure ? { ...options.tls } : undefined };
};

interface ServerUrl {
  readonly url: string;
  readonly host: string;
  readonly hostname: string;
  readonly tls: boolean;
}

const DEFAULT_PORT = 4222;

const PORT_MAX = 65_535;
const isPort = (text: string | undefined): boolean =>
  text === undefined || (Number(text) >= 1 && Number(text) <= PORT_MAX);

const parseServer = (url: string): ServerUrl => {
  const match = /^(?:(nats|tls):\/\/)?(\[[0-9a-fA-F:.]+\]|[^/:@\s[\]]+)(?::(\d{1,5}))?\/?$/.exec(url);
  const [, scheme, hostname, port] = match ?? [];
  if (hostname === undefined || !isPort(port))
    throw new BusOptionError('servers', `nats://host:port or tls://host:port, got ${url.slice(0, 200)}`);
  return { url, host: `${hostname}:${port ?? DEFAULT_PORT}`, hostname, tls: scheme === 'tls' };
};

/** True for the names of this machine: `localhost`, 127.0.0.0/8 and ::1. */
export const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' ||
  hostname === '[::1]' ||
  hostname === '::1' ||
  /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
