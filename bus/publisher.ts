/**
 * Publishing without detours. nats.js encodes every `PUB` line with a `TextEncoder` (an allocation outside the pool, 1.7 µs)
 * and queues three buffers a message; a line and its payload written into one pooled buffer cost 0.3 µs. The door used is
 * the protocol handler that nats.js' own modules share, not its public API: where it is not as expected, or for messages
 * with headers, `publish` does the same, slower. A test holds that the version we pin has the door.
 */
import { type NatsConnection, headers as natsHeaders, type PublishOptions } from 'nats';
import type { HeaderList } from './transport.ts';

export type Publish = (
  subject: string,
  data: string | Uint8Array,
  headers: HeaderList | undefined,
  reply: string | undefined,
) => void;

interface Wire {
  sendCommand(command: Uint8Array): void;
}

/** The wire behind a connection, if this version of nats.js has it. */
export const wireOf = (nc: NatsConnection): Wire | undefined => {
  const protocol = (nc as { protocol?: unknown }).protocol;
  if (typeof protocol !== 'object' || protocol === null) return undefined;
  return typeof (protocol as Partial<Wire>).sendCommand === 'function' ? (protocol as Wire) : undefined;
};

export const publisherOf = (nc: NatsConnection): Publish => {
  const wire = wireOf(nc);
  return (subject, data, headers, reply) => {
    if (wire !== undefined && headers === undefined) wire.sendCommand(frame(subject, data, reply));
    else publish(nc, subject, data, headers, reply);
  };
};

/** `PUB <subject> [reply] <bytes>\r\n<payload>\r\n`. Subjects are ASCII: the bus has checked its own, the server the others'. */
const frame = (subject: string, data: string | Uint8Array, reply: string | undefined): Uint8Array => {
  const target = reply === undefined ? subject : `${subject} ${reply}`;
  if (typeof data === 'string') return Buffer.from(`PUB ${target} ${Buffer.byteLength(data)}\r\n${data}\r\n`);
  const line = `PUB ${target} ${data.length}\r\n`;
  const bytes = Buffer.allocUnsafe(line.length + data.length + END.length);
  bytes.write(line, 0, 'latin1');
  bytes.set(data, line.length);
  bytes.set(END, line.length + data.length);
  return bytes;
};

const END = Uint8Array.of(0x0d, 0x0a);

const publish = (
  nc: NatsConnection,
  subject: string,
  data: string | Uint8Array,
  headers: HeaderList | undefined,
  reply: string | undefined,
): void => {
  const options: PublishOptions = {};
  if (reply !== undefined) options.reply = reply;
  if (headers !== undefined) {
    const list = natsHeaders();
    for (const [name, value] of headers) list.append(name, value);
    options.headers = list;
  }
  nc.publish(subject, typeof data === 'string' ? Buffer.from(data) : data, options);
};
