/**
 * The protocol read the plain way, for bytes that lie there: one frame, or `'more'`, or a violation; and messages, joined of
 * frames. Nothing is fast here, each rule is said once, and nothing is kept between calls. Read it beside the RFC, from top to
 * bottom. It shares with the fast way only what UTF-8 and a close code are, so that each shows the other's faults.
 */

import { isSendableCloseCode } from './close-code.ts';
import type { Role } from './frame-header.ts';
import { type Limits, UNLIMITED } from './limits.ts';
import { isControlOpcode, isReservedOpcode, Opcode, opcodeName } from './opcode.ts';
import { isValidUtf8, Utf8Validator } from './utf8.ts';
import type { ViolationId } from './violation.ts';

/** A frame header (§5.2), legal or not. What is not all there yet is undefined. */
export interface ReferenceHeader {
  readonly fin: boolean;
  /** RSV1 counts 4, RSV2 counts 2, RSV3 counts 1. */
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** The length as the second byte has it; 126 and 127 announce a longer field. */
  readonly length7: number;
  /** In bytes, rounded past 2^53. */
  readonly payloadLength: number | undefined;
  /** In network order; undefined for a frame that is not masked, too. */
  readonly maskingKey: number | undefined;
  /** In bytes, masking key included. */
  readonly headerLength: number;
  readonly isHeaderWhole: boolean;
}

/** Reads the header at bytes[at] and judges nothing; `'more'` while its first two bytes are not there. */
export function readHeader(bytes: Uint8Array, at = 0): ReferenceHeader | 'more' {
  if (bytes.length - at < 2) return 'more';
  const [byte0, byte1] = [bytes[at]!, bytes[at + 1]!];
  const [masked, length7] = [byte1 >= 0x80, byte1 & 0x7f];
  const lengthBytes = length7 === 126 ? 2 : length7 === 127 ? 8 : 0;
  const keyAt = at + 2 + lengthBytes;
  const end = keyAt + (masked ? 4 : 0);
  return {
    fin: byte0 >= 0x80,
    rsv: (byte0 >>> 4) & 7,
    opcode: byte0 & 0xf,
    masked,
    length7,
    payloadLength: lengthBytes === 0 ? length7 : numberAt(bytes, at + 2, lengthBytes),
    maskingKey: masked ? numberAt(bytes, keyAt, 4) : undefined,
    headerLength: end - at,
    isHeaderWhole: end <= bytes.length,
  };
}

/** §5.2: network byte order, the highest byte first. */
function numberAt(bytes: Uint8Array, at: number, byteCount: number): number | undefined {
  const field = bytes.subarray(at, at + byteCount);
  return field.length < byteCount ? undefined : field.reduce((number, byte) => number * 256 + byte, 0);
}

/**
 * §5.3 word for word: octet i of the payload is XORed with octet i mod 4 of the key, which masks and unmasks. In place.
 * `position` is the place of bytes[start] in the payload.
 */
export function maskReference(bytes: Uint8Array, start: number, end: number, maskingKey: number, position = 0): void {
  for (let i = start; i < end; i++) bytes[i]! ^= maskingKey >>> (24 - 8 * ((position + i - start) & 3));
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
const NOTHING = new Uint8Array(0);

function broken(rules: readonly (readonly [isBroken: boolean, id: ViolationId, detail: number])[]): ReferenceFault[] {
  return rules.flatMap(([isBroken, id, detail]) => (isBroken ? [{ id, detail }] : []));
}

/** All that is wrong with a header where it stands: an endpoint fails the connection for the first. */
export function headerFaults(header: ReferenceHeader, options: ReferenceOptions, open = NO_MESSAGE): ReferenceFault[] {
  const { fin, rsv, opcode, masked, length7, payloadLength: length = Number.NaN } = header;
  const { role, inflate, allowsRsv1 = inflate !== undefined, strictLengths, limits = UNLIMITED } = options;
  const [isControl, isContinuation] = [isControlOpcode(opcode), opcode === Opcode.Continuation];
  const [isOpen, isCompressed] = [open.frames > 0, rsv === 4 && allowsRsv1];
  // A length that is not there is no number: it is not longer than anything, and not shorter.
  const isCounted = !isControl && length <= Number.MAX_SAFE_INTEGER;
  const isShort = (length7 === 126 && length < 126) || (length7 === 127 && length < 65_536);

  return broken([
    // §5.2: a reserved bit is clear unless an extension gives it a meaning.
    [(rsv & 3) !== 0, 'unexpectedRsv23', opcode],
    [rsv === 4 && !allowsRsv1, 'unexpectedRsv1', opcode],
    [isReservedOpcode(opcode), 'reservedOpcode', opcode],
    // §5.4: the fragments of a message follow each other. RFC 7692 §6.1: the first says for all whether it is compressed.
    [isContinuation && isCompressed, 'unexpectedRsv1', opcode],
    [isContinuation && !isOpen, 'unexpectedContinuation', opcode],
    [!isContinuation && !isControl && isOpen, 'expectedContinuation', opcode],
    // §5.5: a control frame is one short frame, never compressed (RFC 7692 §6.1); a Close body begins with two bytes of code.
    [isControl && !fin, 'expectedFin', opcode],
    [isControl && isCompressed, 'unexpectedRsv1', opcode],
    [isControl && length7 > 125, 'controlPayloadTooLong', length7],
    [opcode === Opcode.Close && length7 === 1, 'closePayloadOneByte', 1],
    // §5.1: clients mask, servers do not.
    [role === 'server' && !masked, 'expectedMask', opcode],
    [role === 'client' && masked, 'unexpectedMask', opcode],
    // §5.2: a length has 63 bits, of which JavaScript takes 53, and the shortest form that it fits in.
    [!isControl && length > Number.MAX_SAFE_INTEGER, 'lengthUnsupported', 0],
    [strictLengths === true && isShort, 'lengthNotMinimal', length],
    // §10.4: what the receiver takes.
    [isCounted && length > limits.maxFrameBytes, 'frameTooLong', length],
    [isCounted && open.bytes + length > limits.maxMessageBytes, 'messageTooLong', length],
    [isCounted && (isOpen || !fin) && open.frames >= limits.maxFragments, 'tooManyFragments', length],
  ]);
}

/** A frame that its receiver accepts, at bytes[offset]; the payload unmasked, in memory of its own, as far as it is there. */
export interface ReferenceFrame extends ReferenceHeader {
  readonly offset: number;
  readonly payloadLength: number;
  readonly payload: Uint8Array;
}

/** Why the connection fails, and for the frame at which bytes[offset]. */
export interface ReferenceViolation extends ReferenceFault {
  readonly offset: number;
}

/** Reads the frame at bytes[offset], behind so much of an `open` message; `'more'` while its header is not all there. */
export function readFrame(
  bytes: Uint8Array,
  options: ReferenceOptions,
  offset = 0,
  open = NO_MESSAGE,
): ReferenceFrame | ReferenceViolation | 'more' {
  const header = readHeader(bytes, offset);
  if (header === 'more') return 'more';
  const [fault] = headerFaults(header, options, open);
  if (fault !== undefined) return { ...fault, offset };
  const { payloadLength, headerLength, maskingKey = 0, isHeaderWhole } = header;
  if (payloadLength === undefined || !isHeaderWhole) return 'more';
  const start = offset + headerLength;
  const payload = Uint8Array.from(bytes.subarray(start, start + payloadLength));
  maskReference(payload, 0, payload.length, maskingKey);
  return { ...header, offset, payloadLength, payload };
}

/** What has been read, up to the first violation or to the end of the bytes, which stay as they are. */
export interface ReferenceReading {
  readonly violation: ReferenceViolation | undefined;
}

/** Reads the frames in `bytes`, of which the last may lack some of its payload; behind a Close frame as well. */
export function readFrames(
  bytes: Uint8Array,
  options: ReferenceOptions,
): ReferenceReading & { readonly frames: readonly ReferenceFrame[] } {
  const frames: ReferenceFrame[] = [];
  let open = NO_MESSAGE;
  for (let offset = 0; ; ) {
    const frame = readFrame(bytes, options, offset, open);
    if (frame === 'more') return { frames, violation: undefined };
    if ('id' in frame) return { frames, violation: frame };
    frames.push(frame);
    offset += frame.headerLength + frame.payloadLength;
    // §5.4: control frames stand between fragments without being part of the message.
    if (isControlOpcode(frame.opcode)) continue;
    open = frame.fin ? NO_MESSAGE : { frames: open.frames + 1, bytes: open.bytes + frame.payloadLength };
  }
}

/** The code of a Close frame (§5.5.1): 1005 when its body is empty (§7.1.5). */
export function readCloseCode(payload: Uint8Array): number {
  return numberAt(payload, 0, 2) ?? 1005;
}

/** What is wrong with the body of a Close frame: its code has to be one that may be sent (§7.4), its reason UTF-8 (§5.5.1). */
export function closeFaults(payload: Uint8Array, maySend = isSendableCloseCode): ReferenceFault[] {
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

/** Joins the frames in `bytes` to messages (§5.4, §5.6), and stops at a Close frame, behind which nothing counts (§5.5.1). */
export function readMessages(
  bytes: Uint8Array,
  options: ReferenceOptions,
): ReferenceReading & { readonly events: readonly ReferenceEvent[] } {
  const { inflate = (payload) => payload, limits = UNLIMITED } = options;
  const { frames, violation } = readFrames(bytes, options);
  const events: ReferenceEvent[] = [];
  let [isText, isCompressed, joined] = [false, false, NOTHING];

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
    if (opcode !== Opcode.Continuation) [isText, isCompressed, joined] = [opcode === Opcode.Text, rsv === 4, NOTHING];
    joined = Uint8Array.from([...joined, ...payload]);
    // §8.1: bytes that no others can make text any more are a fault at once. What is compressed is no text yet.
    const isHopeless = new Utf8Validator().push(joined, 0, joined.length) !== -1;
    if (isText && !isCompressed && isHopeless) return failed('invalidText');
    if (!fin || !isWhole) continue;
    const message = isCompressed ? inflate(joined) : joined;
    if (message === undefined) return failed('invalidCompression');
    if (message.length > limits.maxMessageBytes) return failed('messageTooLong');
    if (isText && !isValidUtf8(message)) return failed('invalidText');
    events.push({ type: isText ? 'text' : 'binary', payload: message });
  }
  return { events, violation };
}
