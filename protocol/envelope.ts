/** DSSE envelopes (secure-systems-lab/dsse v1.0.2): a signature over exactly these payload bytes and their type. */
import { z } from 'zod';
import { concatBytes, fromBase64, toBase64, utf8 } from './bytes.ts';
import { ed25519Verify } from './crypto.ts';
import type { Signer } from './cryptoTypes.ts';
import { decodeNkeyPublic, encodeNkeyPublic, isNkeyPublic } from './nkeys.ts';

/** Base64 of a payload; 1 000 members take about 0.5 MB, and NATS carries no more than 1 MiB. */
const payloadTextMax = 1_048_576;
/** More than one is allowed (a rotation signs with old and new key); each costs a verification. */
const signaturesMax = 8;

export const envelopeSchema = z.object({
  payloadType: z.string().max(256),
  payload: z.string().max(payloadTextMax),
  signatures: z
    .array(
      z.object({ keyid: z.string().refine(isNkeyPublic, 'expected a public user nkey'), sig: z.string().max(128) }),
    )
    .min(1)
    .max(signaturesMax),
});
/** `keyid` is the signer's public key in nkey text; `payload` and `sig` are base64. */
export type Envelope = z.infer<typeof envelopeSchema>;

/** DSSE's pre-authentication encoding: what is signed. */
export const preAuthEncoding = (payloadType: string, payload: Uint8Array): Uint8Array => {
  const type = utf8(payloadType);
  return concatBytes(utf8(`DSSEv1 ${type.length} `), type, utf8(` ${payload.length} `), payload);
};

/** Wraps and signs `payload`. */
export const signEnvelope = (payloadType: string, payload: Uint8Array, signer: Signer): Envelope => ({
  payloadType,
  payload: toBase64(payload),
  signatures: [
    {
      keyid: encodeNkeyPublic(signer.publicKey),
      sig: toBase64(signer.sign(preAuthEncoding(payloadType, payload))),
    },
  ],
});

export interface OpenedEnvelope {
  readonly payload: Uint8Array;
  /** Every key whose signature holds, in nkey text; which of them counts is the caller's question. */
  readonly signers: readonly string[];
}

/**
 * The payload bytes and who signed them.
 * @throws BytesTextError when payload or signature is not base64.
 */
export const openEnvelope = (envelope: Envelope): OpenedEnvelope => {
  const payload = fromBase64(envelope.payload, 'payload');
  const signed = preAuthEncoding(envelope.payloadType, payload);
  const holds = ({ keyid, sig }: Envelope['signatures'][number]): boolean =>
    ed25519Verify(decodeNkeyPublic(keyid, 'keyid'), signed, fromBase64(sig, 'sig'));
  return { payload, signers: envelope.signatures.filter(holds).map(({ keyid }) => keyid) };
};
