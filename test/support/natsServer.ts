/** A real nats-server for a test: own ports, own directory, logins for every role, gone when the test is. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nkeys } from 'nats';
import { createClock } from '../../actors/system/clock.ts';
import {
  findNatsServer,
  type ManagedServer,
  type ServerConfig,
  type ServerUser,
  startNatsServer,
} from '../../bus/index.ts';
import { IsochronError, type Role } from '../../protocol/index.ts';

export interface TestLogin extends ServerUser {
  readonly seed: string;
}

export const login = (name: string, role: Role): TestLogin => {
  const pair = nkeys.createUser();
  return { name, role, natsKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
};

export interface TestServer {
  readonly url: string;
  readonly server: ManagedServer;
  readonly logins: readonly TestLogin[];
  /** Seed of the login called `name`. */
  seed(name: string): string;
  /** Ends the server; `start` brings it back on the same ports. */
  down(): Promise<void>;
  up(changes?: Partial<ServerConfig>): Promise<void>;
  close(): Promise<void>;
}

export const clusterLogins = (): readonly TestLogin[] => [
  login('validator-1', 'validator'),
  login('validator-2', 'validator'),
  login('validator-3', 'validator'),
  login('device-1', 'device'),
  login('device-2', 'device'),
  login('client-1', 'client'),
  login('host', 'host'),
  login('operator', 'operator'),
  login('viewer', 'viewer'),
];

/** @throws one line that says why there is no server, so that a test without one fails with it and is never skipped */
export const startTestServer = async (
  config: Partial<ServerConfig> = {},
  logins: readonly TestLogin[] = clusterLogins(),
): Promise<TestServer> => {
  const binary = requireNatsServer();
  const directory = mkdtempSync(join(tmpdir(), 'isochron-nats-'));
  const clock = createClock();
  const start = (changes: Partial<ServerConfig>) =>
    startNatsServer({
      directory,
      clock,
      binary,
      config: { cluster: 'test', users: logins, storeDirectory: join(directory, 'jetstream'), ...config, ...changes },
    });
  let server = await start({ port: -1 });
  const { url, port } = server;
  return {
    url,
    logins,
    get server() {
      return server;
    },
    seed: (name) => {
      const found = logins.find((known) => known.name === name);
      if (found === undefined) throw new Error(`no login ${name}`);
      return found.seed;
    },
    down: () => server.stop(),
    up: async (changes) => {
      server = await start({ ...changes, port });
    },
    close: async () => {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
};

/** @throws the one-line reason */
export const requireNatsServer = (): string => {
  try {
    return findNatsServer();
  } catch (error) {
    throw new Error(error instanceof IsochronError ? error.message : String(error));
  }
};
