/** Which cases the testees are given, and what is expected of them. */

import { expect } from 'vitest';
import { type CaseResult, isPassing, type SuiteReport, selectCases, summaryLine } from '../../src/conformance/index.ts';

export const TIMEOUT_MS = 900_000;

/** Those with compression take a minute or two: a part of them, whole messages and fragments of each subgroup. */
const SOME_CASES = '1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*,12.*.4,12.*.11,13.*.4,13.*.11';

/** Who is given all 517: `some` is nobody, and `all` everybody. Default: framewright's server and client. */
const ASKED = process.env.CONFORMANCE_CASES;
export const OWN_CASES = ASKED === 'some' ? SOME_CASES : '*';
export const OTHER_CASES = ASKED === 'all' ? '*' : SOME_CASES;

export function told(name: string, report: SuiteReport): readonly CaseResult[] {
  console.log(`${name}: ${summaryLine(report)}`);
  return report.results;
}

/** The verdicts that are not those of a testee without fault, by id. */
export function shortcomings(results: readonly CaseResult[]): Record<string, string> {
  const failing = results.filter((result) => !isPassing(result));
  return Object.fromEntries(
    failing.map(({ id, behavior, behaviorClose, remoteCloseCode }) => [
      id,
      `${behavior}, close ${behaviorClose} (${remoteCloseCode})`,
    ]),
  );
}

export function idsOf(results: readonly CaseResult[], isChosen: (result: CaseResult) => boolean): string[] {
  return results.filter(isChosen).map(({ id }) => id);
}

const INFORMATIONAL = ['7.1.6', '7.13.1', '7.13.2'];

export function expectAllPassed(results: readonly CaseResult[], cases: string): void {
  expect(results).toHaveLength(selectCases(cases).length);
  expect(shortcomings(results)).toEqual({});
  expect(idsOf(results, ({ behavior }) => behavior !== 'OK')).toEqual(INFORMATIONAL);
}

const tooManyFragments = 'FAILED, close FAILED (1008)';
const late = 'NON-STRICT, close OK (1007)';
/** ws 8 has a limit of fragments, and checks UTF-8 when a message is complete. */
export const SHORTCOMINGS_OF_WS = {
  '6.4.1': late,
  '6.4.2': late,
  '6.4.3': late,
  '6.4.4': late,
  '9.3.1': tooManyFragments,
  '9.3.2': tooManyFragments,
  '9.4.1': tooManyFragments,
  '9.4.2': tooManyFragments,
};
