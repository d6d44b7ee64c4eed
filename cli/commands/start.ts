/** `isochron start <id>`. */
import { control } from './control.ts';

export const run = control('start');
