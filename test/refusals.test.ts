/** What a node does with frames that must not be believed: counted by reason, and nothing changes. */
import { beforeEach, expect, test } from 'vitest';
import { clockFact, headFact, membersFact } from '../actors/index.ts';
import {
  type Beacon,
  createSigner,
  decodeMessage,
  decodeNkeySeed,
  makeFeatureConfig,
  roundOf,
  signMessage,
  termOf,
  type UnsignedMessage,
} from '../protocol/index.ts';
import { SimulatedCluster } from '../simulation/index.ts';

const NODE = 'device-1';
const HEAD = 'validator-2';
let cluster: SimulatedCluster;

beforeEach(async () => {
  cluster = await SimulatedCluster.create({ seed: 7, preset: 'lab', validators: 3 });
  // The strongest is down, so that a validator lower than the highest leads and both sides of every rule can be tried.
  for (const name of ['validator-1', HEAD, NODE]) cluster.start(name);
  await cluster.clock.advance(15_000);
  expect(cluster.facts(NODE).get(clockFact)).toMatchObject({ head: HEAD, synchronized: true });
});

const material = (name: string) => cluster.material.nodes.find((node) => node.name === name)!;
const signedBy = (name: string, message: UnsignedMessage, clusterId = 'sim') =>
  signMessage(message, clusterId, createSigner(decodeNkeySeed(material(name).member.seed)).sign);

/** A beacon as the head would send it next, with changes. */
const nextBeacon = (change: Partial<Extract<UnsignedMessage, { type: 'beacon' }>> = {}) => {
  const { epoch, term } = cluster.facts(NODE).get(clockFact)!;
  return {
    type: 'beacon',
    epoch,
    timestampMs: Math.floor(cluster.clock.now()),
    deltaTMs: cluster.parameters.epochDurationMs,
    clusterHead: material(HEAD).mac,
    beaconSeq: 1_000,
    featureConfig: makeFeatureConfig(cluster.parameters, {
      version: 1,
      configId: new Uint8Array(16),
      seed: new Uint8Array(8),
      trainingPattern: new Uint8Array(4),
    }),
    term,
    epochStartMs: Date.UTC(2026, 0, 1) + epoch * 5_000,
    ...change,
  } as const;
};

/** Injects a frame under `from`, and returns why the device refused it (undefined = it was believed). */
const refusalOf = async (
  bytes: Uint8Array,
  from = HEAD,
  topic: Parameters<SimulatedCluster['inject']>[1] = 'beacon.beacon',
) => {
  const count = () => cluster.metrics(NODE).filter(({ name }) => name === 'messages_refused_total');
  const before = count();
  const state = cluster.facts(NODE).get(clockFact);
  cluster.inject(from, topic, bytes);
  await cluster.clock.settle();
  const grown = count().find(
    ({ labels, value }) => value > (before.find((one) => one.labels.reason === labels.reason)?.value ?? 0),
  );
  if (grown !== undefined) expect(cluster.facts(NODE).get(clockFact)).toEqual(state);
  return grown?.labels.reason;
};

test('the frame these tests start from is believed as it is', async () => {
  expect(await refusalOf(signedBy(HEAD, nextBeacon()))).toBeUndefined();
});

test('a beacon signed by another member is forged', async () => {
  const forged = signedBy('validator-1', nextBeacon());
  expect(await refusalOf(forged)).toBe('bad_signature');
});

test('a changed byte breaks the signature', async () => {
  const bytes = signedBy(HEAD, nextBeacon()).slice();
  bytes[6] = (bytes[6] ?? 0) ^ 1;
  expect(await refusalOf(bytes)).toBe('bad_signature');
});

test('a beacon signed for another cluster is refused', async () => {
  expect(await refusalOf(signedBy(HEAD, nextBeacon(), 'other'))).toBe('bad_signature');
});

test('a beacon of one head cannot be said by another node', async () => {
  expect(await refusalOf(signedBy(HEAD, nextBeacon()), 'validator-1')).toBe('wrong_sender');
});

test('a replayed beacon is refused', async () => {
  const bytes = signedBy(HEAD, nextBeacon());
  expect(await refusalOf(bytes)).toBeUndefined();
  expect(await refusalOf(bytes)).toBe('replayed');
});

test('a beacon outside the freshness window is refused, early or late', async () => {
  const { beaconFreshnessMs } = cluster.parameters;
  for (const offMs of [-beaconFreshnessMs - 50, beaconFreshnessMs + 50]) {
    const timestampMs = Math.floor(cluster.clock.now() + offMs);
    const epoch = Math.floor((timestampMs - Date.UTC(2026, 0, 1)) / 5_000);
    const epochStartMs = Date.UTC(2026, 0, 1) + epoch * 5_000;
    expect(await refusalOf(signedBy(HEAD, nextBeacon({ timestampMs, epoch, epochStartMs })))).toBe('not_fresh');
  }
});

test('a beacon of an older term is stale', async () => {
  const rank1 = { clusterHead: material('validator-1').mac, term: termOf(0, 1) };
  expect(await refusalOf(signedBy('validator-1', nextBeacon(rank1)), 'validator-1')).toBe('stale_term');
});

test('a validator cannot claim the rank of another, nor a term that no elections can have reached', async () => {
  const { term } = cluster.facts(NODE).get(clockFact)!;
  const mac = material('validator-1').mac;
  const claim = (claimed: number) => signedBy('validator-1', nextBeacon({ clusterHead: mac, term: claimed }));
  expect(await refusalOf(claim(term + 256), 'validator-1')).toBe('wrong_rank');
  expect(await refusalOf(claim(termOf(2 ** 24 - 1, 1)), 'validator-1')).toBe('implausible_term');
});

test('a device cannot lead', async () => {
  const bytes = signedBy(NODE, nextBeacon({ clusterHead: material(NODE).mac }));
  cluster.inject(NODE, 'beacon.beacon', bytes);
  await cluster.clock.settle();
  const refused = cluster.metrics('validator-1').filter(({ name }) => name === 'messages_refused_total');
  expect(refused.map(({ labels }) => labels.reason)).toContain('not_a_validator');
});

test('an epoch that does not follow from the time is refused', async () => {
  const epoch = cluster.facts(NODE).get(clockFact)!.epoch;
  const far = epoch + 1_000;
  expect(await refusalOf(signedBy(HEAD, nextBeacon({ epochStartMs: 12 })))).toBe('wrong_epoch_start');
  const jump = nextBeacon({ epoch: far, epochStartMs: Date.UTC(2026, 0, 1) + far * 5_000 });
  expect(await refusalOf(signedBy(HEAD, jump))).toBe('implausible_epoch');
  expect(await refusalOf(signedBy(HEAD, nextBeacon({ deltaTMs: 1_000 })))).toBe('wrong_delta_t');
});

test('a configuration whose digest does not hold is refused', async () => {
  const { featureConfig } = nextBeacon();
  const damaged = { ...featureConfig, digest: new Uint8Array(32) };
  expect(await refusalOf(signedBy(HEAD, nextBeacon({ featureConfig: damaged })))).toBe('bad_digest');
});

test('damaged frames are refused by what is wrong with them', async () => {
  const bytes = signedBy(HEAD, nextBeacon());
  const padded = new Uint8Array(bytes.length + 1);
  padded.set(bytes);
  const unknown = bytes.slice();
  unknown[0] = 0x7f;
  expect(await refusalOf(bytes.subarray(0, bytes.length - 1))).toBe('wire_truncated');
  expect(await refusalOf(padded)).toBe('wire_trailing');
  expect(await refusalOf(unknown)).toBe('wire_unknown_type');
  expect(await refusalOf(new Uint8Array(0))).toMatch(/^wire_/);
  const heartbeat = signedBy(HEAD, { type: 'heartbeat', from: material(HEAD).mac, term: 1, seq: 1, timestampMs: 1 });
  expect(await refusalOf(heartbeat)).toBe('wrong_type');
});

test('a reply to a question nobody asked, or to another one, is refused', async () => {
  const beacon = decodeMessage(signedBy(HEAD, nextBeacon())) as Beacon;
  const reply = {
    type: 'sync_reply',
    from: material(HEAD).mac,
    nonce: new Uint8Array(16),
    requestTimestampMs: 1,
    receiveTimeMs: Math.floor(cluster.clock.now()),
    beacon,
  } as const;
  expect(['unasked', 'wrong_nonce']).toContain(await refusalOf(signedBy(HEAD, reply), HEAD, 'resync.reply'));
});

test('a replayed heartbeat is no sign of life: the dead head is replaced in time', async () => {
  const sent: Uint8Array[] = [];
  const { mac } = material(HEAD);
  const { term } = cluster.facts('validator-1').get(headFact)!;
  const last = signedBy(HEAD, {
    type: 'heartbeat',
    from: mac,
    term,
    seq: 5_000,
    timestampMs: Math.floor(cluster.clock.now()),
  });
  cluster.inject(HEAD, 'election.heartbeat', last);
  sent.push(last);
  cluster.crash(HEAD);
  for (let ms = 0; ms < 3_000; ms += 300) {
    await cluster.clock.advance(300);
    for (const frame of sent) cluster.inject(HEAD, 'election.heartbeat', frame);
  }
  expect(cluster.facts('validator-1').get(headFact)).toMatchObject({ name: 'validator-1', self: true });
});

test('without a membership nobody is believed', async () => {
  cluster.facts(NODE).state(membersFact, null);
  expect(await refusalOf(signedBy(HEAD, nextBeacon()))).toBe('no_membership');
});

const counted = (node: string, name: string, reason?: string) =>
  cluster
    .metrics(node)
    .filter((one) => one.name === name && (reason === undefined || one.labels.reason === reason))
    .reduce((sum, one) => sum + one.value, 0);

test('many hostile terms of a few rounds each get no further than one', async () => {
  const from = 'validator-1';
  const { mac, rank } = material(from);
  const known = () => cluster.facts(NODE).get(clockFact)!.term;
  const before = roundOf(known());
  for (let i = 1; i <= 500; i++) {
    const term = termOf(roundOf(cluster.facts('validator-2').get(headFact)!.term) + 8, rank ?? 0);
    cluster.inject(from, 'election.coordinator', signedBy(from, { type: 'coordinator', clusterHead: mac, term }));
    await cluster.clock.advance(1);
  }
  const { answerTimeoutMs } = cluster.parameters;
  const grown = roundOf(cluster.facts('validator-2').get(headFact)!.term) - before;
  expect(grown).toBeLessThan(15_500 / answerTimeoutMs + 2 * 8 + 1);
});

/** Of the head's round, with a lower rank: behind the head, ahead of anything that validator said itself. */
const oldTerm = () => termOf(roundOf(cluster.facts(HEAD).get(headFact)!.term), 1);

test('a stale heartbeat, said again and again, is one rival and no answer each time', async () => {
  const from = 'validator-1';
  const { mac } = material(from);
  const timestampMs = Math.floor(cluster.clock.now());
  const stale = signedBy(from, { type: 'heartbeat', from: mac, term: oldTerm(), seq: 1_000_000, timestampMs });
  for (let i = 0; i < 200; i++) cluster.inject(from, 'election.heartbeat', stale);
  await cluster.clock.settle();
  expect(counted(HEAD, 'split_brain_total')).toBe(1);
  expect(counted(HEAD, 'messages_refused_total', 'replayed')).toBe(199);
});

test('whoever stands for an old term against a head is refused, and hears the head itself', async () => {
  const from = 'validator-1';
  const stands = signedBy(from, {
    type: 'election',
    from: material(from).mac,
    term: termOf(0, 1),
    uptimeS: 1,
    rttMs: 0,
  });
  cluster.inject(from, 'election.election', stands);
  await cluster.clock.settle();
  expect(counted(HEAD, 'messages_refused_total', 'stale_term')).toBe(1);
});
