/** `npm run fuzz`: see `--help`. */

import { PROPERTIES } from './properties.ts';
import { fuzz } from './run.ts';

process.exitCode = await fuzz(process.argv.slice(2), PROPERTIES, (text) => process.stdout.write(text));
