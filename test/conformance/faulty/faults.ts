/** Each fault of `raw-echo.ts` with the cases that must notice it. All other cases must pass. */

import { type ConformanceCase, selectCases } from '../../../src/conformance/index.ts';
import type { Fault } from './raw-echo.ts';

export interface FaultRow {
  readonly fault: Fault;
  /** Ids whose behavior is FAILED. */
  readonly failed?: readonly string[];
  /** Ids whose behavior is NON-STRICT. */
  readonly nonStrict?: readonly string[];
  /** Ids whose behavior is OK, and whose closing is not. */
  readonly closedWrongly?: readonly string[];
  /** How many cases get which `behaviorClose`, those that failed included; OK and INFORMATIONAL left out. */
  readonly closing?: Readonly<Record<string, number>>;
}

/** Group 9 takes longer, and no fault shows there alone. */
export const QUICK_CASES = '1.*,2.*,3.*,4.*,5.*,6.*,7.*,10.*';

function ids(patterns: string): readonly string[] {
  return selectCases(patterns).map(({ id }) => id);
}

function idsWhere(patterns: string, isChosen: (testCase: ConformanceCase) => boolean): readonly string[] {
  return selectCases(patterns)
    .filter((testCase) => !testCase.isInformational && isChosen(testCase))
    .map(({ id }) => id);
}

const PINGS = '2.1,2.2,2.3,2.4,2.6,2.9,2.10,2.11,5.6,5.7,5.8,5.19,5.20';

function expectsText({ expectation }: ConformanceCase): boolean {
  if (expectation.kind !== 'events') return !expectation.isBinary;
  return expectation.strict.some((event) => event.event === 'message' && !event.isBinary);
}

/** Whether the case cannot pass without an answer: at all, or only with NON-STRICT. */
function needsAnswer({ close, expectation }: ConformanceCase, how: 'strict' | 'lenient'): boolean {
  if (expectation.kind !== 'events' || close.decidesBehavior || expectation.strict.length === 0) return false;
  return (expectation.lenient === undefined) === (how === 'strict');
}

export const FAULTS: readonly FaultRow[] = [
  {
    fault: 'noUtf8Check',
    closing: { FAILED: 75 },
    failed: idsWhere(QUICK_CASES, ({ close }) => close.decidesBehavior),
  },
  { fault: 'utf8CheckedAtMessageEnd', closing: {}, nonStrict: ids('6.4.*') },
  { fault: 'rsvAccepted', closing: { FAILED: 6 }, failed: ids('3.1,3.2,3.3,3.4,3.5,3.6') },
  {
    fault: 'reservedOpcodesIgnored',
    closing: { FAILED: 10 },
    failed: ids('4.1.3,4.1.4,4.1.5,4.2.3,4.2.4,4.2.5'),
    closedWrongly: ids('4.1.1,4.1.2,4.2.1,4.2.2'),
  },
  { fault: 'fragmentedControlAccepted', closing: {}, failed: ids('5.1') },
  // The overlong pong is not recorded, but rejected: so the fuzzer closes first.
  {
    fault: 'longControlAccepted',
    closing: { FAILED: 1, 'WRONG CODE': 1 },
    failed: ids('7.3.6'),
    closedWrongly: ids('2.5'),
  },
  { fault: 'orphanContinuationAccepted', closing: { FAILED: 4 }, failed: ids('5.9,5.10,5.11,5.17') },
  { fault: 'dataInsideMessageAccepted', closing: { FAILED: 1 }, failed: ids('5.18') },
  // The code comes back, and is rejected: so the fuzzer has to drop TCP.
  { fault: 'invalidCloseCodesAccepted', closing: { 'FAILED BY CLIENT': 9 }, closedWrongly: ids('7.9.*') },
  { fault: 'badCloseReasonAccepted', closing: { 'WRONG CODE': 1 }, failed: ids('7.5.1') },
  { fault: 'goesOnAfterClose', closing: {}, failed: ids('7.1.3,7.1.4,7.1.5') },
  { fault: 'noPong', closing: {}, failed: ids(PINGS) },
  { fault: 'emptyPong', closing: {}, failed: ids(PINGS).filter((id) => id !== '2.1') },
  {
    fault: 'neverAnswersClose',
    closing: { UNCLEAN: 127 },
    closedWrongly: idsWhere(QUICK_CASES, ({ close }) => close.by === 'fuzzer' && close.mustBeClean),
  },
  {
    fault: 'closesWith1011',
    closing: { 'WRONG CODE': 243 },
    failed: idsWhere('7.*', ({ close }) => !close.codes.includes(1011)),
    closedWrongly: idsWhere('1.*,2.*,3.*,4.*,5.*,6.*,10.*', () => true),
  },
  // Out of time the fuzzer closes with 1001, and gets that back.
  { fault: 'textEchoedAsBinary', closing: { 'WRONG CODE': 73 }, failed: idsWhere(QUICK_CASES, expectsText) },
  {
    // Nothing gets through, not even Close frames.
    fault: 'masksItsFrames',
    closing: { FAILED: 105, 'FAILED BY CLIENT': 12, UNCLEAN: 127 },
    failed: idsWhere(QUICK_CASES, (testCase) => testCase.close.decidesBehavior || needsAnswer(testCase, 'strict')),
    nonStrict: idsWhere(QUICK_CASES, (testCase) => needsAnswer(testCase, 'lenient')),
    closedWrongly: idsWhere(
      QUICK_CASES,
      ({ close, expectation }) =>
        !close.decidesBehavior && expectation.kind === 'events' && expectation.strict.length === 0,
    ),
  },
  // Here the fuzzer drops TCP in every case; which of two deadlines of a second comes first decides what that is called.
  { fault: 'leavesTcpOpen', closedWrongly: idsWhere(QUICK_CASES, () => true) },
];

/** What the two faults that concern group 9 do there. */
export const FAULTS_IN_GROUP_9: readonly FaultRow[] = [
  { fault: 'textEchoedAsBinary', failed: idsWhere('9.*', expectsText) },
  { fault: 'closesWith1011', closedWrongly: ids('9.*') },
];
