/**
 * The parameters of a cluster (3-interface §5; `field` is the document's §7): one documented type, one default, presets as diffs.
 * Every field says what happens when it is raised or lowered. Relations between them are asserted by `parseParameters`.
 */
import { z } from 'zod';
import { IsochronError } from './errors.ts';

const ms = (description: string) => z.int().positive().max(86_400_000).describe(description);
const count = (max: number, description: string) => z.int().nonnegative().max(max).describe(description);

/** What makes one validator stronger than another, strongest factor first (000 §2.2.1). */
export const electionFactors = ['id', 'uptime', 'latency'] as const;
export type ElectionFactor = (typeof electionFactors)[number];

export const pilotPlanSchema = z.strictObject({
  frameDurationMs: ms('Length of a TDD frame; longer: fewer pilots an epoch.'),
  slotsPerFrame: z.int().min(1).max(65_535).describe('Slots a frame is divided into; more: finer pilot positions.'),
  pilotSlots: z
    .array(z.int().nonnegative())
    .min(1)
    .max(256)
    .describe('Slots that carry a pilot, ascending; more: more channel samples, less airtime.'),
});
export type PilotPlanParameters = z.infer<typeof pilotPlanSchema>;

export const parametersSchema = z.strictObject({
  epochDurationMs: ms(
    'Length of an epoch. Raise: keys live longer, less radio traffic. Lower: faster rotation, less tolerance of skew.',
  ),
  beaconIntervalMs: ms('Between two beacons of the head. Raise: quieter. Lower: late nodes synchronise sooner.'),
  beaconTimeoutMs: ms(
    'Silence after which a node calls itself unsynchronised. Lower: honest sooner, but one lost beacon counts.',
  ),
  beaconFreshnessMs: ms(
    'How far a beacon may lie from the corrected clock. Raise: tolerates slow links, widens the replay window.',
  ),
  epochTolerance: count(1, 'Neighbouring epochs still accepted. 0 refuses traffic at every boundary.'),
  maxLocalEpochs: count(
    1000,
    'Epochs a node counts alone before it must resynchronise. Raise: survives longer silence with older keys.',
  ),
  electionTimeoutMs: ms('Silence of the head after which validators elect. Lower: faster failover, more false alarms.'),
  answerTimeoutMs: ms('How long a candidate waits for a stronger validator. Lower: faster failover, more split votes.'),
  coordinatorTimeoutMs: ms('How long a candidate that was answered waits for the winner. Lower: faster retry.'),
  heartbeatIntervalMs: ms('Between two heartbeats of the head. Lower: faster detection, more traffic.'),
  holdDownMs: ms(
    'A validator that just started does not take over a live head before this. Raise: calmer when a node flaps.',
  ),
  electionPriority: z
    .array(z.enum(electionFactors))
    .min(1)
    .max(3)
    .describe('What decides who leads, strongest first. MACs are unique, so factors after "id" never count.'),
  calibrationIntervalMs: ms(
    'Between two clock calibrations with the head (SYNC_REQUEST). Lower: less skew, more traffic.',
  ),
  gossipIntervalMs: ms('Between two gossip rounds. Lower: revocations spread sooner.'),
  gossipFanout: z.int().min(1).max(32).describe('Peers told each gossip round. Raise: spreads faster, more traffic.'),
  configRotationEpochs: z
    .int()
    .min(1)
    .max(10_000)
    .describe('Epochs between two feature configurations. Lower: fresher subcarriers.'),
  matTtlMs: ms('Life of an admission token. Raise: fewer renewals, revocation matters more.'),
  matRegion: z
    .string()
    .regex(/^[\x20-\x7e]{1,32}$/)
    .describe('Region written into tokens; others are refused.'),
  presenceIntervalMs: ms('Between two presence heartbeats. Lower: membership state is fresher.'),
  presenceWindowMs: ms('How far a presence heartbeat may lie from now. Raise: tolerates worse clocks, widens replay.'),
  measurementWindowMs: ms('Window in which one feature vector is measured.'),
  sampleCount: z.int().min(1).max(1024).describe('Frames averaged into one feature vector. Raise: less noise, slower.'),
  subcarrierCount: z
    .int()
    .min(1)
    .max(65_535)
    .describe('Subcarriers drawn a configuration; bounded by what the radio has.'),
  quantizationAlpha: z
    .number()
    .positive()
    .max(10)
    .describe('Width of the guard band in sigmas. Raise: fewer, surer bits.'),
  pilotPlan: pilotPlanSchema,
});

/** Every tunable of a cluster; all members must use the same values. */
export type Parameters = z.infer<typeof parametersSchema>;

/** The document's values (000 §7): slow radios, long epochs. */
export const fieldParameters: Parameters = {
  epochDurationMs: 30_000,
  beaconIntervalMs: 5_000,
  beaconTimeoutMs: 15_000,
  beaconFreshnessMs: 5_000,
  epochTolerance: 1,
  maxLocalEpochs: 5,
  electionTimeoutMs: 5_000,
  answerTimeoutMs: 2_000,
  coordinatorTimeoutMs: 3_000,
  heartbeatIntervalMs: 2_000,
  holdDownMs: 15_000,
  electionPriority: ['id'],
  calibrationIntervalMs: 10_000,
  gossipIntervalMs: 3_000,
  gossipFanout: 1,
  configRotationEpochs: 10,
  matTtlMs: 30_000,
  matRegion: 'default',
  presenceIntervalMs: 30_000,
  presenceWindowMs: 300_000,
  measurementWindowMs: 200,
  sampleCount: 6,
  subcarrierCount: 64,
  quantizationAlpha: 0.8,
  pilotPlan: { frameDurationMs: 10, slotsPerFrame: 10, pilotSlots: [0, 5] },
};

/** For demos on one machine: failover under two seconds. */
export const labParameters: Parameters = {
  ...fieldParameters,
  epochDurationMs: 5_000,
  beaconIntervalMs: 1_000,
  beaconTimeoutMs: 3_000,
  beaconFreshnessMs: 1_000,
  electionTimeoutMs: 1_200,
  answerTimeoutMs: 300,
  coordinatorTimeoutMs: 450,
  heartbeatIntervalMs: 400,
  holdDownMs: 3_600,
  calibrationIntervalMs: 2_000,
  gossipIntervalMs: 200,
  matTtlMs: 5_000,
  presenceIntervalMs: 2_000,
};

export const presets = { lab: labParameters, field: fieldParameters } as const;
export type Preset = keyof typeof presets;

/** A parameter is missing, out of range, or contradicts another. `details.field` names it. */
export class ParameterError extends IsochronError {
  constructor(field: string, message: string) {
    super('PARAMETER_INVALID', 400, `${field}: ${message}`, { details: { field } });
  }
}

/** The longest ask the bus allows: below the minute after which a NATS server forgets who may reply. */
const ASK_MAX_MS = 55_000;

type Relation = readonly [field: keyof Parameters, holds: (p: Parameters) => boolean, expected: string];

const relations: readonly Relation[] = [
  [
    'beaconIntervalMs',
    (p) => p.beaconIntervalMs < p.beaconTimeoutMs,
    'must be below beaconTimeoutMs, or every beacon is late',
  ],
  ['beaconIntervalMs', (p) => p.beaconIntervalMs <= p.epochDurationMs, 'must not exceed epochDurationMs'],
  [
    'heartbeatIntervalMs',
    (p) => 2 * p.heartbeatIntervalMs <= p.electionTimeoutMs,
    'must be at most half of electionTimeoutMs, or one lost heartbeat starts an election',
  ],
  ['answerTimeoutMs', (p) => p.answerTimeoutMs <= p.coordinatorTimeoutMs, 'must not exceed coordinatorTimeoutMs'],
  ['answerTimeoutMs', (p) => p.answerTimeoutMs <= ASK_MAX_MS, `must not exceed ${ASK_MAX_MS}, the longest ask`],
  [
    'pilotPlan',
    ({ pilotPlan }) =>
      pilotPlan.pilotSlots.every(
        (slot, i, all) => slot < pilotPlan.slotsPerFrame && (i === 0 || slot > (all[i - 1] ?? -1)),
      ),
    'pilotSlots must be ascending, distinct and below slotsPerFrame',
  ],
];

/**
 * Overlays `diff` on a preset and checks every value and relation.
 * @throws ParameterError naming the first field that does not hold.
 */
export const parseParameters = (preset: Preset, diff: unknown = {}): Parameters => {
  const merged = { ...presets[preset], ...(diff as object) };
  const parsed = parametersSchema.safeParse(merged);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
    throw new ParameterError(
      unknown ?? issue?.path.join('.') ?? '(root)',
      unknown ? 'unknown parameter' : (issue?.message ?? 'invalid'),
    );
  }
  for (const [field, holds, expected] of relations) {
    if (!holds(parsed.data)) throw new ParameterError(field, expected);
  }
  return parsed.data;
};
