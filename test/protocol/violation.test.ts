/** The table of violations: what the documentation promises, once more, as a table of its own. */

import { describe, expect, it } from 'vitest';
import { isSendableCloseCode, VIOLATIONS, type ViolationId, violationMessage } from '../../src/protocol/index.ts';

const PROMISED: Record<ViolationId, [closeCode: number, code: string, section: string]> = {
  unexpectedRsv23: [1002, 'WS_ERR_UNEXPECTED_RSV_2_3', '§5.2'],
  unexpectedRsv1: [1002, 'WS_ERR_UNEXPECTED_RSV_1', '§5.2'],
  reservedOpcode: [1002, 'WS_ERR_INVALID_OPCODE', '§5.2'],
  unexpectedContinuation: [1002, 'WS_ERR_INVALID_OPCODE', '§5.4'],
  expectedContinuation: [1002, 'WS_ERR_INVALID_OPCODE', '§5.4'],
  expectedFin: [1002, 'WS_ERR_EXPECTED_FIN', '§5.5'],
  controlPayloadTooLong: [1002, 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH', '§5.5'],
  closePayloadOneByte: [1002, 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH', '§5.5.1'],
  expectedMask: [1002, 'WS_ERR_EXPECTED_MASK', '§5.1'],
  unexpectedMask: [1002, 'WS_ERR_UNEXPECTED_MASK', '§5.1'],
  lengthNotMinimal: [1002, 'WS_ERR_LENGTH_NOT_MINIMAL', '§5.2'],
  lengthUnsupported: [1009, 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH', '§5.2'],
  frameTooLong: [1009, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', '§10.4'],
  messageTooLong: [1009, 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', '§10.4'],
  tooManyFragments: [1008, 'WS_ERR_TOO_MANY_BUFFERED_PARTS', '§10.4'],
  tooManyControlFrames: [1008, 'WS_ERR_TOO_MANY_CONTROL_FRAMES', '§10.4'],
  rateExceeded: [1008, 'WS_ERR_RATE_EXCEEDED', '§10.4'],
  invalidCloseCode: [1002, 'WS_ERR_INVALID_CLOSE_CODE', '§7.4'],
  invalidText: [1007, 'WS_ERR_INVALID_UTF8', '§8.1'],
  invalidCloseReason: [1007, 'WS_ERR_INVALID_UTF8', '§5.5.1'],
  invalidCompression: [1007, 'WS_ERR_INVALID_COMPRESSION', 'RFC 7692 §7.2.2'],
  handlerFailed: [1011, 'WS_ERR_INTERNAL', '§7.4.1'],
  backlogTooLong: [1013, 'WS_ERR_BACKLOG', '§10.4'],
};
const IDS = Object.keys(VIOLATIONS) as ViolationId[];

describe('violations', () => {
  it('§7.1.7 each violation is promised, and each promise is kept', () => {
    expect(IDS.sort()).toEqual(Object.keys(PROMISED).sort());
  });

  it.each(IDS)('§7.1.7 %s: close code, error code, section', (id) => {
    const { closeCode, code, section } = VIOLATIONS[id];
    expect([closeCode, code, section]).toEqual(PROMISED[id]);
  });

  it.each(IDS)('§7.4 %s: its close code may be sent', (id) => {
    expect(isSendableCloseCode(VIOLATIONS[id].closeCode)).toBe(true);
  });

  it.each(IDS)('§7.1.7 %s: says what is wrong and what to do', (id) => {
    const { message, remedy } = VIOLATIONS[id];
    expect(message.length).toBeGreaterThan(10);
    expect(remedy.length).toBeGreaterThan(20);
    expect(violationMessage(id, 3)).not.toMatch(/[{}]/);
  });

  it('§7.1.7 values out of range are RangeErrors, bad text and failed handlers are not', () => {
    const others = IDS.filter((id) => !VIOLATIONS[id].isRangeError);
    expect(others.sort()).toEqual(['handlerFailed', 'invalidCloseReason', 'invalidCompression', 'invalidText']);
  });

  const MESSAGES: [id: ViolationId, detail: number, message: string][] = [
    ['reservedOpcode', 3, 'Invalid WebSocket frame: invalid opcode 3'],
    ['unexpectedContinuation', 0, 'Invalid WebSocket frame: invalid opcode 0'],
    ['controlPayloadTooLong', 126, 'Invalid WebSocket frame: invalid payload length 126'],
    ['invalidCloseCode', 1005, 'Invalid WebSocket frame: invalid status code 1005'],
    ['lengthNotMinimal', 5, 'Invalid WebSocket frame: payload length 5 is not in its shortest form'],
    ['messageTooLong', 5, 'Max payload size exceeded'],
  ];
  it.each(MESSAGES)('§7.1.7 message of %s with %i', (id, detail, message) => {
    expect(violationMessage(id, detail)).toBe(message);
  });
});
