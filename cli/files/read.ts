/** Reading files that people edit: what is wrong is said in one line naming the file, the field and what was expected. */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { fromUtf8, IsochronError } from '../../protocol/index.ts';
import { FileError } from '../errors.ts';
import { systemCodeOf } from '../exitCodes.ts';

/** No file of a node comes near it; anything larger is a mistake. A membership of 1 000 members takes 0.8 MB. */
const bytesMax = 4 * 1_048_576;

/** @throws FileError when it is missing, unreadable or far too large */
export const readBytes = (file: string): Uint8Array => {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new FileError(file, '', reasonOf(systemCodeOf(cause)), cause);
  }
  if (bytes.length > bytesMax) throw new FileError(file, '', `expected at most ${bytesMax} bytes, got ${bytes.length}`);
  return bytes;
};

const reasonOf = (code: string): string => {
  switch (code) {
    case 'ENOENT':
      return 'expected a file, found none';
    case 'EISDIR':
      return 'expected a file, found a directory';
    case 'EACCES':
    case 'EPERM':
      return 'expected a file this user may read';
    default:
      return `cannot be read (${code || 'unknown reason'})`;
  }
};

/** @throws FileError */
export const readText = (file: string): string => {
  const bytes = readBytes(file);
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    throw new FileError(file, '', 'expected UTF-8 text', cause);
  }
};

/** Parsed, not checked. @throws FileError */
export const readJson = (file: string): unknown => {
  const text = readText(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : 'not JSON';
    throw new FileError(file, '', `expected JSON (${why})`, cause);
  }
};

/** Parsed and checked; the first field that does not fit is named. @throws FileError */
export const readChecked = <T>(file: string, schema: z.ZodType<T>): T => {
  const parsed = schema.safeParse(readJson(file));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])].join('.');
  throw new FileError(
    file,
    path,
    unknown === undefined ? expectation(issue?.message ?? 'invalid') : 'expected no such field',
  );
};

/** The checker's sentence in our words: `expected string, found nothing`. */
const expectation = (message: string): string =>
  message
    .replace(/^(Invalid input|Invalid option|Too small|Too big|Unrecognized key): /, '')
    .replace(/, received undefined$/, ', found nothing')
    .replace(/, received (.*)$/, ', got $1');

/** Runs a check of file content; what it throws names the file. */
export const checking = <T>(file: string, check: () => T): T => {
  try {
    return check();
  } catch (error) {
    if (error instanceof FileError || !(error instanceof IsochronError)) throw error;
    const field = typeof error.details.field === 'string' ? error.details.field : '';
    throw new FileError(file, field, expectation(withoutPrefix(error.message, `${field}: `)), error);
  }
};

const withoutPrefix = (text: string, prefix: string): string =>
  text.startsWith(prefix) ? text.slice(prefix.length) : text;
