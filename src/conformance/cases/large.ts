/**
 * Groups 9 and 10: large messages, whole, in fragments and in small writes; many short round trips; and a message that
 * the fuzzer's own fragmentation cuts. Group 9 compares type and length only.
 */

import { Opcode } from '../../protocol/index.ts';
import {
  answered,
  type ConformanceCase,
  closeAfter,
  dataOpcode,
  failAfter,
  frame,
  measured,
  messageEvent,
} from '../case.ts';
import { bytes, repeated, text } from '../payload.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const TEXT_UNIT = text('BAsd7&jh23');
const BINARY_UNIT = bytes('00fe23faf0');
const STAR = bytes('2a');
const HIGH = bytes('fe');

/** Text cases have an odd subgroup, and the same with binary follows it. */
const TYPES = [
  { isBinary: false, type: 'text' },
  { isBinary: true, type: 'binary' },
];

const SIZES = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB];
/** Up to which size of each type ten seconds have to do. */
const SHORT_TIMEOUT_UP_TO = { text: 256 * KIB, binary: 4 * MIB };

/** 9.1 and 9.2: one frame. */
const WHOLE: readonly ConformanceCase[] = TYPES.flatMap(({ isBinary, type }, t) =>
  SIZES.map((lengthBytes, i) => {
    const isShort = lengthBytes <= (isBinary ? SHORT_TIMEOUT_UP_TO.binary : SHORT_TIMEOUT_UP_TO.text);
    const payload = repeated(isBinary ? BINARY_UNIT : TEXT_UNIT, lengthBytes);
    return measured(
      `9.${1 + t}.${i + 1}`,
      `one ${type} message of ${lengthBytes} bytes`,
      [frame(dataOpcode(isBinary), payload), closeAfter(isShort ? 10_000 : 100_000)],
      { kind: 'firstMessage', isBinary, lengthBytes },
    );
  }),
);

const FRAGMENT_SIZES = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];

/** 9.3 and 9.4: 4 MiB in fragments. The first binary case has a filling of its own. */
const FRAGMENTED: readonly ConformanceCase[] = TYPES.flatMap(({ isBinary, type }, t) =>
  FRAGMENT_SIZES.map((fragmentBytes, i) => {
    const lengthBytes = 4 * MIB;
    const payload = repeated(isBinary && i === 0 ? HIGH : STAR, lengthBytes);
    return measured(
      `9.${3 + t}.${i + 1}`,
      `one ${type} message of ${lengthBytes} bytes in fragments of ${fragmentBytes}`,
      [{ do: 'message', isBinary, payload, fragmentBytes }, closeAfter(100_000)],
      { kind: 'firstMessage', isBinary, lengthBytes },
    );
  }),
);

const CHOP_SIZES = [64, 128, 256, 512, KIB, 2 * KIB];

/** 9.5 and 9.6: 1 MiB in one frame, in small writes. */
const CHOPPED: readonly ConformanceCase[] = TYPES.flatMap(({ isBinary, type }, t) =>
  CHOP_SIZES.map((chopBytes, i) => {
    const payload = repeated(isBinary ? BINARY_UNIT : TEXT_UNIT, MIB);
    return measured(
      `9.${5 + t}.${i + 1}`,
      `one ${type} message of ${MIB} bytes, written ${chopBytes} bytes at a time`,
      [frame(dataOpcode(isBinary), payload, { chopBytes }), closeAfter(1_000_000)],
      { kind: 'firstMessage', isBinary, lengthBytes: MIB },
    );
  }),
);

const ROUND_TRIPS: readonly { readonly lengthBytes: number; readonly timeoutSeconds: number }[] = [
  { lengthBytes: 0, timeoutSeconds: 60 },
  { lengthBytes: 16, timeoutSeconds: 60 },
  { lengthBytes: 64, timeoutSeconds: 60 },
  { lengthBytes: 256, timeoutSeconds: 120 },
  { lengthBytes: 1024, timeoutSeconds: 240 },
  { lengthBytes: 4096, timeoutSeconds: 480 },
];

/** 9.7 and 9.8: one message after the other's echo. */
const LOOPS: readonly ConformanceCase[] = TYPES.flatMap(({ isBinary, type }, t) =>
  ROUND_TRIPS.map(({ lengthBytes, timeoutSeconds }, i) => {
    const count = 1000;
    const payload = repeated(isBinary ? HIGH : STAR, lengthBytes);
    return measured(
      `9.${7 + t}.${i + 1}`,
      `${count} round trips of ${type} messages of ${lengthBytes} bytes`,
      [closeAfter(timeoutSeconds * 1000), frame(dataOpcode(isBinary), payload)],
      { kind: 'echoLoop', isBinary, lengthBytes, count },
    );
  }),
);

const AUTO_FRAGMENTED_PAYLOAD = repeated(STAR, 64 * KIB);

/** Group 10. */
const AUTO_FRAGMENTED = answered(
  '10.1.1',
  'text message of 65536 bytes in 51 frames',
  [{ do: 'message', isBinary: false, payload: AUTO_FRAGMENTED_PAYLOAD, fragmentBytes: 1300 }, failAfter(10_000)],
  [messageEvent(false, AUTO_FRAGMENTED_PAYLOAD)],
  {
    sentFrames: new Map([
      [Opcode.Text, 1],
      [Opcode.Continuation, 50],
    ]),
  },
);

export const LARGE_CASES: readonly ConformanceCase[] = [...WHOLE, ...FRAGMENTED, ...CHOPPED, ...LOOPS, AUTO_FRAGMENTED];
