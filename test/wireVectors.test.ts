/** docs/wire.md is what other languages implement from: every vector on that page is re-derived here. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  adminProofSchema,
  type Beacon,
  createSigner,
  dealGroupKey,
  decodeMessage,
  decodeNkeyPublic,
  decodeNkeySeed,
  ed25519Public,
  envelopeSchema,
  type FeatureConfig,
  FeatureConfigError,
  featureConfigDigest,
  fromBase64,
  fromHex,
  hmacSha256,
  membershipPayloadType,
  nkeyOf,
  nkeySigner,
  parseGroupShare,
  pilotTimes,
  preAuthEncoding,
  type RadioMessage,
  rankOf,
  roundOf,
  selectSubcarriers,
  sha256,
  signEnvelope,
  signedBytes,
  signMessage,
  TermError,
  termOf,
  toHex,
  type UnsignedMessage,
  u32Bytes,
  utf8,
  verifyAdminProof,
  verifyMessage,
  verifySnapshot,
  WireError,
} from '../protocol/index.ts';

const page = readFileSync(new URL('../docs/wire.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, text]) => JSON.parse(text ?? '') as { vector: string },
);
const vectorsOf = (kind: string) => blocks.filter(({ vector }) => vector === kind);

const hex = z.string().transform((text) => fromHex(text));
const u = z.int().nonnegative();

const planSchema = z
  .object({ frame_duration_ms: u, slots_per_frame: u, slots: z.array(u), training_pattern: hex })
  .transform((plan) => ({
    frameDurationMs: plan.frame_duration_ms,
    slotsPerFrame: plan.slots_per_frame,
    pilotSlots: plan.slots,
    trainingPattern: plan.training_pattern,
  }));

const configSchema = z
  .object({
    version: u,
    config_id: hex,
    pilot_plan: planSchema,
    measurement_window_ms: u,
    sample_count: u,
    subcarrier_seed: hex,
    subcarrier_count: u,
    quantization_alpha: z.number(),
    digest: hex,
  })
  .transform(
    (config): FeatureConfig => ({
      version: config.version,
      configId: config.config_id,
      pilotPlan: config.pilot_plan,
      measurementWindowMs: config.measurement_window_ms,
      sampleCount: config.sample_count,
      subcarrierSeed: config.subcarrier_seed,
      subcarrierCount: config.subcarrier_count,
      quantizationAlpha: config.quantization_alpha,
      digest: config.digest,
    }),
  );

const beaconSchema = z.object({
  epoch: u,
  timestamp: u,
  delta_t: u,
  cluster_head_id: hex,
  beacon_seq: u,
  feature_config: configSchema,
  beacon_ext: z.object({ term: u, epoch_start: u }),
});
const candidacySchema = z.object({ from: hex, term: u, uptime_s: u, rtt_ms: u });

/** A vector's fields, named as on the page, as the message they stand for. */
const messageOf: Record<string, (fields: unknown) => UnsignedMessage> = {
  beacon: (fields) => {
    const f = beaconSchema.parse(fields);
    return {
      type: 'beacon',
      epoch: f.epoch,
      timestampMs: f.timestamp,
      deltaTMs: f.delta_t,
      clusterHead: f.cluster_head_id,
      beaconSeq: f.beacon_seq,
      featureConfig: f.feature_config,
      term: f.beacon_ext.term,
      epochStartMs: f.beacon_ext.epoch_start,
    };
  },
  election: (fields) => {
    const f = candidacySchema.parse(fields);
    return { type: 'election', from: f.from, term: f.term, uptimeS: f.uptime_s, rttMs: f.rtt_ms };
  },
  answer: (fields) => {
    const f = candidacySchema.parse(fields);
    return { type: 'answer', from: f.from, term: f.term, uptimeS: f.uptime_s, rttMs: f.rtt_ms };
  },
  coordinator: (fields) => {
    const f = z.object({ cluster_head: hex, term: u }).parse(fields);
    return { type: 'coordinator', clusterHead: f.cluster_head, term: f.term };
  },
  heartbeat: (fields) => {
    const f = z.object({ from: hex, term: u, seq: u, timestamp: u }).parse(fields);
    return { type: 'heartbeat', from: f.from, term: f.term, seq: f.seq, timestampMs: f.timestamp };
  },
  sync_request: (fields) => {
    const f = z.object({ from: hex, epoch: u, nonce: hex, timestamp: u }).parse(fields);
    return { type: 'sync_request', from: f.from, epoch: f.epoch, nonce: f.nonce, timestampMs: f.timestamp };
  },
  sync_reply: (fields) => {
    const f = z.object({ from: hex, nonce: hex, request_timestamp: u, receive_time: u, beacon: hex }).parse(fields);
    return {
      type: 'sync_reply',
      from: f.from,
      nonce: f.nonce,
      requestTimestampMs: f.request_timestamp,
      receiveTimeMs: f.receive_time,
      beacon: decodeMessage(f.beacon) as Beacon,
    };
  },
};
const withoutSeal = ({ signature: _signature, bytes: _bytes, ...fields }: RadioMessage): object => fields;

const messageVector = z.object({
  type: z.string(),
  cluster_id: z.string(),
  seed: hex,
  fields: z.unknown(),
  bytes: z.string(),
});

describe('docs/wire.md', () => {
  it('has vectors of every kind, and of every message', () => {
    const kinds = [...new Set(blocks.map(({ vector }) => vector))].sort();
    expect(kinds).toEqual(
      [
        'digest',
        'group_share',
        'message',
        'nkey',
        'pae',
        'pilot_times',
        'pseudonym',
        'refused',
        'select_subcarriers',
        'signed_bytes',
        'snapshot',
        'term',
      ].sort(),
    );
    const types = new Set(vectorsOf('message').map((vector) => messageVector.parse(vector).type));
    expect([...types].sort()).toEqual(Object.keys(messageOf).sort());
  });

  it.each(vectorsOf('message').map((vector) => messageVector.parse(vector)))('message: $type', (vector) => {
    const fields = messageOf[vector.type]?.(vector.fields) as UnsignedMessage;
    const signer = createSigner(vector.seed);
    expect(toHex(signMessage(fields, vector.cluster_id, signer.sign))).toBe(vector.bytes);
    const message = decodeMessage(fromHex(vector.bytes));
    expect(withoutSeal(message)).toEqual(fields);
    expect(verifyMessage(message, vector.cluster_id, signer.publicKey)).toBe(true);
  });

  const refusedVector = z.object({ code: z.string(), field: z.string(), offset: u, bytes: hex });
  it.each(vectorsOf('refused').map((vector) => refusedVector.parse(vector)))('refused: $code $field', (vector) => {
    let refusal: unknown;
    try {
      decodeMessage(vector.bytes);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(WireError);
    expect(refusal).toMatchObject({ code: vector.code, field: vector.field, offset: vector.offset });
  });

  const signedVector = z.object({
    name: z.string(),
    cluster_id: z.string(),
    message: hex,
    signed: z.string(),
    public_key: hex,
  });
  it.each(vectorsOf('signed_bytes').map((vector) => signedVector.parse(vector)))('signed bytes: $name', (vector) => {
    expect(toHex(signedBytes(vector.name, vector.cluster_id, vector.message.subarray(0, -64)))).toBe(vector.signed);
    expect(verifyMessage(vector.message, vector.cluster_id, vector.public_key)).toBe(true);
  });

  const digestVector = z.object({ hashed: hex, digest: z.string() });
  it.each(vectorsOf('digest').map((vector) => digestVector.parse(vector)))('digest: $digest', (vector) => {
    expect(toHex(sha256(vector.hashed))).toBe(vector.digest);
    const beacons = vectorsOf('message').map((other) => messageVector.parse(other));
    const configs = beacons
      .filter(({ type }) => type === 'beacon')
      .map(({ fields }) => beaconSchema.parse(fields).feature_config);
    expect(configs.map((config) => toHex(featureConfigDigest(config)))).toContain(vector.digest);
  });

  const selectVector = z.object({
    seed: hex,
    count: u,
    total: u,
    selected: z.array(u).optional(),
    selected_sha256: z.string().optional(),
    error: z.literal(true).optional(),
  });
  it.each(vectorsOf('select_subcarriers').map((vector) => selectVector.parse(vector)))(
    'selectSubcarriers: $count of $total',
    (vector) => {
      const select = () =>
        selectSubcarriers({ subcarrierSeed: vector.seed, subcarrierCount: vector.count }, vector.total);
      if (vector.error) return expect(select).toThrow(FeatureConfigError);
      const selected = select();
      if (vector.selected) expect(selected).toEqual(vector.selected);
      else
        expect(toHex(sha256(Uint8Array.from(selected.flatMap((index) => [index >> 8, index & 0xff]))))).toBe(
          vector.selected_sha256,
        );
    },
  );

  const pilotVector = z.object({
    frame_duration_ms: u,
    slots_per_frame: u,
    slots: z.array(u),
    epoch_start: u,
    delta_t: u,
    times: z.array(u).optional(),
    error: z.literal(true).optional(),
  });
  it.each(vectorsOf('pilot_times').map((vector) => pilotVector.parse(vector)))(
    'pilotTimes: $slots of $slots_per_frame',
    (vector) => {
      const plan = {
        frameDurationMs: vector.frame_duration_ms,
        slotsPerFrame: vector.slots_per_frame,
        pilotSlots: vector.slots,
      };
      const times = () => pilotTimes(plan, vector.epoch_start, vector.delta_t);
      if (vector.error) return expect(times).toThrow(FeatureConfigError);
      expect(times()).toEqual(vector.times);
    },
  );

  const termVector = z.object({ round: u, rank: u, term: u.optional(), error: z.literal(true).optional() });
  it.each(vectorsOf('term').map((vector) => termVector.parse(vector)))(
    'term: round $round, rank $rank',
    ({ round, rank, term }) => {
      if (term === undefined) return expect(() => termOf(round, rank)).toThrow(TermError);
      expect(termOf(round, rank)).toBe(term);
      expect([roundOf(term), rankOf(term)]).toEqual([round, rank]);
    },
  );

  const pseudonymVector = z.object({ key: hex, epoch: u, counter: u, pseudonym: z.string() });
  it.each(vectorsOf('pseudonym').map((vector) => pseudonymVector.parse(vector)))('pseudonym: $pseudonym', (vector) => {
    const mac = hmacSha256(vector.key, utf8('psn'), u32Bytes(vector.epoch), u32Bytes(vector.counter));
    expect(toHex(mac.subarray(0, 12))).toBe(vector.pseudonym);
  });

  const nkeyVector = z.object({ seed: hex, public_key: z.string(), seed_text: z.string(), public_text: z.string() });
  it.each(vectorsOf('nkey').map((vector) => nkeyVector.parse(vector)))('nkey: $public_text', (vector) => {
    expect(nkeyOf(vector.seed)).toEqual({ seed: vector.seed_text, publicKey: vector.public_text });
    expect(toHex(decodeNkeyPublic(vector.public_text))).toBe(vector.public_key);
    expect(decodeNkeySeed(vector.seed_text)).toEqual(vector.seed);
  });

  const paeVector = z.object({ payload_type: z.string(), payload: hex, pae: z.string() });
  it.each(vectorsOf('pae').map((vector) => paeVector.parse(vector)))('pae: $payload_type', (vector) => {
    expect(toHex(preAuthEncoding(vector.payload_type, vector.payload))).toBe(vector.pae);
  });

  const snapshotVector = z.object({
    system_seed: hex,
    admin_seed: hex,
    system_key: z.string(),
    now_ms: u,
    members: z.array(z.string()),
    issued_at_ns: z.string(),
    hash: z.string(),
    envelope: envelopeSchema,
  });
  it.each(vectorsOf('snapshot').map((vector) => snapshotVector.parse(vector)))('snapshot: $hash', (vector) => {
    const { envelope, system_key: systemKey, now_ms: nowMs } = vector;
    const snapshot = verifySnapshot(envelope, { systemKey, nowMs });
    expect(snapshot.members.map(({ name }) => name)).toEqual(vector.members);
    expect(snapshot.issuedAtNs).toBe(BigInt(vector.issued_at_ns));
    expect(toHex(snapshot.hash)).toBe(vector.hash);
    expect(signEnvelope(membershipPayloadType, fromBase64(envelope.payload), createSigner(vector.admin_seed))).toEqual(
      envelope,
    );
    const proof = z
      .object({ admin_proof: envelopeSchema })
      .parse(JSON.parse(new TextDecoder().decode(fromBase64(envelope.payload)))).admin_proof;
    expect(verifyAdminProof(proof, { systemKey, nowMs }).peerId).toBe(snapshot.issuerPeerId);
    expect(adminProofSchema.parse(JSON.parse(new TextDecoder().decode(fromBase64(proof.payload)))).role).toBe('admin');
    expect(nkeySigner(nkeyOf(vector.system_seed).seed).publicKey).toEqual(decodeNkeyPublic(systemKey));
  });

  const shareVector = z.object({ seed: hex, threshold: u, validators: u, index: u, share: z.string() });
  it.each(vectorsOf('group_share').map((vector) => shareVector.parse(vector)))(
    'group share: index $index',
    async (vector) => {
      const { seed, threshold, validators, index } = vector;
      const dealt = await dealGroupKey({ validators, threshold, random: () => seed });
      expect(toHex(dealt.shares[index - 1] ?? new Uint8Array())).toBe(vector.share);
      expect(await parseGroupShare(fromHex(vector.share))).toMatchObject({
        scheme: 'ed25519',
        threshold,
        validators,
        index,
        seed,
        groupKey: ed25519Public(seed),
      });
    },
  );
});
