/**
 * Each fault of `raw-echo.ts` with the cases that must notice it; all other cases must pass. What a row says follows from
 * the rules (the fuzzer answers a first breach with a Close frame and goes on reading, but takes no more messages; at a
 * second one it drops TCP), not from what the runner says.
 */

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
  readonly closing: Readonly<Record<string, number>>;
  /** What is otherwise when the testee is a client. */
  readonly asClient?: Partial<Omit<FaultRow, 'fault' | 'asClient'>>;
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

/** How many cases have which closing, as a function says it; cases for which it says nothing are left out. */
function countClosings(closingOf: (testCase: ConformanceCase) => string | undefined): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const testCase of selectCases(QUICK_CASES)) {
    const closing = testCase.isInformational ? undefined : closingOf(testCase);
    if (closing !== undefined) counts[closing] = (counts[closing] ?? 0) + 1;
  }
  return counts;
}

const PINGS = '2.1,2.2,2.3,2.4,2.6,2.9,2.10,2.11,5.6,5.7,5.8,5.19,5.20';

function expectsText({ expectation }: ConformanceCase): boolean {
  if (expectation.kind !== 'events') return !expectation.isBinary;
  return expectation.strict.some((event) => event.event === 'message' && !event.isBinary);
}

/** The messages and pongs that a testee without fault sends. */
function answersOf({
  expectation,
}: ConformanceCase): readonly { event: string; isBinary?: boolean; lengthBytes: number }[] {
  if (expectation.kind !== 'events') return [];
  return expectation.strict.flatMap((event) =>
    event.event === 'waited' ? [] : [{ ...event, lengthBytes: event.payload.lengthBytes }],
  );
}

const isMessage = ({ event }: { event: string }): boolean => event === 'message';
const isPong = ({ event }: { event: string }): boolean => event === 'pong';

/** The rows of a fault in each data frame that `isFaulty` chooses: it is not counted, and answered with a Close frame. */
function refusedData(
  fault: Fault,
  isFaulty: (answer: { isBinary?: boolean; lengthBytes: number }) => boolean,
  closingOf: (testCase: ConformanceCase) => string,
): FaultRow {
  const isConcerned = (testCase: ConformanceCase): boolean =>
    answersOf(testCase).some((answer) => isMessage(answer) && isFaulty(answer));
  const isLenient = ({ expectation }: ConformanceCase): boolean =>
    expectation.kind === 'events' && expectation.lenient !== undefined;
  return {
    fault,
    failed: idsWhere(QUICK_CASES, (testCase) => isConcerned(testCase) && !isLenient(testCase)),
    nonStrict: idsWhere(QUICK_CASES, (testCase) => isConcerned(testCase) && isLenient(testCase)),
    closing: countClosings((testCase) => {
      if (!isConcerned(testCase)) return undefined;
      return testCase.close.by === 'testee' ? 'FAILED' : closingOf(testCase);
    }),
  };
}

/** The rows of a fault in each Close frame. In answer to the fuzzer's it is the second fault, and TCP is dropped. */
function refusedClose(fault: Fault, whenDropped: 'FAILED BY CLIENT' | 'WRONG CODE'): FaultRow {
  const closingOf = ({ close }: ConformanceCase): string => {
    if (close.by === 'testee') return 'FAILED';
    return close.mustBeClean ? 'UNCLEAN' : whenDropped;
  };
  const failed = idsWhere(
    QUICK_CASES,
    (testCase) => testCase.close.decidesBehavior || closingOf(testCase) === 'WRONG CODE',
  );
  const asServer: FaultRow = {
    fault,
    failed,
    closedWrongly: idsWhere(QUICK_CASES, ({ id }) => !failed.includes(id)),
    closing: countClosings(closingOf),
  };
  if (whenDropped === 'WRONG CODE') return asServer;
  return { ...asServer, asClient: withoutTcp(asServer, closingOf) };
}

/** That the fuzzer drops TCP says nothing of a client. */
function withoutTcp(row: FaultRow, closingOf: (testCase: ConformanceCase) => string | undefined): FaultRow {
  const closings = (testCase: ConformanceCase): string | undefined => {
    const closing = closingOf(testCase);
    return closing === 'FAILED BY CLIENT' ? undefined : closing;
  };
  const isTcpOnly = new Set(idsWhere(QUICK_CASES, (testCase) => closingOf(testCase) === 'FAILED BY CLIENT'));
  return {
    ...row,
    closedWrongly: (row.closedWrongly ?? []).filter((id) => !isTcpOnly.has(id)),
    closing: countClosings(closings),
  };
}

/** Whether the script's deadline is as short as the second in which a server has to end TCP, and so ends before it. */
function hasShortDeadline({ steps }: ConformanceCase): boolean {
  return steps.some((step) => step.do === 'failAfter' && step.delayMs <= 1000);
}

/** How a case ends in which both Close frames are there, and the server leaves TCP open. */
function closingWithoutEnd(testCase: ConformanceCase): string {
  const { close } = testCase;
  const isUnclean = close.by === 'fuzzer' && close.mustBeClean && !hasShortDeadline(testCase);
  return isUnclean ? 'UNCLEAN' : 'FAILED BY CLIENT';
}

/** How a case ends when each frame of the testee breaks the rules: not even its Close frame is heard. */
function closingUnheard({ close }: ConformanceCase): string {
  if (close.by === 'testee') return 'FAILED';
  return close.mustBeClean ? 'UNCLEAN' : 'FAILED BY CLIENT';
}

/** Whether the case cannot pass without an answer: at all, or only with NON-STRICT. */
function needsAnswer({ close, expectation }: ConformanceCase, how: 'strict' | 'lenient'): boolean {
  if (expectation.kind !== 'events' || close.decidesBehavior || expectation.strict.length === 0) return false;
  return (expectation.lenient === undefined) === (how === 'strict');
}

/** The first frame is refused and gone on from: a pong counts then, a message does not. From the second on nothing is read. */
const MASKS_WRONGLY: FaultRow = (() => {
  const isOnePong = (testCase: ConformanceCase): boolean =>
    answersOf(testCase).length === 1 && answersOf(testCase).every(isPong);
  const failed = idsWhere(
    QUICK_CASES,
    (testCase) => testCase.close.decidesBehavior || (needsAnswer(testCase, 'strict') && !isOnePong(testCase)),
  );
  const nonStrict = idsWhere(QUICK_CASES, (testCase) => needsAnswer(testCase, 'lenient'));
  const row: FaultRow = {
    fault: 'masksWrongly',
    failed,
    nonStrict,
    closedWrongly: idsWhere(QUICK_CASES, ({ id }) => !failed.includes(id) && !nonStrict.includes(id)),
    closing: countClosings(closingUnheard),
  };
  return { ...row, asClient: withoutTcp(row, closingUnheard) };
})();

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
  // The overlong pong is recorded, and refused: so the fuzzer closes first.
  { fault: 'longControlAccepted', closing: { FAILED: 1, 'WRONG CODE': 1 }, failed: ids('2.5,7.3.6') },
  { fault: 'orphanContinuationAccepted', closing: { FAILED: 4 }, failed: ids('5.9,5.10,5.11,5.17') },
  { fault: 'dataInsideMessageAccepted', closing: { FAILED: 1 }, failed: ids('5.18') },
  // The code comes back, where 1002 or none was asked for.
  { fault: 'invalidCloseCodesAccepted', closing: { 'WRONG CODE': 9 }, failed: ids('7.9.*') },
  { fault: 'badCloseReasonAccepted', closing: { 'WRONG CODE': 1 }, failed: ids('7.5.1') },
  // A server that tests ends TCP as soon as it has the Close frame: what a client sends behind it is never read.
  { fault: 'goesOnAfterClose', closing: {}, failed: ids('7.1.3,7.1.4,7.1.5'), asClient: { failed: [] } },
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
  MASKS_WRONGLY,
  // Both Close frames are there, and the server's end of TCP is not: the rule of deadlines decides what that is called.
  {
    fault: 'leavesTcpOpen',
    closedWrongly: idsWhere(QUICK_CASES, () => true),
    closing: countClosings(closingWithoutEnd),
    asClient: { closedWrongly: [], closing: {} },
  },
  refusedData(
    'rsvSent',
    () => true,
    () => 'WRONG CODE',
  ),
  refusedData(
    'reservedOpcodeSent',
    () => true,
    () => 'WRONG CODE',
  ),
  refusedData(
    'longLengthSent',
    ({ lengthBytes }) => lengthBytes <= 125,
    () => 'WRONG CODE',
  ),
  // Refused at its first bad byte, and again at its end.
  refusedData(
    'textMangled',
    ({ isBinary }) => !isBinary,
    ({ close }) => (close.mustBeClean ? 'UNCLEAN' : 'OK'),
  ),
  {
    // The first counts, and is answered with a Close frame; at the second TCP is dropped.
    fault: 'pongFragmented',
    failed: idsWhere(QUICK_CASES, (testCase) => answersOf(testCase).some(isPong) && answersOf(testCase).length > 1),
    closedWrongly: idsWhere(
      QUICK_CASES,
      (testCase) => answersOf(testCase).every(isPong) && answersOf(testCase).length === 1,
    ),
    closing: countClosings((testCase) => {
      const pongs = answersOf(testCase).filter(isPong).length;
      if (pongs === 0) return undefined;
      // Where the script pauses between its pings, the connection is closed before the second.
      const isSecondSent = pongs > 1 && !testCase.steps.some((step) => step.do === 'pause');
      return isSecondSent ? 'UNCLEAN' : 'WRONG CODE';
    }),
  },
  refusedClose('closesWithOneByte', 'FAILED BY CLIENT'),
  refusedClose('closesWith1005', 'WRONG CODE'),
];

/** What the two faults that concern group 9 do there. */
export const FAULTS_IN_GROUP_9: readonly Omit<FaultRow, 'closing'>[] = [
  { fault: 'textEchoedAsBinary', failed: idsWhere('9.*', expectsText) },
  { fault: 'closesWith1011', closedWrongly: ids('9.*') },
];
