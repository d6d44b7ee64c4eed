/** A self-signed certificate for this machine (RFC 5280), made when a test needs one, so that no key lies in the repository. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OID = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const explicit = (n: number): number => 0xa0 + n;
const context = (n: number): number => 0x80 + n;

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  // The shortest form of the length is the only valid one (X.690 §10.1).
  const long = body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...(body.length < 128 ? [body.length] : long)]), body]);
};
const ascii = (tag: number, text: string): Buffer => der(tag, Buffer.from(text));
const oid = (hex: string): Buffer => der(OID, Buffer.from(hex, 'hex'));
const bits = (bytes: Uint8Array): Buffer => der(BIT_STRING, Buffer.of(0), bytes);

const ecdsaWithSha256 = der(SEQUENCE, oid('2a8648ce3d040302'));
const name = der(SEQUENCE, der(SET, der(SEQUENCE, oid('550403'), ascii(UTF8_STRING, 'isochron test'))));
const validity = der(SEQUENCE, ascii(UTC_TIME, '200101000000Z'), ascii(UTC_TIME, '491231235959Z'));
const altNames = der(SEQUENCE, ascii(context(2), 'localhost'), der(context(7), Buffer.of(127, 0, 0, 1)));
const extensions = der(explicit(3), der(SEQUENCE, der(SEQUENCE, oid('551d11'), der(OCTET_STRING, altNames))));

const pem = (label: string, bytes: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`;

/** Writes `cert.pem` and `key.pem` for localhost and 127.0.0.1. */
export const writeCertificate = (directory: string): { readonly certFile: string; readonly keyFile: string } => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const version = der(explicit(0), der(INTEGER, Buffer.of(2)));
  const serial = der(INTEGER, Buffer.of(1));
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const signed = der(SEQUENCE, version, serial, ecdsaWithSha256, name, validity, name, spki, extensions);
  const certificate = der(SEQUENCE, signed, ecdsaWithSha256, bits(sign('sha256', signed, privateKey)));
  const certFile = join(directory, 'cert.pem');
  const keyFile = join(directory, 'key.pem');
  writeFileSync(certFile, pem('CERTIFICATE', certificate));
  writeFileSync(keyFile, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  return { certFile, keyFile };
};
