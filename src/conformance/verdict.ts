/**
 * Judges what was observed of a case: `behavior` for what the testee did, `behaviorClose` for how the connection ended.
 * Pure; the names of the verdicts and the order of the rules are Autobahn's.
 */

import type { ConformanceCase, ExpectedEvent, Side } from './case.ts';
import { isPayload } from './payload.ts';

export type Behavior = 'OK' | 'NON-STRICT' | 'INFORMATIONAL' | 'UNIMPLEMENTED' | 'FAILED';
export type BehaviorClose = 'OK' | 'WRONG CODE' | 'UNCLEAN' | 'FAILED BY CLIENT' | 'INFORMATIONAL' | 'FAILED';

export const BEHAVIORS: readonly Behavior[] = ['OK', 'NON-STRICT', 'INFORMATIONAL', 'UNIMPLEMENTED', 'FAILED'];
export const CLOSE_BEHAVIORS: readonly BehaviorClose[] = [
  'OK',
  'WRONG CODE',
  'UNCLEAN',
  'FAILED BY CLIENT',
  'INFORMATIONAL',
  'FAILED',
];

export interface Verdict {
  readonly behavior: Behavior;
  readonly behaviorClose: BehaviorClose;
}

export type RecordedEvent =
  | { readonly event: 'message'; readonly isBinary: boolean; readonly payload: Uint8Array }
  | { readonly event: 'pong'; readonly payload: Uint8Array }
  | { readonly event: 'waited'; readonly tag: string };

/** What `case-run.ts` has seen when TCP is gone. */
export interface Observation {
  readonly isHandshakeComplete: boolean;
  /** Whether permessage-deflate was agreed on. */
  readonly isCompressing: boolean;
  readonly events: readonly RecordedEvent[];
  /** For cases without a list of events: whether all echoes that were asked for have come, or one that was wrong. */
  readonly echo: 'complete' | 'wrong' | 'none';
  /** Who sent the first Close frame; the testee when TCP ended without one. */
  readonly closedBy: Side;
  /** Close frames in both directions, and no timeout. */
  readonly isClean: boolean;
  /** The code of the testee's Close frame. */
  readonly remoteCloseCode: number | undefined;
  /** Whether the fuzzer, being the client, had to drop TCP, which is the server's to do (§7.1.1). */
  readonly hasDroppedTcp: boolean;
  readonly sentFrames: ReadonlyMap<number, number>;
}

export function judge(testCase: ConformanceCase, observation: Observation): Verdict {
  if (testCase.isInformational) return { behavior: 'INFORMATIONAL', behaviorClose: 'INFORMATIONAL' };
  if (!observation.isHandshakeComplete) return { behavior: 'FAILED', behaviorClose: 'FAILED' };
  const behaviorClose = judgeClose(testCase, observation);
  const { close, closeCodeDecidesBehavior } = testCase;
  const isFailedByClose =
    (close.decidesBehavior && observation.closedBy !== close.by) ||
    (closeCodeDecidesBehavior && behaviorClose === 'WRONG CODE');
  const behavior = isFailedByClose ? 'FAILED' : judgeBehavior(testCase, observation);
  return { behavior, behaviorClose };
}

function judgeBehavior({ expectation, sentFrames, wishes }: ConformanceCase, observation: Observation): Behavior {
  if (wishes !== undefined && !observation.isCompressing)
    return observation.echo === 'none' ? 'UNIMPLEMENTED' : 'FAILED';
  const hasSentAsPlanned = [...(sentFrames ?? [])].every(
    ([opcode, count]) => observation.sentFrames.get(opcode) === count,
  );
  if (!hasSentAsPlanned) return 'FAILED';
  if (expectation.kind !== 'events') return observation.echo === 'complete' ? 'OK' : 'FAILED';
  if (areExpected(expectation.strict, observation.events)) return 'OK';
  if (expectation.lenient && areExpected(expectation.lenient, observation.events)) return 'NON-STRICT';
  return 'FAILED';
}

/** The first rule that is broken decides. */
function judgeClose({ close }: ConformanceCase, observation: Observation): BehaviorClose {
  const { closedBy, isClean, remoteCloseCode, hasDroppedTcp } = observation;
  if (closedBy !== close.by) return 'FAILED';
  if (close.mustBeClean && !isClean) return 'UNCLEAN';
  if (remoteCloseCode !== undefined && !close.codes.includes(remoteCloseCode)) return 'WRONG CODE';
  return hasDroppedTcp ? 'FAILED BY CLIENT' : 'OK';
}

/** Whether what was recorded is the list expected: the same events in the same order, and no others. */
export function areExpected(expected: readonly ExpectedEvent[], recorded: readonly RecordedEvent[]): boolean {
  return expected.length === recorded.length && expected.every((event, i) => isExpected(event, recorded[i]!));
}

function isExpected(expected: ExpectedEvent, recorded: RecordedEvent): boolean {
  if (expected.event === 'waited') return recorded.event === 'waited' && expected.tag === recorded.tag;
  if (recorded.event === 'waited' || expected.event !== recorded.event) return false;
  const isSameType =
    expected.event !== 'message' || recorded.event !== 'message' || expected.isBinary === recorded.isBinary;
  return isSameType && isPayload(expected.payload, recorded.payload);
}

const PASSING: readonly (Behavior | BehaviorClose)[] = ['OK', 'INFORMATIONAL', 'UNIMPLEMENTED'];

/** Whether the verdict is one that a conforming testee may get: extensions are optional (§9). */
export function isPassing({ behavior, behaviorClose }: Verdict): boolean {
  return PASSING.includes(behavior) && PASSING.includes(behaviorClose);
}
