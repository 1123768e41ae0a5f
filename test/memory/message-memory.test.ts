import { describe, expect, it } from 'vitest';
import { forgetInput, type InputReceiver, receiveKept } from '../../src/memory/message-memory.ts';
import type { Chunk } from '../../src/protocol/index.ts';

class Receiver implements InputReceiver {
  pool: InputReceiver['pool'];
  memory: ArrayBufferLike | undefined;

  receive(chunk: Chunk): void {
    this.memory = chunk.memory;
  }
}

/** The memory that a chunk is copied to. */
function memoryOf(receiver: Receiver, lengthBytes: number): ArrayBufferLike {
  receiveKept(receiver, new Uint8Array(lengthBytes));
  return receiver.memory!;
}

/** The lengths of memory that one chunk after another is copied to. */
function memoryBytes(lengths: readonly number[], receiver = new Receiver()): number[] {
  return lengths.map((length) => {
    const { byteLength } = memoryOf(receiver, length);
    forgetInput();
    return byteLength;
  });
}

describe('chunks in memory of their connection', () => {
  it('of a connection that is heard once are as long as their memory', () => {
    expect(memoryBytes([100])).toEqual([100]);
  });

  it('lie in pools from the second on, of 2 KiB and then of 8', () => {
    const chunks = Array<number>(250).fill(100);
    const distinct = [...new Set(memoryBytes(chunks))];
    expect(distinct).toEqual([100, 2048, 8192]);
  });

  it('are copied to memory of their own when they are longer than 2 KiB', () => {
    expect(memoryBytes([100, 2048, 2049, 8192])).toEqual([100, 2048, 2049, 8192]);
  });

  it('of several connections never lie together', () => {
    const [one, other] = [new Receiver(), new Receiver()];
    memoryOf(one, 100);
    memoryOf(other, 100);
    const pool = memoryOf(one, 100);
    expect(memoryOf(other, 100)).not.toBe(pool);
    expect(memoryOf(one, 100)).toBe(pool);
  });
});
