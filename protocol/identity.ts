/** What a node is known by, made from random bytes (decision 11): member key, connection key, agreement key, MAC. */
import { fromHex, toHex } from './bytes.ts';
import { createSigner, x25519Public } from './crypto.ts';
import { IsochronError } from './errors.ts';
import { encodeNkeyPublic, encodeNkeySeed } from './nkeys.ts';

/** Gives `length` unpredictable bytes. */
export type RandomBytes = (length: number) => Uint8Array;

export interface Nkey {
  /** `SU…`: the secret. */
  readonly seed: string;
  /** `U…`. */
  readonly publicKey: string;
}

/** X25519, both in lower-case hex. */
export interface KexKey {
  readonly secret: string;
  readonly publicKey: string;
}

/** A fresh Ed25519 key in nkey text: a member key (signs, never connects) or a NATS key (connects, signs nothing else). */
export const generateNkey = (random: RandomBytes): Nkey => nkeyOf(random(32));

/** The nkey of a 32-byte seed. @throws NkeyError */
export const nkeyOf = (seed: Uint8Array): Nkey => ({
  seed: encodeNkeySeed(seed),
  publicKey: encodeNkeyPublic(createSigner(seed).publicKey),
});

export const generateKexKey = (random: RandomBytes): KexKey => {
  const secret = random(32);
  return { secret: toHex(secret), publicKey: toHex(x25519Public(secret)) };
};

/** A text is not a MAC address. */
export class MacError extends IsochronError {
  constructor(field: string) {
    super('MAC_INVALID', 400, `${field}: expected a MAC address such as 02:00:00:00:00:01`, { details: { field } });
  }
}

/** A random MAC, unicast and locally administered (IEEE 802, the two low bits of the first byte are 10). */
export const generateMac = (random: RandomBytes): Uint8Array => {
  const mac = random(6).slice(0, 6);
  mac[0] = ((mac[0] ?? 0) & 0xfc) | 0x02;
  return mac;
};

/** `02:00:00:00:00:01`. @throws MacError when there are not six bytes. */
export const macText = (mac: Uint8Array): string => {
  if (mac.length !== 6) throw new MacError('mac');
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
};

/** Reads `02:00:00:00:00:01`, or the same twelve digits without colons; capital digits are forgiven. @throws MacError */
export const parseMac = (text: string, field = 'mac'): Uint8Array => {
  if (!/^([0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]{12})$/i.test(text)) throw new MacError(field);
  return fromHex(text.replaceAll(':', '').toLowerCase(), 6, field);
};
