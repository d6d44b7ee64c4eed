/** The radio codec (3-interface §2): what is written is read back, and whatever cannot be a message is refused by name. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BeaconFields,
  decodeFeatureConfig,
  decodeMessage,
  encodeFeatureConfig,
  encodeMessage,
  messageTypes,
  type RadioMessage,
  signMessage,
  topics,
  type UnsignedMessage,
  utf8,
  verifyMessage,
  WireError,
} from '../protocol/index.ts';
import {
  anyFeatureConfig,
  anyMessage,
  beaconFields,
  clusterId,
  examples,
  featureConfig,
  signed,
  signer,
} from './support/messages.ts';

const refusal = (run: () => unknown): WireError => {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

const bytesOf = (message: UnsignedMessage): Uint8Array => signMessage(message, clusterId, signer.sign);
/** A copy with `bytes` written at `offset`. */
const patched = (bytes: Uint8Array, offset: number, ...values: number[]): Uint8Array => {
  const copy = bytes.slice();
  copy.set(values, offset);
  return copy;
};
const withoutSeal = ({ signature: _signature, bytes: _bytes, ...fields }: RadioMessage): object => fields;

describe('a message that is encoded', () => {
  it.each(examples.map((example) => [example.type, example] as const))('comes back unchanged: %s', (_type, example) => {
    const bytes = bytesOf(example);
    const message = decodeMessage(bytes);
    expect(withoutSeal(message)).toEqual(example);
    expect(message.bytes).toEqual(bytes);
    expect(encodeMessage(message)).toEqual(bytes);
    expect(verifyMessage(message, clusterId, signer.publicKey)).toBe(true);
  });

  it('comes back unchanged, whatever its values', () => {
    fc.assert(
      fc.property(anyMessage, fc.uint8Array({ minLength: 64, maxLength: 64 }), (fields, signature) => {
        const bytes = encodeMessage({ ...fields, signature });
        const message = decodeMessage(bytes);
        expect(withoutSeal(message)).toEqual(fields);
        expect(message.signature).toEqual(signature);
        expect(encodeMessage(message)).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  it('is read from a Buffer and from the middle of a larger array alike', () => {
    const bytes = bytesOf(beaconFields);
    const around = new Uint8Array(bytes.length + 20).fill(0xff);
    around.set(bytes, 10);
    for (const view of [Buffer.from(bytes), around.subarray(10, 10 + bytes.length)]) {
      const message = decodeMessage(view) as RadioMessage & { type: 'beacon' };
      expect(message).toEqual(decodeMessage(bytes));
      expect(Buffer.isBuffer(message.signature)).toBe(false);
    }
  });

  it('has the type byte of its topic', () => {
    const expected = Object.entries(topics).map(([topic, { tlv }]) => [topic.split('.')[1], tlv]);
    const names: Record<string, number> = {
      ...messageTypes,
      request: messageTypes.sync_request,
      reply: messageTypes.sync_reply,
    };
    for (const [name, tlv] of expected) expect(names[String(name)]).toBe(tlv);
  });
});

describe('a message that is cut short', () => {
  it.each(examples.map((example) => [example.type, bytesOf(example)] as const))(
    'is refused at every length, naming field and offset: %s',
    (_type, bytes) => {
      let previous = 0;
      for (let length = 0; length < bytes.length; length++) {
        const error = refusal(() => decodeMessage(bytes.subarray(0, length)));
        expect(error.code).toBe('WIRE_TRUNCATED');
        expect(error.field).not.toBe('');
        expect(error.offset).toBeLessThanOrEqual(length);
        expect(error.offset).toBeGreaterThanOrEqual(previous);
        expect(error.details).toEqual({ field: error.field, offset: error.offset });
        previous = error.offset;
      }
    },
  );

  it('names the field it ends in', () => {
    const bytes = bytesOf(beaconFields);
    const at = (length: number) => refusal(() => decodeMessage(bytes.subarray(0, length)));
    expect(at(0)).toMatchObject({ field: 'type', offset: 0 });
    expect(at(2)).toMatchObject({ field: 'length', offset: 1 });
    expect(at(10)).toMatchObject({ field: 'timestamp', offset: 7 });
    expect(at(31)).toMatchObject({ field: 'feature_config.length', offset: 30 });
    expect(at(60)).toMatchObject({ field: 'feature_config.pilot_plan.slots_per_frame', offset: 59 });
    expect(at(bytes.length - 1)).toMatchObject({ field: 'signature', offset: bytes.length - 64 });
  });
});

describe('a message that is not as it should be', () => {
  const beacon = bytesOf(beaconFields);
  const coordinator = bytesOf({ type: 'coordinator', clusterHead: new Uint8Array(6), term: 1 });
  const reply = bytesOf(examples.find(({ type }) => type === 'sync_reply') as UnsignedMessage);

  it.each([0x00, 0x02, 0x03, 0x04, 0x05, 0x14, 0x20, 0x40, 0xff])(
    'is refused when no message has its type: %i',
    (type) => {
      expect(refusal(() => decodeMessage(patched(beacon, 0, type)))).toMatchObject({
        code: 'WIRE_UNKNOWN_TYPE',
        field: 'type',
        offset: 0,
      });
    },
  );

  it('is refused when bytes follow it', () => {
    const longer = new Uint8Array(coordinator.length + 2);
    longer.set(coordinator);
    expect(refusal(() => decodeMessage(longer))).toMatchObject({ code: 'WIRE_TRAILING', offset: coordinator.length });
  });

  it('is refused when its length says more than its fields take', () => {
    const longer = new Uint8Array(coordinator.length + 2);
    longer.set(coordinator);
    longer[2] = 76;
    expect(refusal(() => decodeMessage(longer))).toMatchObject({ code: 'WIRE_LENGTH', offset: coordinator.length });
  });

  it('is refused when its length says less than its fields take', () => {
    expect(refusal(() => decodeMessage(patched(coordinator, 2, 73)))).toMatchObject({
      code: 'WIRE_LENGTH',
      field: 'signature',
      offset: 13,
    });
  });

  it('is refused when a beacon claims more than one datagram', () => {
    expect(refusal(() => decodeMessage(patched(beacon, 1, 0x05, 0xbe)))).toMatchObject({
      code: 'WIRE_LENGTH',
      field: 'length',
      offset: 1,
    });
  });

  it.each([
    ['feature_config.type', 29, 0x03, 29],
    ['feature_config.pilot_plan.type', 52, 0x04, 52],
    ['beacon_ext.type', beacon.length - 79, 0x02, beacon.length - 79],
  ])('is refused when another type is nested where %s belongs', (field, at, type, offset) => {
    expect(refusal(() => decodeMessage(patched(beacon, at, type)))).toMatchObject({
      code: 'WIRE_UNKNOWN_TYPE',
      field,
      offset,
    });
  });

  it('is refused when an ordinary message is embedded where a beacon belongs', () => {
    expect(refusal(() => decodeMessage(patched(reply, 41, 0x12)))).toMatchObject({
      code: 'WIRE_UNKNOWN_TYPE',
      field: 'beacon.type',
      offset: 41,
    });
  });

  it('is refused when a nested length reaches past the enclosing value', () => {
    expect(refusal(() => decodeMessage(patched(beacon, 53, 0xff, 0xff)))).toMatchObject({
      code: 'WIRE_LENGTH',
      field: 'feature_config.pilot_plan.length',
      offset: 53,
    });
  });

  it('names fields of an embedded beacon from the start of the outer message', () => {
    expect(refusal(() => decodeMessage(patched(reply, 48, 0x00, 0x20)))).toMatchObject({
      code: 'WIRE_FIELD',
      field: 'beacon.timestamp',
      offset: 48,
    });
  });
});

describe('a value out of bounds', () => {
  const plan = featureConfig.pilotPlan;
  const withPlan = (change: object): BeaconFields => ({
    ...beaconFields,
    featureConfig: { ...featureConfig, pilotPlan: { ...plan, ...change } },
  });
  const slots = 'feature_config.pilot_plan.slot';

  it.each([
    ['epoch', { ...beaconFields, epoch: 2 ** 32 }],
    ['epoch', { ...beaconFields, epoch: -1 }],
    ['delta_t', { ...beaconFields, deltaTMs: 1.5 }],
    ['timestamp', { ...beaconFields, timestampMs: 2 ** 53 }],
    ['timestamp', { ...beaconFields, timestampMs: Number.NaN }],
    ['cluster_head_id', { ...beaconFields, clusterHead: new Uint8Array(5) }],
    ['beacon_ext.term', { ...beaconFields, term: Number.POSITIVE_INFINITY }],
    [
      'feature_config.quantization_alpha',
      { ...beaconFields, featureConfig: { ...featureConfig, quantizationAlpha: Number.NaN } },
    ],
    ['feature_config.digest', { ...beaconFields, featureConfig: { ...featureConfig, digest: new Uint8Array(31) } }],
    [slots, withPlan({ pilotSlots: [5, 0] })],
    [slots, withPlan({ pilotSlots: [5, 5] })],
    [slots, withPlan({ pilotSlots: [10] })],
    [slots, withPlan({ pilotSlots: [0.5] })],
    [
      'feature_config.pilot_plan.n',
      withPlan({ slotsPerFrame: 300, pilotSlots: Array.from({ length: 257 }, (_, i) => i) }),
    ],
    ['feature_config.pilot_plan.m', withPlan({ trainingPattern: new Uint8Array(513) })],
  ] satisfies [string, BeaconFields][])('is refused before it is written: %s', (field, message) => {
    expect(refusal(() => bytesOf(message))).toMatchObject({ code: 'WIRE_FIELD', field });
    // The refusal leaves nothing behind that the next message would carry.
    expect(bytesOf(beaconFields)).toEqual(signed(beaconFields).bytes);
  });

  const beacon = bytesOf(beaconFields);
  it.each([
    ['timestamp', 7, [0x00, 0x20, 0, 0, 0, 0, 0, 0]],
    ['feature_config.pilot_plan.n', 61, [0x01, 0x01]],
    [slots, 65, [0x00, 0x00]],
    [slots, 65, [0x00, 0x0a]],
    ['feature_config.pilot_plan.m', 67, [0x02, 0x01]],
    ['feature_config.quantization_alpha', 89, [0x7f, 0xf0, 0, 0, 0, 0, 0, 0]],
    ['feature_config.quantization_alpha', 89, [0xff, 0xf8, 0, 0, 0, 0, 0, 1]],
    ['beacon_ext.epoch_start', beacon.length - 72, [0xff]],
  ])('is refused when it is read: %s', (field, offset, values) => {
    expect(refusal(() => decodeMessage(patched(beacon, offset, ...values)))).toMatchObject({
      code: 'WIRE_FIELD',
      field,
      offset,
    });
  });

  it('does not stop the largest beacon there is, which fits one datagram', () => {
    const largest = withPlan({
      slotsPerFrame: 0xffff,
      pilotSlots: Array.from({ length: 256 }, (_, i) => i),
      trainingPattern: new Uint8Array(512),
    });
    expect(bytesOf(largest).length).toBe(1224);
    expect(withoutSeal(decodeMessage(bytesOf(largest)))).toEqual(largest);
  });
});

describe('a signature', () => {
  const message = signed(beaconFields);
  const other = signed({ type: 'election', from: new Uint8Array(6), term: 1, uptimeS: 0, rttMs: 0 });

  it('holds for its cluster, key and message only', () => {
    expect(verifyMessage(message, clusterId, signer.publicKey)).toBe(true);
    expect(verifyMessage(message.bytes, clusterId, signer.publicKey)).toBe(true);
    expect(verifyMessage(message, 'another', signer.publicKey)).toBe(false);
    expect(verifyMessage(message, clusterId, new Uint8Array(32).fill(1))).toBe(false);
    expect(verifyMessage(message, clusterId, new Uint8Array(31))).toBe(false);
  });

  it('does not hold after any single bit has flipped', () => {
    for (let i = 0; i < message.bytes.length; i++) {
      const bytes = patched(message.bytes, i, (message.bytes[i] ?? 0) ^ (1 << (i % 8)));
      expect(verifyMessage(bytes, clusterId, signer.publicKey)).toBe(false);
    }
  });

  it('does not hold for the same fields under another type', () => {
    const answer = patched(other.bytes, 0, messageTypes.answer);
    expect(decodeMessage(answer).type).toBe('answer');
    expect(verifyMessage(answer, clusterId, signer.publicKey)).toBe(false);
  });

  it('is no signature when the bytes are no message', () => {
    expect(verifyMessage(new Uint8Array(0), clusterId, signer.publicKey)).toBe(false);
    expect(verifyMessage(new Uint8Array(64).fill(1), clusterId, signer.publicKey)).toBe(false);
    expect(verifyMessage(utf8('x'.repeat(200)), clusterId, signer.publicKey)).toBe(false);
  });

  it('of an embedded beacon is the beacon’s own', () => {
    const reply = signed(examples.find(({ type }) => type === 'sync_reply') as UnsignedMessage);
    if (reply.type !== 'sync_reply') throw new Error('not a reply');
    expect(reply.beacon.bytes).toEqual(message.bytes);
    expect(verifyMessage(reply.beacon, clusterId, signer.publicKey)).toBe(true);
  });

  it('of a signer that returns something else is refused', () => {
    expect(refusal(() => signMessage(beaconFields, clusterId, () => new Uint8Array(63))).field).toBe('signature');
  });
});

describe('a feature configuration on its own', () => {
  it('comes back unchanged, and is no message', () => {
    fc.assert(
      fc.property(anyFeatureConfig, (config) => {
        const bytes = encodeFeatureConfig(config);
        expect(decodeFeatureConfig(bytes)).toEqual(config);
        expect(refusal(() => decodeMessage(bytes)).code).toBe('WIRE_UNKNOWN_TYPE');
      }),
      { numRuns: 50 },
    );
  });

  it('is refused when cut short or followed by more', () => {
    const bytes = encodeFeatureConfig(featureConfig);
    for (let length = 0; length < bytes.length; length++) {
      expect(refusal(() => decodeFeatureConfig(bytes.subarray(0, length))).code).toBe('WIRE_TRUNCATED');
    }
    expect(refusal(() => decodeFeatureConfig(new Uint8Array([...bytes, 0]))).code).toBe('WIRE_TRAILING');
  });
});
