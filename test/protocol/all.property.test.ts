/**
 * Every property, as often as `RUN_COUNTS` says, with a new seed each time; a failure prints the seed and the path that
 * repeat it. They stand in one file so that what was executed can be counted in one place.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROPERTIES } from '../fuzz/properties.ts';
import { executionsOf, RUN_COUNTS, totalExecutions } from '../support/fuzz.ts';

describe('properties', () => {
  it('§5.2 each has a run count, and each run count a property', () => {
    expect(PROPERTIES.map(({ name }) => name).sort()).toEqual(Object.keys(RUN_COUNTS).sort());
  });

  for (const { name, title, property } of PROPERTIES) {
    it(`${title} (${name})`, () => {
      fc.assert(property, { numRuns: RUN_COUNTS[name] });
      expect(executionsOf(name)).toBeGreaterThanOrEqual(RUN_COUNTS[name]);
    });
  }

  it('§5.2 at least 100,000 cases were generated and executed', () => {
    console.log(`${totalExecutions().toLocaleString('en')} generated cases in ${PROPERTIES.length} properties`);
    expect(totalExecutions()).toBeGreaterThanOrEqual(100_000);
  });
});
