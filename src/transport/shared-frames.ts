/**
 * Frames that are sent to many connections: encoded once, and when several of them leave together, put together once.
 * Only servers can share them, since a client masks each frame with a key of its own (§5.3).
 */

import { encodeFrame, firstByteOf, Opcode } from '../protocol/index.ts';

/** A message with its frame, unmasked and uncompressed. Nobody changes either any more. */
export interface SharedMessage {
  readonly payload: string | Uint8Array;
  readonly isBinary: boolean;
  readonly frame: Uint8Array;
}

export function shareMessage(payload: string | Uint8Array, isBinary: boolean): SharedMessage {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const frame = encodeFrame(firstByteOf(isBinary ? Opcode.Binary : Opcode.Text, true), bytes);
  return { payload, isBinary, frame };
}

let lastFrames: readonly Uint8Array[] = [];
let lastJoined: Uint8Array = new Uint8Array(0);

/** The frames in one piece; the same piece again when the next connection has the same frames. */
export function joinShared(frames: readonly Uint8Array[]): Uint8Array {
  const isSame = frames.length === lastFrames.length && frames.every((frame, i) => frame === lastFrames[i]);
  if (!isSame) {
    lastFrames = frames;
    lastJoined = Buffer.concat(frames);
  }
  return lastJoined;
}

/** Lets go of the memory: the connections that had the same frames have written them. */
export function forgetJoined(): void {
  lastFrames = [];
  lastJoined = new Uint8Array(0);
}
