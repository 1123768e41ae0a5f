/** The cases with programs in both roles, and running many of them against the testee with switches. */

import type { CaseResult } from '../../../src/conformance/index.ts';
import { PROGRAM_CASES, type ProgramCase } from '../../../src/conformance/index.ts';
import { type RunOptions, runAgainstSwitchedClient, runAgainstSwitchedServer } from './run-programs.ts';

export type RunOne = (testCase: ProgramCase, options: RunOptions) => Promise<CaseResult>;

export const ROLES: readonly (readonly [role: 'a server' | 'a client', cases: readonly ProgramCase[], run: RunOne])[] =
  [
    ['a server', PROGRAM_CASES.filter(({ server }) => server !== undefined), runAgainstSwitchedServer],
    ['a client', PROGRAM_CASES.filter(({ client }) => client !== undefined), runAgainstSwitchedClient],
  ];

const LANES = 16;

/** The verdict of each case by its id, with what was wrong. */
export async function runAll(
  cases: readonly ProgramCase[],
  run: RunOne,
  optionsOf: (testCase: ProgramCase) => RunOptions,
): Promise<Record<string, string>> {
  const verdicts = new Map<string, string>();
  const queue = cases.values();
  const lane = async (): Promise<void> => {
    for (const testCase of queue) {
      const { behavior, reason } = await run(testCase, optionsOf(testCase));
      verdicts.set(testCase.id, reason === undefined ? behavior : `${behavior}: ${reason}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return Object.fromEntries(cases.map(({ id }) => [id, verdicts.get(id)!]));
}

/** Whether it is what a testee gets whose fault the case is about. */
export function isFound({ severity }: ProgramCase, verdict: string): boolean {
  return verdict.startsWith(severity === 'MUST' ? 'FAILED' : 'NON-STRICT');
}

/** What never comes is waited for a moment only: a fault that is slow to show would be found all the same. */
export const SHORT_PATIENCE_MS = 300;

/** Megabytes, which take their time. */
export function isHeavy({ id }: ProgramCase): boolean {
  return /^(?:A\.1|T\.2)\./.test(id);
}
