/**
 * Every header there is: the first two bytes decide over everything but the extended length, so all 65,536 of them are
 * tried, in both roles, with and without an extension, inside and outside a fragmented message.
 */

import { describe, expect, it } from 'vitest';
import {
  FrameHeader,
  frameHeaderLength,
  type HeaderContext,
  headerViolation,
  headerViolationDetail,
  MAX_HEADER_BYTES,
  type Role,
  type ViolationId,
} from '../../src/protocol/index.ts';

/** The rules once more, a sentence each, in the order in which they are promised to be checked. */
function judgeNaively(byte0: number, byte1: number, context: HeaderContext): ViolationId | undefined {
  const drawn = byte0.toString(2).padStart(8, '0') + byte1.toString(2).padStart(8, '0');
  const [fin, rsv1, rsv2, rsv3] = drawn;
  const opcode = Number.parseInt(drawn.slice(4, 8), 2);
  const isMasked = drawn[8] === '1';
  const length = Number.parseInt(drawn.slice(9), 2);
  const startsMessage = opcode === 1 || opcode === 2;
  const isControl = opcode >= 8;

  // §5.2: no extension of ours uses RSV2 or RSV3.
  if (rsv2 === '1' || rsv3 === '1') return 'unexpectedRsv23';
  // RFC 7692 §6.1: RSV1 needs the extension, and stands on no control frame and no continuation frame.
  if (rsv1 === '1' && (!context.allowsRsv1 || isControl || opcode === 0)) return 'unexpectedRsv1';
  // §5.2: opcodes 3–7 and 11–15 are reserved.
  if (![0, 1, 2, 8, 9, 10].includes(opcode)) return 'reservedOpcode';
  // §5.4: a continuation frame continues something.
  if (opcode === 0 && !context.isMessageOpen) return 'unexpectedContinuation';
  // §5.4: messages are not interleaved.
  if (startsMessage && context.isMessageOpen) return 'expectedContinuation';
  // §5.5: control frames are not fragmented.
  if (isControl && fin === '0') return 'expectedFin';
  // §5.5: control frames are short.
  if (isControl && length > 125) return 'controlPayloadTooLong';
  // §5.5.1: a Close body starts with two bytes of status code.
  if (opcode === 8 && length === 1) return 'closePayloadOneByte';
  // §5.1: clients mask, servers do not.
  if (context.role === 'server' && !isMasked) return 'expectedMask';
  if (context.role === 'client' && isMasked) return 'unexpectedMask';
  return undefined;
}

const CONTEXTS: HeaderContext[] = (['server', 'client'] satisfies Role[]).flatMap((role) =>
  [false, true].flatMap((allowsRsv1) =>
    [false, true].map((isMessageOpen) => ({ role, allowsRsv1, isMessageOpen }) as const),
  ),
);

describe('frame header', () => {
  it.each(CONTEXTS)(
    '§5.2 all 65,536 first two bytes: $role, RSV1 allowed $allowsRsv1, message open $isMessageOpen',
    (context) => {
      const wrong: string[] = [];
      const seen = new Set<ViolationId | undefined>();
      for (let both = 0; both <= 0xffff; both++) {
        const [byte0, byte1] = [both >>> 8, both & 0xff];
        const expected = judgeNaively(byte0, byte1, context);
        seen.add(expected);
        const found = headerViolation(byte0, byte1, context);
        if (found !== expected) wrong.push(`${both.toString(16)}: ${found}, not ${expected}`);
      }
      expect(wrong).toEqual([]);
      expect(seen.size).toBe(9);
    },
  );

  it('§5.2 the number a violation speaks of: the length for faults of length, else the opcode', () => {
    expect(headerViolationDetail('controlPayloadTooLong', 0x89, 0xfe)).toBe(126);
    expect(headerViolationDetail('closePayloadOneByte', 0x88, 0x81)).toBe(1);
    expect(headerViolationDetail('reservedOpcode', 0x8b, 0xfe)).toBe(11);
  });

  it('§5.2 fields of the first byte', () => {
    const header = new FrameHeader();
    const wrong: number[] = [];
    for (let byte = 0; byte <= 0xff; byte++) {
      header.firstByte = byte;
      const { fin, rsv1, rsv2, rsv3, opcode } = header;
      const put = [fin, rsv1, rsv2, rsv3].map(Number).join('') + opcode.toString(2).padStart(4, '0');
      if (Number.parseInt(put, 2) !== byte) wrong.push(byte);
    }
    expect(wrong).toEqual([]);
  });

  const LENGTHS: [payloadLength: number, unmasked: number, masked: number][] = [
    [0, 2, 6],
    [1, 2, 6],
    [125, 2, 6],
    [126, 4, 8],
    [127, 4, 8],
    [65_535, 4, 8],
    [65_536, 10, 14],
    [2 ** 32, 10, 14],
    [Number.MAX_SAFE_INTEGER, 10, 14],
  ];
  it.each(LENGTHS)(
    '§5.2 the shortest header for %i bytes has %i bytes, masked %i',
    (payloadLength, unmasked, masked) => {
      expect(frameHeaderLength(payloadLength, false)).toBe(unmasked);
      expect(frameHeaderLength(payloadLength, true)).toBe(masked);
      expect(masked).toBeLessThanOrEqual(MAX_HEADER_BYTES);
      for (const headerLength of [2, 4, 6, 8, 10, 14]) {
        const header = Object.assign(new FrameHeader(), { payloadLength, masked: true, headerLength });
        expect(header.isLengthMinimal).toBe(headerLength === masked);
      }
    },
  );
});
