/** `up -d`: leaves an `up` behind in a session of its own, and returns when it is started (or, with --wait, ready). */
import { type ChildProcess, spawn } from 'node:child_process';
import { commandText } from '../commandText.ts';
import type { Context } from '../context.ts';
import { deferred } from '../deferred.ts';
import { WaitTimeoutError } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { mainFile } from './mainFile.ts';
import { detachedVariable, type StarterMessage } from './starterLink.ts';

export interface DetachOptions {
  /** As typed. */
  readonly dir: string | undefined;
  readonly wait: boolean;
  readonly forMs: number | undefined;
}

/** Three nodes agree within five seconds; a loaded machine may need far longer. */
const waitMs = 60_000;

type Outcome = { readonly message: StarterMessage } | { readonly exitCode: ExitCode } | 'timeout' | 'interrupted';

export const upDetached = async (context: Context, options: DetachOptions): Promise<ExitCode> => {
  const child = start(context, options);
  const outcome = await outcomeOf(context, child, options.wait ? 'ready' : 'started');
  if (typeof outcome === 'object' && 'message' in outcome) {
    report(context, child, outcome.message);
    child.disconnect();
    child.unref();
    return exitCodes.ok;
  }
  if (typeof outcome === 'object') return outcome.exitCode;
  child.kill('SIGTERM');
  if (outcome === 'interrupted') return exitCodes.interrupted;
  throw new WaitTimeoutError('the cluster was not ready', waitMs);
};

const start = ({ cwd, env, output }: Context, { dir, forMs }: DetachOptions): ChildProcess => {
  const args = [
    'up',
    ...(dir === undefined ? [] : [dir]),
    ...(forMs === undefined ? [] : ['--for', `${forMs}ms`]),
    ...(output.json ? ['--json'] : []),
  ];
  const child = spawn(process.execPath, [mainFile, ...args], {
    cwd,
    detached: true,
    // Its messages are ours until we leave; its log is in logs/host.ndjson.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...env, [detachedVariable]: '1' },
  });
  child.stderr?.on('data', (part: Buffer) => process.stderr.write(part));
  return child;
};

const outcomeOf = async (
  { clock, signal }: Context,
  child: ChildProcess,
  wanted: StarterMessage['type'],
): Promise<Outcome> => {
  const outcome = deferred<Outcome>();
  child.on('message', (message: StarterMessage) => {
    if (message.type === wanted) outcome.resolve({ message });
  });
  // `close`, not `exit`: why it ended is still in the pipe.
  child.once('close', (code) => outcome.resolve({ exitCode: (code ?? exitCodes.failure) as ExitCode }));
  child.once('error', () => outcome.resolve({ exitCode: exitCodes.failure }));
  signal.addEventListener('abort', () => outcome.resolve('interrupted'), { once: true });
  const late = clock.after(waitMs, () => outcome.resolve('timeout'));
  const result = await outcome.promise;
  clock.cancel(late);
  return result;
};

const report = ({ output }: Context, child: ChildProcess, message: StarterMessage): void => {
  const { pid } = child;
  if (message.type === 'ready') {
    const { dir, nodes } = message.line;
    output.result(message.line, () => `Ready: ${nodes.join(', ')}\n${background(pid, dir)}`);
  } else {
    const { dir, nats } = message;
    output.result({ started: true, dir, nats, pid }, () => `Started.\n${background(pid, dir)}`);
  }
};

const background = (pid: number | undefined, dir: string): string =>
  [`Running in the background as process ${pid}. Stop it with:`, `  ${commandText(['down', '--dir', dir])}`].join('\n');
