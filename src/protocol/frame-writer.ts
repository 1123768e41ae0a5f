/**
 * Writing frames (§5.2): the header in the shortest of its three length forms, with or without a masking key. Both
 * roles use it; who masks, and with what key, is the caller's to say (§5.3: a fresh, unpredictable key per frame).
 */

import { FIN, frameHeaderLength, LENGTH_16, LENGTH_64, MASK, MAX_CONTROL_PAYLOAD_BYTES, RSV1 } from './frame-header.ts';
import { mask } from './mask.ts';
import { TWO_POW_32 } from './whole-number.ts';

/** FIN, RSV1 and opcode as the first byte of a frame. */
export function firstByteOf(opcode: number, fin: boolean, rsv1 = false): number {
  return (fin ? FIN : 0) | (rsv1 ? RSV1 : 0) | opcode;
}

/**
 * §5.5: a control frame holds no more than 125 bytes.
 * @throws {RangeError} when the payload is longer
 */
export function checkControlPayload(lengthBytes: number): void {
  if (lengthBytes > MAX_CONTROL_PAYLOAD_BYTES) {
    throw new RangeError(`The data size must not be greater than ${MAX_CONTROL_PAYLOAD_BYTES} bytes`);
  }
}

/**
 * Writes a header at target[at …].
 * @param maskingKey in network order; undefined leaves the frame unmasked
 * @returns the place behind the header
 */
export function writeFrameHeader(
  target: Uint8Array,
  at: number,
  firstByte: number,
  payloadLength: number,
  maskingKey?: number,
): number {
  const maskBit = maskingKey === undefined ? 0 : MASK;
  target[at] = firstByte;
  let next = at + 2;
  if (payloadLength < LENGTH_16) {
    target[at + 1] = maskBit | payloadLength;
  } else if (payloadLength <= 0xffff) {
    target[at + 1] = maskBit | LENGTH_16;
    target[at + 2] = payloadLength >>> 8;
    target[at + 3] = payloadLength;
    next = at + 4;
  } else {
    target[at + 1] = maskBit | LENGTH_64;
    writeUint32(target, at + 2, Math.floor(payloadLength / TWO_POW_32));
    writeUint32(target, at + 6, payloadLength % TWO_POW_32);
    next = at + 10;
  }
  if (maskingKey === undefined) return next;
  writeUint32(target, next, maskingKey);
  return next + 4;
}

/** One frame as bytes of its own: for tools and tests; the payload given is left as it is. */
export function encodeFrame(firstByte: number, payload: Uint8Array, maskingKey?: number): Uint8Array {
  const start = frameHeaderLength(payload.length, maskingKey !== undefined);
  const frame = new Uint8Array(start + payload.length);
  writeFrameHeader(frame, 0, firstByte, payload.length, maskingKey);
  frame.set(payload, start);
  if (maskingKey !== undefined) mask(frame, start, frame.length, maskingKey);
  return frame;
}

function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}
