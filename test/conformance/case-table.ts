/** The tables of spec-notes/conformance-cases.md, made of the cases and the faults that each finds. */

import { subgroupOf } from '../../src/conformance/case.ts';
import { NAMESPACES, PROGRAM_CASES, SUBGROUPS_OF_PROGRAMS } from '../../src/conformance/programs/cases/index.ts';
import type { ProgramCase } from '../../src/conformance/programs/program.ts';
import { faultOf } from './faulty/run-programs.ts';

const HEADING = '| case | what happens | what is expected | clause | severity | testee | found by it alone |';
const RULE = '| --- | --- | --- | --- | --- | --- | --- |';

function roleOf({ server, client }: ProgramCase): string {
  return server === undefined ? 'client' : client === undefined ? 'server' : 'both';
}

function row(testCase: ProgramCase): string {
  const { id, summary, expected, clause, severity } = testCase;
  const fault = faultOf(id);
  const cells = [id, summary, expected, clause, severity, roleOf(testCase), fault === undefined ? '–' : `\`${fault}\``];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

export function formatCaseTables(): string {
  const lines = Object.entries(NAMESPACES).flatMap(([letter, title]) => {
    const own = PROGRAM_CASES.filter(({ id }) => id.startsWith(`${letter}.`));
    const subgroups = [...new Set(own.map(({ id }) => subgroupOf(id)))];
    return [
      `## ${letter}: ${title} (${own.length} cases)`,
      '',
      ...subgroups.flatMap((subgroup) => [
        `### ${subgroup}: ${SUBGROUPS_OF_PROGRAMS[subgroup]}`,
        '',
        HEADING,
        RULE,
        ...own.filter(({ id }) => subgroupOf(id) === subgroup).map(row),
        '',
      ]),
    ];
  });
  return lines.join('\n').trim();
}
