/**
 * Every verb of the message interface in one table: its schemas, who may ask it, and who answers (3-interface §1).
 * NATS permissions, ADR-32 endpoints, `docs/asyncapi.yaml` and the checks at the edge of the bus all come from here.
 */
import { z } from 'zod';
import type { Role } from './roles.ts';

const epochNumber = z.int().min(0).max(0xffff_ffff);
const nodeName = z.string().regex(/^[a-z0-9-]{1,32}$/);
const hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`))
    .describe(`${bytes} bytes, lower-case hex`);
const id = z
  .string()
  .min(1)
  .max(128)
  .describe('A node (`validator-1`) or an actor of the node asked (`validator-1/election`).');
const nothing = z.object({});
const done = z.object({ done: z.literal(true) });

export const exitReasonSchema = z.object({
  type: z.enum(['normal', 'shutdown', 'killed', 'error', 'timeout', 'hung', 'outOfMemory']),
  detail: z.string().optional().describe('Signal, error code and message, or what was waited for.'),
});

/** One unit of a supervision tree as others see it. */
export interface TreeNode {
  readonly id: string;
  readonly actor: string;
  readonly state: string;
  readonly status: 'starting' | 'running' | 'restarting' | 'stopping' | 'stopped' | 'failed';
  readonly restarts: number;
  readonly incarnation: number;
  readonly mailbox: number;
  readonly uptimeMs: number;
  readonly isolation: 'inline' | 'thread' | 'process';
  readonly pid: number | null;
  readonly lastExit?: z.infer<typeof exitReasonSchema> | undefined;
  readonly children: readonly TreeNode[];
}
export const treeNodeSchema: z.ZodType<TreeNode> = z.lazy(() =>
  z.object({
    id: z.string(),
    actor: z.string(),
    state: z.string(),
    status: z.enum(['starting', 'running', 'restarting', 'stopping', 'stopped', 'failed']),
    restarts: z.int(),
    incarnation: z.int(),
    mailbox: z.int(),
    uptimeMs: z.number(),
    isolation: z.enum(['inline', 'thread', 'process']),
    pid: z.int().nullable(),
    lastExit: exitReasonSchema.optional(),
    children: z.array(treeNodeSchema),
  }),
);

export const epochReplySchema = z.object({
  epoch: epochNumber,
  epochStartMs: z.number().describe('Start of this epoch, cluster time, Unix ms.'),
  epochDurationMs: z.int(),
  synchronized: z.boolean(),
  toleratedEpochs: z.array(epochNumber).describe('Empty before the first synchronisation.'),
  clusterHead: nodeName.nullable(),
  term: epochNumber.describe('Highest election term seen.'),
  configVersion: epochNumber.nullable(),
  offsetMs: z.number().describe('Cluster clock − local clock.'),
});
export type EpochReply = z.infer<typeof epochReplySchema>;

export const featureConfigReplySchema = z.object({
  version: epochNumber,
  configId: hex(16),
  pilotPlan: z.object({
    frameDurationMs: z.int(),
    slotsPerFrame: z.int(),
    pilotSlots: z.array(z.int()),
    trainingPattern: z.string().describe('Bytes, lower-case hex'),
  }),
  measurementWindowMs: z.int(),
  sampleCount: z.int(),
  subcarrierSeed: hex(8),
  subcarrierCount: z.int(),
  quantizationAlpha: z.number(),
  digest: hex(32),
});
export type FeatureConfigReply = z.infer<typeof featureConfigReplySchema>;

export const electionReplySchema = z.object({
  clusterHead: nodeName.nullable(),
  term: epochNumber,
  state: z.string(),
  sinceMs: z.number().describe('How long this state has lasted.'),
  hadHead: z.boolean().describe('Whether this validator has known a head since it started.'),
  headSilentMs: z.number().nullable().describe('How long ago this validator last heard the head; null without one.'),
});
export type ElectionReply = z.infer<typeof electionReplySchema>;

export const actorSnapshotSchema = z.object({
  id: z.string(),
  actor: z.string(),
  value: z.unknown().describe('State value of the statechart.'),
  tags: z.array(z.string()),
  context: z.unknown(),
  operable: z.array(z.string()).describe('Events that actor.send accepts in any state.'),
});

export interface VerbSpec {
  readonly summary: string;
  readonly request: z.ZodType;
  readonly reply: z.ZodType;
  /** Roles whose permissions let them publish the ask. */
  readonly askedBy: readonly Role[];
  /** Which kinds of node serve it. */
  readonly answeredBy: readonly Role[];
  /** Also served on `ask.any` by one ready validator. */
  readonly any: boolean;
  /** Written to the audit log with `from`. */
  readonly audited?: true;
}

const everyone: readonly Role[] = ['validator', 'device', 'client', 'host', 'operator', 'viewer'];
const people: readonly Role[] = ['host', 'operator', 'viewer'];
const operators: readonly Role[] = ['host', 'operator'];
const members: readonly Role[] = ['validator', 'device'];
const trees: readonly Role[] = ['validator', 'device', 'host'];

const control = (summary: string): VerbSpec => ({
  summary,
  request: z.object({
    id,
    by: z.string().max(128).optional().describe('Self-declared user@host/pid, unverified; for the audit log.'),
  }),
  reply: done,
  askedBy: operators,
  answeredBy: trees,
  any: false,
  audited: true,
});

export const verbs = {
  'epoch.get': {
    summary: 'The epoch now, as this node sees it.',
    request: nothing,
    reply: epochReplySchema,
    askedBy: everyone,
    answeredBy: members,
    any: true,
  },
  'epoch.valid': {
    summary: 'Whether an epoch is within tolerance.',
    request: z.object({ epoch: epochNumber }),
    reply: z.object({ valid: z.boolean() }),
    askedBy: everyone,
    answeredBy: members,
    any: true,
  },
  'config.get': {
    summary: 'The feature configuration in force.',
    request: nothing,
    reply: featureConfigReplySchema,
    askedBy: everyone,
    answeredBy: members,
    any: true,
  },
  'election.get': {
    summary: 'Who leads, in which term.',
    request: nothing,
    reply: electionReplySchema,
    askedBy: everyone,
    answeredBy: ['validator'],
    any: true,
  },
  'membership.get': {
    summary: 'The signed membership envelope in force.',
    request: nothing,
    reply: z.object({ envelope: z.unknown() }),
    askedBy: everyone,
    answeredBy: members,
    any: true,
  },
  'supervisor.tree': {
    summary: 'The supervision tree.',
    request: nothing,
    reply: treeNodeSchema,
    askedBy: people,
    answeredBy: trees,
    any: false,
  },
  'supervisor.restart': control('Stops and starts a unit.'),
  'supervisor.stop': control('Stops a unit until it is started again.'),
  'supervisor.start': control('Starts a stopped unit.'),
  'supervisor.kill': control('Kills a unit at once; its supervisor restarts it.'),
  'actor.send': {
    ...control('Sends an operable event to an actor.'),
    request: z.object({ id, event: z.looseObject({ type: z.string().max(128) }), by: z.string().max(128).optional() }),
  },
  'actor.snapshot': {
    summary: 'State, tags and context of an actor.',
    request: z.object({ id }),
    reply: actorSnapshotSchema,
    askedBy: people,
    answeredBy: trees,
    any: false,
  },
  'actor.definition': {
    summary: 'The statechart of an actor, as data.',
    request: z.object({ id }),
    reply: z.object({ id: z.string(), actor: z.string(), definition: z.unknown() }),
    askedBy: people,
    answeredBy: trees,
    any: false,
  },
  'live.watch': {
    summary: 'Leases the inspection stream of an actor; renew before it ends.',
    request: z.object({ actor: z.string().min(1).max(128), ttlMs: z.int().min(100).max(10_000) }),
    reply: z.object({ subject: z.string(), ttlMs: z.int() }),
    askedBy: people,
    answeredBy: trees,
    any: false,
  },
} as const satisfies Record<string, VerbSpec>;

export type Verb = keyof typeof verbs;
export type VerbRequest<V extends Verb> = z.infer<(typeof verbs)[V]['request']>;
export type VerbReply<V extends Verb> = z.infer<(typeof verbs)[V]['reply']>;

export const isVerb = (text: string): text is Verb => Object.hasOwn(verbs, text);
