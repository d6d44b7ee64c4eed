/** `isochron restart <id>`. */
import { control } from './control.ts';

export const run = control('restart');
