/** spec-notes/conformance-cases.md has a row for each case with a program, made of its data. */

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { formatCaseTables } from './case-table.ts';

it('spec-notes/conformance-cases.md is made of the cases', () => {
  const page = readFileSync(new URL('../../spec-notes/conformance-cases.md', import.meta.url), 'utf8');
  const tables = /<!-- cases -->\n([\s\S]*?)<!-- \/cases -->/.exec(page)?.[1]?.trim();
  const expected = formatCaseTables();
  expect(tables, `put this between the markers:\n\n${expected}\n`).toBe(expected);
});
