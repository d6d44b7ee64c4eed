/** The door of bus/: how messages travel. */

export { askTimeoutMaxMs } from './asks.ts';
export * from './bus.ts';
export { contentTypes, decodePayload, encodePayload, formatOf } from './codec.ts';
export type { BusOptions } from './core.ts';
export { discoveryKinds } from './discovery.ts';
export * from './errors.ts';
export { type Link, MemoryBus, MemoryHub, type MemoryHubOptions } from './memory.ts';
export { connectNats, NatsBus, type NatsOptions } from './nats.ts';
export { inboxPrefix, type Permissions, permissionsFor } from './permissions.ts';
export type { BusClock, BusMetrics, BusRandom, Refusal, RefusalReason } from './ports.ts';
export {
  findNatsServer,
  type ManagedServer,
  type ManagedServerOptions,
  type ServerExit,
  startNatsServer,
} from './server.ts';
export { natsConfig, type ServerConfig, type ServerTls, type ServerUser } from './serverConfig.ts';
export { type BusTls, isLoopback } from './servers.ts';
export { actorTokens, type ParsedSubject, parseSubject } from './subjects.ts';
