/**
 * The protocol read the plain way: §5.2 to §5.6, §7.4 and §8.1 from top to bottom, for bytes that lie there. One frame is
 * read behind the other, and each rule is said once. Nothing is fast here, and nothing is kept between calls.
 *
 * Read this first, beside the RFC. `FrameParser` and `Connection` do the same at speed, for bytes that arrive in pieces,
 * and the property tests hold them to this file. The inspector and the conformance runner read with it. So it shares with
 * the fast way only what UTF-8 and a close code are: what `headerViolation` says stands here a second time, on purpose, and
 * each shows the other's faults.
 */

import { isSendableCloseCode } from './close-code.ts';
import type { Role } from './frame-header.ts';
import { type Limits, UNLIMITED } from './limits.ts';
import { isControlOpcode, isReservedOpcode, Opcode, opcodeName } from './opcode.ts';
import { isValidUtf8, Utf8Validator } from './utf8.ts';
import type { ViolationId } from './violation.ts';

/** A frame header (§5.2), legal or not, as far as its bytes are there. */
export interface ReferenceHeader {
  readonly fin: boolean;
  /** RSV1 counts 4, RSV2 counts 2, RSV3 counts 1. */
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** The length as the second byte has it; 126 and 127 announce a longer field. */
  readonly length7: number;
  /** In bytes, rounded past 2^53; undefined while its field is not all there. */
  readonly payloadLength: number | undefined;
  /** In network order; undefined when the frame is not masked, or the key is not all there. */
  readonly maskingKey: number | undefined;
  /** In bytes, masking key included. */
  readonly headerLength: number;
  readonly isHeaderWhole: boolean;
}

/**
 * Reads the header at bytes[at] and judges nothing.
 * @returns what there is of it; `'more'` while its first two bytes are not there
 */
export function readHeader(bytes: Uint8Array, at = 0): ReferenceHeader | 'more' {
  if (bytes.length - at < 2) return 'more';
  const [byte0, byte1] = [bytes[at]!, bytes[at + 1]!];
  const masked = (byte1 & 0x80) !== 0;
  const length7 = byte1 & 0x7f;
  const lengthBytes = length7 === 126 ? 2 : length7 === 127 ? 8 : 0;
  const lengthEnd = at + 2 + lengthBytes;
  const headerEnd = lengthEnd + (masked ? 4 : 0);
  const longLength = lengthEnd <= bytes.length ? numberAt(bytes, at + 2, lengthBytes) : undefined;
  const isHeaderWhole = headerEnd <= bytes.length;
  return {
    fin: (byte0 & 0x80) !== 0,
    rsv: (byte0 >>> 4) & 7,
    opcode: byte0 & 0xf,
    masked,
    length7,
    payloadLength: lengthBytes === 0 ? length7 : longLength,
    maskingKey: masked && isHeaderWhole ? numberAt(bytes, lengthEnd, 4) : undefined,
    headerLength: headerEnd - at,
    isHeaderWhole,
  };
}

/** §5.2: numbers stand in network byte order, the highest byte first. */
function numberAt(bytes: Uint8Array, at: number, byteCount: number): number {
  let number = 0;
  for (let i = at; i < at + byteCount; i++) number = number * 256 + bytes[i]!;
  return number;
}

/**
 * §5.3 word for word: octet i of the payload is XORed with octet i mod 4 of the key, which masks and unmasks. In place;
 * the oracle for `mask`. `position` is the place of bytes[start] in the payload.
 */
export function maskReference(bytes: Uint8Array, start: number, end: number, maskingKey: number, position = 0): void {
  for (let i = start; i < end; i++) {
    const keyByte = maskingKey >>> (24 - 8 * ((position + i - start) & 3));
    bytes[i]! ^= keyByte;
  }
}

/** What is wrong with a frame. `detail` is the number that the violation's message speaks of. */
export interface ReferenceFault {
  readonly id: ViolationId;
  readonly detail: number;
}

export interface ReferenceOptions {
  /** Who reads. */
  readonly role: Role;
  /** Whether an extension in use gives RSV1 a meaning (RFC 7692 §6). Default: when there is `inflate`. */
  readonly allowsRsv1?: boolean | undefined;
  /** Inflates a compressed message (RFC 7692 §7.2.2); undefined when it is none. Default: it is taken as it is. */
  readonly inflate?: ((payload: Uint8Array) => Uint8Array | undefined) | undefined;
  /** Whether lengths have to be in their shortest form (§5.2). Default false. */
  readonly strictLengths?: boolean | undefined;
  /** Default: none. */
  readonly limits?: Limits | undefined;
}

/** How much of a message has come before the frame at hand (§5.4); zeros between messages. */
export interface MessageSize {
  readonly frames: number;
  readonly bytes: number;
}

const NO_MESSAGE: MessageSize = { frames: 0, bytes: 0 };

type Rule = readonly [isBroken: boolean, id: ViolationId, detail: number];

function broken(rules: readonly Rule[]): ReferenceFault[] {
  return rules.flatMap(([isBroken, id, detail]) => (isBroken ? [{ id, detail }] : []));
}

/**
 * All that is wrong with a header where it stands, in the order of judgement: an endpoint fails the connection for the
 * first. What is not there yet is not judged.
 */
export function headerFaults(
  header: ReferenceHeader,
  options: ReferenceOptions,
  message: MessageSize = NO_MESSAGE,
): ReferenceFault[] {
  const { fin, rsv, opcode, masked, length7, payloadLength } = header;
  const { role, inflate, allowsRsv1 = inflate !== undefined, strictLengths = false, limits = UNLIMITED } = options;
  const isControl = isControlOpcode(opcode);
  const isContinuation = opcode === Opcode.Continuation;
  const isMessageOpen = message.frames > 0;
  const isCompressed = rsv === 4 && allowsRsv1;

  const length = payloadLength ?? length7;
  const isLong = (length7 === 126 && length < 126) || (length7 === 127 && length < 65_536);
  const isCounted = !isControl && payloadLength !== undefined && length <= Number.MAX_SAFE_INTEGER;
  const messageBytes = message.bytes + length;
  const areTooMany = message.frames >= limits.maxFragments;

  return broken([
    // §5.2: a reserved bit is clear unless an extension gives it a meaning.
    [(rsv & 3) !== 0, 'unexpectedRsv23', opcode],
    [rsv === 4 && !allowsRsv1, 'unexpectedRsv1', opcode],
    [isReservedOpcode(opcode), 'reservedOpcode', opcode],
    // §5.4: fragments follow the first frame of their message, and no other message comes between them. RFC 7692 §6.1:
    // that first frame says for all of them whether the message is compressed.
    [isContinuation && isCompressed, 'unexpectedRsv1', opcode],
    [isContinuation && !isMessageOpen, 'unexpectedContinuation', opcode],
    [!isContinuation && !isControl && isMessageOpen, 'expectedContinuation', opcode],
    // §5.5: a control frame is one short frame, and never compressed (RFC 7692 §6.1).
    [isControl && !fin, 'expectedFin', opcode],
    [isControl && isCompressed, 'unexpectedRsv1', opcode],
    [isControl && length7 > 125, 'controlPayloadTooLong', length7],
    // §5.5.1: a Close body begins with a status code, which has two bytes.
    [opcode === Opcode.Close && length7 === 1, 'closePayloadOneByte', 1],
    // §5.1: clients mask, servers do not.
    [role === 'server' && !masked, 'expectedMask', opcode],
    [role === 'client' && masked, 'unexpectedMask', opcode],
    // §5.2: a length has 63 bits, of which JavaScript takes 53, and the shortest form that it fits in.
    [!isControl && length > Number.MAX_SAFE_INTEGER, 'lengthUnsupported', 0],
    [strictLengths && payloadLength !== undefined && isLong, 'lengthNotMinimal', length],
    // §10.4: what the receiver takes.
    [isCounted && length > limits.maxFrameBytes, 'frameTooLong', length],
    [isCounted && messageBytes > limits.maxMessageBytes, 'messageTooLong', length],
    [isCounted && (!fin || isMessageOpen) && areTooMany, 'tooManyFragments', length],
  ]);
}

/** A frame that its receiver accepts. */
export interface ReferenceFrame extends ReferenceHeader {
  /** Of its first byte. */
  readonly offset: number;
  readonly payloadLength: number;
  /** Unmasked, in memory of its own, as far as it is there. */
  readonly payload: Uint8Array;
}

/** Why the connection fails, and for which frame. */
export interface ReferenceViolation extends ReferenceFault {
  /** Of the frame's first byte. */
  readonly offset: number;
}

/**
 * Reads the frame at bytes[offset], which stays as it is.
 * @param message the message that is open there. Default: none
 * @returns `'more'` while the header is not all there
 */
export function readFrame(
  bytes: Uint8Array,
  options: ReferenceOptions,
  offset = 0,
  message: MessageSize = NO_MESSAGE,
): ReferenceFrame | ReferenceViolation | 'more' {
  const header = readHeader(bytes, offset);
  if (header === 'more') return 'more';
  const [fault] = headerFaults(header, options, message);
  if (fault !== undefined) return { ...fault, offset };
  const { payloadLength, headerLength, maskingKey = 0, isHeaderWhole } = header;
  if (payloadLength === undefined || !isHeaderWhole) return 'more';
  const start = offset + headerLength;
  const payload = Uint8Array.from(bytes.subarray(start, start + payloadLength));
  maskReference(payload, 0, payload.length, maskingKey);
  return { ...header, offset, payloadLength, payload };
}

/**
 * Reads the frames in `bytes`, which stay as they are, up to the first violation or to their end: the last frame may lack
 * some of its payload. What stands behind a Close frame is read as well.
 */
export function readFrames(
  bytes: Uint8Array,
  options: ReferenceOptions,
): { readonly frames: readonly ReferenceFrame[]; readonly violation: ReferenceViolation | undefined } {
  const frames: ReferenceFrame[] = [];
  let message = NO_MESSAGE;
  for (let offset = 0; ; ) {
    const frame = readFrame(bytes, options, offset, message);
    if (frame === 'more') return { frames, violation: undefined };
    if ('id' in frame) return { frames, violation: frame };
    frames.push(frame);
    const { fin, opcode, headerLength, payloadLength } = frame;
    offset += headerLength + payloadLength;
    // §5.4: control frames stand between fragments without being part of the message.
    if (isControlOpcode(opcode)) continue;
    message = fin ? NO_MESSAGE : { frames: message.frames + 1, bytes: message.bytes + payloadLength };
  }
}

/** The code of a Close frame (§5.5.1): 1005 when its body is empty (§7.1.5). */
export function readCloseCode(payload: Uint8Array): number {
  return payload.length < 2 ? 1005 : numberAt(payload, 0, 2);
}

/**
 * What is wrong with the body of a Close frame: its code has to be one that may be sent (§7.4), its reason UTF-8 (§5.5.1).
 * @param maySend which codes may. Default `isSendableCloseCode`
 */
export function closeFaults(
  payload: Uint8Array,
  maySend: (statusCode: number) => boolean = isSendableCloseCode,
): ReferenceFault[] {
  const statusCode = readCloseCode(payload);
  return broken([
    [payload.length >= 2 && !maySend(statusCode), 'invalidCloseCode', statusCode],
    [!isValidUtf8(payload.subarray(2)), 'invalidCloseReason', statusCode],
  ]);
}

/** A message, whole, or a control frame. */
export interface ReferenceEvent {
  readonly type: 'text' | 'binary' | 'close' | 'ping' | 'pong';
  readonly payload: Uint8Array;
}

/**
 * Reads messages (§5.4, §5.6) and control frames (§5.5) out of `bytes`, which stay as they are: up to the first violation,
 * to a Close frame, behind which nothing is read (§5.5.1), or to their end.
 */
export function readMessages(
  bytes: Uint8Array,
  options: ReferenceOptions,
): { readonly events: readonly ReferenceEvent[]; readonly violation: ReferenceViolation | undefined } {
  const { inflate = (payload) => payload, limits = UNLIMITED } = options;
  const { frames, violation } = readFrames(bytes, options);
  const events: ReferenceEvent[] = [];
  let text = new Utf8Validator();
  let [isText, isCompressed, parts]: [boolean, boolean, Uint8Array[]] = [false, false, []];

  for (const { fin, rsv, opcode, payloadLength, payload, offset } of frames) {
    const failed = (id: ViolationId, detail = 0) => ({ events, violation: { id, detail, offset } });
    const isWhole = payload.length === payloadLength;

    if (isControlOpcode(opcode)) {
      if (!isWhole) break;
      const [fault] = opcode === Opcode.Close ? closeFaults(payload) : [];
      if (fault !== undefined) return failed(fault.id, fault.detail);
      events.push({ type: opcodeName(opcode) as ReferenceEvent['type'], payload });
      if (opcode === Opcode.Close) return { events, violation: undefined };
      continue;
    }

    // §5.4: the first frame says what the whole message is.
    if (opcode !== Opcode.Continuation) {
      [isText, isCompressed, parts] = [opcode === Opcode.Text, rsv === 4, []];
      text = new Utf8Validator();
    }
    parts.push(payload);
    // §8.1: bytes that no others can make text any more are a fault at once. What is compressed is no text yet.
    const isChecked = isText && !isCompressed;
    if (isChecked && text.push(payload, 0, payload.length) !== -1) return failed('invalidText');
    if (!fin || !isWhole) continue;

    if (isChecked && !text.isComplete) return failed('invalidText');
    const whole = Uint8Array.from(parts.flatMap((part) => [...part]));
    const message = isCompressed ? inflate(whole) : whole;
    if (message === undefined) return failed('invalidCompression');
    if (message.length > limits.maxMessageBytes) return failed('messageTooLong');
    if (isCompressed && isText && !isValidUtf8(message)) return failed('invalidText');
    events.push({ type: isText ? 'text' : 'binary', payload: message });
  }
  return { events, violation };
}
