/** A TCP proxy that a test can cut, so that one connection is lost while the server and the others live. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Destroys every connection and refuses new ones. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  /** Stops reading from the server, so that its buffers fill; `resume` reads on. */
  pause(): void;
  resume(): void;
}

export const tcpProxy = async (targetPort: number): Promise<TcpProxy> => {
  const sockets = new Set<Socket>();
  const upstreams = new Set<Socket>();
  const pass = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      upstreams.delete(from);
      to.destroy();
    });
    from.pipe(to);
  };
  const accept = (socket: Socket): void => {
    const upstream = connect(targetPort, '127.0.0.1');
    upstreams.add(upstream);
    pass(socket, upstream);
    pass(upstream, socket);
  };
  const listen = (port: number): Promise<Server> =>
    new Promise((resolve, reject) => {
      const server = createServer(accept);
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => resolve(server));
    });
  let server: Server | undefined = await listen(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const { port } = address;
  return {
    port,
    cut: () =>
      new Promise((resolve) => {
        if (server === undefined) return resolve();
        server.close(() => resolve());
        server = undefined;
        for (const socket of sockets) socket.destroy();
      }),
    restore: async () => {
      server ??= await listen(port);
    },
    pause: () => {
      for (const upstream of upstreams) upstream.pause();
    },
    resume: () => {
      for (const upstream of upstreams) upstream.resume();
    },
  };
};
