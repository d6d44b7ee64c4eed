/** The group key: shares that together sign what anybody verifies as plain Ed25519 (RFC 9591). */
import { ed25519_FROST as frost } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import {
  createSigner,
  dealGroupKey,
  defaultThreshold,
  ed25519Verify,
  GroupKeyError,
  type GroupShare,
  parseGroupShare,
  sha256,
  u32Bytes,
  utf8,
} from '../protocol/index.ts';

/** Repeatable bytes that differ at every draw. */
const seeded = (seed: number) => {
  let draws = 0;
  return (length: number): Uint8Array => {
    const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) => [
      ...sha256(u32Bytes(seed), u32Bytes(draws), u32Bytes(i)),
    ]);
    draws++;
    return Uint8Array.from(blocks.flat().slice(0, length));
  };
};
const message = utf8('an admission token');

const signTogether = (shares: readonly GroupShare[]): Uint8Array => {
  const signers = shares.map((share) => {
    if (share.scheme !== 'frost') throw new Error('a plain share signs alone');
    return { share, nonce: frost.commit(share.secret) };
  });
  const commitments = signers.map(({ nonce }) => nonce.commitments);
  const parts = Object.fromEntries(
    signers.map(({ share, nonce }) => [
      share.secret.identifier,
      frost.signShare(share.secret, share.public, nonce.nonces, commitments, message),
    ]),
  );
  return frost.aggregate(signers[0]!.share.public, commitments, message, parts);
};

describe('a group key', () => {
  it.each([
    [2, 2],
    [3, 2],
    [5, 3],
    [7, 4],
  ])('of %i validators is used by any %i of them', async (validators, threshold) => {
    const dealt = await dealGroupKey({ validators, threshold, random: seeded(validators) });
    const shares = await Promise.all(dealt.shares.map(parseGroupShare));
    for (const chosen of [shares.slice(0, threshold), shares.slice(-threshold).reverse()]) {
      expect(ed25519Verify(dealt.groupKey, message, signTogether(chosen))).toBe(true);
    }
    expect(() => signTogether(shares.slice(0, threshold - 1))).toThrow();
  });

  it.each([1, 2])('of %i validators is held whole by each', async (validators) => {
    const dealt = await dealGroupKey({ validators, random: seeded(1) });
    expect(dealt.threshold).toBe(1);
    expect(dealt.shares).toHaveLength(validators);
    for (const [i, bytes] of dealt.shares.entries()) {
      const share = await parseGroupShare(bytes);
      expect(share).toMatchObject({ scheme: 'ed25519', index: i + 1, validators, threshold: 1 });
      if (share.scheme !== 'ed25519') throw new Error('not a plain share');
      expect(ed25519Verify(dealt.groupKey, message, createSigner(share.seed).sign(message))).toBe(true);
    }
  });

  it('needs a majority from three validators on', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(defaultThreshold)).toEqual([1, 1, 2, 3, 3, 4, 4]);
  });

  it('is the same for the same random bytes, and another for others', async () => {
    const deal = (seed: number) => dealGroupKey({ validators: 3, random: seeded(seed) });
    expect(await deal(1)).toEqual(await deal(1));
    expect((await deal(1)).groupKey).not.toEqual((await deal(2)).groupKey);
  });

  it('is not dealt for impossible numbers', async () => {
    for (const [validators, threshold] of [
      [0, 1],
      [256, 2],
      [3, 4],
      [3, 0],
      [2.5, 1],
    ] as const) {
      await expect(dealGroupKey({ validators, threshold, random: seeded(1) })).rejects.toThrow(GroupKeyError);
    }
  });
});

describe('a share', () => {
  it('is refused when any byte of it has changed', async () => {
    for (const threshold of [1, 2]) {
      const { shares } = await dealGroupKey({ validators: 3, threshold, random: seeded(4) });
      const share = shares[1]!;
      for (let i = 0; i < share.length; i++) {
        const changed = share.slice();
        changed[i] = (changed[i] ?? 0) ^ 0x10;
        await expect(parseGroupShare(changed)).rejects.toThrow(GroupKeyError);
      }
    }
  });

  it('is refused when it is not of its group key, though undamaged', async () => {
    for (const threshold of [1, 2]) {
      const [ours, theirs] = await Promise.all(
        [6, 7].map((seed) => dealGroupKey({ validators: 3, threshold, random: seeded(seed) })),
      );
      const header = ours!.shares[0]!.length - 8 - (threshold === 1 ? 32 : 6 * 32);
      const mixed = new Uint8Array([
        ...ours!.shares[0]!.subarray(0, header),
        ...theirs!.shares[0]!.subarray(header, -8),
      ]);
      const whole = new Uint8Array([...mixed, ...sha256(mixed).subarray(0, 8)]);
      await expect(parseGroupShare(whole)).rejects.toThrow(/group key/);
      const index = ours!.shares[0]!.slice(0, -8);
      index[21] = 2;
      const swapped = parseGroupShare(new Uint8Array([...index, ...sha256(index).subarray(0, 8)]));
      if (threshold > 1) await expect(swapped).rejects.toThrow(/commitments/);
      else await expect(swapped).resolves.toMatchObject({ index: 2 });
    }
  });

  it('is refused when cut short or followed by more', async () => {
    const { shares } = await dealGroupKey({ validators: 3, random: seeded(5) });
    const share = shares[0]!;
    for (let length = 0; length < share.length; length += 7) {
      await expect(parseGroupShare(share.subarray(0, length))).rejects.toThrow(GroupKeyError);
    }
    await expect(parseGroupShare(new Uint8Array([...share, 0]))).rejects.toThrow(GroupKeyError);
    await expect(parseGroupShare(new Uint8Array(200))).rejects.toThrow(GroupKeyError);
  });
});
