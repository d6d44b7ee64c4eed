/** Feature configurations (3-interface §2; 000 §2.3.2–2.3.3): digest, which subcarriers, when pilots are sent. */
import { fromHex, toHex, u32Bytes, utf8 } from './bytes.ts';
import { equalBytes, sha256 } from './crypto.ts';
import { IsochronError } from './errors.ts';
import type { FeatureConfig, PilotPlan } from './messages.ts';
import type { Parameters } from './parameters.ts';
import type { FeatureConfigReply } from './verbs.ts';
import { encodeDigestInput } from './wireEncode.ts';

/** More subcarriers than any radio of this kind has; bounds the memory of a selection. */
export const subcarriersMax = 65_536;
/** Pilots of one epoch; bounds the memory of a plan that somebody else chose. Field preset: 6 000. */
export const pilotTimesMax = 1_000_000;

/** A configuration cannot be used as asked. `details.field` names what does not fit. */
export class FeatureConfigError extends IsochronError {
  constructor(field: string, message: string) {
    super('FEATURE_CONFIG_INVALID', 400, `${field}: ${message}`, { details: { field } });
  }
}

/** SHA-256 of the encoded configuration up to the digest itself. */
export const featureConfigDigest = (config: Omit<FeatureConfig, 'digest'>): Uint8Array =>
  sha256(encodeDigestInput(config));

/**
 * True when the digest a configuration carries is its own.
 * @throws WireError when a value, from JSON perhaps, does not fit on the wire at all.
 */
export const isFeatureConfigIntact = (config: FeatureConfig): boolean =>
  config.digest.length === 32 && equalBytes(config.digest, featureConfigDigest(config));

/** What a configuration has beyond the cluster's parameters: drawn anew at every rotation. */
export interface FeatureConfigDraw {
  readonly version: number;
  /** 16 bytes. */
  readonly configId: Uint8Array;
  /** 8 bytes. */
  readonly seed: Uint8Array;
  /** At most 512 bytes. */
  readonly trainingPattern: Uint8Array;
}

/**
 * A configuration of these parameters, digest included.
 * @throws WireError when a value does not fit on the wire.
 */
export const makeFeatureConfig = (
  parameters: Pick<
    Parameters,
    'pilotPlan' | 'measurementWindowMs' | 'sampleCount' | 'subcarrierCount' | 'quantizationAlpha'
  >,
  draw: FeatureConfigDraw,
): FeatureConfig => {
  const config = {
    version: draw.version,
    configId: draw.configId,
    pilotPlan: { ...parameters.pilotPlan, trainingPattern: draw.trainingPattern },
    measurementWindowMs: parameters.measurementWindowMs,
    sampleCount: parameters.sampleCount,
    subcarrierSeed: draw.seed,
    subcarrierCount: parameters.subcarrierCount,
    quantizationAlpha: parameters.quantizationAlpha,
  };
  return { ...config, digest: featureConfigDigest(config) };
};

/** The words of SHA-256(seed | "subcarriers" | counter), counter 0, 1, …: u32, big-endian, eight a digest. */
function* wordsOf(seed: Uint8Array): Generator<number, never> {
  const label = utf8('subcarriers');
  for (let counter = 0; ; counter++) {
    const digest = sha256(seed, label, u32Bytes(counter));
    const view = new DataView(digest.buffer, digest.byteOffset, digest.length);
    for (let at = 0; at < 32; at += 4) yield view.getUint32(at);
  }
}

/** The next word below the largest multiple of `k`, modulo `k`: every remainder equally likely. */
const drawBelow = (words: Generator<number, never>, k: number): number => {
  const bound = Math.floor(0x1_0000_0000 / k) * k;
  for (;;) {
    const word = words.next().value;
    if (word < bound) return word % k;
  }
};

/**
 * Which of `total` subcarriers the configuration uses, ascending: a partial Fisher–Yates shuffle driven by the seed.
 * @throws FeatureConfigError when there are fewer than it asks for.
 */
export const selectSubcarriers = (
  config: Pick<FeatureConfig, 'subcarrierSeed' | 'subcarrierCount'>,
  total: number,
): number[] => {
  const { subcarrierCount: count, subcarrierSeed: seed } = config;
  if (!(Number.isInteger(total) && total >= 0 && total <= subcarriersMax)) {
    throw new FeatureConfigError('total', `${total} is no integer in 0…${subcarriersMax}`);
  }
  if (!(count <= total)) throw new FeatureConfigError('subcarrierCount', `${count} of ${total} subcarriers`);
  const words = wordsOf(seed);
  const left = Uint32Array.from({ length: total }, (_, index) => index);
  const chosen: number[] = [];
  for (let k = total; k > total - count; k--) {
    const j = drawBelow(words, k);
    chosen.push(left[j] ?? 0);
    left[j] = left[k - 1] ?? 0;
  }
  return chosen.sort((a, b) => a - b);
};

/**
 * When pilots are sent within an epoch, ascending, in whole ms on the clock of `epochStartMs`.
 * Integer arithmetic throughout: at Unix times in ms a double no longer tells 0.9999 from 1.
 * @throws FeatureConfigError for a frame of no length, a start that is no integer, or more than `pilotTimesMax` pilots.
 */
export const pilotTimes = (
  plan: Omit<PilotPlan, 'trainingPattern'>,
  epochStartMs: number,
  deltaTMs: number,
): number[] => {
  const { frameDurationMs, slotsPerFrame, pilotSlots } = plan;
  requireInteger('frameDurationMs', frameDurationMs, 1);
  requireInteger('epochStartMs', epochStartMs, 0);
  requireInteger('deltaTMs', deltaTMs, 0);
  const frames = Math.ceil(deltaTMs / frameDurationMs);
  if (frames * pilotSlots.length > pilotTimesMax) {
    throw new FeatureConfigError(
      'deltaTMs',
      `${frames * pilotSlots.length} pilots an epoch, more than ${pilotTimesMax}`,
    );
  }
  const offsets = pilotSlots.map((slot) => Math.floor((slot * frameDurationMs) / slotsPerFrame));
  const times: number[] = [];
  for (let frame = 0; frame < deltaTMs; frame += frameDurationMs) {
    for (const offset of offsets) {
      if (frame + offset < deltaTMs) times.push(epochStartMs + frame + offset);
    }
  }
  return times;
};

const requireInteger = (field: string, value: number, min: number): void => {
  if (!(Number.isSafeInteger(value) && value >= min))
    throw new FeatureConfigError(field, `${value} is no integer from ${min} on`);
};

/** As `config.get` replies it. */
export const featureConfigToJson = (config: FeatureConfig): FeatureConfigReply => ({
  version: config.version,
  configId: toHex(config.configId),
  pilotPlan: {
    frameDurationMs: config.pilotPlan.frameDurationMs,
    slotsPerFrame: config.pilotPlan.slotsPerFrame,
    pilotSlots: [...config.pilotPlan.pilotSlots],
    trainingPattern: toHex(config.pilotPlan.trainingPattern),
  },
  measurementWindowMs: config.measurementWindowMs,
  sampleCount: config.sampleCount,
  subcarrierSeed: toHex(config.subcarrierSeed),
  subcarrierCount: config.subcarrierCount,
  quantizationAlpha: config.quantizationAlpha,
  digest: toHex(config.digest),
});

/**
 * Back from the reply of `config.get`. The digest is taken as it is: see `isFeatureConfigIntact`.
 * @throws BytesTextError naming the field that is not hex of its length.
 */
export const featureConfigFromJson = (json: FeatureConfigReply): FeatureConfig => ({
  version: json.version,
  configId: fromHex(json.configId, 16, 'configId'),
  pilotPlan: {
    frameDurationMs: json.pilotPlan.frameDurationMs,
    slotsPerFrame: json.pilotPlan.slotsPerFrame,
    pilotSlots: [...json.pilotPlan.pilotSlots],
    trainingPattern: fromHex(json.pilotPlan.trainingPattern, undefined, 'pilotPlan.trainingPattern'),
  },
  measurementWindowMs: json.measurementWindowMs,
  sampleCount: json.sampleCount,
  subcarrierSeed: fromHex(json.subcarrierSeed, 8, 'subcarrierSeed'),
  subcarrierCount: json.subcarrierCount,
  quantizationAlpha: json.quantizationAlpha,
  digest: fromHex(json.digest, 32, 'digest'),
});
