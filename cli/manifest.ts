/** Every command in one list: help, docs/cli.md, shell completion and the parser are generated from it. */
import type { CommandSpec } from './command.ts';
import { controlCommands } from './manifest/control.ts';
import { lifecycleCommands } from './manifest/lifecycle.ts';

export const manifest: readonly CommandSpec[] = [...lifecycleCommands, ...controlCommands];
