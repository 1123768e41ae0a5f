/** A suite's results for people: a table by subgroup, then each case that did not pass with what was expected and what came. */

import { cameWords, describeCase, isAutobahnCase, verdictWords } from './case-description.ts';
import type { CaseResult } from './case-run.ts';
import { countVerdicts, type SuiteReport } from './suite.ts';
import { isPassing } from './verdict.ts';

interface Row {
  readonly title: string;
  readonly results: readonly CaseResult[];
}

/**
 * The whole report: a table, each case that did not pass, what the informational ones have found, and a last line with the
 * totals. Plain text that ends with a line feed.
 */
export function toTextReport(report: SuiteReport): string {
  const { agent, url, startedAt, results } = report;
  const failing = results.filter((result) => !isPassing(result));
  const informational = results.filter(({ behavior }) => behavior === 'INFORMATIONAL');
  return [
    `Conformance of ${agent} at ${url}, ${startedAt}`,
    '',
    ...table(results),
    ...failing.flatMap((result) => ['', ...explain(result)]),
    ...(informational.length > 0 ? ['', 'For information, any answer passes:', ...informational.flatMap(inform)] : []),
    '',
    summaryLine(report),
    '',
  ].join('\n');
}

function inform(result: CaseResult): string[] {
  return [`${result.id}  ${describeCase(result.id).summary}`, `    came      ${cameWords(result)}`];
}

/** `517 cases in 62.0 s: 514 OK, 3 informational`, and what is not Autobahn's apart from these. */
export function summaryLine({ results, durationMs }: SuiteReport): string {
  const own = results.filter(({ id }) => isAutobahnCase(id));
  const others = results.filter(({ id }) => !isAutobahnCase(id));
  const time = `in ${(durationMs / 1000).toFixed(1)} s`;
  if (others.length === 0) return `${countWords(own)} ${time}: ${totals(own)}`;
  if (own.length === 0) return `${countWords(others)} beyond Autobahn's ${time}: ${totals(others)}`;
  return `${countWords(own)} ${time}: ${totals(own)} · and ${others.length} beyond Autobahn's: ${totals(others)}`;
}

function countWords({ length }: readonly CaseResult[]): string {
  return length === 1 ? '1 case' : `${length} cases`;
}

/** `514 OK, 3 informational` */
export function totals(results: readonly CaseResult[]): string {
  const { behavior } = countVerdicts(results);
  const parts = [
    `${behavior.OK} OK`,
    ...(behavior['NON-STRICT'] > 0 ? [`${behavior['NON-STRICT']} non-strict`] : []),
    ...(behavior.INFORMATIONAL > 0 ? [`${behavior.INFORMATIONAL} informational`] : []),
    ...(behavior.UNIMPLEMENTED > 0 ? [`${behavior.UNIMPLEMENTED} unimplemented`] : []),
    ...(behavior.FAILED > 0 ? [`${behavior.FAILED} failed`] : []),
  ];
  const badlyClosed = results.filter(isBadlyClosed).length;
  return parts.join(', ') + (badlyClosed > 0 ? `; ${badlyClosed} closed wrongly` : '');
}

function isBadlyClosed({ behaviorClose }: CaseResult): boolean {
  return behaviorClose !== 'OK' && behaviorClose !== 'INFORMATIONAL';
}

const COLUMNS: readonly (readonly [heading: string, count: (result: CaseResult) => boolean])[] = [
  ['cases', () => true],
  ['OK', ({ behavior }) => behavior === 'OK'],
  ['non-strict', ({ behavior }) => behavior === 'NON-STRICT'],
  ['inform.', ({ behavior }) => behavior === 'INFORMATIONAL'],
  ['unimpl.', ({ behavior }) => behavior === 'UNIMPLEMENTED'],
  ['failed', ({ behavior }) => behavior === 'FAILED'],
  ['close wrong', isBadlyClosed],
];

function table(results: readonly CaseResult[]): string[] {
  const rows = groupRows(results);
  const titleWidth = Math.max(...rows.map(({ title }) => title.length));
  const heading = ['', ...COLUMNS.map(([name]) => name)];
  const lines = rows.map(({ title, results: own }) => [
    title,
    ...COLUMNS.map(([, matches]) => {
      const count = own.filter(matches).length;
      return count === 0 ? '·' : String(count);
    }),
  ]);
  return [heading, ...lines].map((cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(titleWidth) : cell.padStart(heading[i]!.length + 2))).join(''),
  );
}

function groupRows(results: readonly CaseResult[]): Row[] {
  const bySubgroup = new Map<string, CaseResult[]>();
  for (const result of results) {
    const { subgroup, subgroupTitle } = describeCase(result.id);
    const title = `${subgroup.padEnd(6)}${subgroupTitle}`;
    const own = bySubgroup.get(title);
    if (own === undefined) bySubgroup.set(title, [result]);
    else own.push(result);
  }
  return Array.from(bySubgroup, ([title, own]) => ({ title, results: own }));
}

/** Why a case did not pass. */
export function explain(result: CaseResult): string[] {
  const { summary, expected } = describeCase(result.id);
  const wire = result.wireLog.map(({ atMs, direction, text }) => {
    const arrow = { sent: '→', received: '←', note: '·' }[direction];
    return `      ${String(atMs).padStart(5)} ms  ${arrow} ${text}`;
  });
  const omitted = result.wireLogOmitted > 0 ? [`      … and ${result.wireLogOmitted} more`] : [];
  const lines = [
    `${result.id}  ${summary}: ${verdictWords(result)}`,
    `    expected  ${expected}`,
    `    came      ${cameWords(result)}`,
  ];
  return [...lines, ...(wire.length > 0 ? ['    wire', ...wire] : []), ...omitted];
}
