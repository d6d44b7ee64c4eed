/** `isochron stop <id>`. */
import { control } from './control.ts';

export const run = control('stop');
