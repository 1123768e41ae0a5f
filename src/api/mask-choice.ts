/** Frames that are masked, or not, against what their role asks for (§5.1): for programs that test peers. */

import { encodeFrame, firstByteOf, Opcode } from '../protocol/index.ts';
import { nextMaskingKey } from '../transport/masking-key.ts';
import type { Payload } from '../transport/message-sender.ts';

/** Whether `mask` asks for something else than the role does. Blobs are sent as the role asks. */
export function isMaskedOtherwise(
  isServer: boolean,
  mask: boolean | undefined,
  payload: Payload,
): payload is string | Uint8Array {
  return mask !== undefined && mask === isServer && (typeof payload === 'string' || payload instanceof Uint8Array);
}

export function encodeMessage(
  payload: string | Uint8Array,
  isBinary: boolean,
  fin: boolean,
  mask: boolean | undefined,
): Uint8Array {
  const firstByte = firstByteOf(isBinary ? Opcode.Binary : Opcode.Text, fin);
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return encodeFrame(firstByte, bytes, mask === true ? nextMaskingKey() : undefined);
}
