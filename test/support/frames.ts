/**
 * What a FrameParser finds, as data, whatever way the bytes were cut; and `expectFrames`, which runs one row of a
 * table in every way in which bytes can arrive.
 */

import { expect } from 'vitest';
import {
  type Chunk,
  encodeFrame,
  type FrameHeader,
  FrameParser,
  type FrameSink,
  type Limits,
  type Role,
  UNLIMITED,
  type ViolationId,
} from '../../src/protocol/index.ts';
import { byteByByte, concat, copyOf, cutAt, hex, toHex } from './wire.ts';

export interface FoundFrame {
  readonly firstByte: number;
  readonly masked: boolean;
  readonly maskingKey: number;
  readonly payload: string;
}
export interface FoundViolation {
  readonly violation: ViolationId;
  readonly detail: number;
}
/** A frame whose end has not come: what there is of it. */
export interface OpenFrame {
  readonly firstByte: number;
  readonly payloadLength: number;
  readonly arrived: string;
}
export type FrameEvent = FoundFrame | FoundViolation | OpenFrame;

/** Records frames, and holds the parser to the contract of `FrameSink`: pieces in order, none but the first empty. */
export class RecordingSink implements FrameSink {
  readonly frames: (FoundFrame | FoundViolation)[] = [];
  private open: { header: FrameHeader; payloadLength: number; arrived: number; pieces: Uint8Array[] } | undefined;

  framePart(header: FrameHeader, { bytes }: Chunk, start: number, end: number): void {
    const isFirst = this.open === undefined;
    if (isFirst) this.expectQuiet('framePart');
    this.open ??= { header, payloadLength: header.payloadLength, arrived: 0, pieces: [] };
    const { open } = this;
    if (open.header !== header) throw new Error('framePart: another frame is open');
    if (start >= end && !isFirst) throw new Error('framePart: an empty piece');
    if (header.position !== open.arrived) throw new Error('framePart: the piece stands elsewhere');
    open.pieces.push(bytes.slice(start, end));
    open.arrived += end - start;
    if (open.arrived > open.payloadLength) throw new Error('framePart: the payload is longer than announced');
    if (open.arrived < open.payloadLength) return;
    this.open = undefined;
    this.record(header, open.pieces);
  }

  violation(violation: ViolationId, detail: number): void {
    this.expectQuiet('violation');
    this.frames.push({ violation, detail });
  }

  /** Everything found, and the frame that is still open. */
  get events(): FrameEvent[] {
    if (this.open === undefined) return [...this.frames];
    const { header, payloadLength, pieces } = this.open;
    return [...this.frames, { firstByte: header.firstByte, payloadLength, arrived: toHex(concat(...pieces)) }];
  }

  private record(header: FrameHeader, pieces: Uint8Array[]): void {
    const { firstByte, masked, maskingKey } = header;
    this.frames.push({ firstByte, masked, maskingKey: maskingKey >>> 0, payload: toHex(concat(...pieces)) });
  }

  private expectQuiet(call: string): void {
    const last = this.frames.at(-1);
    if (last !== undefined && 'violation' in last) throw new Error(`${call} after a violation`);
    if (this.open !== undefined) throw new Error(`${call} inside a frame`);
  }
}

export interface ParseOptions {
  readonly role?: Role;
  readonly limits?: Limits;
  readonly allowsRsv1?: boolean;
  readonly strictLengths?: boolean;
}

/** Parses chunks with a new parser; the chunks are used up. */
export function parseChunks(chunks: readonly Uint8Array[], options: ParseOptions = {}): FrameEvent[] {
  const sink = new RecordingSink();
  const parser = new FrameParser(sink, { role: 'client', limits: UNLIMITED, ...options });
  for (const chunk of chunks) {
    const consumed = parser.push(chunk);
    if (consumed !== chunk.length)
      throw new Error(`consumed ${consumed} of ${chunk.length} bytes without being halted`);
  }
  return sink.events;
}

export interface ExpectOptions extends ParseOptions {
  /** Whether writing the frames found gives the same bytes. Default: unless a length is longer than it need be. */
  readonly isRoundTrip?: boolean;
}

/** Above this many bytes, the two-way splits are those near either end and every so many between. */
const ALL_SPLITS_BYTES = 400;

/**
 * Expects the bytes to parse to these events: whole, byte by byte, in each split into two, and with bytes behind them;
 * then, if they are legal, that the frame writer gives the bytes back. Frames in `events` may leave out what is usual.
 */
export function expectFrames(
  wire: Uint8Array | string,
  events: readonly (Partial<FoundFrame> | Partial<FoundViolation> | OpenFrame)[],
  options: ExpectOptions = {},
): void {
  const bytes = typeof wire === 'string' ? hex(wire) : wire;
  const found = parseChunks([copyOf(bytes)], options);
  expect(found).toMatchObject(events);
  const parse = (chunks: readonly Uint8Array[], what: string) =>
    expect(parseChunks(chunks, options), what).toEqual(found);

  parse(byteByByte(bytes), 'byte by byte');
  parse([new Uint8Array(0), copyOf(bytes), new Uint8Array(0)], 'with empty chunks');
  for (const place of splitPlaces(bytes.length)) parse(cutAt(bytes, [place]), `split at byte ${place}`);
  expectTrailing(bytes, found, options);

  if (options.isRoundTrip ?? isLegal(found)) {
    const frames = found.filter((event): event is FoundFrame => 'payload' in event);
    expect(frames.length, 'only whole, legal frames can be written back').toBe(found.length);
    expect(toHex(writeFrames(frames)), 'written back').toBe(toHex(bytes));
  }
}

function splitPlaces(lengthBytes: number): number[] {
  const step = Math.ceil(lengthBytes / ALL_SPLITS_BYTES);
  const isTried = (place: number) => place < 20 || lengthBytes - place < 20 || place % step === 0;
  return Array.from({ length: lengthBytes }, (_, place) => place).filter(isTried);
}

/** After a violation nothing is heard; after a whole frame the start of another is no event yet. */
function expectTrailing(bytes: Uint8Array, found: readonly FrameEvent[], options: ParseOptions): void {
  if (found.some((event) => 'arrived' in event)) return;
  const isStopped = found.some((event) => 'violation' in event);
  const trailing = isStopped ? hex('8100 8900 8800 ffff') : hex('82');
  const all = concat(bytes, trailing);
  expect(parseChunks([copyOf(all)], options), 'with trailing bytes').toEqual(found);
  expect(parseChunks(byteByByte(all), options), 'with trailing bytes, byte by byte').toEqual(found);
}

function isLegal(found: readonly FrameEvent[]): boolean {
  return found.every((event) => 'payload' in event);
}

export function writeFrames(frames: readonly FoundFrame[]): Uint8Array {
  return concat(
    ...frames.map(({ firstByte, masked, maskingKey, payload }) =>
      encodeFrame(firstByte, hex(payload), masked ? maskingKey : undefined),
    ),
  );
}
