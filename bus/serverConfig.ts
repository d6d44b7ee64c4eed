/**
 * The nats-server configuration of a cluster: one nkey login a member and a person, permissions by role, JetStream,
 * websocket. Written by `isochron init` and by `up` for the server it manages; readable, because people will read it.
 */
import type { Role, VerbSpec } from '../protocol/index.ts';
import { BusOptionError, TlsRequiredError } from './errors.ts';
import { type Permissions, permissionsFor } from './permissions.ts';
import { isLoopback } from './servers.ts';

/** Replies allowed to one ask. More makes 2.9 rescan every live entry for each message: 120 000/s become 6 500. */
const repliesMax = 1;
/** The longest ask (55 s) ends before the server forgets who may answer it. */
const replyExpires = '1m';
/** One message: nats-server's default. Bulk goes in chunks, one ask each. */
const maxPayloadDefault = 1_048_576;
/** Memory and disk JetStream may take on a machine that runs other things too. */
const jetStreamMemory = '64MB';
const jetStreamFile = '1GB';

/** One login. */
export interface ServerUser {
  /** Node name, or `host`, `operator`, `viewer`. */
  readonly name: string;
  readonly role: Role;
  /** Public nkey (`U…`) that connects. */
  readonly natsKey: string;
}

export interface ServerTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile?: string;
}

export interface ServerConfig {
  readonly cluster: string;
  readonly users: readonly ServerUser[];
  /** JetStream's directory. */
  readonly storeDirectory: string;
  /** Default 127.0.0.1; anything else needs `tls`. */
  readonly host?: string;
  /** -1 lets the server choose. Default 4222. */
  readonly port?: number;
  /** Left out: no websocket. -1 lets the server choose. */
  readonly websocketPort?: number;
  /** Exact origins of web pages that may connect; without any, every origin that holds a key. */
  readonly websocketOrigins?: readonly string[];
  readonly maxPayload?: number;
  /** The verb table permissions come from; tests bring their own. */
  readonly verbs?: Readonly<Record<string, VerbSpec>>;
  readonly tls?: ServerTls;
}

const PUBLIC_USER_NKEY = /^U[A-Z2-7]{55}$/;
const PORT_MAX = 65_535;

/**
 * The text of a `nats.conf`.
 * @throws BusOptionError, BusNameError, TlsRequiredError (a host off loopback without certificates)
 */
export const natsConfig = (config: ServerConfig): string => {
  const { cluster, host = '127.0.0.1', port = 4222, tls } = config;
  if (!isLoopback(host) && tls === undefined) throw new TlsRequiredError(host);
  return [
    `# Cluster ${cluster}: generated from its membership. Changes here are lost when it is generated again.`,
    `server_name: ${quote(`isochron-${cluster}`)}`,
    `host: ${quote(withoutBrackets(host))}`,
    `port: ${checkPort('port', port)}`,
    `max_payload: ${config.maxPayload ?? maxPayloadDefault}`,
    ...(tls === undefined ? [] : block('tls', tlsLines(tls))),
    ...block('jetstream', [
      `store_dir: ${quote(config.storeDirectory)}`,
      `max_memory_store: ${jetStreamMemory}`,
      `max_file_store: ${jetStreamFile}`,
    ]),
    ...websocketLines(config, host),
    ...block('authorization', ['users: [', ...config.users.flatMap((user) => userLines(config, user)), ']']),
    '',
  ].join('\n');
};

const websocketLines = (
  { websocketPort, websocketOrigins = [], tls }: ServerConfig,
  host: string,
): readonly string[] => {
  if (websocketPort === undefined) return [];
  return block('websocket', [
    `host: ${quote(withoutBrackets(host))}`,
    `port: ${checkPort('websocketPort', websocketPort)}`,
    ...(tls === undefined ? ['no_tls: true'] : block('tls', tlsLines(tls))),
    ...(websocketOrigins.length === 0 ? [] : [`allowed_origins: [${websocketOrigins.map(quote).join(', ')}]`]),
  ]);
};

const tlsLines = ({ certFile, keyFile, caFile }: ServerTls): readonly string[] => [
  `cert_file: ${quote(certFile)}`,
  `key_file: ${quote(keyFile)}`,
  ...(caFile === undefined ? [] : [`ca_file: ${quote(caFile)}`]),
];

const userLines = ({ cluster, verbs }: ServerConfig, { name, role, natsKey }: ServerUser): readonly string[] => {
  if (!PUBLIC_USER_NKEY.test(natsKey)) throw new BusOptionError(`users.${name}.natsKey`, 'a public user nkey (U…)');
  const permissions = permissionsFor(cluster, name, role, verbs);
  return [`  { # ${name} (${role})`, `    nkey: ${natsKey}`, ...indent(indent(permissionLines(permissions))), '  }'];
};

const permissionLines = ({ publish, subscribe, deaf, responds }: Permissions): readonly string[] =>
  block('permissions', [
    ...block('publish', listLines('allow', publish)),
    ...block('subscribe', [...listLines('allow', subscribe), ...(deaf.length === 0 ? [] : listLines('deny', deaf))]),
    ...(responds ? [`allow_responses: { max: ${repliesMax}, expires: ${quote(replyExpires)} }`] : []),
  ]);

const listLines = (kind: 'allow' | 'deny', subjects: readonly string[]): readonly string[] => [
  `${kind}: [`,
  ...indent(subjects.map(quote)),
  ']',
];

const block = (name: string, lines: readonly string[]): readonly string[] => [`${name} {`, ...indent(lines), '}'];
const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);
/** IPv6 addresses stand in brackets in URLs only. */
const withoutBrackets = (host: string): string => host.replace(/^\[|\]$/g, '');
/** JSON's escapes are a subset of the configuration language's. */
const quote = (text: string): string => JSON.stringify(text);

const checkPort = (field: string, port: number): number => {
  if (port !== -1 && !(Number.isInteger(port) && port > 0 && port <= PORT_MAX)) {
    throw new BusOptionError(field, `-1 or 1 … ${PORT_MAX}`);
  }
  return port;
};
