/**
 * What the testee sends, read and checked as strictly as the testee is expected to read (§5, §7.4, §8.1): header bits,
 * fragmentation, control frames, shortest lengths, masks as the testee's role has them, UTF-8 as it arrives, close codes,
 * and compression as it was agreed on. Reports messages, control frames and every breach, and goes on reading behind
 * one, the frame that broke the rules included: what follows from them is the caller's business. A plain reader of its
 * own, so that a fault of the package's parser is not shared by the runner that tests it.
 */

import { isUtf8 } from 'node:buffer';
import {
  isControlOpcode,
  isReservedOpcode,
  isValidUtf8,
  mask,
  Opcode,
  type Role,
  Utf8Validator,
  VIOLATIONS,
  type ViolationId,
  violationMessage,
} from '../protocol/index.ts';
import { type DeflateDirection, Inflater } from './deflate.ts';
import type { WireLog } from './wire-log.ts';

export interface TesteeReaderHandler {
  /** A complete message, in memory of its own; one that is not UTF-8 is reported as a breach only. */
  message(payload: Uint8Array, isBinary: boolean): void;
  ping(payload: Uint8Array): void;
  pong(payload: Uint8Array): void;
  /** A Close frame, behind the breaches that it is; the code is undefined when it had none. */
  close(statusCode: number | undefined): void;
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
}

/** The longest case has 16 MiB; a testee that sends more than four times that is not let into memory. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const MAX_CONTROL_PAYLOAD_BYTES = 125;
const CLOSE_BODY_CODE_BYTES = 2;
const RSV1 = 4;
const NOTHING = new Uint8Array(0);

interface Frame {
  readonly fin: boolean;
  /** RSV1 = 4, RSV2 = 2, RSV3 = 1. */
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** In network order. */
  readonly maskingKey: number;
  readonly payloadLength: number;
}

/** The codes of RFC 6455 itself (§7.4.1) and of the ranges it opens, not those that were registered later. */
function isAllowedCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1011);
}

export class TesteeReader {
  private readonly handler: TesteeReaderHandler;
  private readonly log: WireLog;
  private readonly role: Role;
  private readonly inflater: Inflater | undefined;
  private readonly expectedBytes: number;
  private isStopped = false;

  /** The header's bytes, as far as they are there. */
  private head: number[] = [];
  private frame: Frame | undefined;
  /** The payload of the frame, as far as it is there. */
  private frameParts: Uint8Array[] = [];
  private frameBytes = 0;

  /** Whether a message has begun and not ended (§5.4); what follows is about that message. */
  private isInsideMessage = false;
  private messageParts: Uint8Array[] = [];
  private messageBytes = 0;
  private isBinary = false;
  private isCompressed = false;
  /** Text that arrives uncompressed is checked on the way. */
  private isChecked = false;
  private isTextBroken = false;
  private readonly validator = new Utf8Validator();

  constructor(handler: TesteeReaderHandler, log: WireLog, { role, deflate, expectedBytes = 0 }: TesteeReaderOptions) {
    this.handler = handler;
    this.log = log;
    this.role = role;
    this.inflater = deflate && new Inflater(deflate, MAX_MESSAGE_BYTES);
    this.expectedBytes = expectedBytes;
  }

  /** Reads a chunk, which is the reader's from here on: payload is unmasked where it lies. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (!this.isStopped) {
      const { frame } = this;
      if (frame === undefined) {
        if (at === chunk.length) return;
        at = this.readHeader(chunk, at);
        continue;
      }
      const end = Math.min(chunk.length, at + frame.payloadLength - this.frameBytes);
      if (frame.masked) mask(chunk, at, end, frame.maskingKey, this.frameBytes);
      this.takePayload(frame, chunk.subarray(at, end));
      at = end;
      if (this.isStopped || this.frameBytes < frame.payloadLength) return;
      this.frame = undefined;
      this.endFrame(frame);
    }
  }

  /** Reads nothing more. */
  stop(): void {
    this.isStopped = true;
  }

  /** Takes bytes of a header until it is whole, or the chunk ends. @returns where the next byte is */
  private readHeader(chunk: Uint8Array, start: number): number {
    const { head } = this;
    let at = start;
    while (at < chunk.length && (head.length < 2 || head.length < headerLength(head[1]!))) head.push(chunk[at++]!);
    if (head.length < 2 || head.length < headerLength(head[1]!)) return at;
    this.head = [];
    this.frame = frameOf(head);
    this.frameParts = [];
    this.frameBytes = 0;
    for (const [id, detail] of this.faultsOf(this.frame, head)) this.breach(id, detail);
    if (!this.isStopped) this.beginFrame(this.frame);
    return at;
  }

  /** §5.2–§5.5, RFC 7692 §6: all that is wrong with a header where it stands. */
  private faultsOf(frame: Frame, head: readonly number[]): [ViolationId, number][] {
    const { fin, rsv, opcode, masked, payloadLength } = frame;
    const length7 = head[1]! & 0x7f;
    const mayBeCompressed = this.inflater !== undefined && rsv === RSV1;
    const isControl = isControlOpcode(opcode);
    const isContinuation = opcode === Opcode.Continuation;
    const faults: readonly (readonly [boolean, ViolationId, number])[] = [
      [rsv !== 0 && !mayBeCompressed, (rsv & 3) === 0 ? 'unexpectedRsv1' : 'unexpectedRsv23', 0],
      [!masked && this.role === 'server', 'expectedMask', 0],
      [masked && this.role === 'client', 'unexpectedMask', 0],
      [isReservedOpcode(opcode), 'reservedOpcode', opcode],
      [isControl && !fin, 'expectedFin', 0],
      [isControl && length7 > MAX_CONTROL_PAYLOAD_BYTES, 'controlPayloadTooLong', length7],
      [opcode === Opcode.Close && length7 === 1, 'closePayloadOneByte', 1],
      [isControl && mayBeCompressed, 'unexpectedRsv1', 0],
      [!isControl && isContinuation && !this.isInsideMessage, 'unexpectedContinuation', opcode],
      [!isControl && !isContinuation && this.isInsideMessage, 'expectedContinuation', opcode],
      [!isControl && mayBeCompressed && this.isInsideMessage, 'unexpectedRsv1', 0],
      [head.length > headerLengthFor(payloadLength, masked), 'lengthNotMinimal', payloadLength],
      [!isControl && this.messageBytes + payloadLength > MAX_MESSAGE_BYTES, 'messageTooLong', payloadLength],
    ];
    return faults.flatMap(([isThere, id, detail]) => (isThere ? [[id, detail] as [ViolationId, number]] : []));
  }

  private beginFrame({ opcode, rsv }: Frame): void {
    if (isControlOpcode(opcode) || this.isInsideMessage) return;
    this.isInsideMessage = true;
    this.messageParts = [];
    this.messageBytes = 0;
    this.isBinary = opcode === Opcode.Binary;
    this.isCompressed = this.inflater !== undefined && rsv === RSV1;
    // What is compressed becomes text only when it is whole.
    this.isChecked = opcode === Opcode.Text && !this.isCompressed;
    this.isTextBroken = false;
    this.validator.reset();
  }

  private takePayload({ opcode }: Frame, piece: Uint8Array): void {
    const isFirst = this.frameBytes === 0 && piece.length > 0;
    this.frameBytes += piece.length;
    if (!isControlOpcode(opcode)) {
      this.messageBytes += piece.length;
      this.messageParts.push(piece);
    }
    this.frameParts.push(piece);
    if (this.frameBytes > MAX_MESSAGE_BYTES || this.messageBytes > MAX_MESSAGE_BYTES) {
      this.stop();
      return;
    }
    if (!this.isChecked || isControlOpcode(opcode)) return;
    if (this.isTextBroken) {
      // Once for each further frame, whatever pieces it comes in.
      if (isFirst) this.breach('invalidText');
    } else if (this.validator.push(piece, 0, piece.length) !== -1) {
      this.isTextBroken = true;
      this.breach('invalidText');
    }
  }

  private endFrame(frame: Frame): void {
    const { opcode, fin } = frame;
    const isControl = isControlOpcode(opcode);
    // Cases of group 9 have tens of thousands of frames that no log has room for.
    const payload = isControl || !this.log.isFull ? joined(this.frameParts) : NOTHING;
    this.log.frame('received', frame, payload, closeNote(frame, payload));
    if (isControl) this.endControlFrame(opcode, payload);
    else if (fin) this.endMessage();
  }

  private endMessage(): void {
    this.isInsideMessage = false;
    const payload = joined(this.messageParts);
    this.messageParts = [];
    this.messageBytes = 0;
    if (this.isCompressed) this.endCompressedMessage(payload);
    else if (this.isTextBroken || (this.isChecked && !this.validator.isComplete)) this.breach('invalidText');
    else this.handler.message(payload, this.isBinary);
  }

  private endCompressedMessage(payload: Uint8Array): void {
    let message: Uint8Array;
    try {
      message = this.inflater!.decompress(payload, this.expectedBytes);
    } catch (error) {
      this.handler.corruption((error as Error).message);
      return;
    }
    if (this.isBinary || isUtf8(message)) {
      this.handler.message(message, this.isBinary);
      return;
    }
    // As of text that is not compressed: at its first bad byte, and at its end.
    this.breach('invalidText');
    this.breach('invalidText');
  }

  private endControlFrame(opcode: number, payload: Uint8Array): void {
    if (opcode === Opcode.Ping) this.handler.ping(payload);
    else if (opcode === Opcode.Pong) this.handler.pong(payload);
    else if (opcode === Opcode.Close) this.endClose(payload);
  }

  private endClose(body: Uint8Array): void {
    if (body.length < CLOSE_BODY_CODE_BYTES) {
      this.handler.close(undefined);
      return;
    }
    const statusCode = codeOf(body);
    if (!isAllowedCloseCode(statusCode)) this.breach('invalidCloseCode', statusCode);
    if (!isValidUtf8(body, CLOSE_BODY_CODE_BYTES)) this.breach('invalidCloseReason');
    this.handler.close(statusCode);
  }

  private breach(id: ViolationId, detail = 0): void {
    this.handler.breach(VIOLATIONS[id].closeCode, violationMessage(id, detail));
  }
}

/** How many bytes a header has, by its second byte. */
function headerLength(secondByte: number): number {
  const length7 = secondByte & 0x7f;
  const extendedBytes = length7 === 126 ? 2 : length7 === 127 ? 8 : 0;
  return 2 + extendedBytes + ((secondByte & 0x80) === 0 ? 0 : 4);
}

/** How many bytes it needs. */
function headerLengthFor(payloadLength: number, masked: boolean): number {
  const length7 = payloadLength <= 125 ? payloadLength : payloadLength <= 0xffff ? 126 : 127;
  return headerLength(length7 | (masked ? 0x80 : 0));
}

/** The frame that a whole header begins. */
function frameOf(head: readonly number[]): Frame {
  const [byte0 = 0, byte1 = 0] = head;
  const masked = (byte1 & 0x80) !== 0;
  const lengthEnd = head.length - (masked ? 4 : 0);
  const number = (bytes: readonly number[]): number => bytes.reduce((value, byte) => value * 256 + byte, 0);
  return {
    fin: (byte0 & 0x80) !== 0,
    rsv: (byte0 >>> 4) & 7,
    opcode: byte0 & 0xf,
    masked,
    maskingKey: number(head.slice(lengthEnd)) | 0,
    payloadLength: lengthEnd === 2 ? byte1 & 0x7f : number(head.slice(2, lengthEnd)),
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

function codeOf(body: Uint8Array): number {
  return (body[0]! << 8) | body[1]!;
}

export function closeNote(header: { readonly opcode: number }, body: Uint8Array): string {
  return header.opcode === Opcode.Close && body.length >= CLOSE_BODY_CODE_BYTES ? ` (code ${codeOf(body)})` : '';
}
