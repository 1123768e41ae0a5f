/**
 * Reads what the testee sends, and checks it as strictly as the testee has to check what it gets (§5, §7.4, §8.1):
 * frames, text, close codes, and compression as it was agreed on. It reports messages, control frames and every breach,
 * and reads on behind a breach, the frame that broke the rules included: the caller decides what follows. The rules are
 * the reference reader's, so that the runner does not share a fault of the parser that it tests.
 */

import { isUtf8 } from 'node:buffer';
import {
  closeFaults,
  headerFaults,
  isControlOpcode,
  type Limits,
  maskReference,
  Opcode,
  type ReferenceHeader,
  type ReferenceOptions,
  type Role,
  readCloseCode,
  readHeader,
  UNLIMITED,
  Utf8Validator,
  VIOLATIONS,
  type ViolationId,
  violationMessage,
} from '../protocol/index.ts';
import { type DeflateDirection, type ExpectedMessages, Inflater } from './deflate.ts';
import type { WireLog } from './wire-log.ts';

export interface TesteeReaderHandler {
  /** A complete message, in memory of its own; one that is not UTF-8 is reported as a breach only. */
  message(payload: Uint8Array, isBinary: boolean): void;
  ping(payload: Uint8Array): void;
  pong(payload: Uint8Array): void;
  /** A Close frame, behind the breaches that it is; the code is undefined when it had none. */
  close(statusCode: number | undefined, reason: Uint8Array): void;
  /** The testee broke the protocol; `closeCode` is what §7.1.7 answers that with. One frame may do so several times. */
  breach(closeCode: number, message: string): void;
  /** A compressed message is none; `message` says why. */
  corruption(message: string): void;
}

export interface TesteeReaderOptions {
  /** The fuzzer's. */
  readonly role: Role;
  /** What was agreed on for the testee's compression, if anything. */
  readonly deflate?: DeflateDirection | undefined;
  /** How long compressed messages will be if all is well, in bytes. Default 0: not known. */
  readonly expectedBytes?: number;
  /** Those messages themselves. */
  readonly expected?: ExpectedMessages;
}

/** The longest case has 16 MiB; a testee that sends more than four times that is not let into memory. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const LIMITS: Limits = { ...UNLIMITED, maxMessageBytes: MAX_MESSAGE_BYTES };
const NOTHING = new Uint8Array(0);

/** A frame of which more is to come. */
interface OpenFrame {
  readonly header: ReferenceHeader;
  readonly payloadLength: number;
  /** Where it begins, in bytes from the first that were read. */
  readonly offset: number;
  /** Its payload, as far as it is there. */
  readonly parts: Uint8Array[];
  lengthBytes: number;
}

/** A message that has begun and not ended (§5.4). */
interface OpenMessage {
  readonly isBinary: boolean;
  readonly isCompressed: boolean;
  /** Of text that arrives uncompressed, which is checked on the way. */
  readonly validator: Utf8Validator | undefined;
  isTextBroken: boolean;
  readonly parts: Uint8Array[];
  lengthBytes: number;
}

/** The codes of RFC 6455 itself (§7.4.1) and of the ranges it opens, not those that were registered later. */
function isAllowedCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1011);
}

export class TesteeReader {
  private readonly handler: TesteeReaderHandler;
  private readonly log: WireLog;
  private readonly rules: ReferenceOptions;
  private readonly inflater: Inflater | undefined;
  private readonly expectedBytes: number;
  private isStopped = false;
  /** How many bytes have been read as frames. */
  private position = 0;
  /** The start of a header of which more is to come. */
  private headerStart: Uint8Array = NOTHING;
  private frame: OpenFrame | undefined;
  private message: OpenMessage | undefined;

  constructor(
    handler: TesteeReaderHandler,
    log: WireLog,
    { role, deflate, expectedBytes = 0, expected }: TesteeReaderOptions,
  ) {
    this.handler = handler;
    this.log = log;
    this.rules = { role, allowsRsv1: deflate !== undefined, strictLengths: true, limits: LIMITS };
    this.inflater = deflate && new Inflater(deflate, MAX_MESSAGE_BYTES, expected);
    this.expectedBytes = expectedBytes;
  }

  /** Reads a chunk, which is the reader's from here on: payload is unmasked where it lies. */
  push(chunk: Uint8Array): void {
    let rest = this.headerStart.length === 0 ? chunk : joined([this.headerStart, chunk]);
    this.headerStart = NOTHING;
    while (!this.isStopped) {
      if (this.frame === undefined) {
        const header = readHeader(rest);
        if (header === 'more' || !header.isHeaderWhole) {
          this.headerStart = rest;
          return;
        }
        rest = rest.subarray(header.headerLength);
        this.beginFrame(header);
        continue;
      }
      const { frame } = this;
      const piece = rest.subarray(0, frame.payloadLength - frame.lengthBytes);
      rest = rest.subarray(piece.length);
      this.takePayload(frame, piece);
      if (this.isStopped || frame.lengthBytes < frame.payloadLength) return;
      this.frame = undefined;
      this.endFrame(frame);
    }
  }

  /** Reads nothing more. */
  stop(): void {
    this.isStopped = true;
  }

  private beginFrame(header: ReferenceHeader): void {
    const { opcode, rsv, payloadLength = 0 } = header;
    const isControl = isControlOpcode(opcode);
    const message = this.message && { frames: 1, bytes: this.message.lengthBytes };
    for (const { id, detail } of headerFaults(header, this.rules, message)) this.breach(id, detail);
    this.frame = { header, payloadLength, offset: this.position, parts: [], lengthBytes: 0 };
    this.position += header.headerLength;
    if (isControl) return;
    const isCompressed = this.inflater !== undefined && rsv === 4;
    this.message ??= {
      isBinary: opcode === Opcode.Binary,
      isCompressed,
      validator: opcode === Opcode.Text && !isCompressed ? new Utf8Validator() : undefined,
      isTextBroken: false,
      parts: [],
      lengthBytes: 0,
    };
  }

  private takePayload(frame: OpenFrame, piece: Uint8Array): void {
    const { opcode, maskingKey } = frame.header;
    if (maskingKey !== undefined) maskReference(piece, 0, piece.length, maskingKey, frame.lengthBytes);
    const isFirst = frame.lengthBytes === 0 && piece.length > 0;
    frame.parts.push(piece);
    frame.lengthBytes += piece.length;
    this.position += piece.length;
    if (frame.lengthBytes > MAX_MESSAGE_BYTES) this.stop();
    if (!isControlOpcode(opcode)) this.takeMessagePart(this.message!, piece, isFirst);
  }

  /** @param isFirst whether the piece is the first of its frame */
  private takeMessagePart(message: OpenMessage, piece: Uint8Array, isFirst: boolean): void {
    message.parts.push(piece);
    message.lengthBytes += piece.length;
    if (message.lengthBytes > MAX_MESSAGE_BYTES) this.stop();
    if (this.isStopped) return;
    if (message.isTextBroken) {
      // Once for each further frame, whatever pieces it comes in.
      if (isFirst) this.breach('invalidText');
    } else if (message.validator !== undefined && message.validator.push(piece, 0, piece.length) !== -1) {
      message.isTextBroken = true;
      this.breach('invalidText');
    }
  }

  private endFrame({ header, offset, parts }: OpenFrame): void {
    const { opcode, fin } = header;
    const isControl = isControlOpcode(opcode);
    // Cases of group 9 have tens of thousands of frames that no log has room for.
    const payload = isControl || !this.log.isFull ? joined(parts) : NOTHING;
    this.log.countFrames('received', opcode, 1);
    this.log.frame('received', header, payload, closeNote(header, payload), offset);
    if (opcode === Opcode.Ping) this.handler.ping(payload);
    else if (opcode === Opcode.Pong) this.handler.pong(payload);
    else if (opcode === Opcode.Close) this.endClose(payload);
    else if (!isControl && fin) this.endMessage(this.message!);
  }

  private endMessage({ parts, isBinary, isCompressed, isTextBroken, validator }: OpenMessage): void {
    this.message = undefined;
    if (isCompressed) this.endCompressedMessage(parts, isBinary);
    else if (isTextBroken || validator?.isComplete === false) this.breach('invalidText');
    else this.handler.message(joined(parts), isBinary);
  }

  private endCompressedMessage(parts: readonly Uint8Array[], isBinary: boolean): void {
    let message: Uint8Array;
    try {
      message = this.inflater!.decompress(parts, this.expectedBytes);
    } catch (error) {
      this.handler.corruption((error as Error).message);
      return;
    }
    if (isBinary || isUtf8(message)) {
      this.handler.message(message, isBinary);
      return;
    }
    // As of text that is not compressed: at its first bad byte, and at its end.
    this.breach('invalidText');
    this.breach('invalidText');
  }

  private endClose(body: Uint8Array): void {
    for (const { id, detail } of closeFaults(body, isAllowedCloseCode)) this.breach(id, detail);
    this.handler.close(body.length < 2 ? undefined : readCloseCode(body), body.subarray(2));
  }

  private breach(id: ViolationId, detail = 0): void {
    this.handler.breach(VIOLATIONS[id].closeCode, violationMessage(id, detail));
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

export function closeNote(header: { readonly opcode: number }, body: Uint8Array): string {
  return header.opcode === Opcode.Close && body.length >= 2 ? ` (code ${readCloseCode(body)})` : '';
}
