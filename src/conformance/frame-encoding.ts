/**
 * The fuzzer's frames as bytes (§5.2, §5.3). RSV bits and opcodes are as the case wants them; messages are cut into
 * fragments; a client masks everything with a fresh random key. When frames are written is decided elsewhere.
 */

import { randomInt } from 'node:crypto';
import {
  Chunk,
  encodeFrame,
  FIN,
  frameHeaderLength,
  maskChunk,
  Opcode,
  type Role,
  writeFrameHeader,
} from '../protocol/index.ts';

/** FIN, RSV1–3 and opcode as the first byte. */
export function rawFirstByte(opcode: number, fin: boolean, rsv: number): number {
  return (fin ? FIN : 0) | (rsv << 4) | opcode;
}

/**
 * How many frames a message becomes: one when it fits. Otherwise one more than whole fragments fit in it, so that a
 * multiple of the fragment size ends with an empty frame.
 */
export function fragmentCount(lengthBytes: number, fragmentBytes: number): number {
  return lengthBytes <= fragmentBytes ? 1 : Math.floor(lengthBytes / fragmentBytes) + 1;
}

interface EncodedHeader {
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
    return encodeFrame(firstByte, payload, this.nextKey());
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
    if (count === 1) return this.frame(rawFirstByte(opcode, true, rsv), payload);
    const frames = Buffer.allocUnsafe(payload.length + count * frameHeaderLength(fragmentBytes, this.masksFrames));
    const chunk = new Chunk(frames);
    let end = 0;
    for (let i = 0; i < count; i++) {
      const piece = payload.subarray(i * fragmentBytes, (i + 1) * fragmentBytes);
      const isLast = i === count - 1;
      const firstByte = i === 0 ? rawFirstByte(opcode, isLast, rsv) : rawFirstByte(Opcode.Continuation, isLast, 0);
      const key = this.nextKey();
      const start = end + frameHeaderLength(piece.length, this.masksFrames);
      writeFrameHeader(frames, end, firstByte, piece.length, key);
      frames.set(piece, start);
      end = start + piece.length;
      if (key !== undefined) maskChunk(chunk, start, end, key, 0);
    }
    return frames.subarray(0, end);
  }

  private nextKey(): number | undefined {
    return this.masksFrames ? randomInt(2 ** 32) : undefined;
  }
}
