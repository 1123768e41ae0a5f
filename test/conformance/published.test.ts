/** The published results: of testees that there are, each case once; and the pages are those made of them. */

import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pagesFresh } from './published/pages.ts';
import { readResults } from './published/results.ts';
import { TESTEES } from './published/testees.ts';

describe('published conformance results', () => {
  it('are those of the testees, and have each case once', () => {
    const results = readResults();
    expect(results.length).toBeGreaterThan(0);
    for (const { id, name, role, verdicts } of results) {
      expect(TESTEES.find((testee) => testee.id === id)).toMatchObject({ name, role });
      const ids = Object.values(verdicts).flatMap((list) => list.split(' '));
      expect(new Set(ids).size, id).toBe(ids.length);
    }
  });

  it('the pages are made of them: npm run conformance:publish -- --pages', () => {
    expect(pagesFresh()).toEqual({ notes: true, page: true });
  });

  it.each(TESTEES)('$id: its program is there', ({ program }) => {
    expect(existsSync(new URL(`testees/${program}`, import.meta.url))).toBe(true);
  });
});
