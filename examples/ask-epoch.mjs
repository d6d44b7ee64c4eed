/**
 * What time is it in the cluster? A plain NATS client asks any validator, and then listens to two beacons.
 *
 *   npm start                                        # prints the directory and the server's URL
 *   node examples/ask-epoch.mjs <directory> <url>    # in a second terminal
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, nkeyAuthenticator } from 'nats';

const BEACONS = 2;
const [dir, url] = process.argv.slice(2);
if (dir === undefined || url === undefined) {
  process.stderr.write('usage: node examples/ask-epoch.mjs <directory of the cluster> <nats url>\n');
  process.exit(2);
}
const { cluster } = JSON.parse(readFileSync(join(dir, 'isochron.json'), 'utf8'));
const seed = new TextEncoder().encode(readFileSync(join(dir, 'keys', 'operator.nk'), 'utf8').trim());
// Replies may only be heard below the inbox of one's own name.
const nc = await connect({ servers: url, authenticator: nkeyAuthenticator(seed), inboxPrefix: '_INBOX.operator' });

const reply = await nc.request(`iso.v1.${cluster}.ask.any.operator.epoch.get`, '{}');
const { epoch, clusterHead, term, synchronized } = reply.json();
process.stdout.write(`epoch ${epoch}, led by ${clusterHead} in term ${term}, synchronized: ${synchronized}\n`);

const beacons = nc.subscribe(`iso.v1.${cluster}.say.*.beacon.beacon`, { max: BEACONS });
for await (const { data, subject } of beacons) {
  const view = new DataView(data.buffer, data.byteOffset);
  // docs/wire.md: type u8, length u16, epoch u32, timestamp u64
  const at = new Date(Number(view.getBigUint64(7)));
  process.stdout.write(`beacon of ${subject.split('.')[4]}: epoch ${view.getUint32(3)} at ${at.toISOString()}\n`);
}
await nc.close();
