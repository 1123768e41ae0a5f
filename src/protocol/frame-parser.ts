/**
 * The resumable frame parser (§5.2; §5.7 has examples): bytes in, in chunks of any size, calls to a `FrameSink` out, in
 * wire order. Unmasks in place, allocates nothing per frame, holds back at most one incomplete header, and stops for good
 * at the first violation. Knows nothing of messages beyond what makes a header legal, and nothing of sockets.
 */

import {
  FIN,
  FrameHeader,
  frameHeaderLength,
  type HeaderContext,
  headerViolation,
  headerViolationDetail,
  LENGTH_16,
  LENGTH_64,
  MASK,
  MAX_HEADER_BYTES,
  type Role,
} from './frame-header.ts';
import type { Limits } from './limits.ts';
import { maskChunk, type Unmask } from './mask.ts';
import { Chunk } from './memory.ts';
import { CONTROL_BIT, Opcode } from './opcode.ts';
import type { ViolationId } from './violation.ts';
import { TWO_POW_32 } from './whole-number.ts';

/** Receives what the parser finds, synchronously. */
export interface FrameSink {
  /**
   * A piece of a frame: its payload bytes chunk[start … end), unmasked where they lie, which stand at `header.position`
   * in the payload. A frame that lies whole in one chunk is one piece, of `header.payloadLength` bytes; the last piece of
   * any frame ends at `header.payloadLength`. A piece is empty when the frame is, or when it has only been announced: the
   * chunk ends behind the header.
   * @param header valid during the call
   * @param isAscii whether unmasking has shown that the piece is all ASCII; false when nobody has looked
   */
  framePart(header: FrameHeader, chunk: Chunk, start: number, end: number, isAscii: boolean): void;
  /** The first and only violation of this stream. `detail` is the number that its message speaks of. */
  violation(id: ViolationId, detail: number): void;
}

export interface FrameParserOptions {
  readonly role: Role;
  readonly limits: Limits;
  /** Whether an extension agreed on in the opening handshake (§5.8) gives RSV1 a meaning. Default false. */
  readonly allowsRsv1?: boolean;
  /** Default `maskChunk`. */
  readonly unmask?: Unmask | undefined;
  /** Refuse payload lengths that are not in their shortest form. Default false: all peers take them. */
  readonly strictLengths?: boolean | undefined;
}

const NO_BYTES = new Uint8Array(0);
/** The upper half of the largest length that a JavaScript number holds exactly, 2^53 − 1. */
const MAX_LENGTH_HIGH = 0x1f_ffff;

export class FrameParser implements HeaderContext {
  readonly role: Role;
  readonly allowsRsv1: boolean;
  /** Whether a fragmented message has begun and not ended (§5.4). */
  isMessageOpen = false;
  /** Makes `push` return, also when it is set by the sink. What was not consumed is pushed again once this is false. */
  isHalted = false;
  /** Makes `push` discard every byte: after a Close frame (§5.5.1) or a failed connection (§7.1.7). */
  isStopped = false;
  private readonly sink: FrameSink;
  private readonly limits: Limits;
  /** The longest unfragmented message, by whichever limit. */
  private readonly maxPlainBytes: number;
  private readonly strictLengths: boolean;
  private readonly unmask: Unmask;
  private readonly header = new FrameHeader();
  /** The start of a header that the chunk's end cut off. */
  private spill = NO_BYTES;
  private spillLength = 0;
  /** The second byte's mask bit that this role expects. */
  private readonly expectedMaskBit: number;
  /** Payload declared so far by the fragments of the open message, and how many there were (§10.4). */
  private messageBytes = 0;
  private fragments = 0;

  constructor(sink: FrameSink, options: FrameParserOptions) {
    this.sink = sink;
    this.limits = options.limits;
    this.role = options.role;
    this.allowsRsv1 = options.allowsRsv1 ?? false;
    this.strictLengths = options.strictLengths ?? false;
    this.unmask = options.unmask ?? maskChunk;
    this.maxPlainBytes = Math.min(options.limits.maxFrameBytes, options.limits.maxMessageBytes);
    this.expectedMaskBit = options.role === 'server' ? MASK : 0;
  }

  /**
   * Parses chunk[start … end) (§6.2). Payload is unmasked where it lies.
   * @returns the place behind the bytes consumed; before `end` only when halted
   */
  push(given: Chunk | Uint8Array, start = 0, end = given instanceof Chunk ? given.bytes.length : given.length): number {
    const chunk = given instanceof Chunk ? given : new Chunk(given);
    const { bytes } = chunk;
    const { header } = this;
    let position = start;
    // A sink may hand out the chunk's memory, and whoever gets it take it away: then there are no bytes any more.
    while (position < end && bytes.length > 0 && !this.isStopped && !this.isHalted) {
      // The frame before is complete, or there was none: a header comes.
      if (header.position === header.payloadLength) {
        let headerLength: number;
        if (this.spillLength === 0) {
          headerLength = this.readHeader(bytes, position, end - position);
          if (headerLength === 0) {
            if (this.spill.length === 0) this.spill = new Uint8Array(MAX_HEADER_BYTES);
            for (; position < end; position++) this.spill[this.spillLength++] = bytes[position]!;
            break;
          }
          position += headerLength;
        } else {
          this.spill[this.spillLength++] = bytes[position++]!;
          headerLength = this.readHeader(this.spill, 0, this.spillLength);
          if (headerLength === 0) continue;
          this.spillLength = 0;
        }
        if (headerLength < 0) break;
      }

      const from = position;
      position = Math.min(end, from + header.payloadLength - header.position);
      const isAscii =
        header.masked && position > from && this.unmask(chunk, from, position, header.maskingKey, header.position);
      this.sink.framePart(header, chunk, from, position, isAscii);
      header.position += position - from;
    }
    return this.isStopped ? end : position;
  }

  /**
   * Reads the header at bytes[at] into `this.header`.
   * @returns its length; 0 when `available` bytes do not hold it all; -1 when it is a violation: the sink knows
   */
  private readHeader(bytes: Uint8Array, at: number, available: number): number {
    if (available < 2) return 0;
    const byte0 = bytes[at]!;
    const byte1 = bytes[at + 1]!;
    // An unfragmented text or binary frame with the right mask bit is legal whatever else it says; bench:parse shows
    // what the short cut is worth. Every other frame goes through the full check.
    const isPlainData =
      (byte0 === (FIN | Opcode.Binary) || byte0 === (FIN | Opcode.Text)) &&
      (byte1 & MASK) === this.expectedMaskBit &&
      !this.isMessageOpen;
    if (!isPlainData) {
      const id = headerViolation(byte0, byte1, this);
      if (id !== undefined) return this.violate(id, headerViolationDetail(id, byte0, byte1));
    }

    let payloadLength = byte1 & 0x7f;
    let headerLength = 2;
    if (payloadLength === LENGTH_16) {
      if (available < 4) return 0;
      payloadLength = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      headerLength = 4;
    } else if (payloadLength === LENGTH_64) {
      if (available < 10) return 0;
      const high = readUint32(bytes, at + 2);
      if (high > MAX_LENGTH_HIGH) return this.violate('lengthUnsupported', 0);
      payloadLength = high * TWO_POW_32 + readUint32(bytes, at + 6);
      headerLength = 10;
    }
    const maskAt = at + headerLength;
    const masked = (byte1 & MASK) !== 0;
    if (masked) headerLength += 4;

    if (this.strictLengths && headerLength !== frameHeaderLength(payloadLength, masked)) {
      return this.violate('lengthNotMinimal', payloadLength);
    }
    // The length alone decides: the masking key is not waited for, and nothing is set aside for a length only declared.
    const isControl = (byte0 & CONTROL_BIT) !== 0;
    if (!isControl && (!isPlainData || payloadLength > this.maxPlainBytes)) {
      const tooLong = this.lengthViolation(byte0, payloadLength);
      if (tooLong !== undefined) return this.violate(tooLong, payloadLength);
    }
    if (available < headerLength) return 0;
    const header = this.header;
    header.firstByte = byte0;
    header.masked = masked;
    header.maskingKey = masked
      ? (bytes[maskAt]! << 24) | (bytes[maskAt + 1]! << 16) | (bytes[maskAt + 2]! << 8) | bytes[maskAt + 3]!
      : 0;
    header.payloadLength = payloadLength;
    header.position = 0;
    if (!isPlainData && !isControl) this.countFragment(byte0, payloadLength);
    return headerLength;
  }

  /** §10.4: what a frame of this length would exceed, if anything. */
  private lengthViolation(byte0: number, payloadLength: number): ViolationId | undefined {
    const limits = this.limits;
    const messageBytes = this.messageBytes + payloadLength;
    if (payloadLength > limits.maxFrameBytes) return 'frameTooLong';
    if (messageBytes > limits.maxMessageBytes) return 'messageTooLong';
    const isFragment = this.isMessageOpen || (byte0 & FIN) === 0;
    return isFragment && this.fragments >= limits.maxFragments ? 'tooManyFragments' : undefined;
  }

  /** Keeps account of the message that this frame opens, continues or ends (§5.4). */
  private countFragment(byte0: number, payloadLength: number): void {
    this.isMessageOpen = (byte0 & FIN) === 0;
    if (this.isMessageOpen) {
      this.messageBytes += payloadLength;
      this.fragments++;
    } else {
      this.messageBytes = 0;
      this.fragments = 0;
    }
  }

  private violate(id: ViolationId, detail: number): -1 {
    this.isStopped = true;
    this.sink.violation(id, detail);
    return -1;
  }
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
