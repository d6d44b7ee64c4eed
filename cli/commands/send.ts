/** `isochron send <id> <EVENT>`: an operable event to an actor, its data from the command line, a file or stdin. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Arguments } from '../arguments.ts';
import { callerName, connectOperator } from '../cluster.ts';
import type { Context } from '../context.ts';
import { FileError, UsageError } from '../errors.ts';
import { type ExitCode, exitCodes, systemCodeOf } from '../exitCodes.ts';
import { addressOf, askAbout } from '../ids.ts';

/** More than fits in a message of NATS, which takes 1 MiB. */
const dataBytesMax = 1_048_576;

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const address = addressOf(args.required('id'));
  const { id } = address;
  if (address.isBare) throw new UsageError(`send goes to an actor, such as ${id}/election, not to a whole node`);
  const type = args.required('event');
  const event = { ...(await dataOf(context, args.text('data'))), type };
  const connection = await connectOperator(context);
  await askAbout(connection, address, 'actor.send', { id, event, by: callerName() });
  context.output.result({ id, event, done: true }, () => `sent ${type} to ${id}`);
  return exitCodes.ok;
};

const dataOf = async (context: Context, data: string | undefined): Promise<Readonly<Record<string, unknown>>> => {
  if (data === undefined) return {};
  const { source, text } = await textOf(context, data);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${source}: expected a JSON object (${cause instanceof Error ? cause.message : 'not JSON'})`, {
      cause,
    });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new UsageError(`${source}: expected a JSON object such as {"reason":"test"}`);
  }
  if ('type' in parsed) throw new UsageError(`${source}: type: is the EVENT argument and cannot be given twice`);
  return { ...parsed };
};

interface Source {
  readonly source: string;
  readonly text: string;
}

const textOf = async ({ stdin, cwd }: Context, data: string): Promise<Source> => {
  if (data === '-') return { source: 'stdin', text: await readAll(stdin) };
  if (!data.startsWith('@')) return { source: '--data', text: data };
  const source = resolve(cwd, data.slice(1));
  try {
    return { source, text: readFileSync(source, 'utf8') };
  } catch (cause) {
    throw new FileError(
      source,
      '',
      systemCodeOf(cause) === 'ENOENT' ? 'expected a file, found none' : 'cannot be read',
      cause,
    );
  }
};

const readAll = async (stream: NodeJS.ReadableStream): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > dataBytesMax) throw new UsageError(`stdin: expected at most ${dataBytesMax} bytes`);
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
};
