/** Memory for messages: that they keep, or that is used again as soon as they have been handled. */

import { wordsOf } from '../protocol/index.ts';
import { viewIn, viewOfChunk } from './view.ts';

/** Small pieces lie side by side in one block. It is also how much memory a message that is kept can hold beside itself. */
const POOL_BYTES = 131_072;
/** Longer ones get memory of their own. */
const MAX_POOLED_BYTES = 32_768;

let pool = Buffer.alloc(0);
let poolMemory: ArrayBufferLike = pool.buffer;
let poolUsed = POOL_BYTES;
/** `wordsOf` the block that the last copy lies in. */
export let poolWords: Int32Array = wordsOf(pool);

function renewPool(): void {
  pool = Buffer.allocUnsafeSlow(POOL_BYTES);
  poolMemory = pool.buffer;
  poolWords = wordsOf(pool);
  poolUsed = 0;
}

/** bytes[start … end), at most 32 KiB, as a Buffer in the pool. */
export function copyToPool(bytes: Uint8Array, start: number, end: number): Buffer {
  const length = end - start;
  if (poolUsed + length > POOL_BYTES) renewPool();
  const at = poolUsed;
  pool.set(viewOfChunk(bytes, start, end), at);
  // The next one begins at a word again.
  poolUsed = (at + length + 7) & ~7;
  return viewIn(poolMemory, at, length);
}

/** bytes[start … end) as a Buffer on memory that is not used again. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Buffer {
  if (end - start <= MAX_POOLED_BYTES) return copyToPool(bytes, start, end);
  const copy = Buffer.allocUnsafe(end - start);
  copy.set(viewOfChunk(bytes, start, end));
  return copy;
}

/** Just below 32 MiB, the longest block that glibc learns from. */
const HEAP_HINT_BYTES = 32 * 1_048_576 - 65_536;
let isHeapPrepared = false;

/**
 * To be called before the first connection. Most of the time that large messages take goes into mapping pages, because the
 * heap gives them back to the system at every collection and asks for them anew. glibc gives back what is free at the end of
 * its heap once that is twice the longest block that was ever mapped by itself and freed: so one such block is made, never
 * touched, and let go at once (before Node 22: by the next collection). Up to 64 MiB that messages have taken may then stay
 * with the process. Where the allocator is another, this is nothing.
 */
export function prepareHeap(): void {
  if (isHeapPrepared) return;
  isHeapPrepared = true;
  try {
    const block: ArrayBuffer & { transfer?(lengthBytes: number): ArrayBuffer } = new ArrayBuffer(HEAP_HINT_BYTES);
    block.transfer?.(0);
  } catch {
    // Nothing depends on it where address space is short.
  }
}

// ---- Memory that is used again --------------------------------------------------------------------------------

/** How much is kept for the next messages, in bytes. */
const MAX_SPARE_BYTES = 16 * 1_048_576;
/** Shortest first. */
const spares: Buffer[] = [];
let spareBytes = 0;

/** For messages that last as long as their handler: `recycle` takes it back. May be longer than asked for. */
export function allocateReusable(lengthBytes: number): Buffer {
  const at = spares.findIndex(({ length }) => length >= lengthBytes);
  if (at === -1) return Buffer.allocUnsafeSlow(lengthBytes);
  const [spare] = spares.splice(at, 1);
  spareBytes -= spare!.length;
  return spare!;
}

export function recycle(bytes: Uint8Array): void {
  if (spareBytes + bytes.length > MAX_SPARE_BYTES) return;
  spareBytes += bytes.length;
  const at = spares.findIndex(({ length }) => length >= bytes.length);
  spares.splice(at === -1 ? spares.length : at, 0, bytes as Buffer);
}
