/**
 * Makes a directory with its parents, one level after another. Not with `recursive`: where the system says that a parent is
 * missing although it is there (below /proc, for one), Node tries for ever, and no signal reaches it any more.
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { FileError } from '../errors.ts';
import { systemCodeOf } from '../exitCodes.ts';

const READABLE_DIR = 0o755;

/**
 * Makes `dir`, an absolute path, with all its parents.
 * @returns the topmost directory that had to be made; undefined when there was none to make
 * @throws FileError when a part of the path is no directory or cannot be one; what the system says when it may not be
 * written, or the disk is full
 */
export const makeDirectory = (dir: string, mode = READABLE_DIR): string | undefined => {
  const parent = dirname(dir);
  if (isDirectory(dir)) return undefined;
  const above = parent === dir ? undefined : makeDirectory(parent, mode);
  return makeOne(dir, mode) ? (above ?? dir) : above;
};

const isDirectory = (path: string): boolean => {
  const found = statOf(path);
  if (found === undefined) return false;
  if (found.isDirectory()) return true;
  throw new FileError(path, '', 'expected a directory, found a file');
};

const statOf = (path: string) => {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // Below a file: the level above it says so.
    if (systemCodeOf(error) === 'ENOTDIR') return undefined;
    throw told(path, error);
  }
};

/** False when somebody else was faster. */
const makeOne = (dir: string, mode: number): boolean => {
  try {
    mkdirSync(dir, { mode });
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST' && isDirectory(dir)) return false;
    throw told(dir, error);
  }
};

/** A path that can never be a directory is a wrong argument; everything else is for the system to say. */
const told = (path: string, error: unknown): unknown => {
  switch (systemCodeOf(error)) {
    case 'ENOENT':
    case 'EEXIST':
      return new FileError(path, '', 'expected a directory, and none can be made there', error);
    case 'ENOTDIR':
      return new FileError(path, '', 'expected a directory, found a file on the way there', error);
    case 'ELOOP':
    case 'ENAMETOOLONG':
      return new FileError(path, '', `expected a directory, found no such path (${systemCodeOf(error)})`, error);
    default:
      return error;
  }
};
