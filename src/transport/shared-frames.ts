/**
 * Frames that are sent to many connections: encoded once, and those that leave together put together once. What a
 * connection has been given in a tick is a path through a tree, whose nodes stand for the sequences of frames that
 * somebody has: connections with the same frames stand at the same node, which holds them in one piece. Only servers can
 * share frames, since a client masks each with a key of its own (§5.3).
 */

import { viewIn } from '../memory/view.ts';
import { encodeFrame, firstByteOf, Opcode } from '../protocol/index.ts';

/** A message with its frame, unmasked and uncompressed. Nobody changes either any more. */
export interface SharedMessage {
  readonly payload: string | Uint8Array;
  readonly isBinary: boolean;
  readonly frame: Uint8Array;
  readonly payloadBytes: number;
}

export function shareMessage(payload: string | Uint8Array, isBinary: boolean): SharedMessage {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const frame = encodeFrame(firstByteOf(isBinary ? Opcode.Binary : Opcode.Text, true), bytes);
  // Streams make a Buffer of everything else they are given, for each connection again.
  const view = viewIn(frame.buffer, frame.byteOffset, frame.length);
  return { payload, isBinary, frame: view, payloadBytes: bytes.length };
}

const NOTHING = new Uint8Array(0);

/** A sequence of frames. */
export class SharedFrames {
  private readonly before: SharedFrames | undefined;
  private readonly frame: Uint8Array;
  readonly lengthBytes: number;
  /** The sequence that somebody has made last by adding a frame to this one: the next connection adds the same. */
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

/** The empty sequence, where all connections begin. Another one in each tick, so that the memory of frames is let go. */
export function noFrames(): SharedFrames {
  if (none === undefined) {
    none = new SharedFrames(undefined, NOTHING);
    process.nextTick(forget);
  }
  return none;
}
