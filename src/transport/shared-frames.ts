/**
 * Frames that are sent to many connections. Each is encoded once, and frames that leave together are joined once. What a
 * connection has been given in a tick is a path through a tree. Each node stands for a sequence of frames and holds it in
 * one piece; connections with the same frames stand at the same node. Only servers can share frames, since a client masks
 * each frame with a key of its own (§5.3).
 */

import { viewIn } from '../memory/view.ts';
import { encodeFrame, firstByteOf, Opcode } from '../protocol/index.ts';

/** A message with its frame, unmasked and uncompressed. Nobody changes either. */
export interface SharedMessage {
  readonly payload: string | Uint8Array;
  readonly isBinary: boolean;
  readonly frame: Uint8Array;
  readonly payloadBytes: number;
  /** Whether a connection may drop it when too much waits for its peer. */
  readonly isDroppable: boolean;
}

export function shareMessage(payload: string | Uint8Array, isBinary: boolean, isDroppable = false): SharedMessage {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const frame = encodeFrame(firstByteOf(isBinary ? Opcode.Binary : Opcode.Text, true), bytes);
  // Of anything but a Buffer, each connection's stream would make one.
  const view = viewIn(frame.buffer, frame.byteOffset, frame.length);
  return { payload, isBinary, frame: view, payloadBytes: bytes.length, isDroppable };
}

const NOTHING = new Uint8Array(0);

/** A sequence of frames. */
export class SharedFrames {
  private readonly before: SharedFrames | undefined;
  private readonly frame: Uint8Array;
  readonly lengthBytes: number;
  /** What this sequence became when a frame was added last: the next connection will add the same frame. */
  private longer: SharedFrames | undefined;
  private whole: Uint8Array | undefined;

  constructor(before: SharedFrames | undefined, frame: Uint8Array) {
    this.before = before;
    this.frame = frame;
    this.lengthBytes = (before?.lengthBytes ?? 0) + frame.length;
  }

  /** This sequence and one frame more. */
  with(frame: Uint8Array): SharedFrames {
    if (this.longer?.frame !== frame) this.longer = new SharedFrames(this, frame);
    return this.longer;
  }

  /** All in one piece. */
  get bytes(): Uint8Array {
    this.whole ??= this.join();
    return this.whole;
  }

  private join(): Uint8Array {
    const frames: Uint8Array[] = [];
    for (let sequence: SharedFrames | undefined = this; sequence !== undefined; sequence = sequence.before) {
      if (sequence.frame.length > 0) frames.push(sequence.frame);
    }
    return frames.length === 1 ? frames[0]! : Buffer.concat(frames.reverse(), this.lengthBytes);
  }
}

let none: SharedFrames | undefined;

function forget(): void {
  none = undefined;
}

/** The empty sequence, where all connections begin. Each tick has a new one, so that the memory of old frames is freed. */
export function noFrames(): SharedFrames {
  if (none === undefined) {
    none = new SharedFrames(undefined, NOTHING);
    process.nextTick(forget);
  }
  return none;
}
