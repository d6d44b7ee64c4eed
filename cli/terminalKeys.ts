/** Single keys from a terminal, without Enter. */
import type { Context } from './context.ts';

/** Calls `onKey` for every key until released; Ctrl-C arrives as `\u0003`. Without a terminal there are no keys. */
export const onKeys = (stdin: Context['stdin'], onKey: (key: string) => void): (() => void) => {
  const terminal = stdin as Context['stdin'] & { setRawMode?(raw: boolean): unknown };
  if (terminal.isTTY !== true || terminal.setRawMode === undefined) return () => {};
  const onData = (data: Buffer | string): void => {
    for (const key of data.toString()) onKey(key);
  };
  terminal.setRawMode(true);
  terminal.resume();
  terminal.on('data', onData);
  return () => {
    terminal.off('data', onData);
    terminal.pause();
    terminal.setRawMode?.(false);
  };
};
