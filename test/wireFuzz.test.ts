/** Hostile bytes: whatever arrives is a message or a `WireError`, and a message is what its bytes say. */
import { expect, it } from 'vitest';
import { decodeMessage, encodeMessage, signMessage, WireError } from '../protocol/index.ts';
import { clusterId, examples, signer } from './support/messages.ts';

/** xorshift32: repeatable without a dependency. */
const generator = (seed: number) => {
  let state = seed || 1;
  return (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
};

type Draw = (below: number) => number;

/** Values at which bounds are checked, more telling than random ones. */
const telling = [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff];

const mutations: ((bytes: Uint8Array, draw: Draw) => Uint8Array)[] = [
  (bytes, draw) => {
    const copy = bytes.slice();
    for (let i = draw(4); i >= 0; i--) copy[draw(copy.length)] = draw(256);
    return copy;
  },
  (bytes, draw) => {
    const copy = bytes.slice();
    copy[draw(copy.length)] = telling[draw(telling.length)] ?? 0;
    return copy;
  },
  (bytes, draw) => bytes.slice(0, draw(bytes.length)),
  (bytes, draw) => bytes.slice(draw(bytes.length)),
  (bytes, draw) => {
    const at = draw(bytes.length);
    const more = Uint8Array.from({ length: draw(40) }, () => draw(256));
    return new Uint8Array([...bytes.subarray(0, at), ...more, ...bytes.subarray(at)]);
  },
  (bytes, draw) => {
    const at = draw(bytes.length);
    return new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(Math.min(bytes.length, at + 1 + draw(20)))]);
  },
  (_bytes, draw) => Uint8Array.from({ length: draw(400) }, () => draw(256)),
];

it('120 000 damaged messages end in a message or a WireError', () => {
  const seed = Number(process.env.ISOCHRON_SEED ?? 20_251_119);
  const draw = generator(seed);
  const whole = examples.map((example) => signMessage(example, clusterId, signer.sign));
  const codes = new Map<string, number>();
  for (let i = 0; i < 120_000; i++) {
    const bytes = mutations[draw(mutations.length)]!(whole[draw(whole.length)]!, draw);
    let code = 'decoded';
    try {
      const message = decodeMessage(bytes);
      if (Buffer.compare(encodeMessage(message), bytes) !== 0) throw new Error('decodes to something else');
    } catch (error) {
      if (!(error instanceof WireError) || error.field === '' || error.offset > bytes.length) {
        throw new Error(`seed ${seed}, case ${i}: ${Buffer.from(bytes).toString('hex')}`, { cause: error });
      }
      code = error.code;
    }
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  // Every kind of refusal was reached, so the mutations do cover the decoder.
  expect([...codes.keys()].sort()).toEqual([
    'WIRE_FIELD',
    'WIRE_LENGTH',
    'WIRE_TRAILING',
    'WIRE_TRUNCATED',
    'WIRE_UNKNOWN_TYPE',
    'decoded',
  ]);
});
