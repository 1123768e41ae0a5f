/**
 * The bytes that a load sends and those that it expects back, made before the measurement. A stream is a number of
 * different messages of one length, again and again; every answer is the same message, unmasked.
 */

import { encodeFrame, FIN, Opcode } from '../../src/protocol/index.ts';

export interface StreamOptions {
  readonly payloadBytes: number;
  readonly isText: boolean;
  /** Most messages that are sent at once. */
  readonly burst: number;
  /** The answers are the requests' bytes. */
  readonly isRaw: boolean;
}

export interface MessageStream {
  /** How many messages differ. */
  readonly period: number;
  readonly requestBytes: number;
  readonly answerBytes: number;
  /** `burst` messages in a row can be taken from the place of any of the first `period`. */
  readonly requests: Uint8Array;
  /** The answers of one period, and then as many bytes again as one read may hold. */
  readonly answers: Uint8Array;
}

/** Enough to notice answers out of order; few enough to stay in the processor's cache. */
const MAX_PERIOD = 16;
const MAX_PERIOD_BYTES = 1024 * 1024;

/** Payload number `index`: no two are alike, whatever their length from 1 byte on; text is ASCII. */
export function payloadOf(index: number, lengthBytes: number, isText: boolean): Uint8Array {
  const payload = new Uint8Array(lengthBytes);
  let seed = Math.imul(index + 1, 2_654_435_761) >>> 0;
  for (let i = 0; i < lengthBytes; i++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    payload[i] = isText ? 0x20 + ((seed >>> 24) % 95) : seed >>> 24;
  }
  if (lengthBytes > 0) payload[0] = 0x41 + (index % MAX_PERIOD);
  return payload;
}

/** @param readBytes the most that one read brings */
export function buildStream({ payloadBytes, isText, burst, isRaw }: StreamOptions, readBytes: number): MessageStream {
  const period = Math.max(1, Math.min(MAX_PERIOD, Math.floor(MAX_PERIOD_BYTES / (payloadBytes + 1))));
  const firstByte = FIN | (isText ? Opcode.Text : Opcode.Binary);
  const payloads = Array.from({ length: period }, (_, i) => payloadOf(i, payloadBytes, isText));
  const requests = payloads.map((payload, i) => encodeFrame(firstByte, payload, Math.imul(i + 7, 0x9e3779b1)));
  const answers = isRaw ? requests : payloads.map((payload) => encodeFrame(firstByte, payload));
  return {
    period,
    requestBytes: requests[0]!.length,
    answerBytes: answers[0]!.length,
    requests: repeat(requests, period + burst),
    answers: repeat(answers, period + Math.ceil(readBytes / answers[0]!.length)),
  };
}

/** Parts of one length, one behind the other, from the first again after the last. */
function repeat(parts: readonly Uint8Array[], count: number): Uint8Array {
  const partBytes = parts[0]!.length;
  const all = Buffer.allocUnsafeSlow(partBytes * count);
  for (let i = 0; i < count; i++) all.set(parts[i % parts.length]!, i * partBytes);
  return all;
}
