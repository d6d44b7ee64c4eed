/** A nats-server that enforces nothing, as somebody may run one by mistake; ends with the test. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface OpenServer {
  readonly url: string;
  stop(): Promise<void>;
}

export const openServer = async (binary: string): Promise<OpenServer> => {
  const child = spawn(binary, ['-a', '127.0.0.1', '-p', '-1'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const found = /Listening for client connections on .*:(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new Error('nats-server did not start')));
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
};
