/** The body of a Close frame (§5.5.1): empty, or a two-byte status code with an optional UTF-8 reason behind it. */

import { CloseCode, isSendableCloseCode } from './close-code.ts';
import { MAX_CONTROL_PAYLOAD_BYTES } from './frame-header.ts';
import { encodeUtf8, isValidUtf8 } from './utf8.ts';
import type { ViolationId } from './violation.ts';

/** What a Close frame said. An empty body reads as 1005 with an empty reason (§7.1.5). */
export interface ClosePayload {
  readonly statusCode: number;
  readonly closeReason: Uint8Array;
}

const EMPTY = new Uint8Array(0);

/** The longest reason of a Close frame, in bytes of UTF-8. */
export const MAX_CLOSE_REASON_BYTES = MAX_CONTROL_PAYLOAD_BYTES - 2;

/**
 * Reads a Close body. One-byte bodies do not come this far: the header already gives them away.
 * @returns what it says, in memory of its own, or the violation that it is
 */
export function parseClosePayload(payload: Uint8Array, skipsUtf8Validation = false): ClosePayload | ViolationId {
  if (payload.length === 0) return { statusCode: CloseCode.NoStatusReceived, closeReason: EMPTY };
  const statusCode = readStatusCode(payload);
  if (!isSendableCloseCode(statusCode)) return 'invalidCloseCode';
  if (!skipsUtf8Validation && !isValidUtf8(payload, 2)) return 'invalidCloseReason';
  return { statusCode, closeReason: new Uint8Array(payload.subarray(2)) };
}

/** The first two bytes of a Close body. */
export function readStatusCode(payload: Uint8Array): number {
  return (payload[0]! << 8) | payload[1]!;
}

/**
 * Builds a Close body: empty without a code, since a reason needs one.
 * @param closeReason text, or UTF-8 bytes, of at most 123 bytes
 * @throws {TypeError} when the code may not be sent (§7.4), or the reason is neither string nor Uint8Array
 * @throws {RangeError} when the reason is too long
 */
export function buildClosePayload(statusCode?: number, closeReason?: string | Uint8Array): Uint8Array {
  if (statusCode === undefined) return EMPTY;
  if (typeof statusCode !== 'number' || !isSendableCloseCode(statusCode)) {
    throw new TypeError('First argument must be a valid error code number');
  }
  const reason = reasonBytes(closeReason);
  if (reason.length > MAX_CLOSE_REASON_BYTES) {
    throw new RangeError(`The message must not be greater than ${MAX_CLOSE_REASON_BYTES} bytes`);
  }
  const payload = new Uint8Array(2 + reason.length);
  payload[0] = statusCode >>> 8;
  payload[1] = statusCode;
  payload.set(reason, 2);
  return payload;
}

/** Of any realm: a worker's, a context's of node:vm, Jest's. */
function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && (value as Partial<Uint8Array>)[Symbol.toStringTag] === 'Uint8Array';
}

function reasonBytes(reason: string | Uint8Array | undefined): Uint8Array {
  if (reason === undefined) return EMPTY;
  if (typeof reason === 'string') return encodeUtf8(reason);
  if (isBytes(reason)) return reason;
  throw new TypeError('Second argument must be a string or a Uint8Array');
}
