/** What happens when the head is killed, in virtual time and over many seeds. The same on real processes: `npm run bench -- failover`. */
import { expect, test } from 'vitest';
import { clockFact, headFact } from '../actors/index.ts';
import { labParameters } from '../protocol/index.ts';
import {
  epochsNeverGoBack,
  oneHeadATerm,
  SimulatedCluster,
  Trace,
  termsNeverGoBack,
  type Violation,
} from '../simulation/index.ts';

const first = Number(process.env.ISOCHRON_SEED ?? 1);
/** How soon a supervisor has a killed node back. */
const BACK_AFTER_MS = 400;

interface Failover {
  readonly tookMs: number;
  readonly ledAgainAfterMs: number;
}

/** Kills the head of a settled lab cluster, brings it back, and watches until it leads again. */
const failover = async (seed: number, violations: Violation[]): Promise<Failover> => {
  const cluster = await SimulatedCluster.create({
    seed,
    preset: 'lab',
    network: { loss: 0.01, delayMs: 1, jitterMs: 5, duplication: 0.01 },
    clockSkewMs: 500,
    driftPpm: 50,
  });
  const invariants = [oneHeadATerm, epochsNeverGoBack, termsNeverGoBack];
  const trace = new Trace(
    cluster,
    invariants.map((invariant) => invariant((violation) => violations.push(violation))),
  );
  cluster.startAll();
  for (const node of cluster.nodes) trace.follow(node);
  await cluster.clock.advance(10_000 + cluster.parameters.holdDownMs * 2);
  const accepted = () => cluster.facts('device-1').get(clockFact);
  const before = accepted();
  const head = before?.head ?? '';
  cluster.crash(head);
  const back = cluster.clock.advance(BACK_AFTER_MS);
  await back;
  cluster.start(head);
  trace.follow(head);
  const tookMs =
    BACK_AFTER_MS +
    (await cluster.clock.runUntil(() => (accepted()?.term ?? 0) > (before?.term ?? 0), 10_000, 'failover'));
  const leads = () => cluster.facts(head).get(headFact)?.self === true;
  const ledAgainAfterMs = tookMs - BACK_AFTER_MS + (await cluster.clock.runUntil(leads, 30_000, 'hand-over'));
  return { tookMs, ledAgainAfterMs };
};

test(`a killed head is replaced, and leads again only after its hold-down (seeds ${first}…${first + 29})`, async () => {
  const violations: Violation[] = [];
  const runs: Failover[] = [];
  for (let seed = first; seed < first + 30; seed += 1) runs.push(await failover(seed, violations));
  expect(violations).toEqual([]);
  const took = runs.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  expect(took[15]).toBeLessThan(2_000);
  expect(took.at(-1)).toBeLessThan(5_000);
  const ledAgain = Math.min(...runs.map(({ ledAgainAfterMs }) => ledAgainAfterMs));
  expect(ledAgain).toBeGreaterThanOrEqual(labParameters.holdDownMs);
});
