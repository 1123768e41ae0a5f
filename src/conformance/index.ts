/**
 * Tests a WebSocket server or client, which has to echo every message, with the cases of the Autobahn test suite: ids,
 * scripts and verdicts are the same.
 */

export { type AutobahnSpec, parseAutobahnSpec, SpecFault, type SpecServer } from './autobahn-spec.ts';
export {
  type Baseline,
  type BaselineRow,
  compareWithBaseline,
  formatBaseline,
  isKnown,
  parseBaseline,
  updateBaseline,
} from './baseline.ts';
export type {
  CloseExpectation,
  ConformanceCase,
  Expectation,
  ExpectedEvent,
  FrameStep,
  Side,
  Step,
} from './case.ts';
export { type CaseDescription, cameWords, describeCase, isAutobahnCase, verdictWords } from './case-description.ts';
export { type CaseResult, type Ending, type LoggedEvent, type RunOptions, runCase } from './case-run.ts';
export { type AnyCase, CASES, selectAnyCases, selectCases } from './cases/index.ts';
export { toJUnitReport, toMarkdownSummary, toTapReport } from './ci-reports.ts';
export { CORPUS_KINDS, type CorpusKind, type CorpusName } from './corpora.ts';
export type { DeflateWish } from './deflate-terms.ts';
export { checkTarget, endpointOf, HandshakeError, type HandshakeRecord, parseTargetUrl, type Target } from './dial.ts';
export { type FuzzingServer, type FuzzingServerOptions, startFuzzingServer } from './fuzzing-server.ts';
export { toHtmlReport } from './html-report.ts';
export {
  caseFileName,
  type IndexEntry,
  type IndexReport,
  parseIndexReport,
  toCaseReport,
  toIndexReport,
} from './json-report.ts';
export type { Payload } from './payload.ts';
export { PROGRAM_CASES } from './programs/cases/index.ts';
export { isProgramCase, type Program, type ProgramCase, type Severity } from './programs/program.ts';
export { runAnyCase } from './run-any-case.ts';
export { runSuite, type SuiteCounts, type SuiteOptions, type SuiteReport } from './suite.ts';
export { explain, summaryLine, toTextReport } from './text-report.ts';
export { type Behavior, type BehaviorClose, isPassing, type Verdict } from './verdict.ts';
export type { WireChunk, WireLogEntry, WireOctets, WireRecord } from './wire-log.ts';
