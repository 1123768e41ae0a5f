/**
 * Records what the frame parser sees (§5.2), frame by frame as the bytes come: it stands where a connection stands in
 * production, as the parser's sink, and makes the same checks on payloads (§5.5.1, §7.4, §8.1). It answers nothing,
 * assembles nothing and keeps no frame that it has handed on, so that it can follow a connection for as long as that lives.
 */

import {
  type FrameHeader,
  FrameParser,
  type FrameSink,
  isControlOpcode,
  Opcode,
  parseClosePayload,
  type Role,
  readStatusCode,
  UNLIMITED,
  Utf8Validator,
  type ViolationId,
} from '../protocol/index.ts';
import { declaredHeaderLength } from './header-layout.ts';

export interface RecordedFrame {
  readonly index: number;
  /** From the first byte pushed, in bytes. */
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

export interface RecorderOptions {
  readonly role: Role;
  readonly allowsRsv1: boolean;
  readonly strictLengths: boolean;
  /** How many bytes of each payload are kept; all of it counts. */
  readonly maxPayloadBytes: number;
}

/** A frame of which more is to come. */
interface OpenFrame {
  readonly offset: number;
  readonly header: Uint8Array;
  readonly wirePayload: ByteList;
  readonly payload: ByteList;
  readonly isMessageOpen: boolean;
  readonly message: RecordedMessage | undefined;
  readonly part: number;
  readonly isText: boolean;
  violation: RecordedViolation | undefined;
}

const NONE = new Uint8Array(0);

export class FrameRecorder implements FrameSink {
  /** Whether nothing is read any more: a Close frame has come (§5.5.1), or a violation. */
  hasEnded = false;
  /** Behind the last byte that belongs to a frame, in bytes from the first pushed. */
  end = 0;
  private readonly onFrame: (frame: RecordedFrame) => void;
  private readonly maxPayloadBytes: number;
  private readonly parser: FrameParser;
  private readonly validator = new Utf8Validator();
  /** Bytes as they were sent, from `end` on or from before it: the start of a header, and the chunk at hand. */
  private wire: Uint8Array = NONE;
  private wireOffset = 0;
  private frameCount = 0;
  private messageCount = 0;
  private openMessage: RecordedMessage | undefined;
  private partCount = 0;
  private openFrame: OpenFrame | undefined;

  /** @param onFrame gets each frame once it is whole or refused, or when the bytes end inside it */
  constructor(options: RecorderOptions, onFrame: (frame: RecordedFrame) => void) {
    this.onFrame = onFrame;
    this.maxPayloadBytes = options.maxPayloadBytes;
    this.parser = new FrameParser(this, { ...options, limits: UNLIMITED });
  }

  /** Takes the next bytes, which stay as they are. */
  push(chunk: Uint8Array): void {
    if (this.hasEnded) return;
    this.wire = concat(this.wire.subarray(this.end - this.wireOffset), chunk);
    this.wireOffset = this.end;
    // The parser unmasks in place: it gets a copy.
    this.parser.push(chunk.slice());
  }

  /** No more bytes come: hands on what of a frame there is. */
  finish(): void {
    if (this.hasEnded) return;
    const { openFrame } = this;
    if (openFrame !== undefined) this.emit(openFrame, 'cut');
    else if (this.wireOffset + this.wire.length > this.end) this.recordHeaderOnly('cut', undefined);
    this.hasEnded = true;
  }

  framePart(header: FrameHeader, chunk: Uint8Array, start: number, end: number): void {
    this.openFrame ??= this.open(header);
    const frame = this.openFrame;
    this.take(frame, chunk, start, end);
    const isLast = header.position + end - start === header.payloadLength;
    if (!isControlOpcode(header.opcode)) {
      this.checkText(frame, chunk, start, end, header.headerLength + header.position);
      if (isLast && header.fin) this.endMessage(frame, header);
    } else if (isLast && header.opcode === Opcode.Close) {
      // A control frame is short enough for all of it to be kept, whatever is kept of others.
      this.checkClose(frame, header, frame.payload.bytes());
    }
    if (frame.violation !== undefined) this.stop();
    if (isLast) this.emit(frame, 'whole');
    else if (frame.violation !== undefined) this.emit(frame, 'cut');
  }

  violation(id: ViolationId, _offset: number, detail: number): void {
    this.recordHeaderOnly('refused', { id, detail, faultAt: undefined });
  }

  private open(header: FrameHeader): OpenFrame {
    const offset = this.end;
    this.end += header.headerLength;
    const isMessageOpen = this.openMessage !== undefined;
    const isControl = isControlOpcode(header.opcode);
    const message = isControl ? undefined : this.joinMessage(header);
    const maxKeptBytes = isControl ? Number.POSITIVE_INFINITY : this.maxPayloadBytes;
    return {
      offset,
      header: this.wireBytes(offset, this.end).slice(),
      wirePayload: new ByteList(maxKeptBytes),
      payload: new ByteList(maxKeptBytes),
      isMessageOpen,
      message,
      part: message === undefined ? 0 : this.partCount,
      isText: isControl || (message?.isText === true && !message.isCompressed),
      violation: undefined,
    };
  }

  private take(frame: OpenFrame, chunk: Uint8Array, start: number, end: number): void {
    const wireAt = this.end;
    this.end += end - start;
    frame.wirePayload.push(this.wireBytes(wireAt, this.end));
    frame.payload.push(chunk.subarray(start, end));
  }

  /** §5.4: a data frame starts a message or continues the open one. */
  private joinMessage(header: FrameHeader): RecordedMessage {
    if (this.openMessage === undefined) {
      const isText = header.opcode === Opcode.Text;
      this.openMessage = { index: this.messageCount++, isText, isCompressed: header.rsv1 };
      this.partCount = 0;
      this.validator.reset();
    }
    this.partCount++;
    return this.openMessage;
  }

  /**
   * §8.1: the text of a message is checked as a whole, whatever its fragments. What is compressed is no text yet.
   * @param offset where chunk[start] stands in its frame
   */
  private checkText(frame: OpenFrame, chunk: Uint8Array, start: number, end: number, offset: number): void {
    if (!frame.isText) return;
    const badAt = this.validator.push(chunk, start, end);
    if (badAt !== -1) frame.violation = { id: 'invalidText', detail: 0, faultAt: offset + badAt - start };
  }

  private endMessage(frame: OpenFrame, header: FrameHeader): void {
    this.openMessage = undefined;
    if (!frame.isText || frame.violation !== undefined || this.validator.isComplete) return;
    // The text ends inside a code point: the fault is what is missing behind the last byte.
    frame.violation = { id: 'invalidText', detail: 0, faultAt: header.headerLength + frame.payload.length };
  }

  /** §5.5.1: the code may be sent, the reason is UTF-8, and nothing follows. */
  private checkClose(frame: OpenFrame, header: FrameHeader, payload: Uint8Array): void {
    const close = parseClosePayload(payload, 0, payload.length);
    if (close === 'invalidCloseCode') {
      frame.violation = { id: close, detail: readStatusCode(payload, 0), faultAt: header.headerLength };
    } else if (close === 'invalidCloseReason') {
      const badAt = new Utf8Validator().push(payload, 2, payload.length);
      const faultAt = header.headerLength + (badAt === -1 ? payload.length : badAt);
      frame.violation = { id: close, detail: 0, faultAt };
    }
    this.stop();
  }

  private stop(): void {
    this.hasEnded = true;
    this.parser.stop();
  }

  private emit(frame: OpenFrame, state: RecordedFrame['state']): void {
    this.openFrame = undefined;
    const { offset, header, isMessageOpen, message, part, isText, violation } = frame;
    this.onFrame({
      index: this.frameCount++,
      offset,
      header,
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

  private recordHeaderOnly(state: 'cut' | 'refused', violation: RecordedViolation | undefined): void {
    const offset = this.end;
    const available = this.wireBytes(offset, this.wireOffset + this.wire.length);
    const header = available.slice(0, declaredHeaderLength(available));
    this.end = offset + header.length;
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

  private wireBytes(start: number, end: number): Uint8Array {
    return this.wire.subarray(start - this.wireOffset, end - this.wireOffset);
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
    return this.pieces.length === 1 ? this.pieces[0]! : concat(...this.pieces);
  }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const [first, second] = parts;
  if (parts.length === 2 && first!.length === 0) return second!;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
