/** Test projects: `house` (the rules of the repository), `unit` (no process, no network), `integration` (real nats-server, real processes), `long` (soaks). */
import { defineConfig } from 'vitest/config';

const project = (name: string, include: string[], timeoutMs: number, serial = false) => ({
  test: {
    name,
    include,
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    // Real processes compete for the same cores: one file at a time keeps their timing honest.
    ...(serial ? { fileParallelism: false } : {}),
  },
});

export default defineConfig({
  test: {
    projects: [
      project('house', ['test/house/**/*.test.ts'], 30_000),
      project('unit', ['test/*.test.ts', 'test/contracts/**/*.test.ts'], 60_000),
      project('integration', ['test/integration/**/*.test.ts'], 120_000, true),
      project('long', ['test/long/**/*.test.ts'], 3_600_000, true),
    ],
  },
});
