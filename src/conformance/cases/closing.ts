/**
 * Group 7: the closing handshake (§5.5.1, §7): nothing is processed after a Close frame, and its body is checked. A
 * wrong close code fails these cases as a whole.
 */

import { CloseCode, Opcode } from '../../protocol/index.ts';
import {
  answered,
  type CloseExpectation,
  type ConformanceCase,
  FUZZER_CLOSES,
  failAfter,
  frame,
  messageEvent,
  type Step,
} from '../case.ts';
import { bytes, joined, NOTHING, type Payload, repeated, text } from '../payload.ts';
import { closeStep } from './close-step.ts';
import { GREEK } from './utf8.ts';

const HELLO = text('Hello World!');
const STAR = bytes('2a');
const INVALID_REASON = joined(GREEK, bytes('eda080'), text('edited'));

const DEADLINE = failAfter(1000);
const CLOSE = closeStep(CloseCode.NormalClosure);

/** The fuzzer closes; the testee answers with one of these codes, or drops TCP. */
function answeredWith(codes: readonly number[]): CloseExpectation {
  return { ...FUZZER_CLOSES, codes, mustBeClean: false };
}

/** A script that closes, and hears nothing but the answer. */
function closing(
  id: string,
  summary: string,
  steps: readonly Step[],
  close: CloseExpectation = FUZZER_CLOSES,
  closesWhenSatisfied = false,
): ConformanceCase {
  return {
    ...answered(id, summary, [...steps, DEADLINE], [], { closesWhenSatisfied, closeCodeDecidesBehavior: true }),
    close,
  };
}

const AFTER_CLOSE: readonly ConformanceCase[] = [
  {
    ...answered(
      '7.1.1',
      'a message, then the closing handshake',
      [frame(Opcode.Text, HELLO), DEADLINE],
      [messageEvent(false, HELLO)],
    ),
    closeCodeDecidesBehavior: true,
  },
  closing('7.1.2', 'two Close frames', [CLOSE, frame(Opcode.Close, NOTHING)]),
  closing('7.1.3', 'a ping after Close', [CLOSE, frame(Opcode.Ping, NOTHING)]),
  closing('7.1.4', 'a message after Close', [CLOSE, frame(Opcode.Text, HELLO)]),
  closing('7.1.5', 'Close inside a fragmented message', [
    frame(Opcode.Text, text('fragment1'), { fin: false }),
    CLOSE,
    frame(Opcode.Continuation, text('fragment2')),
  ]),
  {
    ...closing('7.1.6', '256 KiB, a short message, Close and a ping: how much is echoed before the end', [
      frame(Opcode.Text, repeated(text('BAsd7&jh23'), 262_144)),
      frame(Opcode.Text, HELLO),
      CLOSE,
      frame(Opcode.Ping, NOTHING),
    ]),
    expectation: { kind: 'events', strict: [messageEvent(false, HELLO)], lenient: [] },
    isInformational: true,
    closeCodeDecidesBehavior: false,
  },
];

function withReason(lengthBytes: number): Step {
  return closeStep(CloseCode.NormalClosure, repeated(STAR, lengthBytes));
}

function bareBody(body: Payload): Step {
  return { do: 'close', body };
}

const REJECTED_BODY = answeredWith([CloseCode.ProtocolError]);

const BODIES: readonly ConformanceCase[] = [
  closing('7.3.1', 'Close without body', [bareBody(NOTHING)]),
  closing('7.3.2', 'Close with a body of one byte', [bareBody(text('a'))], REJECTED_BODY),
  closing('7.3.3', 'Close with a code', [CLOSE]),
  closing('7.3.4', 'Close with code and reason', [closeStep(CloseCode.NormalClosure, HELLO)]),
  closing('7.3.5', 'Close with the longest reason, 123 bytes', [withReason(123)]),
  closing('7.3.6', 'Close with a reason of 124 bytes, one too many', [withReason(124)], REJECTED_BODY),
  closing(
    '7.5.1',
    'Close with a reason that is not UTF-8',
    [closeStep(CloseCode.NormalClosure, INVALID_REASON)],
    answeredWith([CloseCode.ProtocolError, CloseCode.InvalidPayloadData]),
  ),
];

const VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const INVALID_CODES = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
/** Of these RFC 6455 only says that they are undefined. */
const UNDEFINED_CODES = [5000, 65_535];

const CODES: readonly ConformanceCase[] = [
  ...VALID_CODES.map((code, i) => {
    const codes = [...new Set([CloseCode.NormalClosure, code])];
    return closing(`7.7.${i + 1}`, `Close with ${code}`, [closeStep(code)], { ...FUZZER_CLOSES, codes }, true);
  }),
  ...INVALID_CODES.map((code, i) =>
    closing(`7.9.${i + 1}`, `Close with ${code}, which must not be sent`, [closeStep(code)], REJECTED_BODY, true),
  ),
  ...UNDEFINED_CODES.map((code, i) => ({
    ...closing(
      `7.13.${i + 1}`,
      `Close with ${code}, which has no meaning`,
      [closeStep(code)],
      answeredWith([CloseCode.NormalClosure, CloseCode.ProtocolError, code]),
    ),
    isInformational: true,
    closeCodeDecidesBehavior: false,
  })),
];

export const CLOSING_CASES: readonly ConformanceCase[] = [...AFTER_CLOSE, ...BODIES, ...CODES];
