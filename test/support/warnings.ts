/**
 * For every test file: what framewright warns of, which is what applications did wrong, is printed nowhere, and fails
 * the test that it comes in unless that test watches the process (`watchProcess`). Other warnings are printed as ever.
 */

import { afterEach } from 'vitest';

const printers = process.listeners('warning');
let unexpected: Error[] = [];

process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name !== 'FramewrightWarning') for (const print of printers) print(warning);
  else if (process.listenerCount('warning') === 1) unexpected.push(warning);
});

afterEach(async () => {
  // Warnings come in a tick of their own.
  await new Promise((resolve) => setImmediate(resolve));
  const warnings = unexpected.map((warning) => `${warning.message}\n${(warning as { detail?: string }).detail}`);
  unexpected = [];
  if (warnings.length > 0) throw new Error(`Warnings that no test asked for:\n${warnings.join('\n')}`);
});
