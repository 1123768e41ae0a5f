/** `npm run fuzz`: see `--help`. */

import { fuzz } from './run.ts';
import { TARGETS } from './targets/index.ts';

process.exitCode = await fuzz(process.argv.slice(2), TARGETS, (text) => process.stdout.write(text));
