/** The managed nats-server: starts, is watched, stops, and never outlives its parent. Real processes, really killed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClock } from '../../actors/system/clock.ts';
import {
  findNatsServer,
  type ManagedServer,
  type ManagedServerOptions,
  type ServerConfig,
  startNatsServer,
} from '../../bus/index.ts';
import { clusterLogins, requireNatsServer } from '../support/natsServer.ts';

const SIGKILL = 9;
let directory: string;
let servers: ManagedServer[];
let children: ChildProcess[];

beforeEach(() => {
  requireNatsServer();
  directory = mkdtempSync(join(tmpdir(), 'isochron-server-'));
  servers = [];
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(directory, { recursive: true, force: true });
});

const options = (
  config: Partial<ServerConfig> = {},
  more: Partial<ManagedServerOptions> = {},
): ManagedServerOptions => ({
  directory,
  clock: createClock(),
  config: {
    cluster: 'test',
    users: clusterLogins(),
    storeDirectory: join(directory, 'jetstream'),
    port: -1,
    ...config,
  },
  ...more,
});

const start = async (
  config: Partial<ServerConfig> = {},
  more: Partial<ManagedServerOptions> = {},
): Promise<ManagedServer> => {
  const server = await startNatsServer(options(config, more));
  servers.push(server);
  return server;
};

/** A connection to the server, whose end is the end of the server. */
const watch = (port: number): Promise<{ readonly socket: Socket; readonly ended: Promise<void> }> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const ended = new Promise<void>((end) => socket.once('close', () => end()));
    socket.once('data', () => resolve({ socket, ended }));
    socket.once('error', reject);
    socket.resume();
  });

const parentOf = (pid: number): number =>
  Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }));

describe('the managed nats-server', () => {
  it('starts on free ports, logs, and stops when asked', async () => {
    const log: string[] = [];
    const server = await start({ websocketPort: -1 }, { onLog: (line) => log.push(line) });
    expect(server.url).toBe(`nats://127.0.0.1:${server.port}`);
    expect(server.websocketPort).toBeGreaterThan(0);
    const { ended } = await watch(server.port);
    await server.stop();
    await ended;
    expect(await server.exited).toMatchObject({ reason: 'stopped' });
    expect(log.join('\n')).toContain('Server is ready');
    await server.stop();
  });

  it('keeps its configuration to its owner', async () => {
    const server = await start();
    expect(statSync(server.configFile).mode & 0o777).toBe(0o600);
    expect(readFileSync(server.configFile, 'utf8')).toContain('allow_responses: { max: 1, expires: "1m" }');
  });

  it('speaks websocket to pages of the origins it was given, and to no others', async () => {
    const server = await start({ websocketPort: -1, websocketOrigins: ['http://127.0.0.1:8080'] });
    const upgrade = (origin: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const headers = {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
          'Sec-WebSocket-Version': '13',
          Origin: origin,
        };
        const asked = request({ host: '127.0.0.1', port: server.websocketPort, headers });
        asked.once('upgrade', (response, socket) => {
          socket.destroy();
          resolve(response.statusCode ?? 0);
        });
        asked.once('response', (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        asked.once('error', reject);
        asked.end();
      });
    expect(await upgrade('http://127.0.0.1:8080')).toBe(101);
    expect(await upgrade('http://evil.example')).not.toBe(101);
  });

  it('comes back on the port it had', async () => {
    const first = await start();
    await first.stop();
    const second = await start({ port: first.port });
    expect(second.url).toBe(first.url);
  });

  it('a port in use is one line that names it', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    await expect(startNatsServer(options({ port }))).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: `port in use: 127.0.0.1:${port}`,
      details: { address: `127.0.0.1:${port}` },
    });
    await new Promise((resolve) => taken.close(resolve));
  });

  it('a server that cannot run says why', async () => {
    writeFileSync(join(directory, 'file'), '');
    await expect(startNatsServer(options({ storeDirectory: join(directory, 'file') }))).rejects.toMatchObject({
      code: 'NATS_SERVER_FAILED',
      message: expect.stringContaining('storage directory'),
    });
    await expect(startNatsServer(options({}, { binary: join(directory, 'missing') }))).rejects.toMatchObject({
      code: 'NATS_SERVER_FAILED',
    });
    expect(() => findNatsServer({ NATS_SERVER_BIN: join(directory, 'missing') })).toThrow(
      expect.objectContaining({ code: 'BUS_OPTION_INVALID', details: { field: 'NATS_SERVER_BIN' } }),
    );
    expect(findNatsServer({ NATS_SERVER_BIN: requireNatsServer() })).toBe(requireNatsServer());
    expect(findNatsServer({ PATH: `${directory}:${requireNatsServer().replace(/\/[^/]+$/, '')}` })).toBe(
      requireNatsServer(),
    );
  });

  it('tells when it was killed', async () => {
    const server = await start();
    process.kill(server.pid, 'SIGKILL');
    expect(await server.exited).toMatchObject({ code: null, signal: SIGKILL });
  });

  it('ends when the shell between it and its parent is killed', async () => {
    const server = await start();
    const { ended } = await watch(server.port);
    process.kill(parentOf(server.pid), 'SIGKILL');
    await ended;
    await server.exited;
  });

  it('dies with its parent, even when that is killed outright', async () => {
    const door = new URL('../../dist/bus/index.js', import.meta.url).href;
    const clock = new URL('../../dist/actors/system/clock.js', import.meta.url).href;
    const config = { cluster: 'test', users: [], storeDirectory: join(directory, 'jetstream'), port: -1 };
    const program = `
      const { startNatsServer } = await import(${JSON.stringify(door)});
      const { createClock } = await import(${JSON.stringify(clock)});
      const server = await startNatsServer({ directory: ${JSON.stringify(directory)}, clock: createClock(), config: ${JSON.stringify(config)} });
      console.log(JSON.stringify({ port: server.port, pid: server.pid }));
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(parent);
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: parent.stdout }).once('line', resolve);
      parent.once('exit', (code) => reject(new Error(`the parent ended with ${code}`)));
    });
    const { port } = JSON.parse(line) as { port: number };
    const { ended } = await watch(port);
    parent.kill('SIGKILL');
    await ended;
  });
});
