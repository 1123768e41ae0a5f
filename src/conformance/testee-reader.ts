/**
 * What the testee sends, read and checked as strictly as the testee is expected to read (§5, §7.4, §8.1): header bits,
 * fragmentation, control frames, shortest lengths, masks as the testee's role has them, UTF-8 as it arrives, close codes,
 * and compression as it was agreed on. Reports messages, control frames and breaches; what follows from them is the
 * caller's business.
 */

import { isUtf8 } from 'node:buffer';
import {
  type FrameHeader,
  FrameParser,
  type FrameSink,
  isControlOpcode,
  isValidUtf8,
  type Limits,
  MAX_CONTROL_PAYLOAD_BYTES,
  MessageAssembler,
  Opcode,
  type Role,
  resolveLimits,
  VIOLATIONS,
  type ViolationId,
  violationMessage,
} from '../protocol/index.ts';
import { type DeflateDirection, Inflater } from './deflate.ts';
import type { WireLog } from './wire-log.ts';

export interface TesteeReaderHandler {
  /** A complete and valid message, in memory of its own. */
  message(payload: Uint8Array, isBinary: boolean): void;
  ping(payload: Uint8Array): void;
  pong(payload: Uint8Array): void;
  /** A valid Close frame; the code is undefined when it had none. */
  close(statusCode: number | undefined): void;
  /** The testee broke the protocol; `closeCode` is what §7.1.7 answers that with. */
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
const LIMITS: Limits = resolveLimits({
  maxMessageBytes: 64 * 1024 * 1024,
  fragmentOverheadBytes: 0,
});

const CLOSE_BODY_CODE_BYTES = 2;

/** The codes of RFC 6455 itself (§7.4.1) and of the ranges it opens, not those that were registered later. */
function isAllowedCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1011);
}

export class TesteeReader implements FrameSink {
  private readonly handler: TesteeReaderHandler;
  private readonly log: WireLog;
  private readonly parser: FrameParser;
  private readonly assembler = new MessageAssembler((lengthBytes) => new Uint8Array(lengthBytes), false);
  private readonly inflater: Inflater | undefined;
  private readonly expectedBytes: number;
  private isCompressed = false;
  private isText = false;
  /** The rest of a message that was not UTF-8 is skipped: the closing handshake may still be answered behind it. */
  private isSkippingMessage = false;
  private readonly controlPayload = new Uint8Array(MAX_CONTROL_PAYLOAD_BYTES);
  private controlLength = 0;
  private frameBytesToCome = 0;

  constructor(handler: TesteeReaderHandler, log: WireLog, { role, deflate, expectedBytes = 0 }: TesteeReaderOptions) {
    this.handler = handler;
    this.log = log;
    this.parser = new FrameParser(this, {
      role,
      limits: LIMITS,
      strictLengths: true,
      allowsRsv1: deflate !== undefined,
    });
    this.inflater = deflate && new Inflater(deflate, LIMITS.maxMessageBytes);
    this.expectedBytes = expectedBytes;
  }

  push(chunk: Uint8Array): void {
    this.parser.push(chunk);
  }

  /** Reads nothing more. */
  stop(): void {
    this.parser.stop();
  }

  wholeFrame(header: FrameHeader, chunk: Uint8Array, start: number, end: number): void {
    this.frameStart(header);
    this.framePayload(header, chunk, start, end);
    this.frameEnd(header);
  }

  frameStart(header: FrameHeader): void {
    const opcode = header.opcode;
    if (isControlOpcode(opcode)) {
      this.controlLength = 0;
      return;
    }
    this.frameBytesToCome = header.payloadLength;
    if (opcode === Opcode.Continuation) return;
    this.isSkippingMessage = false;
    this.isText = opcode === Opcode.Text;
    this.isCompressed = header.rsv1;
    // What is compressed becomes text only when it is whole.
    this.assembler.start(this.isText && !this.isCompressed);
  }

  framePayload(header: FrameHeader, chunk: Uint8Array, start: number, end: number): void {
    if (isControlOpcode(header.opcode)) {
      this.controlPayload.set(chunk.subarray(start, end), this.controlLength);
      this.controlLength += end - start;
      return;
    }
    this.frameBytesToCome -= end - start;
    if (this.isSkippingMessage) return;
    if (!this.assembler.append(chunk, start, end, this.frameBytesToCome)) this.rejectText();
  }

  frameEnd(header: FrameHeader): void {
    const opcode = header.opcode;
    if (isControlOpcode(opcode)) {
      this.controlFrame(header, this.controlPayload.slice(0, this.controlLength));
      return;
    }
    const assembler = this.assembler;
    this.log.frame('received', logged(header), assembler.bytes.subarray(0, assembler.length), messageNote(header));
    if (!header.fin || this.isSkippingMessage) return;
    if (!assembler.finish()) {
      this.rejectText();
      return;
    }
    const payload = assembler.bytes.subarray(0, assembler.length);
    assembler.release();
    if (this.isCompressed) this.compressedMessage(payload);
    else this.handler.message(payload, !this.isText);
  }

  private compressedMessage(payload: Uint8Array): void {
    let message: Uint8Array;
    try {
      message = this.inflater!.decompress(payload, this.expectedBytes);
    } catch (error) {
      this.handler.corruption((error as Error).message);
      return;
    }
    if (this.isText && !isUtf8(message)) this.violation('invalidText', 0, 0);
    else this.handler.message(message, !this.isText);
  }

  violation(id: ViolationId, _offset: number, detail: number): void {
    this.handler.breach(VIOLATIONS[id].closeCode, violationMessage(id, detail));
  }

  private rejectText(): void {
    this.isSkippingMessage = true;
    this.assembler.release();
    this.violation('invalidText', 0, 0);
  }

  private controlFrame(header: FrameHeader, payload: Uint8Array): void {
    this.log.frame('received', logged(header), payload, closeNote(header, payload));
    if (header.opcode === Opcode.Ping) this.handler.ping(payload);
    else if (header.opcode === Opcode.Pong) this.handler.pong(payload);
    else this.closeFrame(payload);
  }

  private closeFrame(body: Uint8Array): void {
    if (body.length === 0) {
      this.handler.close(undefined);
      return;
    }
    const statusCode = codeOf(body);
    if (!isAllowedCloseCode(statusCode)) this.violation('invalidCloseCode', 0, statusCode);
    else if (!isValidUtf8(body, CLOSE_BODY_CODE_BYTES)) this.violation('invalidCloseReason', 0, 0);
    else this.handler.close(statusCode);
  }
}

function codeOf(body: Uint8Array): number {
  return (body[0]! << 8) | body[1]!;
}

function logged(header: FrameHeader) {
  return { opcode: header.opcode, fin: header.fin, rsv: (header.firstByte >>> 4) & 7 };
}

function messageNote(header: FrameHeader): string {
  return header.opcode === Opcode.Continuation || !header.fin ? ' (message so far)' : '';
}

export function closeNote(header: { readonly opcode: number }, body: Uint8Array): string {
  return header.opcode === Opcode.Close && body.length >= CLOSE_BODY_CODE_BYTES ? ` (code ${codeOf(body)})` : '';
}
