/**
 * Records the frames of a stream (§5.2) as their bytes come, and what is wrong with each; and what messages they make
 * (§5.4), inflated where they are compressed. The reference reader judges headers and Close bodies (§5.5.1, §7.4); text is
 * checked as it arrives (§8.1). The recorder answers nothing. It keeps no frame that it has handed on, so it can follow a
 * connection for as long as that lives.
 */

import {
  closeFaults,
  headerFaults,
  isControlOpcode,
  isValidUtf8,
  maskReference,
  Opcode,
  type ReferenceHeader,
  type Role,
  readHeader,
  Utf8Validator,
  type ViolationId,
} from '../protocol/index.ts';
import { concat } from './bytes.ts';
import { declaredHeaderLength } from './header-layout.ts';
import { type InflateFault, Inflater } from './message-inflater.ts';

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
  /** Payload bytes that passed and were not recorded. */
  readonly lostLength: number;
  readonly state: 'whole' | 'cut' | 'refused';
  /** Whether a fragmented message had begun before this frame (§5.4). */
  readonly isMessageOpen: boolean;
  readonly message: MessageStart | undefined;
  /** As which of its message's frames it came, from 1 on. */
  readonly part: number;
  /** Whether its payload may be shown as text: control frames, and text that is not compressed. */
  readonly isText: boolean;
  /** The message that ends with this frame. */
  readonly completed: RecordedMessage | undefined;
  readonly violation: RecordedViolation | undefined;
}

/** What the first frame of a message says of all of it. */
export interface MessageStart {
  readonly index: number;
  readonly opcode: number;
  readonly isText: boolean;
  /** RFC 7692 §6.1 */
  readonly isCompressed: boolean;
}

export interface RecordedMessage {
  readonly start: MessageStart;
  readonly isComplete: boolean;
  /** Indices of its frames. */
  readonly frames: readonly number[];
  /** Of the payloads of its frames, as far as they are there. */
  readonly length: number;
  /** The first bytes of what it says, inflated. */
  readonly content: Uint8Array;
  /** Of all it says; of a message that could not be inflated, as far as that went. */
  readonly contentLength: number;
  /** Whether `content` may be shown as text. */
  readonly isReadable: boolean;
  readonly inflateFault: InflateFault | undefined;
  /** Some of it was not recorded, or is no text. */
  readonly isDamaged: boolean;
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
  /** How many bytes of what each message says are kept. */
  readonly maxMessageBytes: number;
  /** Whether frames are read on behind a violation and behind a Close frame. */
  readonly readsOn: boolean;
}

/** A frame of which more is to come. */
interface OpenFrame {
  readonly offset: number;
  readonly header: ReferenceHeader;
  readonly headerBytes: Uint8Array;
  readonly payloadLength: number;
  readonly wirePayload: ByteList;
  readonly payload: ByteList;
  lostLength: number;
  readonly isMessageOpen: boolean;
  readonly message: OpenMessage | undefined;
  readonly part: number;
  readonly isText: boolean;
  violation: RecordedViolation | undefined;
}

/** A message of which more is to come. */
interface OpenMessage {
  readonly start: MessageStart;
  readonly frames: number[];
  length: number;
  /** As sent, unmasked: compressed, if it is. */
  readonly content: ByteList;
  readonly validator: Utf8Validator;
  /** Some of it is lost or no text, so that nothing more can be said of it. */
  isDamaged: boolean;
}

const NONE = new Uint8Array(0);

/** Of a compressed message so much is kept to be inflated, and so much may come out. */
const MAX_INFLATE_BYTES = 32 * 1024 * 1024;

export class FrameRecorder {
  /** Whether nothing is read any more: a Close frame has come (§5.5.1), or a violation. */
  hasEnded = false;
  /** Behind the last byte that belongs to a frame, in bytes from the first pushed. */
  end = 0;
  private readonly options: RecorderOptions;
  private readonly onFrame: (frame: RecordedFrame) => void;
  private readonly inflater = new Inflater();
  /** The start of a header of which more is to come. */
  private headerStart: Uint8Array = NONE;
  private openFrame: OpenFrame | undefined;
  private openMessage: OpenMessage | undefined;
  private frameCount = 0;
  private messageCount = 0;
  /** Whether a message may have begun in bytes that were not recorded. */
  private mayContinue = false;

  /** @param onFrame gets each frame once it is whole or refused, or when the bytes end inside it */
  constructor(options: RecorderOptions, onFrame: (frame: RecordedFrame) => void) {
    this.options = options;
    this.onFrame = onFrame;
  }

  /** The message that more fragments may follow, as far as it has come. */
  get unfinished(): RecordedMessage | undefined {
    return this.openMessage && finishMessage(this.openMessage, false, this.openMessage.content.bytes());
  }

  /** Takes the next bytes, which stay as they are. */
  push(chunk: Uint8Array): void {
    let rest = this.headerStart.length === 0 ? chunk : concat([this.headerStart, chunk]);
    this.headerStart = NONE;
    while (!this.hasEnded) {
      if (this.openFrame === undefined) {
        const header = readHeader(rest);
        const fault = header === 'more' ? undefined : this.faultOf(header);
        if (fault !== undefined && !this.options.readsOn) {
          this.recordHeaderOnly(rest, 'refused', fault);
          return;
        }
        if (header === 'more' || !header.isHeaderWhole) {
          this.headerStart = rest.slice();
          return;
        }
        this.openFrame = this.open(header, rest.slice(0, header.headerLength), fault);
        rest = rest.subarray(header.headerLength);
      }
      const frame = this.openFrame;
      const piece = rest.subarray(0, frame.payloadLength - receivedOf(frame));
      rest = rest.subarray(piece.length);
      this.take(frame, piece);
      if (this.openFrame !== undefined) return;
    }
  }

  /**
   * Bytes that passed here were not recorded.
   * @returns whether they lay inside one payload, so that it is known where frames begin
   */
  lose(byteCount: number): boolean {
    const frame = this.openFrame;
    const isInside = frame !== undefined && byteCount <= frame.payloadLength - receivedOf(frame);
    if (!isInside) {
      this.finish();
      this.end += byteCount;
      return false;
    }
    frame.lostLength += byteCount;
    this.end += byteCount;
    if (frame.message !== undefined) frame.message.isDamaged = true;
    this.take(frame, NONE);
    return true;
  }

  /** A frame begins with the next byte, of a stream whose earlier bytes were not recorded: a message may be open. */
  beginAnew(): void {
    this.hasEnded = false;
    this.openMessage = undefined;
    this.mayContinue = true;
    this.inflater.loseContext();
  }

  /** Bytes that cannot be read as frames are passed over. */
  passOver(byteCount: number): void {
    this.end += byteCount;
  }

  /** No more bytes come: hands on what of a frame there is. */
  finish(): void {
    if (this.hasEnded) return;
    if (this.openFrame !== undefined) this.emit(this.openFrame, 'cut');
    else if (this.headerStart.length > 0) {
      const header = readHeader(this.headerStart);
      this.recordHeaderOnly(this.headerStart, 'cut', header === 'more' ? undefined : this.faultOf(header));
    }
    this.headerStart = NONE;
    this.hasEnded = true;
  }

  private faultOf(header: ReferenceHeader): RecordedViolation | undefined {
    const frames = this.openMessage?.frames.length ?? 0;
    const faults = headerFaults(header, this.options, { frames, bytes: 0 });
    const [fault] = this.mayContinue ? faults.filter(({ id }) => id !== 'unexpectedContinuation') : faults;
    return fault && { ...fault, faultAt: undefined };
  }

  private open(header: ReferenceHeader, headerBytes: Uint8Array, violation: RecordedViolation | undefined): OpenFrame {
    const offset = this.end;
    this.end += headerBytes.length;
    const isMessageOpen = this.openMessage !== undefined;
    const isControl = isControlOpcode(header.opcode);
    const message = isControl ? undefined : this.joinMessage(header);
    const { maxPayloadBytes } = this.options;
    const maxKeptBytes = isControl ? Math.max(maxPayloadBytes, 125) : maxPayloadBytes;
    return {
      offset,
      header,
      headerBytes,
      payloadLength: header.payloadLength!,
      wirePayload: new ByteList(maxKeptBytes),
      payload: new ByteList(maxKeptBytes),
      lostLength: 0,
      isMessageOpen,
      message,
      part: message?.frames.length ?? 0,
      isText: isControl || (message?.start.isText === true && !message.start.isCompressed),
      violation,
    };
  }

  /** §5.4: a data frame starts a message or continues the open one. */
  private joinMessage({ opcode, rsv }: ReferenceHeader): OpenMessage | undefined {
    const isContinuation = opcode === Opcode.Continuation;
    if (!isContinuation && opcode !== Opcode.Text && opcode !== Opcode.Binary) return undefined;
    this.mayContinue &&= isContinuation;
    if (isContinuation) {
      this.openMessage?.frames.push(this.frameCount);
      return this.openMessage;
    }
    const isCompressed = (rsv & 4) !== 0;
    this.openMessage = {
      start: { index: this.messageCount++, opcode, isText: opcode === Opcode.Text, isCompressed },
      frames: [this.frameCount],
      length: 0,
      content: new ByteList(isCompressed ? MAX_INFLATE_BYTES : this.options.maxMessageBytes),
      validator: new Utf8Validator(),
      isDamaged: false,
    };
    return this.openMessage;
  }

  /** Takes some of a frame's payload, and hands the frame on when that was the last of it, or is a fault. */
  private take(frame: OpenFrame, wire: Uint8Array): void {
    const { opcode, fin, maskingKey } = frame.header;
    const received = receivedOf(frame);
    let payload = wire;
    if (maskingKey !== undefined) {
      payload = wire.slice();
      maskReference(payload, 0, payload.length, maskingKey, received);
    }
    frame.wirePayload.push(wire);
    frame.payload.push(payload);
    this.end += wire.length;
    const isWhole = received + wire.length === frame.payloadLength;
    const { message } = frame;
    if (message !== undefined) {
      message.length += payload.length;
      message.content.push(payload);
      this.checkText(frame, message, payload, isWhole && fin);
    } else if (isWhole && opcode === Opcode.Close) {
      this.checkClose(frame);
    }
    if (isWhole || (frame.violation !== undefined && !this.options.readsOn)) {
      this.emit(frame, isWhole ? 'whole' : 'cut');
    }
  }

  /**
   * §8.1: the text of a message is checked as a whole, whatever its fragments. What is compressed is no text yet.
   * @param piece the last of the frame's payload that has come
   * @param isEnd whether the message ends with it
   */
  private checkText(frame: OpenFrame, message: OpenMessage, piece: Uint8Array, isEnd: boolean): void {
    if (!frame.isText || message.isDamaged) return;
    const { validator } = message;
    const end = frame.header.headerLength + receivedOf(frame);
    const badAt = validator.push(piece, 0, piece.length);
    const isBad = badAt !== -1 || (isEnd && !validator.isComplete);
    if (!isBad) return;
    // Where the text ends inside a code point, the fault is what is missing behind the last byte.
    const faultAt = badAt === -1 ? end : end - piece.length + badAt;
    message.isDamaged = true;
    this.fail(frame, { id: 'invalidText', detail: 0, faultAt });
  }

  /** §5.5.1: the code may be sent, and the reason is UTF-8. Nothing is read behind the frame in any case. */
  private checkClose(frame: OpenFrame): void {
    this.hasEnded = !this.options.readsOn;
    if (frame.lostLength > 0) return;
    const payload = frame.payload.bytes();
    const [fault] = closeFaults(payload);
    if (fault === undefined) return;
    const { headerLength } = frame.header;
    const badAt = fault.id === 'invalidCloseCode' ? 0 : new Utf8Validator().push(payload, 2, payload.length);
    this.fail(frame, { ...fault, faultAt: headerLength + (badAt === -1 ? payload.length : badAt) });
  }

  private fail(frame: OpenFrame, violation: RecordedViolation): void {
    frame.violation ??= violation;
    this.hasEnded = !this.options.readsOn;
  }

  /** §5.4: the message ends with this frame; RFC 7692 §7.2.2: and is inflated then. */
  private complete(frame: OpenFrame, message: OpenMessage): RecordedMessage {
    this.openMessage = undefined;
    const content = message.content.bytes();
    const { isText, isCompressed } = message.start;
    if (!isCompressed || message.isDamaged) {
      if (isCompressed) this.inflater.loseContext();
      return finishMessage(message, true, content);
    }
    const isKept = content.length === message.length;
    const { output, fault } = isKept ? this.inflater.inflate(content, MAX_INFLATE_BYTES) : this.refuseToInflate();
    const isValidText = !isText || fault !== undefined || isValidUtf8(output);
    if (this.options.allowsRsv1 && fault?.id === 'corrupt') {
      const before = message.length - frame.payload.length;
      const faultAt = frame.header.headerLength + Math.max(0, fault.at - before);
      this.fail(frame, { id: 'invalidCompression', detail: 0, faultAt });
    } else if (!isValidText) {
      message.isDamaged = true;
      this.fail(frame, { id: 'invalidText', detail: 0, faultAt: frame.header.headerLength });
    }
    return finishMessage(message, true, output.slice(0, this.options.maxMessageBytes), output.length, fault);
  }

  private refuseToInflate(): { output: Uint8Array; fault: InflateFault } {
    this.inflater.loseContext();
    const message = `it is longer than ${MAX_INFLATE_BYTES} bytes`;
    return { output: NONE, fault: { id: 'tooLong', message, at: MAX_INFLATE_BYTES } };
  }

  private emit(frame: OpenFrame, state: RecordedFrame['state']): void {
    this.openFrame = undefined;
    const { offset, header, headerBytes, isMessageOpen, message, part, isText } = frame;
    const completed = message && header.fin && state === 'whole' ? this.complete(frame, message) : undefined;
    this.onFrame({
      index: this.frameCount++,
      offset,
      header: headerBytes,
      wirePayload: frame.wirePayload.bytes(),
      payload: frame.payload.bytes(),
      presentLength: frame.payload.length,
      lostLength: frame.lostLength,
      state,
      isMessageOpen,
      message: message?.start,
      part,
      isText,
      completed,
      violation: frame.violation,
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
      lostLength: 0,
      state,
      isMessageOpen: this.openMessage !== undefined,
      message: undefined,
      part: 0,
      isText: false,
      completed: undefined,
      violation,
    });
  }
}

/** Nobody sends frames as long as this. */
const MAX_LIKELY_BYTES = 64 * 1024 * 1024;

/**
 * How many whole frames the bytes begin with, to judge by their headers: for a stream of which it is not known where
 * frames begin. -1 when something in them is no frame that the role would take.
 */
export function countLikelyFrames(bytes: Uint8Array, role: Role): number {
  return walkFrames(bytes, role)?.frames ?? -1;
}

/** Whether the bytes are frames that the role would take, to their end. */
export function areLikelyFrames(bytes: Uint8Array, role: Role): boolean {
  return walkFrames(bytes, role)?.end === bytes.length;
}

/** @returns where the last whole frame ends; undefined when something is no frame that the role would take */
function walkFrames(bytes: Uint8Array, role: Role): { frames: number; end: number } | undefined {
  let frames = 0;
  let end = 0;
  while (end < bytes.length) {
    const header = readHeader(bytes, end);
    if (header === 'more') break;
    const faults = headerFaults(header, { role, allowsRsv1: true, strictLengths: true });
    if (faults.some(({ id }) => id !== 'unexpectedContinuation')) return undefined;
    const { payloadLength, headerLength } = header;
    if (payloadLength === undefined || !header.isHeaderWhole) break;
    if (payloadLength > MAX_LIKELY_BYTES) return undefined;
    if (end + headerLength + payloadLength > bytes.length) break;
    end += headerLength + payloadLength;
    frames++;
  }
  return { frames, end };
}

/** How much bytes look like the start of a frame: 0 not at all, 1 in the middle of a message, where few begin, 2 very much. */
export function startLikelihood(bytes: ArrayLike<number> & Iterable<number>): number {
  return isLikelyStart(bytes) ? Number((bytes[0]! & 0xf) !== Opcode.Continuation) + 1 : 0;
}

/** §5.2: no reserved bit but RSV1, and an opcode that there is. */
export function isLikelyStart([byte0 = 0]: ArrayLike<number> & Iterable<number>): boolean {
  return (byte0 & 0x30) === 0 && [0, 1, 2, 8, 9, 10].includes(byte0 & 0xf);
}

function finishMessage(
  { start, frames, length, isDamaged }: OpenMessage,
  isComplete: boolean,
  content: Uint8Array,
  contentLength = length,
  inflateFault?: InflateFault,
): RecordedMessage {
  const isWhole = isComplete && inflateFault === undefined && !isDamaged;
  return {
    start,
    isComplete,
    frames,
    length,
    content,
    contentLength,
    isReadable: isWhole && start.isText,
    inflateFault,
    isDamaged,
  };
}

function receivedOf({ payload, lostLength }: OpenFrame): number {
  return payload.length + lostLength;
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
