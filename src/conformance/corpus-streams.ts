/**
 * What cases with the same messages on the same terms need not do twice: many of them differ only in their fragments, or in
 * what they want of the testee. Kept are the messages as the fuzzer compresses them, and as the testee has compressed their
 * echoes: equal bytes in the same place stand for the same message again. Both within bounds.
 */

import { constants } from 'node:zlib';
import { CORPUS_KINDS, type Corpus, type CorpusName, corpusOf } from './corpora.ts';
import {
  contextBytes,
  DEFAULT_EFFORT,
  type DeflateDirection,
  type DeflateEffort,
  deflateLater,
  deflateNow,
  type ExpectedMessages,
} from './deflate.ts';

/** How many messages are compressed before they are asked for, by other threads. */
const AHEAD = 4;
/** Up to this length it takes less time than to have another thread do it. */
const MAX_NOW_UNITS = 4096;
/** No case says how hard to look for what can be left out: the short messages are compressed as zlib does by itself. */
const LEVEL_FOR_LONG = 1;
/** What remains of them is longer, in comparison with what remains of the whole corpus at level 6. */
const SHARE_FACTOR = 1.5;

function effortForLong(corpusName: CorpusName): DeflateEffort {
  return {
    level: LEVEL_FOR_LONG,
    share: Math.min(1, SHARE_FACTOR * CORPUS_KINDS[corpusName].ratio),
    // In a picture of noise there are runs of a colour, and nothing else to be found.
    ...(corpusName === '12.2' && { strategy: constants.Z_RLE }),
  };
}

/** So many messages share a piece of memory, but for long ones. */
const MESSAGES_PER_PIECE = 64;
const MAX_PIECE_BYTES = 1024 * 1024;

/** Bytes by number, in few pieces of memory and no object for each: V8 looks at all of them whenever it collects. */
class KeptMessages {
  private readonly pieces: Uint8Array[] = [new Uint8Array(0)];
  /** Of the last piece. */
  private usedBytes = 0;
  private readonly pieceOf: number[] = [];
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];

  has(index: number): boolean {
    return this.ends[index] !== undefined;
  }

  get(index: number): Uint8Array | undefined {
    return this.pieces[this.pieceOf[index] ?? -1]?.subarray(this.starts[index], this.ends[index]);
  }

  set(index: number, bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.pieces.at(-1)!.length - this.usedBytes < length) {
      this.pieces.push(new Uint8Array(Math.max(length, Math.min(MESSAGES_PER_PIECE * length, MAX_PIECE_BYTES))));
      this.usedBytes = 0;
    }
    this.pieces.at(-1)!.set(bytes, this.usedBytes);
    this.pieceOf[index] = this.pieces.length - 1;
    this.starts[index] = this.usedBytes;
    this.usedBytes += length;
    this.ends[index] = this.usedBytes;
  }
}

/** One corpus, cut in messages of one length, on the terms of one direction. */
abstract class CorpusStream {
  protected readonly corpus: Corpus;
  protected readonly units: number;
  protected readonly direction: DeflateDirection;
  protected readonly kept = new KeptMessages();
  /** How much memory its messages take. */
  lengthBytes = 0;

  constructor(corpusName: CorpusName, units: number, direction: DeflateDirection) {
    this.corpus = corpusOf(corpusName);
    this.units = units;
    this.direction = direction;
  }

  contextOf(index: number): Uint8Array {
    return this.corpus.before(index, this.units, contextBytes(this.direction));
  }

  protected message(index: number): Uint8Array {
    return this.corpus.message(index, this.units);
  }

  protected keep(index: number, bytes: Uint8Array): void {
    this.kept.set(index, bytes);
    this.lengthBytes += bytes.length;
  }
}

/** The messages as the fuzzer sends them. */
export class CompressedMessages extends CorpusStream {
  private readonly underWay = new Map<number, Promise<Uint8Array>>();
  private readonly effort: DeflateEffort;

  constructor(corpusName: CorpusName, units: number, direction: DeflateDirection) {
    super(corpusName, units, direction);
    this.effort = effortForLong(corpusName);
  }

  /** The `index`-th message, from 0. */
  at(index: number): Uint8Array | Promise<Uint8Array> {
    const { kept, units } = this;
    if (units > MAX_NOW_UNITS) for (let i = index; i <= index + AHEAD; i++) this.begin(i);
    else if (!kept.has(index)) {
      const { windowBits } = this.direction;
      this.keep(index, deflateNow(this.message(index), this.contextOf(index), windowBits, DEFAULT_EFFORT));
    }
    return kept.get(index) ?? this.underWay.get(index)!;
  }

  private begin(index: number): void {
    if (this.kept.has(index) || this.underWay.has(index)) return;
    const { windowBits } = this.direction;
    const compressing = deflateLater(this.message(index), this.contextOf(index), windowBits, this.effort).then(
      (message) => {
        this.underWay.delete(index);
        this.keep(index, message);
        return message;
      },
    );
    this.underWay.set(index, compressing);
  }
}

/** The messages as a testee has sent them back. */
export class KnownEchoes extends CorpusStream implements ExpectedMessages {
  recall(index: number, payload: Uint8Array): Uint8Array | undefined {
    const known = this.kept.get(index);
    return known !== undefined && isEqual(known, payload) ? this.message(index) : undefined;
  }

  learn(index: number, payload: Uint8Array, message: Uint8Array): boolean {
    if (!isEqual(message, this.message(index))) return false;
    this.keep(index, payload);
    return true;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Of each kind. All streams of one corpus together, but for the two that hardly compress at all. */
const MAX_KEPT_BYTES = 128 * 1024 * 1024;

type MakeStream<Stream> = new (corpusName: CorpusName, units: number, direction: DeflateDirection) => Stream;

/** Gives a stream that is kept, or a new one, and lets go of those not used for the longest time. */
function keeping<Stream extends CorpusStream>(Make: MakeStream<Stream>) {
  /** The one used last stands last. */
  const kept = new Map<string, Stream>();
  return (corpusName: CorpusName, units: number, direction: DeflateDirection): Stream => {
    const key = [corpusName, units, direction.windowBits, direction.keepsContext].join();
    const stream = kept.get(key) ?? new Make(corpusName, units, direction);
    kept.delete(key);
    kept.set(key, stream);
    let totalBytes = 0;
    for (const { lengthBytes } of kept.values()) totalBytes += lengthBytes;
    for (const [oldKey, { lengthBytes }] of kept) {
      if (totalBytes <= MAX_KEPT_BYTES || oldKey === key) break;
      kept.delete(oldKey);
      totalBytes -= lengthBytes;
    }
    return stream;
  };
}

export const compressedMessages = keeping(CompressedMessages);
export const knownEchoes = keeping(KnownEchoes);
