/** Which directory `up` runs: the one it was given, or a temporary lab cluster that goes when it ends. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, Random } from '../../actors/index.ts';
import { TemporaryFolderError } from '../errors.ts';
import { systemCodeOf } from '../exitCodes.ts';
import { makeCluster } from '../files/makeCluster.ts';
import { temporaryPrefix } from '../records.ts';
import { freePorts } from './ports.ts';

/** A lab that shows everything: an election between two, and somebody who only listens. */
const labValidators = 2;
const labDevices = 1;

/** @throws TemporaryFolderError; what the system says when the disk is full */
const temporaryDirectory = (): string => {
  const folder = tmpdir();
  try {
    return mkdtempSync(join(realpathSync(folder), temporaryPrefix));
  } catch (cause) {
    throw unusable.has(systemCodeOf(cause)) ? new TemporaryFolderError(folder, cause) : cause;
  }
};

const unusable: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS']);

/** Makes a lab cluster on free ports; returns its directory. @throws TemporaryFolderError */
export const makeTemporaryCluster = async (clock: Clock, random: Random): Promise<string> => {
  const dir = temporaryDirectory();
  try {
    const [port, websocketPort] = await freePorts(random);
    const nats = { url: `nats://127.0.0.1:${port}`, websocketPort };
    await makeCluster(
      { dir, cluster: 'lab', validators: labValidators, devices: labDevices, preset: 'lab', nats },
      clock,
      random,
    );
    return dir;
  } catch (error) {
    removeTemporaryCluster(dir);
    throw error;
  }
};

export const removeTemporaryCluster = (dir: string): void => rmSync(dir, { recursive: true, force: true });
