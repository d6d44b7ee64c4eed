/** Where the built command lies: processes always load `dist/` (2-architecture, "Running TypeScript"). */
import { fileURLToPath } from 'node:url';

const built = import.meta.url.endsWith('.ts') ? '../../dist/cli/main.js' : '../main.js';

export const mainFile = fileURLToPath(new URL(built, import.meta.url));
