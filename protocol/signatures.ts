/** How radio messages are signed (3-interface §2): name, version and cluster are under the signature, so none can be swapped. */
import { concatBytes, utf8 } from './bytes.ts';
import { ed25519Verify } from './crypto.ts';
import { type MessageName, messageTypes, type RadioMessage, signatureBytes, type UnsignedMessage } from './messages.ts';
import { encodeUnsigned } from './wireEncode.ts';
import { WireError } from './wireError.ts';

/** The bytes under a signature: `isochron/<name>/v1`, 0, cluster id, 0, everything before the signature. */
export const signedBytes = (name: string, clusterId: string, body: Uint8Array): Uint8Array =>
  concatBytes(utf8(`isochron/${name}/v1\0${clusterId}\0`), body);

/**
 * Encodes a message and signs it.
 * @param sign Ed25519 of the sender's member key (`Identity.sign`, `Signer.sign`).
 * @returns the whole message as it travels; `decodeMessage` of it is the value with `signature` and `bytes`.
 * @throws WireError for a value that a receiver would refuse.
 */
export const signMessage = (
  message: UnsignedMessage,
  clusterId: string,
  sign: (bytes: Uint8Array) => Uint8Array,
): Uint8Array => {
  const body = encodeUnsigned(message).slice();
  const signature = sign(signedBytes(message.type, clusterId, body));
  if (signature.length !== signatureBytes) {
    throw new WireError(
      'WIRE_FIELD',
      'signature',
      body.length,
      `${signature.length} bytes, expected ${signatureBytes}`,
    );
  }
  return concatBytes(body, signature);
};

const nameOf = new Map<number | undefined, MessageName>(
  (Object.keys(messageTypes) as MessageName[]).map((name) => [messageTypes[name], name]),
);

/**
 * True when the message, or the bytes of one, was signed by `publicKey` for this cluster. Says nothing about whether that
 * key may sign it. The beacon inside a SYNC_REPLY has its own signature: verify it too.
 */
export const verifyMessage = (
  message: RadioMessage | Uint8Array,
  clusterId: string,
  publicKey: Uint8Array,
): boolean => {
  const bytes = message instanceof Uint8Array ? message : message.bytes;
  const name = nameOf.get(bytes[0]);
  if (name === undefined || bytes.length <= signatureBytes) return false;
  const end = bytes.length - signatureBytes;
  return ed25519Verify(publicKey, signedBytes(name, clusterId, bytes.subarray(0, end)), bytes.subarray(end));
};
