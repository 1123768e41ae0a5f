/** The numbers in spec-notes/conformance.md: how many cases each group has, and how many notice each fault. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CASES } from '../../src/conformance/index.ts';
import type { Fault } from './faulty/conduct.ts';
import { FAULT_NAMES, type TesteeRole, verdictsOn } from './faulty/verdicts.ts';

const page = readFileSync(new URL('../../spec-notes/conformance.md', import.meta.url), 'utf8');

/** How many cases fail, are NON-STRICT, or are only closed wrongly. */
function countsOf(fault: Fault, role: TesteeRole): string {
  const verdicts = Object.values(verdictsOn(fault, role));
  const failed = verdicts.filter((verdict) => verdict.startsWith('FAILED')).length;
  const nonStrict = verdicts.filter((verdict) => verdict.startsWith('NON-STRICT')).length;
  const counts = [failed, nonStrict, verdicts.length - failed - nonStrict];
  return counts.map((count) => (count === 0 ? '–' : count)).join(' / ');
}

function formatFaultTable(): string {
  const rows = FAULT_NAMES.map((fault) =>
    [`\`${fault}\``, countsOf(fault, 'server'), countsOf(fault, 'client')].join(' | '),
  );
  const heading = ['fault', 'of a server', 'of a client'].join(' | ');
  return [heading, '--- | --- | ---', ...rows].map((row) => `| ${row} |`).join('\n');
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
