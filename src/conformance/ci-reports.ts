/** A suite's results in the forms that CI systems read: JUnit's XML, TAP, and Markdown for the summary of a GitHub step. */

import { type Baseline, isKnown, NO_BASELINE } from './baseline.ts';
import { cameWords, describeCase, isAutobahnCase, verdictWords } from './case-description.ts';
import type { CaseResult } from './case-run.ts';
import type { SuiteReport } from './suite.ts';
import { explain, totals } from './text-report.ts';
import { isPassing } from './verdict.ts';

/** What a CI system is told of a case. */
type Outcome = 'passed' | 'failed' | 'skipped';

function outcomeOf(result: CaseResult, baseline: Baseline): { outcome: Outcome; why: string } {
  if (isKnown(result, baseline)) return { outcome: 'skipped', why: `known: ${baseline.get(result.id)!.reason}` };
  if (result.behavior === 'UNIMPLEMENTED' && isPassing(result)) return { outcome: 'skipped', why: 'not offered' };
  return { outcome: isPassing(result) ? 'passed' : 'failed', why: verdictWords(result) };
}

// ---- JUnit ---------------------------------------------------------------------------------------------------------

/** One suite for each report. What a baseline knows is skipped, with its reason. */
export function toJUnitReport(reports: readonly SuiteReport[], baseline: Baseline = NO_BASELINE): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites name="WebSocket conformance">',
    ...reports.flatMap((report) => junitSuite(report, baseline)),
    '</testsuites>',
    '',
  ].join('\n');
}

function junitSuite({ agent, startedAt, durationMs, results }: SuiteReport, baseline: Baseline): string[] {
  const outcomes = results.map((result) => ({ result, ...outcomeOf(result, baseline) }));
  const count = (wanted: Outcome): number => outcomes.filter(({ outcome }) => outcome === wanted).length;
  const attributes = {
    name: agent,
    tests: results.length,
    failures: count('failed'),
    errors: 0,
    skipped: count('skipped'),
    time: seconds(durationMs),
    timestamp: startedAt.replace(/\.\d+Z$/, ''),
  };
  const cases = outcomes.flatMap(({ result, outcome, why }) => {
    const { summary, subgroup, subgroupTitle } = describeCase(result.id);
    // Of a name with points, readers take all in front of the last one for folders.
    const [folder, group] = [agent, `${subgroup} ${subgroupTitle}`.trim()].map((name) => name.replaceAll('.', '_'));
    const classname = `${folder}.${group}`;
    const open = tag('testcase', { classname, name: `${result.id} ${summary}`, time: seconds(result.durationMs) });
    if (outcome === 'failed') {
      const text = escapeXml(explain(result).join('\n'));
      return [`    <${open}>`, `      <${tag('failure', { message: why })}>${text}</failure>`, '    </testcase>'];
    }
    if (outcome === 'skipped') {
      return [`    <${open}>`, `      <${tag('skipped', { message: why })}/>`, '    </testcase>'];
    }
    if (result.behavior !== 'INFORMATIONAL') return [`    <${open}/>`];
    const came = escapeXml(cameWords(result));
    return [`    <${open}>`, `      <system-out>${came}</system-out>`, '    </testcase>'];
  });
  return [`  <${tag('testsuite', attributes)}>`, ...cases, '  </testsuite>'];
}

function tag(name: string, attributes: Readonly<Record<string, string | number>>): string {
  return [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${escapeXml(String(value))}"`)].join(' ');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Characters that XML 1.0 cannot have, escaped or not, become a question mark. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ufffd\u{10000}-\u{10ffff}]|\p{Surrogate}/gu, '?')
    .replace(/[&<>"]/g, (character) => ENTITIES[character]!);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

// ---- TAP -----------------------------------------------------------------------------------------------------------

/** Version 13. What a baseline knows gets the directive that TAP has for known failures, with its reason. */
export function toTapReport(reports: readonly SuiteReport[], baseline: Baseline = NO_BASELINE): string {
  const lines = ['TAP version 13', `1..${reports.reduce((sum, { results }) => sum + results.length, 0)}`];
  let number = 0;
  for (const { agent, results } of reports) {
    lines.push(`# ${agent.replaceAll('\n', ' ')}`);
    for (const result of results) {
      number++;
      const title = `${number} - ${result.id} ${describeCase(result.id).summary}`.replace(/[\\#]/g, '\\$&');
      const { outcome, why } = outcomeOf(result, baseline);
      if (outcome === 'passed') lines.push(`ok ${title}`);
      else if (outcome === 'failed') lines.push(`not ok ${title}`, '  ---', ...diagnostics(result), '  ...');
      else if (isPassing(result)) lines.push(`ok ${title} # SKIP ${why}`);
      else lines.push(`not ok ${title} # TODO ${why.replaceAll('\n', ' ')}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function diagnostics(result: CaseResult): string[] {
  const members = {
    verdict: verdictWords(result),
    expected: describeCase(result.id).expected,
    came: cameWords(result),
  };
  return Object.entries(members).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`);
}

// ---- GitHub --------------------------------------------------------------------------------------------------------

/** A summary takes 1 MiB, and nobody reads more than this. */
const MAX_ROWS = 100;

/** A table of all reports, and for each the cases that did not pass, those first that no baseline knows. */
export function toMarkdownSummary(reports: readonly SuiteReport[], baseline: Baseline = NO_BASELINE): string {
  return [
    '## WebSocket conformance',
    '',
    '| testee | Autobahn | beyond it | known | time |',
    '| --- | --- | --- | --- | --- |',
    ...reports.map((report) => overviewRow(report, baseline)),
    ...reports.flatMap((report) => failingTable(report, baseline)),
    '',
  ].join('\n');
}

function overviewRow({ agent, results, durationMs }: SuiteReport, baseline: Baseline): string {
  const own = results.filter(({ id }) => isAutobahnCase(id));
  const others = results.filter(({ id }) => !isAutobahnCase(id));
  const words = (some: readonly CaseResult[]): string => (some.length === 0 ? '–' : `${some.length}: ${totals(some)}`);
  const known = results.filter((result) => isKnown(result, baseline)).length;
  const failing = results.filter((result) => outcomeOf(result, baseline).outcome === 'failed').length;
  const cells = [
    `${failing === 0 ? '✅' : '❌'} ${escapeMarkdown(agent)}`,
    words(own),
    words(others),
    known === 0 ? '–' : String(known),
    `${(durationMs / 1000).toFixed(1)} s`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function failingTable({ agent, results }: SuiteReport, baseline: Baseline): string[] {
  const failing = results.filter((result) => !isPassing(result));
  if (failing.length === 0) return [];
  const isOld = (result: CaseResult): number => Number(isKnown(result, baseline));
  failing.sort((a, b) => isOld(a) - isOld(b));
  const rows = failing.slice(0, MAX_ROWS).map((result) => {
    const { id, summary, expected } = describeCase(result.id);
    const known = isKnown(result, baseline) ? ` (known: ${baseline.get(id)!.reason})` : '';
    const cells = [id, summary, verdictWords(result) + known, expected, cameWords(result)];
    return `| ${cells.map(escapeMarkdown).join(' | ')} |`;
  });
  const rest = failing.length - rows.length;
  return [
    '',
    `<details${failing.every((result) => isKnown(result, baseline)) ? '' : ' open'}>`,
    `<summary>${escapeXml(agent)}: ${failing.length} not passed</summary>`,
    '',
    '| case | about | verdict | expected | came |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    ...(rest > 0 ? ['', `… and ${rest} more`] : []),
    '',
    '</details>',
  ];
}

function escapeMarkdown(text: string): string {
  return escapeXml(text)
    .replaceAll('\n', ' ')
    .replace(/[|`*_[\]\\]/g, '\\$&');
}
