/** Deals and writes a new cluster: what `init` does, and `up` for a temporary one. */
import { basename } from 'node:path';
import type { Clock, Random } from '../../actors/index.ts';
import { dealCluster, generateNkey, type Preset, parseParameters } from '../../protocol/index.ts';
import { clusterNameOf, hostAndPort, writeCluster } from './writeCluster.ts';

export interface NewCluster {
  /** Absolute. */
  readonly dir: string;
  /** Default: made from the name of the directory. */
  readonly cluster?: string;
  readonly validators: number;
  readonly devices: number;
  readonly preset: Preset;
  readonly nats: { readonly url: string; readonly websocketPort: number };
}

export interface MadeCluster {
  readonly dir: string;
  readonly cluster: string;
  readonly preset: Preset;
  readonly nats: string;
  readonly systemKey: string;
  readonly nodes: readonly string[];
}

/** @throws TargetNotEmptyError; what the system says when the disk refuses */
export const makeCluster = async (plan: NewCluster, clock: Clock, random: Random): Promise<MadeCluster> => {
  const { dir, preset, nats } = plan;
  const cluster = plan.cluster ?? clusterNameOf(basename(dir));
  const bytes = (length: number): Uint8Array => random.bytes(length);
  const material = await dealCluster({
    cluster,
    validators: plan.validators,
    devices: plan.devices,
    genesisMs: Math.floor(clock.now()),
    deltaTMs: parseParameters(preset).epochDurationMs,
    random: bytes,
  });
  const logins = { host: generateNkey(bytes), operator: generateNkey(bytes), viewer: generateNkey(bytes) };
  writeCluster({ dir, cluster, preset, nats, material, logins });
  const nodes = material.nodes.map(({ name }) => name);
  return { dir, cluster, preset, nats: nats.url, systemKey: material.system.publicKey, nodes };
};

/** A websocket port for a server elsewhere: a thousand further, as NATS spaces its own (4222, 5222, 6222). */
export const websocketPortOf = (url: string): number => {
  const { port } = hostAndPort(url);
  return port + websocketPortOffset <= portMax ? port + websocketPortOffset : port - websocketPortOffset;
};

const websocketPortOffset = 1_000;
const portMax = 65_535;
