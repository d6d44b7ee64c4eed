/** Commands that read and steer a running cluster: ps, tree, top, status, inspect, send, kill, restart, stop, start, logs, tail, epoch. */
import type { CommandSpec } from '../command.ts';

/**
 * For each: `run: async (context, args) => (await import('../commands/ps.ts')).run(context, args)`, so that only what is
 * called is loaded.
 */
export const controlCommands: readonly CommandSpec[] = [];
