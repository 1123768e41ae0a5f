/**
 * The frame header (§5.2): its fields, and which of them are legal in which place, as pure functions. Knows nothing of
 * payloads, of limits, or of how the bytes arrive.
 *
 *       0                   1                   2                   3
 *       0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *      ┌─┬─┬─┬─┬───────┬─┬─────────────┬───────────────────────────────┐
 *      │F│R│R│R│opcode │M│ payload     │ extended payload length       │
 *      │I│S│S│S│(4)    │A│ length (7)  │ 16 bits after 126             │
 *      │N│V│V│V│       │S│             │ 64 bits after 127             │
 *      │ │1│2│3│       │K│             │                               │
 *      ├─┴─┴─┴─┴───────┴─┴─────────────┴───────────────────────────────┤
 *      │ … extended payload length, bits 16–47 after 127               │
 *      ├───────────────────────────────┬───────────────────────────────┤
 *      │ … bits 48–63 after 127        │ masking key, if MASK is set   │
 *      ├───────────────────────────────┼───────────────────────────────┤
 *      │ … masking key                 │ payload …                     │
 *      └───────────────────────────────┴───────────────────────────────┘
 */

import { CONTROL_BIT, isReservedOpcode, Opcode } from './opcode.ts';
import type { ViolationId } from './violation.ts';

/** Which end of the connection this is (§5.1: the direction decides who masks). */
export type Role = 'server' | 'client';

/** Bits of the first two bytes. */
export const FIN = 0x80;
export const RSV1 = 0x40;
export const RSV2 = 0x20;
export const RSV3 = 0x10;
export const MASK = 0x80;

/** §5.2: values of the 7-bit length that announce an extended one. */
export const LENGTH_16 = 126;
export const LENGTH_64 = 127;

/** The longest payload that a control frame may have, in bytes (§5.5). */
export const MAX_CONTROL_PAYLOAD_BYTES = 125;

/** The longest header: two bytes, a 64-bit length, a masking key. */
export const MAX_HEADER_BYTES = 14;

/** One frame's header. The parser reuses a single object: copy what has to outlive the call. */
export class FrameHeader {
  /** FIN, RSV1 and opcode as they stand on the wire. */
  firstByte = 0;
  masked = false;
  /** In network order; 0 when the frame is not masked. */
  maskingKey = 0;
  /** In bytes. */
  payloadLength = 0;
  /** How much of the payload has been handed on, in bytes: the place of the piece at hand. */
  position = 0;

  get fin(): boolean {
    return (this.firstByte & FIN) !== 0;
  }
  get rsv1(): boolean {
    return (this.firstByte & RSV1) !== 0;
  }
  get opcode(): number {
    return this.firstByte & 0xf;
  }
}

/** How many bytes the shortest header for such a frame has (§5.2). */
export function frameHeaderLength(payloadLength: number, masked: boolean): number {
  const lengthBytes = payloadLength < LENGTH_16 ? 0 : payloadLength <= 0xffff ? 2 : 8;
  return 2 + lengthBytes + (masked ? 4 : 0);
}

/** What decides over a header beside its own bits. */
export interface HeaderContext {
  readonly role: Role;
  /** Whether an extension in use gives RSV1 a meaning. */
  readonly allowsRsv1: boolean;
  /** Whether a fragmented message has begun and not ended (§5.4). */
  readonly isMessageOpen: boolean;
}

/**
 * Judges a frame by its first two bytes, which hold everything but an extended length: so a bad frame is refused
 * before any more of it is waited for. The order decides what a frame with several faults is refused for.
 * reference.ts says the same rules again, and the property tests compare the two.
 */
export function headerViolation(byte0: number, byte1: number, context: HeaderContext): ViolationId | undefined {
  const opcode = byte0 & 0xf;
  const isControl = (byte0 & CONTROL_BIT) !== 0;
  if ((byte0 & (RSV2 | RSV3)) !== 0) return 'unexpectedRsv23';
  const hasRsv1 = (byte0 & RSV1) !== 0;
  if (hasRsv1 && !context.allowsRsv1) return 'unexpectedRsv1';
  if (isReservedOpcode(opcode)) return 'reservedOpcode';
  // RFC 7692 §6.1: RSV1 means "compressed" on the first frame of a message, and nothing elsewhere.
  if (opcode === Opcode.Continuation) {
    if (hasRsv1) return 'unexpectedRsv1';
    if (!context.isMessageOpen) return 'unexpectedContinuation';
  } else if (!isControl) {
    if (context.isMessageOpen) return 'expectedContinuation';
  } else {
    if ((byte0 & FIN) === 0) return 'expectedFin';
    if (hasRsv1) return 'unexpectedRsv1';
    const length = byte1 & 0x7f;
    if (length > MAX_CONTROL_PAYLOAD_BYTES) return 'controlPayloadTooLong';
    // §5.5.1: a body begins with a status code, and that has two bytes.
    if (opcode === Opcode.Close && length === 1) return 'closePayloadOneByte';
  }
  const isMasked = (byte1 & MASK) !== 0;
  if (context.role === 'server') return isMasked ? undefined : 'expectedMask';
  return isMasked ? 'unexpectedMask' : undefined;
}

/** The number that a violation of the first two bytes is about: the length for length faults, else the opcode. */
export function headerViolationDetail(id: ViolationId, byte0: number, byte1: number): number {
  return id === 'controlPayloadTooLong' || id === 'closePayloadOneByte' ? byte1 & 0x7f : byte0 & 0xf;
}
