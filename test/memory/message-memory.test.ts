import { describe, expect, it } from 'vitest';
import { copyChunk, forgetInput, type PoolOwner } from '../../src/memory/message-memory.ts';

/** The lengths of memory that one chunk after another is copied to. */
function memoryBytes(lengths: readonly number[], owner: PoolOwner = { pool: undefined }): number[] {
  return lengths.map((length) => {
    const copy = copyChunk(owner, new Uint8Array(length));
    forgetInput();
    return copy.buffer.byteLength;
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
    const [one, other]: PoolOwner[] = [{ pool: undefined }, { pool: undefined }];
    const memory = (owner: PoolOwner) => copyChunk(owner, new Uint8Array(100)).buffer;
    memory(one!);
    memory(other!);
    const pool = memory(one!);
    expect(memory(other!)).not.toBe(pool);
    expect(memory(one!)).toBe(pool);
  });
});
