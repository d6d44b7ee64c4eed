/** Feature configurations: every node must draw the same subcarriers and send pilots at the same times. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BytesTextError,
  decodeFeatureConfig,
  encodeFeatureConfig,
  FeatureConfigError,
  featureConfigFromJson,
  featureConfigReplySchema,
  featureConfigToJson,
  fieldParameters,
  isFeatureConfigIntact,
  makeFeatureConfig,
  pilotTimes,
  pilotTimesMax,
  selectSubcarriers,
  subcarriersMax,
  WireError,
} from '../protocol/index.ts';
import { anyFeatureConfig, featureConfig } from './support/messages.ts';

const draw = {
  version: 1,
  configId: new Uint8Array(16).fill(1),
  seed: new Uint8Array(8).fill(2),
  trainingPattern: Uint8Array.of(0xa5, 0x5a),
};

describe('a feature configuration', () => {
  it('carries the parameters of its cluster and its own digest', () => {
    const config = makeFeatureConfig(fieldParameters, draw);
    expect(config).toMatchObject({
      sampleCount: 6,
      subcarrierCount: 64,
      quantizationAlpha: 0.8,
      measurementWindowMs: 200,
    });
    expect(config.pilotPlan.pilotSlots).toEqual([0, 5]);
    expect(isFeatureConfigIntact(config)).toBe(true);
  });

  it('is no longer intact when any part of it changes', () => {
    const config = makeFeatureConfig(fieldParameters, draw);
    const plan = config.pilotPlan;
    const changes = [
      { version: 2 },
      { configId: new Uint8Array(16) },
      { pilotPlan: { ...plan, frameDurationMs: 11 } },
      { pilotPlan: { ...plan, slotsPerFrame: 11 } },
      { pilotPlan: { ...plan, pilotSlots: [0, 6] } },
      { pilotPlan: { ...plan, pilotSlots: [0] } },
      { pilotPlan: { ...plan, trainingPattern: Uint8Array.of(0xa5) } },
      { measurementWindowMs: 201 },
      { sampleCount: 7 },
      { subcarrierSeed: new Uint8Array(8) },
      { subcarrierCount: 63 },
      { quantizationAlpha: 0.81 },
      { digest: new Uint8Array(32) },
      { digest: new Uint8Array(31) },
    ];
    for (const change of changes)
      expect([change, isFeatureConfigIntact({ ...config, ...change })]).toEqual([change, false]);
  });

  it('survives the wire and JSON unchanged', () => {
    fc.assert(
      fc.property(anyFeatureConfig, (config) => {
        expect(decodeFeatureConfig(encodeFeatureConfig(config))).toEqual(config);
        const json = featureConfigReplySchema.parse(JSON.parse(JSON.stringify(featureConfigToJson(config))));
        // JSON has no negative zero.
        const expected = { ...config, quantizationAlpha: config.quantizationAlpha + 0 };
        expect(featureConfigFromJson(json)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('is refused from JSON whose hex is not hex, by the name of the field', () => {
    const json = { ...featureConfigToJson(featureConfig), subcarrierSeed: '00112233445566gg' };
    expect(() => featureConfigFromJson(json)).toThrow(BytesTextError);
    expect(() => featureConfigFromJson(json)).toThrow(/^subcarrierSeed: /);
  });

  it('is not made of values that do not fit on the wire', () => {
    expect(() => makeFeatureConfig({ ...fieldParameters, quantizationAlpha: Number.NaN }, draw)).toThrow(WireError);
    expect(() => makeFeatureConfig(fieldParameters, { ...draw, seed: new Uint8Array(7) })).toThrow(/subcarrier_seed/);
  });
});

describe('selected subcarriers', () => {
  const seed = fc.uint8Array({ minLength: 8, maxLength: 8 });

  it('are as many as asked for, distinct, ascending, in range, and the same on every node', () => {
    fc.assert(
      fc.property(seed, fc.nat(300), fc.nat(300), (subcarrierSeed, a, b) => {
        const [count, total] = a < b ? [a, b] : [b, a];
        const selected = selectSubcarriers({ subcarrierSeed, subcarrierCount: count }, total);
        expect(selected).toHaveLength(count);
        expect(selected.every((index, i) => index < total && (i === 0 || index > (selected[i - 1] ?? -1)))).toBe(true);
        expect(selectSubcarriers({ subcarrierSeed: subcarrierSeed.slice(), subcarrierCount: count }, total)).toEqual(
          selected,
        );
      }),
      { numRuns: 100 },
    );
  });

  it('are drawn evenly: no subcarrier is favoured', () => {
    const total = 52;
    const hits = new Array<number>(total).fill(0);
    const rounds = 3000;
    for (let i = 0; i < rounds; i++) {
      const subcarrierSeed = new Uint8Array(8);
      new DataView(subcarrierSeed.buffer).setUint32(0, i);
      for (const index of selectSubcarriers({ subcarrierSeed, subcarrierCount: 8 }, total))
        hits[index] = (hits[index] ?? 0) + 1;
    }
    const expected = (rounds * 8) / total;
    const chiSquare = hits.reduce((sum, hit) => sum + (hit - expected) ** 2 / expected, 0);
    // 51 degrees of freedom: above 100 happens once in 50 000 fair draws, and these seeds are fixed.
    expect(chiSquare).toBeLessThan(100);
  });

  it('are refused when the radio has fewer, or more than any radio', () => {
    const config = { subcarrierSeed: new Uint8Array(8), subcarrierCount: 64 };
    expect(() => selectSubcarriers(config, 52)).toThrow(FeatureConfigError);
    for (const total of [-1, 1.5, Number.NaN, subcarriersMax + 1]) {
      expect(() => selectSubcarriers(config, total)).toThrow(/^total: /);
    }
    expect(selectSubcarriers({ ...config, subcarrierCount: 52 }, 52)).toHaveLength(52);
  });
});

describe('pilot times', () => {
  const start = 1_763_541_030_000;

  it('are every pilot of every frame of the epoch', () => {
    const times = pilotTimes({ frameDurationMs: 10, slotsPerFrame: 10, pilotSlots: [0, 5] }, start, 30_000);
    expect(times).toHaveLength(6000);
    expect(times.slice(0, 4)).toEqual([start, start + 5, start + 10, start + 15]);
    expect(times.at(-1)).toBe(start + 29_995);
  });

  it('end with the epoch, even within a frame', () => {
    expect(pilotTimes({ frameDurationMs: 10, slotsPerFrame: 10, pilotSlots: [0, 5] }, start, 15)).toEqual([
      start,
      start + 5,
      start + 10,
    ]);
    expect(pilotTimes({ frameDurationMs: 10, slotsPerFrame: 10, pilotSlots: [0, 5] }, start, 0)).toEqual([]);
  });

  it('agree with exact arithmetic, and never leave the epoch', () => {
    const plans = fc.record({
      frameDurationMs: fc.integer({ min: 1, max: 70_000 }),
      slotsPerFrame: fc.integer({ min: 1, max: 0xffff }),
      slots: fc.uniqueArray(fc.nat(0xfffe), { maxLength: 5 }),
    });
    fc.assert(
      fc.property(
        plans,
        fc.nat(2 ** 41),
        fc.nat(100_000),
        ({ frameDurationMs, slotsPerFrame, slots }, from, deltaT) => {
          const pilotSlots = [...new Set(slots.map((slot) => slot % slotsPerFrame))].sort((a, b) => a - b);
          const frames = Math.min(Math.ceil(deltaT / frameDurationMs), 50);
          const length = Math.min(deltaT, frames * frameDurationMs);
          const exact: number[] = [];
          for (let f = 0n; f < BigInt(frames); f++) {
            for (const slot of pilotSlots) {
              const at =
                BigInt(from) +
                f * BigInt(frameDurationMs) +
                (BigInt(slot) * BigInt(frameDurationMs)) / BigInt(slotsPerFrame);
              if (at < BigInt(from + length)) exact.push(Number(at));
            }
          }
          expect(pilotTimes({ frameDurationMs, slotsPerFrame, pilotSlots }, from, length)).toEqual(exact);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('are refused for a plan that would never end or fill the memory', () => {
    const plan = { frameDurationMs: 10, slotsPerFrame: 10, pilotSlots: [0, 5] };
    expect(() => pilotTimes({ ...plan, frameDurationMs: 0 }, start, 30_000)).toThrow(FeatureConfigError);
    expect(() => pilotTimes(plan, start + 0.5, 30_000)).toThrow(/^epochStartMs: /);
    expect(() => pilotTimes(plan, start, Number.POSITIVE_INFINITY)).toThrow(/^deltaTMs: /);
    expect(() => pilotTimes({ ...plan, frameDurationMs: 1 }, start, pilotTimesMax)).toThrow(FeatureConfigError);
  });
});
