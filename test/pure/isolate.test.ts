/** The protocol and the inspector where there is JavaScript and little else: no Buffer, no process, no require. */

import { expect, it } from 'vitest';
import { bundleVectors, MIN_COMPARISONS, runIsolated, SOURCE } from './bundle.ts';

it('§5.7 the examples are read and written in an isolate', async () => {
  const { faults, comparisons } = runIsolated(await bundleVectors(SOURCE));
  expect(faults).toEqual([]);
  expect(comparisons).toBeGreaterThan(MIN_COMPARISONS);
});

it('a bundle that would need Node is noticed', async () => {
  const needy = { alias: { ...SOURCE.alias, 'framewright/inspector': new URL('bundle.ts', import.meta.url).pathname } };
  await expect(bundleVectors(needy)).rejects.toThrow('the bundle needs node:');
});
