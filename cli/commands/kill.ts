/** `isochron kill <id>`. */
import { control } from './control.ts';

export const run = control('kill');
