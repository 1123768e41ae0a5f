/** Group 2: a ping is answered with a pong of the same payload; pongs that nobody asked for are ignored (§5.5.2, §5.5.3). */

import { CloseCode, Opcode } from '../../protocol/index.ts';
import {
  answered,
  type ConformanceCase,
  closeAfter,
  type FrameOptions,
  failAfter,
  frame,
  pongEvent,
  rejected,
  type Step,
} from '../case.ts';
import { bytes, NOTHING, type Payload, repeated, text } from '../payload.ts';
import { closeStep } from './close-step.ts';

const UNSOLICITED = frame(Opcode.Pong, text('unsolicited pong payload'));
const TEN_PAYLOADS = Array.from({ length: 10 }, (_, i) => text(`payload-${i}`));
const ONE_BYTE_AT_A_TIME: FrameOptions = { chopBytes: 1 };

function pings(
  id: string,
  summary: string,
  payloads: readonly Payload[],
  timeoutMs: number,
  options?: FrameOptions,
  before: readonly Step[] = [],
): ConformanceCase {
  const frames = payloads.map((payload) => frame(Opcode.Ping, payload, options));
  return answered(id, summary, [...before, ...frames, closeAfter(timeoutMs)], payloads.map(pongEvent));
}

function pongThenClose(id: string, summary: string, payload: Payload): ConformanceCase {
  return answered(id, summary, [frame(Opcode.Pong, payload), closeStep(CloseCode.NormalClosure), closeAfter(1000)], []);
}

const BINARY_PAYLOAD = bytes('00fffefdfcfb00ff');
const LONGEST = repeated(bytes('fe'), 125);

export const PING_PONG_CASES: readonly ConformanceCase[] = [
  pings('2.1', 'ping without payload', [NOTHING], 1000),
  pings('2.2', 'ping with text', [text('Hello, world!')], 1000),
  pings('2.3', 'ping with bytes that are not UTF-8', [BINARY_PAYLOAD], 1000),
  pings('2.4', 'ping with the longest payload, 125 bytes', [LONGEST], 1000),
  rejected('2.5', 'ping with 126 bytes, one too many', [
    frame(Opcode.Ping, repeated(bytes('fe'), 126)),
    failAfter(1000),
  ]),
  pings('2.6', 'ping with 125 bytes, written one byte at a time', [LONGEST], 2000, ONE_BYTE_AT_A_TIME),
  pongThenClose('2.7', 'unsolicited pong without payload', NOTHING),
  pongThenClose('2.8', 'unsolicited pong with payload', UNSOLICITED.payload),
  pings('2.9', 'unsolicited pong, then a ping', [text('ping payload')], 1000, {}, [UNSOLICITED]),
  pings('2.10', 'ten pings at once', TEN_PAYLOADS, 3000),
  pings('2.11', 'ten pings, written one byte at a time', TEN_PAYLOADS, 3000, ONE_BYTE_AT_A_TIME),
];
