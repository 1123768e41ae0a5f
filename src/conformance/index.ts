/**
 * Tests a WebSocket server or client, which has to echo every message, with the cases of the Autobahn test suite: ids,
 * scripts and verdicts are the same.
 */

export type {
  CloseExpectation,
  ConformanceCase,
  Expectation,
  ExpectedEvent,
  FrameStep,
  Side,
  Step,
} from './case.ts';
export { type CaseResult, runCase } from './case-run.ts';
export { CASES, selectCases } from './cases/index.ts';
export { CORPUS_KINDS, type CorpusKind, type CorpusName } from './corpora.ts';
export type { DeflateWish } from './deflate-terms.ts';
export { HandshakeError, parseTargetUrl, type Target } from './dial.ts';
export { type FuzzingServer, type FuzzingServerOptions, startFuzzingServer } from './fuzzing-server.ts';
export { type IndexEntry, type IndexReport, parseIndexReport, toIndexReport } from './json-report.ts';
export type { Payload } from './payload.ts';
export { runSuite, type SuiteCounts, type SuiteOptions, type SuiteReport } from './suite.ts';
export { explain, summaryLine, toTextReport } from './text-report.ts';
export { type Behavior, type BehaviorClose, isPassing, type Verdict } from './verdict.ts';
export type { WireLogEntry } from './wire-log.ts';
