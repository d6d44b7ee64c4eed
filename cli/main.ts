#!/usr/bin/env node
/**
 * The `isochron` command: the composition root. Understands the command line, gives the command its context, and turns how
 * it ended into one line and an exit code.
 */
import type { Value } from './arguments.ts';
import type { Context } from './context.ts';
import { type ExitCode, exitCodeOf, exitCodes, systemCodeOf } from './exitCodes.ts';
import { manifest } from './manifest.ts';
import { Output } from './output.ts';
import { type Call, parseCommandLine } from './program.ts';
import { reportError } from './report.ts';
import { version } from './version.ts';

const flag = (globals: ReadonlyMap<string, Value>, name: string): boolean => globals.get(name) === true;
const text = (globals: ReadonlyMap<string, Value>, name: string): string | undefined => {
  const value = globals.get(name);
  return typeof value === 'string' ? value : undefined;
};

const outputOf = (json: boolean, quiet: boolean): Output =>
  new Output({ stdout: process.stdout, stderr: process.stderr, json, quiet, env: process.env });

/** Node forgets what `nohup` told the system to ignore; shells leave the name of what they ran in `_`. */
const isUnderNohup = ({ _: ran = '' }: NodeJS.ProcessEnv): boolean => /(^|\/)nohup$/.test(ran);

/**
 * The first signal asks politely, the second ends the process. A terminal that closes asks too, or its cluster would leave
 * private keys in a temporary directory; it may do so several times (the system and the shell), and under `nohup` in vain.
 */
const onSignals = (controller: AbortController): void => {
  const handle = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  process.on('SIGHUP', isUnderNohup(process.env) ? () => undefined : () => controller.abort());
};

/** Whoever reads our output may leave early (`isochron logs | head`): that ends a command, and is no failure. */
const onClosedPipe = (spec: Call['spec']): void => {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (systemCodeOf(error) === 'EPIPE' && spec.endsBySignal !== true) process.exit(exitCodes.ok);
    });
  }
};

const releaseAll = async (releases: readonly (() => void | Promise<void>)[]): Promise<void> => {
  for (const release of releases.toReversed()) {
    try {
      await release();
    } catch {
      // The command has ended; what could not be given back goes with the process.
    }
  }
};

const aborted = (signal: AbortSignal): Promise<ExitCode> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(exitCodes.interrupted), { once: true }));

const runCall = async (
  { spec, args }: Call,
  globals: ReadonlyMap<string, Value>,
  output: Output,
): Promise<ExitCode> => {
  const { createClock, createRandom } = await import('../actors/system/worldParts.ts');
  const controller = new AbortController();
  onSignals(controller);
  onClosedPipe(spec);
  const releases: (() => void | Promise<void>)[] = [];
  const context: Context = {
    clock: createClock(),
    random: createRandom(),
    env: process.env,
    cwd: process.cwd(),
    output,
    globals: { dir: text(globals, 'dir'), nats: text(globals, 'nats'), yes: flag(globals, 'yes') },
    stdin: process.stdin,
    signal: controller.signal,
    onExit: (release) => void releases.push(release),
  };
  try {
    const ended = spec.run(context, args).then((code) => code ?? exitCodes.ok);
    if (spec.endsBySignal === true) return await ended;
    const code = await Promise.race([ended, aborted(controller.signal)]);
    return controller.signal.aborted ? exitCodes.interrupted : code;
  } catch (error) {
    if (controller.signal.aborted && spec.endsBySignal !== true) return exitCodes.interrupted;
    reportError(error, output);
    return exitCodeOf(error);
  } finally {
    await releaseAll(releases);
  }
};

const main = async (argv: readonly string[]): Promise<ExitCode> => {
  try {
    const { globals, asked } = parseCommandLine(argv, manifest, version);
    const output = outputOf(flag(globals, 'json'), flag(globals, 'quiet'));
    if (!('text' in asked)) return await runCall(asked, globals, output);
    output.raw(asked.text);
    return exitCodes.ok;
  } catch (error) {
    reportError(error, outputOf(argv.includes('--json'), false));
    return exitCodeOf(error);
  }
};

// Not `process.exitCode`: a socket or timer that a library left behind must not keep a finished command alive.
process.exit(await main(process.argv.slice(2)));
