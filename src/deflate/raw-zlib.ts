/**
 * One raw DEFLATE stream (RFC 1951) in one direction, as the codec needs it: bytes in, bytes out, in step with the
 * messages. There are two engines: a kept zlib handle, which can work at once, and the public streams of `node:zlib`,
 * which always answer later. Says what both have in common; refuses to know what a message is.
 */

import { allocateOwn } from '../memory/message-memory.ts';
import type { Claim } from './inflation-room.ts';

/** zlib's own numbers (zlib.h): asking node:zlib for them would load it before anything is compressed. */
export const Z_SYNC_FLUSH = 2;
export const Z_DEFAULT_STRATEGY = 0;
export const Z_DEFAULT_MEMLEVEL = 8;

export const NOTHING = new Uint8Array(0);

export type Direction = 'deflate' | 'inflate';

/** An error of zlib's; `code` is one of its names, such as `Z_DATA_ERROR`. */
export interface ZlibError extends Error {
  code: string;
  errno: number;
}

/** What became of the bytes given to `run`. */
export interface RunResult {
  readonly error: ZlibError | undefined;
  readonly output: Uint8Array;
  /** More came out than was allowed: `output` is worthless. */
  readonly isTooLong: boolean;
  /** Fewer than were given when an inflater came to the end of a final block (BFINAL set). */
  readonly consumedBytes: number;
}

export type RunDone = (result: RunResult) => void;

export interface RawZlib {
  /** Up to so many bytes are read during the call of `run`; more are left alone until `done`. Below 0 there is no `feedNow`. */
  readonly maxSyncBytes: number;
  /**
   * Feeds up to `maxSyncBytes` and flushes, within the call, as far as output[0 … room) suffices.
   * @returns how much came out: `room` if there may be more. -1 after an error, which `run` tells
   */
  feedNow?(bytes: Uint8Array, start: number, end: number, output: Uint8Array, room: number): number;
  /** What has not been taken then: an inflater came to the end of a final block (BFINAL set), or there was no room. */
  readonly inputLeft?: number;
  /**
   * Feeds bytes[start … end) and flushes (Z_SYNC_FLUSH), so that all there is comes out. One call at a time: the next
   * one follows `done`. After an error, or output that was too long, only `close` may follow.
   * @param maxOutputBytes where to stop; little more than that is ever held
   * @param done called once, during the call or after it; never once `close` has been called
   * @param claim what all output that comes after the call is booked on; output during the call is not
   */
  run(bytes: Uint8Array, start: number, end: number, maxOutputBytes: number, done: RunDone, claim?: Claim): void;
  /** Forgets all context. */
  reset(): void;
  /** Frees the memory, now or when the running step is through, and calls `whenFree` then. Calls no `done`. */
  close(whenFree?: () => void): void;
}

export interface RawZlibOptions {
  readonly direction: Direction;
  /** 9 to 15. */
  readonly windowBits: number;
  /** As zlib takes them; checked by whoever made them. */
  readonly level: number;
  readonly memLevel: number;
  readonly strategy: number;
  readonly dictionary: Uint8Array | undefined;
  /** Inputs above this many bytes are worked on off the main thread; so is output past a few times as much. */
  readonly maxSyncBytes: number;
}

/**
 * The parts, of which there is one at least, as one piece; put together in memory of its own. `Buffer.concat` would take it
 * from a pool of the whole process, which whoever keeps a message would keep with it.
 */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const joined = allocateOwn(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
