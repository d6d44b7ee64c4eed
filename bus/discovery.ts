/**
 * ADR-32 (NATS micro services): what a node says about itself on `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS`, so that any
 * NATS tool discovers its endpoints. Pure: shapes in, objects out. The registry's own package lags behind our client.
 */
import { askFromToken, type Subjects } from './subjects.ts';

/** The name of the one service a node has. */
export const serviceName = 'isochron';
/** ADR-32's default queue group; ours for `ask.any`. */
export const anyQueue = 'q';
export const discoveryRoot = '$SRV.';

export interface ServiceIdentity {
  readonly id: string;
  /** SemVer of the program. */
  readonly version: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** RFC 3339, UTC. */
  readonly started: string;
}

/** Counters of one endpoint since it was created; times in nanoseconds. */
export interface EndpointStats {
  requests: number;
  errors: number;
  lastError: string;
  processingNs: number;
}

export interface Endpoint {
  readonly name: string;
  readonly subject: string;
  readonly queue: string;
  readonly stats: EndpointStats;
}

export const emptyStats = (): EndpointStats => ({ requests: 0, errors: 0, lastError: '', processingNs: 0 });

export const directEndpoint = (subjects: Subjects, verb: string): Endpoint => ({
  name: verb.replace('.', '-'),
  subject: `${subjects.askedOf}*.${verb}`,
  queue: '',
  stats: emptyStats(),
});

export const anyEndpoint = (subjects: Subjects, verb: string): Endpoint => ({
  name: `${verb.replace('.', '-')}-any`,
  subject: `${subjects.askedOfAny}*.${verb}`,
  queue: anyQueue,
  stats: emptyStats(),
});

export const discoveryKinds = ['PING', 'INFO', 'STATS'] as const;
export type DiscoveryKind = (typeof discoveryKinds)[number];

/** Which question `$SRV.<kind>[.<name>[.<id>]]` asks of this service; undefined when it is none, or another's. */
export const discoveryKind = (subject: string, id: string): DiscoveryKind | undefined => {
  const [root, kind, name, instance, ...rest] = subject.split('.');
  if (`${root}.` !== discoveryRoot || rest.length > 0) return undefined;
  if (name !== undefined && name !== serviceName) return undefined;
  if (instance !== undefined && instance !== id) return undefined;
  return discoveryKinds.find((known) => known === kind);
};

export const discoveryReply = (
  kind: DiscoveryKind,
  service: ServiceIdentity,
  endpoints: readonly Endpoint[],
): object => {
  const identity = { name: serviceName, id: service.id, version: service.version, metadata: service.metadata };
  switch (kind) {
    case 'PING':
      return { type: 'io.nats.micro.v1.ping_response', ...identity };
    case 'INFO':
      return {
        type: 'io.nats.micro.v1.info_response',
        ...identity,
        description: service.description,
        endpoints: endpoints.map(endpointInfo),
      };
    case 'STATS':
      return {
        type: 'io.nats.micro.v1.stats_response',
        ...identity,
        started: service.started,
        endpoints: endpoints.map(endpointStats),
      };
  }
};

const endpointInfo = ({ name, subject, queue }: Endpoint): object => ({
  name,
  subject,
  queue_group: queue,
  metadata: { from: String(askFromToken) },
});

const endpointStats = ({ name, subject, queue, stats }: Endpoint): object => ({
  name,
  subject,
  queue_group: queue,
  num_requests: stats.requests,
  num_errors: stats.errors,
  last_error: stats.lastError,
  processing_time: Math.round(stats.processingNs),
  average_processing_time: stats.requests === 0 ? 0 : Math.round(stats.processingNs / stats.requests),
});
