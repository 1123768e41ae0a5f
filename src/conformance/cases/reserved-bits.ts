/** Group 3: a frame with an RSV bit set fails the connection, for no extension gives the bit a meaning (§5.2). */

import { Opcode } from '../../protocol/index.ts';
import { type ConformanceCase, type FrameOptions, failAfter, frame, messageEvent, rejected } from '../case.ts';
import { bytes, NOTHING, text } from '../payload.ts';

const HELLO = text('Hello, world!');

/** The frame behind a good message: whether that is still echoed is what NON-STRICT is about. */
function behindMessage(id: string, summary: string, rsv: number, options: FrameOptions = {}): ConformanceCase {
  return rejected(
    id,
    summary,
    [
      frame(Opcode.Text, HELLO, options),
      frame(Opcode.Text, HELLO, { ...options, rsv }),
      frame(Opcode.Ping, NOTHING, options),
      failAfter(1000),
    ],
    [messageEvent(false, HELLO)],
    [],
  );
}

export const RESERVED_BIT_CASES: readonly ConformanceCase[] = [
  rejected('3.1', 'text with RSV3', [frame(Opcode.Text, HELLO, { rsv: 1 }), failAfter(1000)]),
  behindMessage('3.2', 'a good message, then text with RSV2, then a ping', 2),
  behindMessage('3.3', 'a good message, then text with RSV2 and RSV3, then a ping, each a write', 3, { isAlone: true }),
  behindMessage('3.4', 'a good message, then text with RSV1, then a ping, byte by byte', 4, { chopBytes: 1 }),
  rejected('3.5', 'binary with RSV1 and RSV3', [
    frame(Opcode.Binary, bytes('00fffefdfcfb00ff'), { rsv: 5 }),
    failAfter(1000),
  ]),
  rejected('3.6', 'binary with RSV1 and RSV2', [frame(Opcode.Binary, HELLO, { rsv: 6 }), failAfter(1000)]),
  rejected('3.7', 'Close with all three RSV bits', [frame(Opcode.Close, NOTHING, { rsv: 7 }), failAfter(1000)]),
];
