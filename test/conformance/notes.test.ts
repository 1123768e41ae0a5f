/** The numbers in spec-notes/conformance.md: how many cases each group has, and how many notice each fault. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CASES } from '../../src/conformance/index.ts';
import { FAULTS } from './faulty/faults.ts';

const page = readFileSync(new URL('../../spec-notes/conformance.md', import.meta.url), 'utf8');

function formatFaultTable(): string {
  const count = (ids: readonly string[] | undefined) => (ids === undefined ? '–' : String(ids.length));
  const rows = FAULTS.map(({ fault, failed, nonStrict, closedWrongly }) =>
    [`\`${fault}\``, count(failed), count(nonStrict), count(closedWrongly)].join(' | '),
  );
  const heading = ['fault', 'FAILED', 'NON-STRICT', 'OK, but closed wrongly'].join(' | ');
  return [heading, '--- | --- | --- | ---', ...rows].map((row) => `| ${row} |`).join('\n');
}

describe('spec-notes/conformance.md', () => {
  it('counts the cases of each group', () => {
    const counted = [...page.matchAll(/^\| (\d+) \|.*\| (\d+) \|$/gm)].map(([, group, count]) => [
      group,
      Number(count),
    ]);
    const groups = counted.map(([group]) => group);
    expect(groups).toEqual(['1', '2', '3', '4', '5', '6', '7', '9', '10']);
    expect(counted).toEqual(
      groups.map((group) => [group, CASES.filter(({ id }) => id.startsWith(`${group}.`)).length]),
    );
    const total = counted.reduce((sum, [, count]) => sum + Number(count), 0);
    expect(page).toContain(`\n${total} cases in all.`);
  });

  it('counts the cases that notice each fault', () => {
    const table = /<!-- faults -->\n([\s\S]*?)<!-- \/faults -->/.exec(page)?.[1]?.trim();
    const expected = formatFaultTable();
    expect(table, `put this between the markers:\n\n${expected}\n`).toBe(expected);
  });
});
