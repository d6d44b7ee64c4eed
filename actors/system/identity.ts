/** Identity: who a node is, over its secret keys, which stay in here (decision 11). */
import { createSigner, decodeNkeySeed, fromHex, nkeyOf, type Role, x25519Agree } from '../../protocol/index.ts';
import type { Identity } from './world.ts';

export interface IdentityKeys {
  readonly name: string;
  readonly cluster: string;
  readonly role: Role;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Validators only. */
  readonly rank: number | undefined;
  /** `SU…` */
  readonly memberSeed: string;
  /** X25519 secret, hex. */
  readonly kexSecret: string;
}

/** @throws NkeyError when the seed is not one. */
export const createIdentity = ({ memberSeed, kexSecret, ...who }: IdentityKeys): Identity => {
  const seed = decodeNkeySeed(memberSeed);
  const signer = createSigner(seed);
  const secret = fromHex(kexSecret);
  return {
    ...who,
    peerId: nkeyOf(seed).publicKey,
    sign: (bytes) => signer.sign(bytes),
    agree: (publicKey) => x25519Agree(secret, publicKey),
  };
};
