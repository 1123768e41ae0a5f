/**
 * The fuzzer's frames as bytes (§5.2, §5.3): RSV bits and opcodes as the case wants them, messages cut into fragments,
 * and, when it is the client, everything masked with a fresh random key. Knows nothing of when frames are written.
 */

import { randomFillSync } from 'node:crypto';
import { FIN, frameHeaderLength, mask, Opcode, type Role, writeFrameHeader } from '../protocol/index.ts';

/** Random numbers are drawn in batches: a message of 65 537 frames needs as many keys. */
const KEYS = new Int32Array(1024);
let keysUsed = KEYS.length;

function nextMaskingKey(): number {
  if (keysUsed === KEYS.length) {
    randomFillSync(KEYS);
    keysUsed = 0;
  }
  return KEYS[keysUsed++]!;
}

/** FIN, RSV1–3 and opcode as the first byte. */
export function rawFirstByte(opcode: number, fin: boolean, rsv: number): number {
  return (fin ? FIN : 0) | (rsv << 4) | opcode;
}

/**
 * How many frames a message becomes: one when it fits, else one more than whole fragments fit in, so that a multiple of
 * the fragment size ends with an empty frame.
 */
export function fragmentCount(lengthBytes: number, fragmentBytes: number): number {
  return lengthBytes <= fragmentBytes ? 1 : Math.floor(lengthBytes / fragmentBytes) + 1;
}

export interface EncodedHeader {
  readonly bytes: Uint8Array;
  /** Undefined when the payload stays as it is. */
  readonly maskingKey: number | undefined;
}

export class FrameEncoder {
  private readonly masksFrames: boolean;

  /** @param role the fuzzer's: a client masks, a server does not (§5.1) */
  constructor(role: Role) {
    this.masksFrames = role === 'client';
  }

  frame(firstByte: number, payload: Uint8Array): Uint8Array {
    const frame = new Uint8Array(this.frameLength(payload));
    this.put(frame, 0, firstByte, payload);
    return frame;
  }

  /** A frame's header alone, for payloads that follow in pieces. */
  header(firstByte: number, payloadLength: number): EncodedHeader {
    const maskingKey = this.nextKey();
    const bytes = new Uint8Array(frameHeaderLength(payloadLength, this.masksFrames));
    writeFrameHeader(bytes, 0, firstByte, payloadLength, maskingKey);
    return { bytes, maskingKey };
  }

  /** A message in fragments (§5.4), all of them behind each other. The RSV bits are those of the first frame. */
  fragments(opcode: number, rsv: number, payload: Uint8Array, fragmentBytes: number): Uint8Array {
    const count = fragmentCount(payload.length, fragmentBytes);
    const pieces = Array.from({ length: count }, (_, i) =>
      count === 1 ? payload : payload.subarray(i * fragmentBytes, (i + 1) * fragmentBytes),
    );
    const frames = new Uint8Array(pieces.reduce((sum, piece) => sum + this.frameLength(piece), 0));
    let at = 0;
    pieces.forEach((piece, i) => {
      const isFirst = i === 0;
      const firstByte = rawFirstByte(isFirst ? opcode : Opcode.Continuation, i === count - 1, isFirst ? rsv : 0);
      at = this.put(frames, at, firstByte, piece);
    });
    return frames;
  }

  private nextKey(): number | undefined {
    return this.masksFrames ? nextMaskingKey() : undefined;
  }

  private frameLength(payload: Uint8Array): number {
    return frameHeaderLength(payload.length, this.masksFrames) + payload.length;
  }

  private put(target: Uint8Array, at: number, firstByte: number, payload: Uint8Array): number {
    const key = this.nextKey();
    const start = writeFrameHeader(target, at, firstByte, payload.length, key);
    const end = start + payload.length;
    target.set(payload, start);
    if (key !== undefined) mask(target, start, end, key);
    return end;
  }
}
