/** Runs a case against a server, whether it is a script of Autobahn's kind or a program. */

import { type CaseResult, type RunOptions, runCase } from './case-run.ts';
import type { AnyCase } from './cases/index.ts';
import type { Target } from './dial.ts';
import { isProgramCase } from './programs/program.ts';
import { runServerProgram } from './programs/program-run.ts';

/** Never rejects because of the testee. */
export function runAnyCase(testCase: AnyCase, target: Target, options: RunOptions = {}): Promise<CaseResult> {
  return isProgramCase(testCase) ? runServerProgram(testCase, target, options) : runCase(testCase, target, options);
}
