/** What can go wrong with durable state, and which file it concerns. One class, because a node reacts by `code`. */
import { IsochronError } from '../../protocol/index.ts';

/** Codes and their HTTP-like numbers, each with what a node can do about it. */
const statusOf = {
  /** The disk is full: nothing changed, try again when there is room. */
  STORE_FULL: 507,
  /** The disk failed: nothing is known to have changed. */
  STORE_FAILED: 500,
  /** Another process has this store open: do not start. */
  STORE_LOCKED: 409,
  /** Not a store of ours, or damaged beyond one entry: do not start, a person must look. */
  STORE_UNREADABLE: 500,
  /** The store was closed: a bug of the caller. */
  STORE_CLOSED: 500,
  /** Not a key or value that a store can hold: a bug of the caller. */
  STORE_INVALID: 400,
} as const;

export type StoreErrorCode = keyof typeof statusOf;

export class StoreError extends IsochronError {
  declare readonly code: StoreErrorCode;

  /** @param file the store's path, `:memory:` for one in memory */
  constructor(code: StoreErrorCode, file: string, message: string, cause?: unknown) {
    super(code, statusOf[code], `${file}: ${message}`, {
      details: { file },
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
