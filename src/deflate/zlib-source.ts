/**
 * Where a codec gets its zlib stream from, and when it gives it back. A direction that keeps its context owns a stream
 * from its first message until it is closed. A direction without context borrows a stream for each message. The pool is
 * shared by all codecs with the same options, so an idle connection holds no stream.
 */

import { checkZlibTuning, type DirectionParams, isWindowBits, NO_TUNING, type ZlibTuning } from './negotiate.ts';
import {
  type Direction,
  type RawZlib,
  type RawZlibOptions,
  Z_DEFAULT_MEMLEVEL,
  Z_DEFAULT_STRATEGY,
} from './raw-zlib.ts';
import { openStreamZlib } from './stream-zlib.ts';
import { openHandleZlib } from './sync-zlib.ts';

export interface ZlibSourceOptions extends DirectionParams {
  /** Codecs share streams when this is the same object. */
  readonly zlibOptions?: ZlibTuning | undefined;
  /** Longest input that is worked on at once, in bytes; what is longer goes to the thread pool. Default 16 KiB. */
  readonly maxSyncBytes?: number | undefined;
  /** `stream`: the public streams of `node:zlib` even where the kept handle works. Default `handle`. */
  readonly engine?: 'handle' | 'stream' | undefined;
}

/**
 * Where the thread pool begins to pay: with a core to spare it does a little earlier, without one it only costs
 * (bench/deflate-crossover.ts; spec-notes/rfc7692.md has the figures).
 */
const DEFAULT_MAX_SYNC_BYTES = 16 * 1024;

/** Idle streams kept for the next message; more are in use only while the thread pool or open fragments hold them. */
const MAX_IDLE_STREAMS = 4;

/**
 * zlib has no raw window of 2^8 bytes for its compressor and takes 2^9 instead. That is right for a peer that keeps 256
 * bytes: a zlib compressor never looks back more than its window less 262 bytes (its look-ahead), and 512 − 262 is 250.
 * A decompressor with a larger window than needed is always right.
 */
const LEAST_ZLIB_WINDOW_BITS = 9;

/**
 * How much zlib looks for, where the application does not say. Its own default, 6, gains little on messages: with a context
 * the next lower level is hardly behind, without one there is little to look through (spec-notes/rfc7692.md has the figures).
 */
const LEVEL_WITH_CONTEXT = 5;
const LEVEL_WITHOUT_CONTEXT = 3;

export class ZlibSource {
  private readonly owner: { take(): RawZlib; giveBack(zlib: RawZlib): void } | undefined;
  private readonly open: () => RawZlib;
  private zlib: RawZlib | undefined;

  /** @throws {RangeError} for a window or tuning that zlib would not take: it would end the process */
  constructor(direction: Direction, options: ZlibSourceOptions) {
    const tuning = checkZlibTuning(`zlib ${direction} option`, options.zlibOptions ?? NO_TUNING);
    if (!isWindowBits(options.windowBits)) {
      throw new RangeError(`windowBits must be a whole number from 8 to 15; got ${options.windowBits}`);
    }
    const engine = options.engine ?? 'handle';
    const windowBits = Math.max(options.windowBits, LEAST_ZLIB_WINDOW_BITS);
    const maxSyncBytes = options.maxSyncBytes ?? DEFAULT_MAX_SYNC_BYTES;
    const open = () => {
      const raw = rawOptions(direction, windowBits, maxSyncBytes, tuning, options.contextTakeover);
      return (engine === 'handle' ? openHandleZlib(raw) : undefined) ?? openStreamZlib(raw);
    };
    this.open = open;
    if (!options.contextTakeover) {
      this.owner = poolFor(tuning, `${direction} ${windowBits} ${maxSyncBytes} ${engine}`, open);
    }
  }

  /** The stream of the message at hand. */
  get(): RawZlib {
    this.zlib ??= this.owner?.take() ?? this.open();
    return this.zlib;
  }

  /** The message is over: without a context to keep, the next one may get any stream. */
  messageDone(): void {
    if (this.owner === undefined || this.zlib === undefined) return;
    this.owner.giveBack(this.zlib);
    this.zlib = undefined;
  }

  /** Frees the stream, if there is one, which may have failed or be at work. */
  discard(whenFree?: () => void): void {
    this.zlib?.close(whenFree);
    this.zlib = undefined;
  }
}

class ZlibPool {
  private readonly idle: RawZlib[] = [];
  private readonly open: () => RawZlib;

  constructor(open: () => RawZlib) {
    this.open = open;
  }

  take(): RawZlib {
    return this.idle.pop() ?? this.open();
  }

  giveBack(zlib: RawZlib): void {
    if (this.idle.length >= MAX_IDLE_STREAMS) {
      zlib.close();
      return;
    }
    zlib.reset();
    this.idle.push(zlib);
  }
}

const pools = new WeakMap<ZlibTuning, Map<string, ZlibPool>>();

function poolFor(tuning: ZlibTuning, key: string, open: () => RawZlib): ZlibPool {
  let byKey = pools.get(tuning);
  if (byKey === undefined) {
    byKey = new Map();
    pools.set(tuning, byKey);
  }
  let pool = byKey.get(key);
  if (pool === undefined) {
    pool = new ZlibPool(open);
    byKey.set(key, pool);
  }
  return pool;
}

function rawOptions(
  direction: Direction,
  windowBits: number,
  maxSyncBytes: number,
  tuning: ZlibTuning,
  keepsContext: boolean,
): RawZlibOptions {
  return {
    direction,
    windowBits,
    maxSyncBytes,
    level: tuning.level ?? (keepsContext ? LEVEL_WITH_CONTEXT : LEVEL_WITHOUT_CONTEXT),
    memLevel: tuning.memLevel ?? Z_DEFAULT_MEMLEVEL,
    strategy: tuning.strategy ?? Z_DEFAULT_STRATEGY,
    dictionary: tuning.dictionary === undefined ? undefined : bytesOf(tuning.dictionary),
  };
}

function bytesOf(dictionary: Uint8Array | DataView | ArrayBuffer): Uint8Array {
  // Not by `instanceof`: it may be of another realm.
  return ArrayBuffer.isView(dictionary)
    ? new Uint8Array(dictionary.buffer, dictionary.byteOffset, dictionary.byteLength)
    : new Uint8Array(dictionary);
}
