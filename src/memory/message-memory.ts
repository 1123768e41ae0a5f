/**
 * Memory for messages: that they keep, or that is used again as soon as they have been handled. What a message keeps it
 * shares with messages of the same connection at most, so that nothing which an application does to it can harm another
 * connection; and there is little more of it than the message is long.
 */

import { Chunk } from '../protocol/index.ts';
import { MAX_ON_HEAP_BYTES, ownCopyOf, viewOfChunk } from './view.ts';
import { noteAllocation } from './young-collection.ts';

/** So much memory is never too much for a message to keep; of more it has to take a quarter. */
const MAX_PINNED_BYTES = 8192;
const MAX_PINNED_FACTOR = 4;
/** Longer pieces would leave too much of a pool unused, and get memory of their own. */
const MAX_POOLED_BYTES = 2048;
/** The first pool of a connection; the others have `MAX_PINNED_BYTES`. */
const FIRST_POOL_BYTES = 2048;

/** Memory that a message keeps. */
export function allocateOwn(lengthBytes: number): Buffer {
  noteAllocation(lengthBytes);
  return Buffer.allocUnsafeSlow(lengthBytes);
}

/** Where short pieces of one connection's input lie side by side. */
class Pool {
  readonly chunk: Chunk;
  used = 0;

  constructor(lengthBytes: number) {
    this.chunk = new Chunk(allocateOwn(lengthBytes));
    forbidTransfer(this.chunk.memory);
  }

  /** @returns where they are */
  add(bytes: Uint8Array): number {
    const at = this.used;
    this.chunk.bytes.set(bytes, at);
    // The next one begins at a word again.
    this.used = (at + bytes.length + 7) & ~7;
    return at;
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

/** Another one, longer than the last. */
function addPool(owner: PoolOwner): Pool {
  pool = new Pool(pool === undefined ? FIRST_POOL_BYTES : MAX_PINNED_BYTES);
  owner.pool = new WeakRef(pool);
  return pool;
}

function poolWithRoom(owner: PoolOwner, lengthBytes: number): Pool {
  const last = poolOf(owner);
  // Longer than nothing only as long as nobody has taken its memory away, which Node 22 cannot forbid.
  return last !== undefined && last.chunk.bytes.length - last.used >= lengthBytes ? last : addPool(owner);
}

/** The input at hand has been handled. */
export function forgetInput(): void {
  pool = undefined;
  poolOwner = undefined;
}

/** A copy of input in which several messages may stand. */
export function keepInput(bytes: Uint8Array): Buffer {
  const copy = ownCopyOf(bytes);
  forbidTransfer(copy.buffer);
  return copy;
}

/** Whose input it is, and who takes it: chunk[start … end). */
export interface InputReceiver extends PoolOwner {
  receive(chunk: Chunk, start: number, end: number): void;
}

/**
 * Hands on a copy of up to 8 KiB of input that the receiver owns, so that the messages in it can stay where they are. Most
 * connections say something now and then only: a pool is made for the second read.
 */
export function receiveKept(receiver: InputReceiver, bytes: Uint8Array): void {
  const { length } = bytes;
  let to = poolOf(receiver);
  const isFirst = to === undefined && receiver.pool !== 'next';
  if (isFirst) receiver.pool = 'next';
  if (isFirst || length > MAX_POOLED_BYTES) {
    receiver.receive(new Chunk(keepInput(bytes)), 0, length);
    return;
  }
  if (to === undefined || to.chunk.bytes.length - to.used < length) to = addPool(receiver);
  const at = to.add(bytes);
  receiver.receive(to.chunk, at, at + length);
}

/** A message at chunk[start … end) as the Buffer that the application gets and may keep. */
export function keepMessage(owner: PoolOwner, chunk: Chunk, start: number, end: number): Buffer {
  const view = viewOfChunk(chunk, start, end);
  const length = end - start;
  if (!chunk.isLent) {
    const { memoryBytes } = chunk;
    if (memoryBytes <= MAX_PINNED_BYTES || memoryBytes <= MAX_PINNED_FACTOR * length) return view;
  }
  if (length > MAX_POOLED_BYTES || length <= MAX_ON_HEAP_BYTES) return ownCopyOf(view);
  const to = poolWithRoom(owner, length);
  const at = to.add(view);
  return viewOfChunk(to.chunk, at, at + length);
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
