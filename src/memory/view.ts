/** Views of memory as Buffers, made in the cheapest way there is. */

import type { Chunk } from '../protocol/index.ts';
import { noteAllocation } from './young-collection.ts';

/**
 * The class behind Buffer, whose constructor makes a view without `Buffer.from`'s checks. `Symbol.species` is where every typed array says how it makes its views.
 */
const BufferView = (Buffer as unknown as Record<symbol, unknown>)[Symbol.species] as {
  new (memory: ArrayBufferLike, byteOffset: number, length: number): Buffer;
  new (bytes: Uint8Array): Buffer;
};

/** A Buffer on memory. */
export function viewIn(memory: ArrayBufferLike, byteOffset: number, length: number): Buffer {
  return new BufferView(memory, byteOffset, length);
}

/** bytes[start … end) as a Buffer on the same memory. */
export function viewOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return new BufferView(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** V8 has room for so little on its own heap, which costs less than memory outside it. */
export const MAX_ON_HEAP_BYTES = 64;

/**
 * The bytes in memory of their own, exactly as long: `Buffer.from` would put them into a pool that the whole process
 * shares.
 */
export function ownCopyOf(bytes: Uint8Array): Buffer {
  if (bytes.length > MAX_ON_HEAP_BYTES) noteAllocation(bytes.length);
  return new BufferView(bytes);
}

/** As `viewOf`, without asking for the memory anew. */
export function viewOfChunk(chunk: Chunk, start: number, end: number): Buffer {
  return new BufferView(chunk.memory, chunk.byteOffset + start, end - start);
}

/** For bytes that are kept: without the memory that they lie in, unless they take half of it. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return 2 * bytes.length < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes;
}
