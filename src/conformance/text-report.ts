/** A suite's results for people: a table by subgroup, then each case that did not pass with what was expected and what came. */

import { type CloseExpectation, type ConformanceCase, type ExpectedEvent, subgroupOf } from './case.ts';
import type { CaseResult } from './case-run.ts';
import { CASES } from './cases/index.ts';
import { describePayload } from './payload.ts';
import type { SuiteReport } from './suite.ts';
import { isPassing } from './verdict.ts';

const SUBGROUPS: Readonly<Record<string, string>> = {
  '1.1': 'text at the length borders',
  '1.2': 'binary at the length borders',
  '2': 'ping and pong',
  '3': 'reserved bits',
  '4.1': 'reserved data opcodes',
  '4.2': 'reserved control opcodes',
  '5': 'fragmentation',
  '6.1': 'empty text and fragments',
  '6.2': 'valid UTF-8, fragmented',
  '6.3': 'invalid UTF-8, fragmented',
  '6.4': 'invalid UTF-8, failing fast',
  '6.5': 'UTF-8: code points of all lengths',
  '6.6': 'UTF-8: cut after each byte',
  '6.7': 'UTF-8: first of each length',
  '6.8': 'UTF-8: five and six bytes',
  '6.9': 'UTF-8: last of each length',
  '6.10': 'UTF-8: past the last code point',
  '6.11': 'UTF-8: borders',
  '6.12': 'UTF-8: lone continuation bytes',
  '6.13': 'UTF-8: lone lead bytes',
  '6.14': 'UTF-8: last byte missing',
  '6.15': 'UTF-8: many bytes missing',
  '6.16': 'UTF-8: impossible bytes',
  '6.17': 'UTF-8: overlong slash',
  '6.18': 'UTF-8: overlong, highest',
  '6.19': 'UTF-8: overlong NUL',
  '6.20': 'UTF-8: single surrogates',
  '6.21': 'UTF-8: surrogate pairs',
  '6.22': 'UTF-8: noncharacters',
  '6.23': 'UTF-8: around U+FFFD',
  '7.1': 'closing handshake',
  '7.3': 'Close body lengths',
  '7.5': 'Close reason, UTF-8',
  '7.7': 'valid close codes',
  '7.9': 'invalid close codes',
  '7.13': 'undefined close codes',
  '9.1': 'large text',
  '9.2': 'large binary',
  '9.3': 'large text in fragments',
  '9.4': 'large binary in fragments',
  '9.5': 'large text in small writes',
  '9.6': 'large binary in small writes',
  '9.7': 'text round trips',
  '9.8': 'binary round trips',
  '10.1': 'automatic fragmentation',
  '12.1': 'compressed JSON',
  '12.2': 'compressed bitmap',
  '12.3': 'compressed book',
  '12.4': 'compressed HTML',
  '12.5': 'compressed PDF',
  '13.1': 'deflate: any terms',
  '13.2': 'deflate: no context takeover',
  '13.3': 'deflate: smallest window',
  '13.4': 'deflate: largest window',
  '13.5': 'deflate: no context, smallest window',
  '13.6': 'deflate: no context, largest window',
  '13.7': 'deflate: three offers',
};

interface Row {
  readonly title: string;
  readonly results: readonly CaseResult[];
}

/** The whole report: table, failures, and a last line with the totals. Plain text that ends with a line feed. */
export function toTextReport(report: SuiteReport): string {
  const failing = report.results.filter((result) => !isPassing(result));
  return [
    `Conformance of ${report.agent} at ${report.url}, ${report.startedAt}`,
    '',
    ...table(report.results),
    ...failing.flatMap((result) => ['', ...explain(result)]),
    '',
    summaryLine(report),
    '',
  ].join('\n');
}

/** `301 cases in 6.2 s: 298 OK, 3 informational` */
export function summaryLine({ results, counts, durationMs }: SuiteReport): string {
  const { behavior } = counts;
  const parts = [
    `${behavior.OK} OK`,
    ...(behavior['NON-STRICT'] > 0 ? [`${behavior['NON-STRICT']} non-strict`] : []),
    ...(behavior.INFORMATIONAL > 0 ? [`${behavior.INFORMATIONAL} informational`] : []),
    ...(behavior.UNIMPLEMENTED > 0 ? [`${behavior.UNIMPLEMENTED} unimplemented`] : []),
    ...(behavior.FAILED > 0 ? [`${behavior.FAILED} failed`] : []),
  ];
  const badlyClosed = results.filter(
    ({ behaviorClose }) => behaviorClose !== 'OK' && behaviorClose !== 'INFORMATIONAL',
  ).length;
  const closing = badlyClosed > 0 ? `; ${badlyClosed} closed wrongly` : '';
  const count = results.length === 1 ? '1 case' : `${results.length} cases`;
  return `${count} in ${(durationMs / 1000).toFixed(1)} s: ${parts.join(', ')}${closing}`;
}

const COLUMNS: readonly (readonly [heading: string, count: (result: CaseResult) => boolean])[] = [
  ['cases', () => true],
  ['OK', ({ behavior }) => behavior === 'OK'],
  ['non-strict', ({ behavior }) => behavior === 'NON-STRICT'],
  ['inform.', ({ behavior }) => behavior === 'INFORMATIONAL'],
  ['unimpl.', ({ behavior }) => behavior === 'UNIMPLEMENTED'],
  ['failed', ({ behavior }) => behavior === 'FAILED'],
  ['close wrong', ({ behaviorClose }) => behaviorClose !== 'OK' && behaviorClose !== 'INFORMATIONAL'],
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
    const subgroup = subgroupOf(result.id);
    const own = bySubgroup.get(subgroup);
    if (own === undefined) bySubgroup.set(subgroup, [result]);
    else own.push(result);
  }
  return Array.from(bySubgroup, ([subgroup, own]) => ({
    title: `${subgroup.padEnd(6)}${SUBGROUPS[subgroup] ?? ''}`,
    results: own,
  }));
}

/** Why a case did not pass. */
export function explain(result: CaseResult, cases: readonly ConformanceCase[] = CASES): string[] {
  const testCase = cases.find(({ id }) => id === result.id)!;
  const wire = result.wireLog.map(({ atMs, direction, text }) => {
    const arrow = { sent: '→', received: '←', note: '·' }[direction];
    return `      ${String(atMs).padStart(5)} ms  ${arrow} ${text}`;
  });
  const omitted = result.wireLogOmitted > 0 ? [`      … and ${result.wireLogOmitted} more`] : [];
  const lines = [
    `${result.id}  ${testCase.summary}: ${verdictWords(result)}`,
    `    expected  ${expectedWords(testCase)}; ${expectedClose(testCase.close)}`,
    `    came      ${cameWords(result)}`,
  ];
  return [...lines, ...(wire.length > 0 ? ['    wire', ...wire] : []), ...omitted];
}

function verdictWords({ behavior, behaviorClose }: CaseResult): string {
  return behaviorClose === 'OK' ? behavior : `${behavior}, close ${behaviorClose}`;
}

function expectedWords({ expectation }: ConformanceCase): string {
  if (expectation.kind === 'events') return listWords(expectation.strict.map(describeExpected));
  const type = expectation.isBinary ? 'binary' : 'text';
  if (expectation.kind === 'corpusLoop') return `${expectation.count} ${type} messages, each as it was sent`;
  const times = expectation.kind === 'echoLoop' ? `${expectation.count} times a` : 'a';
  return `${times} ${type} message of ${expectation.lengthBytes} bytes`;
}

function describeExpected(event: ExpectedEvent): string {
  if (event.event === 'waited') return `still open at point ${event.tag}`;
  const type = event.event === 'pong' ? 'pong' : `${event.isBinary ? 'binary' : 'text'} message`;
  return `${type}, ${describePayload(event.payload)}`;
}

function expectedClose({ by, codes, mustBeClean }: CloseExpectation): string {
  const code = codes.length === 1 ? `${codes[0]}` : `one of ${codes.join(', ')}`;
  if (by === 'testee') return `then the testee fails the connection with ${code}, or drops TCP`;
  return `then the fuzzer closes, and the testee answers with ${code}${mustBeClean ? '' : ', or drops TCP'}`;
}

function cameWords({ events, closedBy, remoteCloseCode, isClean, handshakeError }: CaseResult): string {
  if (handshakeError !== undefined) return `no opening handshake: ${handshakeError}`;
  const code = remoteCloseCode === undefined ? 'no code' : `code ${remoteCloseCode}`;
  return `${listWords(events)}; closed by the ${closedBy}, ${code} from the testee, ${isClean ? 'clean' : 'not clean'}`;
}

function listWords(items: readonly string[]): string {
  return items.length === 0 ? 'nothing' : items.join(' · ');
}
