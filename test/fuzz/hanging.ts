/** For a test: an input that is never done with, under a watchdog that is not patient. */

import { Watchdog } from './watchdog.ts';

const watchdog = new Watchdog(process.argv[2]!, 300);
watchdog.begin('hanging', new TextEncoder().encode('ab'));
for (;;);
