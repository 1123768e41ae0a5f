import { describe, expect, it } from 'vitest';
import { AnswerReader } from '../../bench/load/echo.ts';
import { buildStream, payloadOf } from '../../bench/load/frames.ts';
import { type Chunk, type FrameHeader, FrameParser, Opcode, resolveLimits } from '../../src/protocol/index.ts';

const READ_BYTES = 4096;

/** What a server makes of the requests. */
function parse(bytes: Uint8Array, role: 'server' | 'client'): { opcode: number; payload: string }[] {
  const frames: { opcode: number; payload: string }[] = [];
  let pieces: Uint8Array[] = [];
  const sink = {
    framePart(header: FrameHeader, { bytes }: Chunk, start: number, end: number) {
      pieces.push(bytes.slice(start, end));
      if (header.position + end - start < header.payloadLength) return;
      frames.push({ opcode: header.opcode, payload: Buffer.concat(pieces).toString('latin1') });
      pieces = [];
    },
    violation(id: string) {
      throw new Error(id);
    },
  };
  const parser = new FrameParser(sink, { role, limits: resolveLimits({}), allowsRsv1: false });
  parser.push(Uint8Array.from(bytes));
  return frames;
}

describe('payloadOf', () => {
  it('differs from its neighbours from 1 byte on', () => {
    const payloads = Array.from({ length: 16 }, (_, i) => Buffer.from(payloadOf(i, 1, false)).toString('hex'));
    expect(new Set(payloads).size).toBe(16);
  });

  it('is printable ASCII as text', () => {
    expect(Buffer.from(payloadOf(3, 500, true)).toString('latin1')).toMatch(/^[ -~]{500}$/);
  });
});

describe('buildStream', () => {
  it.each([
    { payloadBytes: 0, isText: false, burst: 1 },
    { payloadBytes: 16, isText: false, burst: 64 },
    { payloadBytes: 128, isText: true, burst: 1 },
    { payloadBytes: 70_000, isText: false, burst: 3 },
  ])('requests are masked and answers are not, same messages: %j', (options) => {
    const stream = buildStream({ ...options, isRaw: false }, READ_BYTES);
    const requests = parse(stream.requests, 'server');
    const answers = parse(stream.answers, 'client');
    expect(requests).toHaveLength(stream.period + options.burst);
    expect(answers.length * stream.answerBytes).toBeGreaterThanOrEqual(stream.period * stream.answerBytes + READ_BYTES);
    for (const [i, answer] of answers.entries()) expect(answer).toEqual(requests[i % stream.period]);
    expect(new Set(requests.map(({ opcode }) => opcode))).toEqual(
      new Set([options.isText ? Opcode.Text : Opcode.Binary]),
    );
  });

  it('raw: what comes back is what was sent', () => {
    const { requests, answers, answerBytes, requestBytes, period } = buildStream(
      { payloadBytes: 16, isText: false, burst: 1, isRaw: true },
      READ_BYTES,
    );
    expect(answerBytes).toBe(requestBytes);
    expect(Buffer.compare(answers.subarray(0, period * answerBytes), requests.subarray(0, period * answerBytes))).toBe(
      0,
    );
  });
});

describe('AnswerReader', () => {
  const stream = buildStream({ payloadBytes: 16, isText: false, burst: 1, isRaw: false }, READ_BYTES);
  const answers = Buffer.from(stream.answers.subarray(0, stream.period * stream.answerBytes));

  it.each([1, 7, 18, 100])('counts whole answers, cut every %d bytes', (step) => {
    const reader = new AnswerReader(stream);
    for (let at = 0; at < answers.length; at += step) {
      const end = Math.min(at + step, answers.length);
      expect(reader.take(answers, at, end)).toBe(Math.floor(end / stream.answerBytes));
    }
  });

  it('notices one wrong bit', () => {
    for (const at of [0, 1, 2, answers.length - 1]) {
      const wrong = Buffer.from(answers);
      wrong[at]! ^= 1;
      expect(() => new AnswerReader(stream).take(wrong, 0, wrong.length)).toThrow('differ');
    }
  });

  it('notices answers in another order', () => {
    const wrong = Buffer.concat([
      answers.subarray(stream.answerBytes, 2 * stream.answerBytes),
      answers.subarray(0, stream.answerBytes),
    ]);
    expect(() => new AnswerReader(stream).take(wrong, 0, wrong.length)).toThrow('differ');
  });
});
