/** `isochron tail [subject]`: what the cluster says, or what an actor does, as it happens; one message a line. */
import type { BusMessage } from '../../bus/index.ts';
import { decodeMessage, IsochronError } from '../../protocol/index.ts';
import type { Arguments } from '../arguments.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { LiveStream } from '../liveStream.ts';
import { interrupted, type Observation, observe } from '../observe.ts';
import { fieldsText, messageJson, type NameOfMac, timeText } from '../render/messages.ts';
import { plain } from '../render/text.ts';
import { type LiveTarget, parseTailSubject, type SayTarget } from '../tailSubject.ts';

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const target = parseTailSubject(args.text('subject'));
  const observation = await observe(context);
  const printer = new Printer(context, args.number('count'));
  followServer(context, observation);
  if (target.mode === 'say') await tailSaid(observation, target, printer);
  else await tailLive(context, observation, target, printer);
  await Promise.race([printer.finished, interrupted(context.signal)]);
  return exitCodes.ok;
};

/** Prints until there has been enough. */
class Printer {
  readonly context: Context;
  /** Resolves with the last line. */
  readonly finished: Promise<void>;
  #left: number;
  #finish: () => void = () => {};

  constructor(context: Context, linesMax: number | undefined) {
    this.context = context;
    this.#left = linesMax ?? Number.POSITIVE_INFINITY;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  print(document: unknown, text: () => string): void {
    if (this.#left <= 0) return;
    this.context.output.result(document, text);
    this.#left--;
    if (this.#left <= 0) this.#finish();
  }
}

const followServer = ({ output, onExit }: Context, { connection }: Observation): void => {
  const stop = connection.bus.onStatus((status) => {
    if (status.type === 'reconnecting') output.warn('the NATS server is away; waiting for it');
    if (status.type === 'connected') output.message('the NATS server is back');
    if (status.type === 'slowConsumer') output.warn(`more is said than can be shown: ${status.pending} messages wait`);
  });
  // The close of the connection that ends the command is nothing to report.
  onExit(stop);
};

// ── What is said ────────────────────────────────────────────────────────────

const tailSaid = async ({ connection, gatherer }: Observation, target: SayTarget, printer: Printer): Promise<void> => {
  const members = await gatherer.members();
  const names = new Map(members.flatMap(({ mac, name }) => (mac === undefined ? [] : [[mac, name] as const])));
  for (const topic of target.topics) {
    connection.bus.hear(topic, (message) => {
      if (target.from === undefined || target.from === message.from)
        printSaid(printer, message, (mac) => names.get(mac));
    });
  }
  await connection.bus.flush();
};

const printSaid = (printer: Printer, message: BusMessage, nameOf: NameOfMac): void => {
  const { from, topic, format } = message;
  const atMs = printer.context.clock.now();
  const { paint } = printer.context.output;
  const content = contentOf(message);
  const head = `${paint('dim', timeText(atMs))} ${paint('cyan', from)} ${paint('bold', topic)}`;
  if (content.error !== undefined) {
    const { code, message: why } = content.error;
    printer.print(
      { atMs, mode: 'say', from, topic, format, error: content.error },
      () => `${head} ${paint('red', `${code}: ${plain(why)}`)}`,
    );
    return;
  }
  printer.print(
    { atMs, mode: 'say', from, topic, format, message: content.json },
    () => `${head} ${fieldsText(content.value, nameOf)}`,
  );
};

type Content =
  | { readonly value: unknown; readonly json: unknown; readonly error?: undefined }
  | { readonly error: { readonly code: string; readonly message: string } };

/** What does not decode is shown as that: somebody may be looking for exactly it. */
const contentOf = ({ payload }: BusMessage): Content => {
  if (!(payload instanceof Uint8Array)) return { value: payload, json: payload };
  try {
    const message = decodeMessage(payload);
    return { value: message, json: messageJson(message) };
  } catch (error) {
    if (!(error instanceof IsochronError)) throw error;
    return { error: { code: error.code, message: error.message } };
  }
};

// ── What actors do ──────────────────────────────────────────────────────────

const tailLive = async (
  context: Context,
  { connection }: Observation,
  target: LiveTarget,
  printer: Printer,
): Promise<void> => {
  const { output } = context;
  const { paint } = output;
  const stream = new LiveStream(connection, context, target);
  await stream.start(({ id, atMs, type, event, state, envelope }) => {
    const text = () => {
      const what = event === undefined ? paint('bold', type) : `${paint('bold', event.type)} ${fieldsText(event)}`;
      const now = state === undefined ? '' : ` ${paint('green', `→ ${state}`)}`;
      return `${paint('dim', timeText(atMs))} ${paint('cyan', plain(id))} ${what.trimEnd()}${now}`;
    };
    // In text an event and the snapshot after it are one line.
    if (output.json || type !== '@xstate.event') printer.print(envelope, text);
  });
};
