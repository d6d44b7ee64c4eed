/** Free ports of this machine, for servers that have none of their own. */
import { createServer } from 'node:net';
import type { Random } from '../../actors/index.ts';

/** Below the range from which systems hand out ports to outgoing connections, above the well-known ones. */
const firstPort = 20_000;
const lastPort = 29_999;
/** A machine on which so many draws in a row are taken has other troubles. */
const attemptsMax = 50;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** True when nothing listens on that port of the loopback. */
export const isPortFree = isFree;

/** Two different ports that are free now. @throws Error when none is found */
export const freePorts = async (random: Random): Promise<readonly [number, number]> => {
  const found: number[] = [];
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const port = firstPort + Math.floor(random.fraction() * (lastPort - firstPort + 1));
    if (!found.includes(port) && (await isFree(port))) found.push(port);
    const [first, second] = found;
    if (first !== undefined && second !== undefined) return [first, second];
  }
  throw new Error(`no free port found in ${firstPort} … ${lastPort}`);
};
