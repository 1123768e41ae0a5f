/**
 * Memory for messages: that they keep, or that is used again as soon as they have been handled. What a message keeps it
 * shares with messages of the same connection at most, so that nothing which an application does to it can harm another
 * connection; and there is little more of it than the message is long.
 */

import { wordsOf } from '../protocol/index.ts';
import { chunkMemoryBytes, forgetChunk, openChunk, ownCopyOf, viewIn, viewOfChunk } from './view.ts';

/** So much memory is never too much for a message to keep; of more it has to take a quarter. */
const MAX_PINNED_BYTES = 8192;
const MAX_PINNED_FACTOR = 4;
/** Longer pieces would leave too much of a pool unused, and get memory of their own. */
const MAX_POOLED_BYTES = 2048;
/** The first pool of a connection; the others have `MAX_PINNED_BYTES`. */
const FIRST_POOL_BYTES = 2048;
/** V8 has room for so little on its own heap, which costs less than a piece of a pool. */
const MAX_ON_HEAP_BYTES = 64;

/** Where short pieces of one connection's input lie side by side. */
class Pool {
  readonly memory: ArrayBufferLike;
  readonly bytes: Uint8Array;
  /** Made for the first chunk that lies in it whole. */
  words: Int32Array | undefined;
  used = 0;

  constructor(lengthBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(lengthBytes);
    this.memory = this.bytes.buffer;
    forbidTransfer(this.memory);
  }
}

/** Whose input it is. An idle connection keeps its pool until the next collection only. */
export interface PoolOwner {
  /** 'next': the next chunk gets one. */
  pool: WeakRef<Pool> | 'next' | undefined;
}

/** The pool used last, while its connection's input is at hand. */
let pool: Pool | undefined;
let poolOwner: PoolOwner | undefined;

function poolOf(owner: PoolOwner): Pool | undefined {
  if (owner !== poolOwner) {
    poolOwner = owner;
    pool = owner.pool === 'next' ? undefined : owner.pool?.deref();
  }
  return pool;
}

function poolWithRoom(owner: PoolOwner, lengthBytes: number): Pool {
  const last = poolOf(owner);
  // Longer than nothing only as long as nobody has taken its memory away, which Node 22 cannot forbid.
  if (last !== undefined && last.bytes.length - last.used >= lengthBytes) return last;
  pool = new Pool(last === undefined ? FIRST_POOL_BYTES : MAX_PINNED_BYTES);
  owner.pool = new WeakRef(pool);
  return pool;
}

/** The input at hand has been handled. */
export function forgetInput(): void {
  forgetChunk();
  pool = undefined;
  poolOwner = undefined;
}

/** bytes[start … end) in memory of this connection's. */
function copyFor(owner: PoolOwner, bytes: Uint8Array, start: number, end: number): Buffer {
  const length = end - start;
  const view = viewOfChunk(bytes, start, end);
  if (length > MAX_POOLED_BYTES || length <= MAX_ON_HEAP_BYTES) return ownCopyOf(view);
  return copyToPool(poolWithRoom(owner, length), view);
}

function copyToPool(to: Pool, bytes: Uint8Array): Buffer {
  const at = to.used;
  to.bytes.set(bytes, at);
  // The next one begins at a word again.
  to.used = (at + bytes.length + 7) & ~7;
  return viewIn(to.memory, at, bytes.length);
}

/** `wordsOf` the chunk that `copyChunk` gave last, if it is known. */
export let chunkWords: Int32Array | undefined;

/**
 * A chunk of up to 8 KiB in memory of this connection's, so that the messages in it can stay where they are. Most
 * connections say something now and then only: a pool is made for the second chunk.
 */
export function copyChunk(owner: PoolOwner, chunk: Uint8Array): Buffer {
  const isFirst = poolOf(owner) === undefined && owner.pool !== 'next';
  if (isFirst) owner.pool = 'next';
  if (isFirst || chunk.length > MAX_POOLED_BYTES) {
    chunkWords = undefined;
    return keepInput(chunk);
  }
  const to = poolWithRoom(owner, chunk.length);
  to.words ??= wordsOf(to.bytes);
  chunkWords = to.words;
  return copyToPool(to, chunk);
}

/** A copy of input in which several messages may stand. */
export function keepInput(bytes: Uint8Array): Buffer {
  const copy = ownCopyOf(bytes);
  forbidTransfer(copy.buffer);
  return copy;
}

/**
 * A message at bytes[start … end) as the Buffer that the application gets and may keep.
 * @param isReused whether the memory is used again after this call
 */
export function messageAt(owner: PoolOwner, bytes: Uint8Array, start: number, end: number, isReused: boolean): Buffer {
  if (isReused) return copyFor(owner, bytes, start, end);
  openChunk(bytes);
  const isTooMuch = chunkMemoryBytes > MAX_PINNED_BYTES && chunkMemoryBytes > MAX_PINNED_FACTOR * (end - start);
  return isTooMuch ? copyFor(owner, bytes, start, end) : viewOfChunk(bytes, start, end);
}

/** Whether the chunk has its memory to itself. */
export function ownsMemory(chunk: Uint8Array): boolean {
  return chunk.length === chunk.buffer.byteLength;
}

let markAsUntransferable: ((memory: object) => void) | undefined;
let isMarkingKnown = false;

/**
 * Several messages lie in it: whoever transferred one to a worker would take the others away. Up to Node 20 it is copied
 * instead, from Node 22 on that is a DataCloneError.
 */
export function forbidTransfer(memory: ArrayBufferLike): void {
  if (!isMarkingKnown) {
    isMarkingKnown = true;
    ({ markAsUntransferable } = process.getBuiltinModule?.('node:worker_threads') ?? {});
  }
  markAsUntransferable?.(memory);
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
  // Nothing is left of memory that the application has taken away.
  if (bytes.length === 0 || spareBytes + bytes.length > MAX_SPARE_BYTES) return;
  spareBytes += bytes.length;
  const at = spares.findIndex(({ length }) => length >= bytes.length);
  spares.splice(at === -1 ? spares.length : at, 0, bytes as Buffer);
}
