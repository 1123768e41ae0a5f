/** A step that sends a Close frame with this body (§5.5.1), which may be one that must not be sent. */

import type { Step } from '../case.ts';
import { joined, NOTHING, type Payload } from '../payload.ts';

/** Starts the closing handshake with any 16-bit number as status code. */
export function closeStep(statusCode: number, closeReason: Payload = NOTHING): Step {
  const code: Payload = { unit: Uint8Array.of(statusCode >>> 8, statusCode & 0xff), lengthBytes: 2 };
  return { do: 'close', body: joined(code, closeReason) };
}
