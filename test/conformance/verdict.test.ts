/** The rules of judging, one by one: what an observation changes in the verdict of a case. */

import { describe, expect, it } from 'vitest';
import { type ConformanceCase, isPassing, selectCases } from '../../src/conformance/index.ts';
import { payloadBytes } from '../../src/conformance/payload.ts';
import { judge, type Observation, type RecordedEvent } from '../../src/conformance/verdict.ts';

/** What a testee without fault makes of a case. */
function perfect({ expectation, close, sentFrames }: ConformanceCase): Observation {
  const expected = expectation.kind === 'events' ? expectation.strict : [];
  return {
    isHandshakeComplete: true,
    isCompressing: true,
    events: expected.map((event): RecordedEvent => {
      return event.event === 'waited' ? event : { ...event, payload: payloadBytes(event.payload) };
    }),
    echo: 'complete',
    closedBy: close.by,
    isClean: true,
    remoteCloseCode: close.codes[0],
    hasDroppedTcp: false,
    sentFrames: sentFrames ?? new Map(),
  };
}

const message = (payload: string, isBinary = false): RecordedEvent => ({
  event: 'message',
  isBinary,
  payload: Buffer.from(payload),
});
const HELLO = message('Hello, world!');
const WAITED_A: RecordedEvent = { event: 'waited', tag: 'A' };

const ROWS: readonly [what: string, id: string, change: Partial<Observation>, verdict: [string, string]][] = [
  ['no handshake', '1.1.1', { isHandshakeComplete: false }, ['FAILED', 'FAILED']],
  ['an event too few', '1.1.1', { events: [] }, ['FAILED', 'OK']],
  ['an event too many', '1.1.1', { events: [message(''), message('')] }, ['FAILED', 'OK']],
  ['binary for text', '1.1.1', { events: [message('', true)] }, ['FAILED', 'OK']],
  ['another payload', '3.2', { events: [message('Hello, World!')] }, ['FAILED', 'OK']],
  ['a pong for a message', '3.2', { events: [{ ...HELLO, event: 'pong' } as RecordedEvent] }, ['FAILED', 'OK']],
  ['the lenient list', '3.2', { events: [] }, ['NON-STRICT', 'OK']],
  ['a code not allowed', '3.2', { remoteCloseCode: 1007 }, ['OK', 'WRONG CODE']],
  ['no code at all', '3.2', { remoteCloseCode: undefined }, ['OK', 'OK']],
  ['closing by the wrong side', '3.2', { closedBy: 'fuzzer' }, ['OK', 'FAILED']],
  ['closing by the wrong side', '6.3.1', { closedBy: 'fuzzer' }, ['FAILED', 'FAILED']],
  ['a wrong code', '6.3.1', { remoteCloseCode: 1002 }, ['OK', 'WRONG CODE']],
  ['late detection', '6.4.1', { events: [WAITED_A, { event: 'waited', tag: 'B' }] }, ['NON-STRICT', 'OK']],
  ['early detection', '6.4.1', { events: [] }, ['FAILED', 'OK']],
  ['an unclean end', '1.1.1', { isClean: false, hasDroppedTcp: true }, ['OK', 'UNCLEAN']],
  ['an unclean end', '7.9.1', { isClean: false }, ['OK', 'OK']],
  ['an unclean end by the fuzzer', '7.9.1', { isClean: false, hasDroppedTcp: true }, ['OK', 'FAILED BY CLIENT']],
  ['a wrong code', '7.9.1', { remoteCloseCode: 1000 }, ['FAILED', 'WRONG CODE']],
  ['the same code', '7.7.9', { remoteCloseCode: 1011 }, ['OK', 'OK']],
  ['a wrong code', '7.7.8', { remoteCloseCode: 1011 }, ['FAILED', 'WRONG CODE']],
  ['no end of TCP', '7.7.1', { hasDroppedTcp: true }, ['OK', 'FAILED BY CLIENT']],
  ['anything', '7.13.1', { isHandshakeComplete: false, closedBy: 'testee' }, ['INFORMATIONAL', 'INFORMATIONAL']],
  ['a wrong echo', '9.1.1', { echo: 'wrong' }, ['FAILED', 'OK']],
  ['a wrong echo', '9.7.1', { echo: 'wrong' }, ['FAILED', 'OK']],
  ['a wrong echo', '12.1.1', { echo: 'wrong' }, ['FAILED', 'OK']],
  ['no compression', '13.7.1', { isCompressing: false, echo: 'none' }, ['UNIMPLEMENTED', 'OK']],
  ['no compression, and a message', '13.7.1', { isCompressing: false, echo: 'wrong' }, ['FAILED', 'OK']],
  ['no compression', '1.1.1', { isCompressing: false }, ['OK', 'OK']],
  ['frames miscounted', '10.1.1', { sentFrames: new Map([[1, 1]]) }, ['FAILED', 'OK']],
];

describe('judge', () => {
  it('§5–§8 passes perfect observations of all cases', () => {
    for (const testCase of selectCases('*')) {
      const verdict = judge(testCase, perfect(testCase));
      const expected = testCase.isInformational ? 'INFORMATIONAL' : 'OK';
      expect([testCase.id, verdict]).toEqual([testCase.id, { behavior: expected, behaviorClose: expected }]);
      expect(isPassing(verdict)).toBe(true);
    }
  });

  it.each(ROWS)('%s in %s', (_, id, change, [behavior, behaviorClose]) => {
    const testCase = selectCases(id)[0]!;
    const verdict = judge(testCase, { ...perfect(testCase), ...change });
    expect(verdict).toEqual({ behavior, behaviorClose });
    const passes = ['OK', 'INFORMATIONAL', 'UNIMPLEMENTED'];
    expect(isPassing(verdict)).toBe(passes.includes(behavior) && passes.includes(behaviorClose));
  });
});
