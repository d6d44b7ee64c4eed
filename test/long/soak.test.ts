import { expect, test } from 'vitest';
import { runSoak } from '../../simulation/index.ts';

const seed = Number(process.env.ISOCHRON_SEED ?? 20_261_121);

const day = () =>
  runSoak({
    seed,
    hours: 24,
    preset: 'field',
    network: { loss: 0.05, delayMs: 1, jitterMs: 200, duplication: 0.01 },
    partitionEveryMs: 600_000,
    partitionForMs: 60_000,
  });

test(`a day of loss, jitter and partitions breaks no promise, and happens the same way twice (seed ${seed})`, async () => {
  const first = await day();
  expect(first.violations).toEqual([]);
  expect(first.recoveries).toBe(144);
  const second = await day();
  expect(second.traceHash).toBe(first.traceHash);
});
