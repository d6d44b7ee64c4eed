/** `isochron init`: the keys, membership and configuration of a new cluster (3-interface §3). */
import { resolve } from 'node:path';
import type { Arguments } from '../arguments.ts';
import { commandText } from '../commandText.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../errors.ts';
import type { ExitCode } from '../exitCodes.ts';
import { natsUrl, natsUrlExpected } from '../files/clusterFiles.ts';
import { type MadeCluster, makeCluster, websocketPortOf } from '../files/makeCluster.ts';
import { freePorts } from '../host/ports.ts';
import { count } from '../render/count.ts';

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const { clock, cwd, globals, output, random } = context;
  const made = await makeCluster(
    {
      dir: resolve(cwd, args.required('dir')),
      validators: args.number('validators') ?? 2,
      devices: args.number('devices') ?? 1,
      preset: args.text('preset') === 'field' ? 'field' : 'lab',
      nats: globals.nats === undefined ? await ownServer(random) : givenServer(globals.nats),
    },
    clock,
    random,
  );
  output.result(made, () => describe(made));
  return undefined;
};

const ownServer = async (random: Context['random']) => {
  const [port, websocketPort] = await freePorts(random);
  return { url: `nats://127.0.0.1:${port}`, websocketPort };
};

const givenServer = (url: string) => {
  if (!natsUrl.safeParse(url).success) throw new UsageError(`--nats: ${natsUrlExpected}, got '${url}'`);
  return { url, websocketPort: websocketPortOf(url) };
};

const describe = ({ dir, cluster, preset, nats, nodes }: MadeCluster): string => {
  const validators = nodes.filter((name) => name.startsWith('validator-')).length;
  return [
    `Cluster ${cluster} (${preset}): ${count(validators, 'validator')}, ${count(nodes.length - validators, 'device')}, NATS at ${nats}`,
    `Written to ${dir}. Keep keys/system.nk and keys/admin.nk off the machines of the nodes.`,
    ...(nats.startsWith('tls://')
      ? ["Put the server's certificate and key at tls/cert.pem and tls/key.pem there."]
      : []),
    'Next:',
    `  ${commandText(['up', dir])}`,
    `  ${commandText(['doctor', '--dir', dir])}`,
  ].join('\n');
};
