/**
 * The entries that need no Node, as bundlers for pages and workers find them in the package, run where there is nothing
 * but JavaScript. `npm run build` has to have run before.
 */

import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleVectors, MIN_COMPARISONS, runIsolated } from '../pure/bundle.ts';

beforeAll(() => {
  if (!existsSync(new URL('../../dist/pure/protocol.mjs', import.meta.url))) {
    throw new Error('dist is missing: run `npm run build` first');
  }
});

describe('framewright/protocol and framewright/inspector', () => {
  it.each([
    ['a page', ['module', 'browser', 'import']],
    ['a page, by a plain loader', ['browser', 'import']],
    ['a worker', ['worker', 'browser', 'import']],
    ['workerd', ['workerd', 'worker', 'browser', 'import']],
    ['an edge runtime', ['edge-light', 'worker', 'import']],
    ['nothing in particular', []],
  ])('pass the vectors in a bundle for %s', async (_, conditionNames) => {
    const { faults, comparisons } = runIsolated(await bundleVectors({ conditionNames }));
    expect(faults).toEqual([]);
    expect(comparisons).toBeGreaterThan(MIN_COMPARISONS);
  });
});
