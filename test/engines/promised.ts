/** A promise of engines, as a test. */

import type { Engines } from './engines.ts';

export interface Promised {
  readonly name: string;
  /** How many engines it needs. */
  readonly count?: number;
  readonly needs?: 'interruption';
  readonly check: (engines: Engines) => Promise<void>;
}

/** Waits until something is so. What never comes to be so is a fault, and not a test that hangs. */
export async function until({ wait }: Engines, isSo: () => unknown, what: string): Promise<void> {
  for (let turn = 0; turn < 600; turn++) {
    if (await isSo()) return;
    await wait(turn < 100 ? 1 : 10);
  }
  throw new Error(`never came: ${what}`);
}
