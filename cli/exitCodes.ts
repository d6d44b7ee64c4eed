/** Exit codes (3-interface §4): 3 and 4 are LSB's, the rest ours; scripts rely on them. */
import { IsochronError } from '../protocol/index.ts';
import { ClusterEndedError } from './errors.ts';

export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  inactive: 3,
  notFound: 4,
  timeout: 5,
  unavailable: 6,
  denied: 7,
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Codes whose exit code is not the one of their status. */
const byCode: Readonly<Record<string, ExitCode>> = {
  UNIT_STATE: exitCodes.failure,
  STORE_LOCKED: exitCodes.failure,
  // A file that is not what it should be.
  STORE_UNREADABLE: exitCodes.usage,
};

/** What the system calls its errors: a full disk, a taken port, no route. */
const bySystemCode: Readonly<Record<string, ExitCode>> = {
  ENOSPC: exitCodes.unavailable,
  EDQUOT: exitCodes.unavailable,
  EADDRINUSE: exitCodes.unavailable,
  ECONNREFUSED: exitCodes.unavailable,
  ECONNRESET: exitCodes.unavailable,
  EHOSTUNREACH: exitCodes.unavailable,
  ETIMEDOUT: exitCodes.timeout,
  EACCES: exitCodes.denied,
  EPERM: exitCodes.denied,
  EROFS: exitCodes.denied,
  ENOENT: exitCodes.usage,
  ENOTDIR: exitCodes.usage,
  EISDIR: exitCodes.usage,
};

const byStatus = (status: number): ExitCode => {
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return exitCodes.usage;
    case 401:
    case 403:
      return exitCodes.denied;
    case 404:
      return exitCodes.notFound;
    case 408:
    case 504:
      return exitCodes.timeout;
    case 503:
    case 507:
      return exitCodes.unavailable;
    default:
      return exitCodes.failure;
  }
};

/** A number that a child process ended with, if it is one of ours. */
const asExitCode = (value: unknown): ExitCode =>
  Object.values(exitCodes).find((code) => code === value) ?? exitCodes.failure;

/** The code a command ends with when `error` ended it. */
export const exitCodeOf = (error: unknown): ExitCode => {
  if (error instanceof ClusterEndedError) return asExitCode(error.details.exitCode);
  if (error instanceof IsochronError) return byCode[error.code] ?? byStatus(error.status);
  return bySystemCode[systemCodeOf(error)] ?? exitCodes.failure;
};

/** `ENOSPC`, `EADDRINUSE`, … of an error of Node, else the empty text. */
export const systemCodeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
