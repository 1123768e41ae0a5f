/** Compresses messages one after the other, each with what went before, as the fuzzer's corpora do. */

import { DEFAULT_EFFORT, type DeflateDirection, deflateNow, History } from '../../src/conformance/deflate.ts';

export class Deflater {
  private readonly history: History;
  private readonly windowBits: number;

  constructor(direction: DeflateDirection) {
    this.history = new History(direction);
    this.windowBits = direction.windowBits;
  }

  /** The message as it goes into frames. */
  compress(message: Uint8Array): Uint8Array {
    const compressed = deflateNow(message, this.history.bytes, this.windowBits, DEFAULT_EFFORT);
    this.history.add(message);
    return compressed;
  }
}
