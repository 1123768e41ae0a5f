/**
 * Every header there is: the first two bytes decide over everything but the extended length, so all 65,536 of them are
 * tried, in both roles, with and without an extension, inside and outside a fragmented message.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  FrameHeader,
  frameHeaderLength,
  type HeaderContext,
  headerViolation,
  headerViolationDetail,
  MASK,
  MAX_HEADER_BYTES,
  type Role,
  VIOLATIONS,
  type ViolationId,
} from '../../src/protocol/index.ts';
import { WS_RECEIVER_DEFAULTS, WsReceiver } from '../support/ws-internals.ts';

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
  // RFC 7692 §6.1: RSV1 needs the extension.
  if (rsv1 === '1' && !context.allowsRsv1) return 'unexpectedRsv1';
  // §5.2: opcodes 3–7 and 11–15 are reserved.
  if (![0, 1, 2, 8, 9, 10].includes(opcode)) return 'reservedOpcode';
  // RFC 7692 §6.1: RSV1 stands on no continuation frame.
  if (rsv1 === '1' && opcode === 0) return 'unexpectedRsv1';
  // §5.4: a continuation frame continues something.
  if (opcode === 0 && !context.isMessageOpen) return 'unexpectedContinuation';
  // §5.4: messages are not interleaved.
  if (startsMessage && context.isMessageOpen) return 'expectedContinuation';
  // §5.5: control frames are not fragmented.
  if (isControl && fin === '0') return 'expectedFin';
  // RFC 7692 §6.1: RSV1 stands on no control frame.
  if (rsv1 === '1' && isControl) return 'unexpectedRsv1';
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

/** What the Receiver of ws says of a header in this context: `Error.code`, or undefined while all is well. */
function judgeByWs(
  byte0: number,
  byte1: number,
  { role, allowsRsv1, isMessageOpen }: HeaderContext,
): string | undefined {
  const isServer = role === 'server';
  const extensions = allowsRsv1 ? { 'permessage-deflate': { decompress: () => {} } } : {};
  const receiver = new WsReceiver({ ...WS_RECEIVER_DEFAULTS, isServer, extensions });
  // Told again, later, as an event; without a listener that would end the process.
  receiver.on('error', () => {});
  if (isMessageOpen) receiver.write(isServer ? Uint8Array.of(1, MASK, 0, 0, 0, 0) : Uint8Array.of(1, 0));
  receiver.write(Uint8Array.of(byte0, byte1));
  return (receiver.errored as { code?: string } | null)?.code;
}

/** The table of 05-framing.md: two bytes, whether RSV1 has a meaning and a message is open, and the code they earn. */
function rowsOfPage(): [bytes: string, byte0: number, byte1: number, context: HeaderContext, code: string][] {
  const page = readFileSync(new URL('../../spec-notes/rfc6455/05-framing.md', import.meta.url), 'utf8');
  const rows = page.matchAll(/^\| `([0-9a-f]{2}) ([0-9a-f]{2})`([^|]*)\|[^|]*\| `(\w+)` \|$/gm);
  return [...rows].map(([, byte0, byte1, where, code]) => {
    const context = {
      role: 'server',
      allowsRsv1: where!.includes('deflate'),
      isMessageOpen: where!.includes('in a message'),
    } as const;
    return [`${byte0} ${byte1}${where}`, Number.parseInt(byte0!, 16), Number.parseInt(byte1!, 16), context, code!];
  });
}

describe('frame header', () => {
  it.each(CONTEXTS)(
    '§5.2 faults are judged in the order of ws: $role, RSV1 allowed $allowsRsv1, message open $isMessageOpen',
    (context) => {
      const wrong: string[] = [];
      for (let byte0 = 0; byte0 <= 0xff; byte0++) {
        for (const byte1 of [0, 1, 126].flatMap((length) => [length, MASK | length])) {
          const id = headerViolation(byte0, byte1, context);
          const ours = id && VIOLATIONS[id].code;
          const theirs = judgeByWs(byte0, byte1, context);
          if (ours !== theirs) wrong.push(`${byte0.toString(16)} ${byte1.toString(16)}: ${ours}, in ws ${theirs}`);
        }
      }
      expect(wrong).toEqual([]);
    },
  );

  it.each(rowsOfPage())('§5.2 the notes say what %s is refused for', (_, byte0, byte1, context, code) => {
    expect(VIOLATIONS[headerViolation(byte0, byte1, context)!].code).toBe(`WS_ERR_${code}`);
  });

  it('§5.2 the notes show a frame with two faults for each step but the last', () => {
    expect(rowsOfPage()).toHaveLength(8);
  });

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
    for (let byte = 0; byte <= 0xff; byte++) {
      header.firstByte = byte;
      const { fin, rsv1, opcode } = header;
      expect([fin, rsv1, opcode]).toEqual([byte >= 0x80, (byte & 0x40) !== 0, byte % 16]);
    }
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
    },
  );
});
