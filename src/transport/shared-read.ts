/**
 * Reads plain TCP and unix sockets into one buffer that all of them share, in place of the 64 KiB that Node sets aside for
 * every read. Node offers that for sockets that are being made (`onread` of net.Socket) and keeps it in properties that
 * have no public name; this finds them on a socket of its own and gives them to sockets that exist, so that a socket
 * stays the one that its HTTP server counts and the application holds. Whatever is not as expected (another runtime,
 * TLS, a stream that is no socket) is left to 'data' events.
 */

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { wordsOf } from '../protocol/index.ts';
import { KERNEL_MEMORY_BYTES, startMaskKernel } from './mask-kernel.ts';
import { viewOf } from './view.ts';

/** Up to here a chunk is copied into the pool; messages in longer ones are copied one by one. */
const POOLED_CHUNK_BYTES = 8_192;
/** How much memory a message that is kept can hold alive beside itself. */
const POOL_BYTES = 131_072;

/** Who reads from a socket. */
export interface SharedReader {
  /**
   * Takes what has arrived.
   * @param isShared whether the chunk's memory is used again after this call
   * @param words the memory behind the chunk
   */
  receive(chunk: Buffer, isShared: boolean, words: Int32Array): void;
}

interface ReadableHandle {
  useUserBuffer?(buffer: Uint8Array): void;
}

/** A socket with the two properties, and its reader. */
type SharingSocket = Socket & Record<symbol, unknown> & { _handle?: ReadableHandle | null };

const READER = Symbol('framewright reader');

/** The names of the two properties. */
interface OnReadNames {
  readonly buffer: symbol;
  readonly callback: symbol;
}

/** Looks for what was given on a socket that was given it. @returns undefined when it is kept elsewhere */
export function findOnReadNames(SocketClass: new (options: object) => object): OnReadNames | undefined {
  const onread = { buffer: Buffer.allocUnsafeSlow(1), callback: () => true };
  const socket = new SocketClass({ onread }) as Record<symbol, unknown>;
  const names = Object.getOwnPropertySymbols(socket);
  const buffer = names.find((name) => socket[name] === onread.buffer);
  const callback = names.find((name) => socket[name] === onread.callback);
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback };
}

const names = findOnReadNames(Socket as unknown as new (options: object) => object);
const kernel = startMaskKernel();
const readBuffer = Buffer.from(kernel?.memory ?? new ArrayBuffer(KERNEL_MEMORY_BYTES));
const readWords = kernel?.words ?? wordsOf(readBuffer);
/** Unmasks what was read; undefined where there is nothing faster than `mask`. */
export const unmaskShared = kernel?.unmask;
let pool = Buffer.alloc(0);
let poolWords = wordsOf(pool);
let poolUsed = 0;

/** The first `lengthBytes` of the read buffer in memory that is not used again. */
function takeOut(lengthBytes: number): Buffer {
  if (poolUsed + lengthBytes > pool.length) {
    pool = Buffer.allocUnsafeSlow(POOL_BYTES);
    poolWords = wordsOf(pool);
    poolUsed = 0;
  }
  const start = poolUsed;
  readBuffer.copy(pool, start, 0, lengthBytes);
  // The next chunk begins at a word again.
  poolUsed = (start + lengthBytes + 7) & ~7;
  return viewOf(pool, start, start + lengthBytes);
}

/**
 * Node calls it as a method of the socket; only `false` would stop it reading. The reader is one listener of 'data'; when
 * there are others, they are to hear the bytes as well.
 */
function onRead(this: SharingSocket, lengthBytes: number): boolean {
  const reader = this[READER] as SharedReader;
  if (this.listenerCount('data') > 1) this.emit('data', Buffer.from(readBuffer.subarray(0, lengthBytes)));
  else if (lengthBytes <= POOLED_CHUNK_BYTES) reader.receive(takeOut(lengthBytes), false, poolWords);
  else reader.receive(viewOf(readBuffer, 0, lengthBytes), true, readWords);
  return true;
}

/**
 * Has a socket read into the shared buffer from now on, if it can. What it had read before is still in it.
 * @param reader listens for 'data' as well, which is how it gets what others push into the socket
 * @returns whether it does; otherwise everything comes as 'data' events
 */
export function readShared(socket: Duplex, reader: SharedReader): boolean {
  // Subclasses, TLS sockets among them, read in their own ways.
  if (names === undefined || socket.constructor !== Socket) return false;
  const sharing = socket as SharingSocket;
  const handle = sharing._handle;
  // One that the application has made with `onread` reads as it was told.
  if (typeof handle?.useUserBuffer !== 'function' || sharing[names.buffer] !== null) return false;
  sharing[READER] = reader;
  sharing[names.buffer] = readBuffer;
  sharing[names.callback] = onRead;
  // biome-ignore lint/correctness/useHookAtTopLevel: no hook of React's, a method of Node's
  handle.useUserBuffer(readBuffer);
  return true;
}
