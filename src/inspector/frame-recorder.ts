/**
 * Records what the frame parser sees (§5.2): it stands where a connection stands in production, as the parser's sink, and
 * makes the same checks on payloads (§5.5.1, §7.4, §8.1). It answers nothing and assembles nothing: messages are noted as
 * lists of frames.
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
  readonly offset: number;
  /** Header bytes; fewer than declared when the frame was refused or cut there. */
  readonly header: Uint8Array;
  /** Payload as it was sent, as far as it is there. */
  readonly wirePayload: Uint8Array;
  /** The same, unmasked. */
  readonly payload: Uint8Array;
  readonly state: 'whole' | 'cut' | 'refused';
  /** Whether a fragmented message had begun before this frame (§5.4). */
  readonly isMessageOpen: boolean;
  readonly message: { readonly index: number; readonly part: number } | undefined;
  /** Whether its payload may be shown as text: control frames, and text that is not compressed. */
  readonly isText: boolean;
}

export interface RecordedMessage {
  readonly isText: boolean;
  readonly isCompressed: boolean;
  readonly frames: number[];
  isComplete: boolean;
}

export interface RecordedViolation {
  readonly id: ViolationId;
  readonly detail: number;
  readonly frame: number;
  /** Where in its frame the fault lies, in bytes from the frame's first; undefined: in a header field. */
  readonly faultAt: number | undefined;
}

export interface RecorderOptions {
  readonly role: Role;
  readonly allowsRsv1: boolean;
  readonly strictLengths: boolean;
}

const NONE = new Uint8Array(0);

export class FrameRecorder implements FrameSink {
  readonly frames: RecordedFrame[] = [];
  readonly messages: RecordedMessage[] = [];
  violationFound: RecordedViolation | undefined;
  /** Whether a Close frame has ended the stream (§5.5.1). */
  isClosed = false;
  /** Behind the last frame recorded. */
  end = 0;
  private readonly wire: Uint8Array;
  private readonly parser: FrameParser;
  private readonly validator = new Utf8Validator();
  private openMessage: RecordedMessage | undefined;

  /** @param wire frames, from the first one on; left as they are */
  constructor(wire: Uint8Array, options: RecorderOptions) {
    this.wire = wire;
    this.parser = new FrameParser(this, { ...options, limits: UNLIMITED });
    // In one push, so that what is cut is cut by the end of the bytes. The parser unmasks in place: it gets a copy.
    this.parser.push(wire.slice());
    if (this.violationFound === undefined && !this.isClosed && this.end < wire.length) {
      this.recordHeaderOnly(this.end, 'cut');
    }
  }

  wholeFrame(header: FrameHeader, chunk: Uint8Array, start: number, end: number): void {
    this.record(header, chunk.subarray(start, end), 'whole');
    if (header.opcode === Opcode.Close) this.checkClose(header, chunk, start, end);
    else if (!isControlOpcode(header.opcode)) this.checkText(header, chunk, start, end, true);
  }

  frameStart(header: FrameHeader): void {
    // The payload, if any of it is there, follows in the one call of framePayload that a single push makes.
    if (this.end + header.headerLength === this.wire.length) this.record(header, NONE, 'cut');
  }

  framePayload(header: FrameHeader, chunk: Uint8Array, start: number, end: number): void {
    this.record(header, chunk.subarray(start, end), 'cut');
    if (!isControlOpcode(header.opcode)) this.checkText(header, chunk, start, end, false);
  }

  /** Never called: a frame that one push does not hold whole does not end. */
  frameEnd(): void {}

  violation(id: ViolationId, offset: number, detail: number): void {
    this.violationFound = { id, detail, frame: this.frames.length, faultAt: undefined };
    this.recordHeaderOnly(offset, 'refused');
  }

  private record(header: FrameHeader, payload: Uint8Array, state: RecordedFrame['state']): void {
    const offset = this.end;
    const payloadAt = offset + header.headerLength;
    this.end = payloadAt + payload.length;
    const isMessageOpen = this.openMessage !== undefined;
    const isControl = isControlOpcode(header.opcode);
    const message = isControl ? undefined : this.joinMessage(header, state === 'whole');
    const joined = this.messages.at(-1);
    this.frames.push({
      offset,
      header: this.wire.subarray(offset, payloadAt),
      wirePayload: this.wire.subarray(payloadAt, this.end),
      payload,
      state,
      isMessageOpen,
      message,
      isText: isControl || (joined?.isText === true && !joined.isCompressed),
    });
  }

  /** §5.4: a data frame starts a message or continues the open one. */
  private joinMessage(header: FrameHeader, isWhole: boolean): RecordedFrame['message'] {
    if (this.openMessage === undefined) {
      const isText = header.opcode === Opcode.Text;
      this.openMessage = { isText, isCompressed: header.rsv1, frames: [], isComplete: false };
      this.messages.push(this.openMessage);
      this.validator.reset();
    }
    const message = this.openMessage;
    message.frames.push(this.frames.length);
    if (header.fin && isWhole) {
      message.isComplete = true;
      this.openMessage = undefined;
    }
    return { index: this.messages.length - 1, part: message.frames.length };
  }

  /** §8.1: the text of a message is checked as a whole, whatever its fragments. What is compressed is no text yet. */
  private checkText(header: FrameHeader, chunk: Uint8Array, start: number, end: number, isWhole: boolean): void {
    const message = this.messages.at(-1)!;
    if (!message.isText || message.isCompressed) return;
    const badAt = this.validator.push(chunk, start, end);
    if (badAt !== -1) this.fail('invalidText', 0, header.headerLength + badAt - start);
    else if (isWhole && header.fin && !this.validator.isComplete) {
      // The text ends inside a code point: the fault is what is missing behind the last byte.
      this.fail('invalidText', 0, header.headerLength + end - start);
    }
  }

  /** §5.5.1: the code may be sent, the reason is UTF-8, and nothing follows. */
  private checkClose(header: FrameHeader, chunk: Uint8Array, start: number, end: number): void {
    const close = parseClosePayload(chunk, start, end);
    if (close === 'invalidCloseCode') this.fail(close, readStatusCode(chunk, start), header.headerLength);
    else if (close === 'invalidCloseReason') {
      const badAt = new Utf8Validator().push(chunk, start + 2, end);
      this.fail(close, 0, header.headerLength + (badAt === -1 ? end : badAt) - start);
    }
    this.isClosed = true;
    this.parser.stop();
  }

  private fail(id: ViolationId, detail: number, faultAt: number): void {
    this.violationFound = { id, detail, frame: this.frames.length - 1, faultAt };
    this.parser.stop();
  }

  private recordHeaderOnly(offset: number, state: 'cut' | 'refused'): void {
    const available = this.wire.subarray(offset);
    const header = available.subarray(0, declaredHeaderLength(available));
    this.end = offset + header.length;
    this.frames.push({
      offset,
      header,
      wirePayload: NONE,
      payload: NONE,
      state,
      isMessageOpen: this.openMessage !== undefined,
      message: undefined,
      isText: false,
    });
  }
}
