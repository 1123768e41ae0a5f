/**
 * Records the frames of a stream (§5.2) as their bytes come, and what is wrong with each. The reference reader judges
 * headers and Close bodies (§5.5.1, §7.4); text is checked as it arrives (§8.1). The recorder answers nothing and puts
 * nothing together. It keeps no frame that it has handed on, so it can follow a connection for as long as that lives.
 */

import {
  closeFaults,
  headerFaults,
  isControlOpcode,
  maskReference,
  Opcode,
  type ReferenceHeader,
  type Role,
  readHeader,
  Utf8Validator,
  type ViolationId,
} from '../protocol/index.ts';
import { declaredHeaderLength } from './header-layout.ts';

export interface RecordedFrame {
  readonly index: number;
  /** From the first byte of the stream, in bytes. */
  readonly offset: number;
  /** Header bytes; fewer than declared when the frame was refused or cut there. */
  readonly header: Uint8Array;
  /** Payload as it was sent, as far as it is there and kept. */
  readonly wirePayload: Uint8Array;
  /** The same, unmasked. */
  readonly payload: Uint8Array;
  /** Payload bytes that are there, kept or not. */
  readonly presentLength: number;
  readonly state: 'whole' | 'cut' | 'refused';
  /** Whether a fragmented message had begun before this frame (§5.4). */
  readonly isMessageOpen: boolean;
  readonly message: RecordedMessage | undefined;
  /** As which of its message's frames it came, from 1 on. */
  readonly part: number;
  /** Whether its payload may be shown as text: control frames, and text that is not compressed. */
  readonly isText: boolean;
  readonly violation: RecordedViolation | undefined;
}

export interface RecordedMessage {
  readonly index: number;
  readonly isText: boolean;
  readonly isCompressed: boolean;
}

export interface RecordedViolation {
  readonly id: ViolationId;
  readonly detail: number;
  /** Where in its frame the fault lies, in bytes from the frame's first; undefined: in a header field. */
  readonly faultAt: number | undefined;
}

interface RecorderOptions {
  readonly role: Role;
  readonly allowsRsv1: boolean;
  readonly strictLengths: boolean;
  /** How many bytes of each payload are kept; all of it counts. */
  readonly maxPayloadBytes: number;
}

/** A frame of which more is to come. */
interface OpenFrame {
  readonly offset: number;
  readonly header: ReferenceHeader;
  readonly headerBytes: Uint8Array;
  readonly payloadLength: number;
  readonly wirePayload: ByteList;
  readonly payload: ByteList;
  readonly isMessageOpen: boolean;
  readonly message: RecordedMessage | undefined;
  readonly part: number;
  readonly isText: boolean;
  violation: RecordedViolation | undefined;
}

const NONE = new Uint8Array(0);

export class FrameRecorder {
  /** Whether nothing is read any more: a Close frame has come (§5.5.1), or a violation. */
  hasEnded = false;
  /** Behind the last byte that belongs to a frame, in bytes from the first pushed. */
  end = 0;
  private readonly options: RecorderOptions;
  private readonly onFrame: (frame: RecordedFrame) => void;
  private validator = new Utf8Validator();
  /** The start of a header of which more is to come. */
  private headerStart: Uint8Array = NONE;
  private openFrame: OpenFrame | undefined;
  private openMessage: RecordedMessage | undefined;
  private frameCount = 0;
  private messageCount = 0;
  /** Frames of the open message so far. */
  private partCount = 0;

  /** @param onFrame gets each frame once it is whole or refused, or when the bytes end inside it */
  constructor(options: RecorderOptions, onFrame: (frame: RecordedFrame) => void) {
    this.options = options;
    this.onFrame = onFrame;
  }

  /** Takes the next bytes, which stay as they are. */
  push(chunk: Uint8Array): void {
    let rest = this.headerStart.length === 0 ? chunk : concat([this.headerStart, chunk]);
    this.headerStart = NONE;
    while (!this.hasEnded) {
      if (this.openFrame === undefined) {
        const header = readHeader(rest);
        const [fault] =
          header === 'more' ? [] : headerFaults(header, this.options, { frames: this.partCount, bytes: 0 });
        if (fault !== undefined) {
          this.recordHeaderOnly(rest, 'refused', { ...fault, faultAt: undefined });
          return;
        }
        if (header === 'more' || !header.isHeaderWhole) {
          this.headerStart = rest.slice();
          return;
        }
        this.openFrame = this.open(header, rest.slice(0, header.headerLength));
        rest = rest.subarray(header.headerLength);
      }
      const frame = this.openFrame;
      const piece = rest.subarray(0, frame.payloadLength - frame.payload.length);
      rest = rest.subarray(piece.length);
      this.take(frame, piece);
      if (this.openFrame !== undefined) return;
    }
  }

  /** No more bytes come: hands on what of a frame there is. */
  finish(): void {
    if (this.hasEnded) return;
    if (this.openFrame !== undefined) this.emit(this.openFrame, 'cut');
    else if (this.headerStart.length > 0) this.recordHeaderOnly(this.headerStart, 'cut', undefined);
    this.hasEnded = true;
  }

  private open(header: ReferenceHeader, headerBytes: Uint8Array): OpenFrame {
    const offset = this.end;
    this.end += headerBytes.length;
    const isMessageOpen = this.openMessage !== undefined;
    const isControl = isControlOpcode(header.opcode);
    const message = isControl ? undefined : this.joinMessage(header);
    const maxKeptBytes = isControl ? Number.POSITIVE_INFINITY : this.options.maxPayloadBytes;
    return {
      offset,
      header,
      headerBytes,
      payloadLength: header.payloadLength!,
      wirePayload: new ByteList(maxKeptBytes),
      payload: new ByteList(maxKeptBytes),
      isMessageOpen,
      message,
      part: message === undefined ? 0 : this.partCount,
      isText: isControl || (message?.isText === true && !message.isCompressed),
      violation: undefined,
    };
  }

  /** §5.4: a data frame starts a message or continues the open one. */
  private joinMessage({ opcode, rsv }: ReferenceHeader): RecordedMessage {
    if (this.openMessage === undefined) {
      this.openMessage = { index: this.messageCount++, isText: opcode === Opcode.Text, isCompressed: rsv === 4 };
      this.validator = new Utf8Validator();
    }
    this.partCount++;
    return this.openMessage;
  }

  /** Takes some of a frame's payload, and hands the frame on when that was the last of it, or is a fault. */
  private take(frame: OpenFrame, wire: Uint8Array): void {
    const { opcode, fin, maskingKey } = frame.header;
    let payload = wire;
    if (maskingKey !== undefined) {
      payload = wire.slice();
      maskReference(payload, 0, payload.length, maskingKey, frame.payload.length);
    }
    frame.wirePayload.push(wire);
    frame.payload.push(payload);
    this.end += wire.length;
    const isWhole = frame.payload.length === frame.payloadLength;
    if (!isControlOpcode(opcode)) this.checkText(frame, payload, isWhole && fin);
    else if (isWhole && opcode === Opcode.Close) this.checkClose(frame);
    if (isWhole || frame.violation !== undefined) this.emit(frame, isWhole ? 'whole' : 'cut');
  }

  /**
   * §8.1: the text of a message is checked as a whole, whatever its fragments. What is compressed is no text yet.
   * @param piece the last of the frame's payload that has come
   * @param isEnd whether the message ends with it
   */
  private checkText(frame: OpenFrame, piece: Uint8Array, isEnd: boolean): void {
    if (isEnd) {
      this.openMessage = undefined;
      this.partCount = 0;
    }
    if (!frame.isText) return;
    const end = frame.header.headerLength + frame.payload.length;
    const badAt = this.validator.push(piece, 0, piece.length);
    const isBad = badAt !== -1 || (isEnd && !this.validator.isComplete);
    // Where the text ends inside a code point, the fault is what is missing behind the last byte.
    const faultAt = badAt === -1 ? end : end - piece.length + badAt;
    if (isBad) this.fail(frame, { id: 'invalidText', detail: 0, faultAt });
  }

  /** §5.5.1: the code may be sent, and the reason is UTF-8. Nothing is read behind the frame in any case. */
  private checkClose(frame: OpenFrame): void {
    this.hasEnded = true;
    const payload = frame.payload.bytes();
    const [fault] = closeFaults(payload);
    if (fault === undefined) return;
    const { headerLength } = frame.header;
    const badAt = fault.id === 'invalidCloseCode' ? 0 : new Utf8Validator().push(payload, 2, payload.length);
    this.fail(frame, { ...fault, faultAt: headerLength + (badAt === -1 ? payload.length : badAt) });
  }

  private fail(frame: OpenFrame, violation: RecordedViolation): void {
    frame.violation = violation;
    this.hasEnded = true;
  }

  private emit(frame: OpenFrame, state: RecordedFrame['state']): void {
    this.openFrame = undefined;
    const { offset, headerBytes, isMessageOpen, message, part, isText, violation } = frame;
    this.onFrame({
      index: this.frameCount++,
      offset,
      header: headerBytes,
      wirePayload: frame.wirePayload.bytes(),
      payload: frame.payload.bytes(),
      presentLength: frame.payload.length,
      state,
      isMessageOpen,
      message,
      part,
      isText,
      violation,
    });
  }

  /** @param bytes from the header's first on */
  private recordHeaderOnly(
    bytes: Uint8Array,
    state: 'cut' | 'refused',
    violation: RecordedViolation | undefined,
  ): void {
    const header = bytes.slice(0, declaredHeaderLength(bytes));
    const offset = this.end;
    this.end += header.length;
    this.hasEnded = true;
    this.onFrame({
      index: this.frameCount++,
      offset,
      header,
      wirePayload: NONE,
      payload: NONE,
      presentLength: 0,
      state,
      isMessageOpen: this.openMessage !== undefined,
      message: undefined,
      part: 0,
      isText: false,
      violation,
    });
  }
}

/** Bytes that come in pieces: all are counted, the first so many are kept. */
class ByteList {
  length = 0;
  private readonly maxBytes: number;
  private readonly pieces: Uint8Array[] = [];

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  push(piece: Uint8Array): void {
    const left = this.maxBytes - this.length;
    if (left > 0 && piece.length > 0) this.pieces.push(piece.slice(0, left));
    this.length += piece.length;
  }

  bytes(): Uint8Array {
    return concat(this.pieces);
  }
}

/** Bytes behind each other; a part that is alone, as it is. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
