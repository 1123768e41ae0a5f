/**
 * The fuzzer's own compression of messages (RFC 7692 §7.2): raw DEFLATE by zlib, with the window and the context that were
 * agreed on. No zlib stream lives between messages. What is kept is the text that the next message may
 * refer back to, which zlib gets as a dictionary: nothing has to be waited for then.
 */

import { constants, deflateRaw, deflateRawSync, inflateRawSync, type ZlibOptions } from 'node:zlib';

/** What was agreed on for one direction. */
export interface DeflateDirection {
  /** 8 to 15: references go back by 2 to the power of it, in bytes. */
  readonly windowBits: number;
  /** Whether a message may refer to the ones before it (RFC 7692 §7.1.1). */
  readonly keepsContext: boolean;
}

/** How far back a message may refer to those before it. */
export function contextBytes({ windowBits, keepsContext }: DeflateDirection): number {
  return keepsContext ? 2 ** windowBits : 0;
}

/** What was agreed on, as seen from the fuzzer. */
export interface DeflateTerms {
  readonly sending: DeflateDirection;
  readonly receiving: DeflateDirection;
}

/** RFC 7692 §7.2.1: every message would end with these bytes, so they are left out. */
const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/**
 * zlib compresses with 9 bits at least. References that it makes then reach back 250 bytes at most, since it keeps 262
 * of the 512 in hand: so the result fits a window of 8 bits as well.
 */
const MIN_DEFLATE_BITS = 9;
export const MAX_WINDOW_BITS = 15;

/**
 * zlib forgives references that reach behind the window as long as they stay in the piece of output at hand. With small
 * pieces a testee that ignores a small window is found out within one longer message, too.
 */
const SMALL_WINDOW_PIECE_BYTES = 4096;
const MIN_PIECE_BYTES = 64;
/** Room for more than is expected: a piece of output that is just full makes zlib ask for another one. */
const SPARE_BYTES = 64;

const NONE = new Uint8Array(0);

/** What went before in one direction, as far back as the window reaches. */
export class History {
  private readonly limitBytes: number;
  bytes: Uint8Array = NONE;

  constructor(direction: DeflateDirection) {
    this.limitBytes = contextBytes(direction);
  }

  add(message: Uint8Array): void {
    const limit = this.limitBytes;
    if (limit === 0 || message.length === 0) return;
    if (message.length >= limit) {
      this.bytes = message.slice(message.length - limit);
      return;
    }
    const before = this.bytes.subarray(Math.max(0, this.bytes.length + message.length - limit));
    const joined = new Uint8Array(before.length + message.length);
    joined.set(before);
    joined.set(message, before.length);
    this.bytes = joined;
  }
}

/** How zlib looks for what can be left out, and how much of a message it will leave at most, or somewhat more. */
export interface DeflateEffort {
  readonly level: number;
  readonly strategy?: number;
  /** 0 to 1; default 1. Room for so much is taken beforehand. */
  readonly share?: number;
}

/** zlib's own. */
export const DEFAULT_EFFORT: DeflateEffort = { level: 6 };

function deflateOptions(
  message: Uint8Array,
  context: Uint8Array,
  windowBits: number,
  { share = 1, ...effort }: DeflateEffort,
): ZlibOptions {
  return {
    ...effort,
    memLevel: 8,
    windowBits: Math.max(MIN_DEFLATE_BITS, windowBits),
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: Math.ceil(share * message.length) + SPARE_BYTES,
    ...(context.length > 0 && { dictionary: context }),
  };
}

function withoutTail(compressed: Uint8Array): Uint8Array {
  return compressed.subarray(0, compressed.length - TAIL.length);
}

/** The message as it goes into frames (RFC 7692 §7.2.1). `context` is what went before, as far as it may be referred to. */
export function deflateNow(
  message: Uint8Array,
  context: Uint8Array,
  windowBits: number,
  effort: DeflateEffort,
): Uint8Array {
  return withoutTail(deflateRawSync(message, deflateOptions(message, context, windowBits, effort)));
}

/** The same by another thread. */
export function deflateLater(
  message: Uint8Array,
  context: Uint8Array,
  windowBits: number,
  effort: DeflateEffort,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    deflateRaw(message, deflateOptions(message, context, windowBits, effort), (error, compressed) =>
      error ? reject(error) : resolve(withoutTail(compressed)),
    );
  });
}

/** Messages that are known beforehand to come, one after the other, if all is well. */
export interface ExpectedMessages {
  /** The `index`-th message, if it has been inflated from the same bytes in the same place before. The payload is lent. */
  recall(index: number, payload: Uint8Array): Uint8Array | undefined;
  /** What the window holds before it, when all that came before was right. */
  contextOf(index: number): Uint8Array;
  /** @returns whether `message` is the one expected, which this payload, lent as well, then stands for from now on */
  learn(index: number, payload: Uint8Array, message: Uint8Array): boolean;
}

/** Where messages are joined, one after the other. */
let joinRoom = new Uint8Array(64 * 1024);

/** To be read before the next call. */
function joinedWithTail(payloads: readonly Uint8Array[]): Uint8Array {
  const lengthBytes = payloads.reduce((sum, { length }) => sum + length, TAIL.length);
  if (joinRoom.length < lengthBytes) joinRoom = new Uint8Array(lengthBytes);
  let at = 0;
  for (const part of [...payloads, TAIL]) {
    joinRoom.set(part, at);
    at += part.length;
  }
  return joinRoom.subarray(0, lengthBytes);
}

export class Inflater {
  private readonly history: History;
  private readonly windowBits: number;
  private readonly maxMessageBytes: number;
  /** As long as nothing else has come. */
  private expected: ExpectedMessages | undefined;
  private count = 0;

  constructor(direction: DeflateDirection, maxMessageBytes: number, expected?: ExpectedMessages) {
    this.history = new History(direction);
    this.windowBits = direction.windowBits;
    this.maxMessageBytes = maxMessageBytes;
    this.expected = expected;
  }

  /**
   * The message that the payloads of its frames stand for, joined (RFC 7692 §7.2.2).
   * @param expectedBytes how long it will be, if all is well
   * @throws {Error} when it is not DEFLATE data, refers to what is not there, or gets too long
   */
  decompress(payloads: readonly Uint8Array[], expectedBytes: number): Uint8Array {
    const { expected, history } = this;
    const index = this.count++;
    const whole = joinedWithTail(payloads);
    if (expected === undefined) {
      const message = this.inflate(whole, expectedBytes);
      history.add(message);
      return message;
    }
    const payload = whole.subarray(0, whole.length - TAIL.length);
    const known = expected.recall(index, payload);
    if (known !== undefined) return known;
    history.bytes = expected.contextOf(index);
    const message = this.inflate(whole, expectedBytes);
    if (expected.learn(index, payload, message)) return message;
    this.expected = undefined;
    history.add(message);
    return message;
  }

  private inflate(whole: Uint8Array, expectedBytes: number): Uint8Array {
    const { history, windowBits, maxMessageBytes } = this;
    const pieceBytes = Math.max(MIN_PIECE_BYTES, expectedBytes + SPARE_BYTES);
    return inflateRawSync(whole, {
      windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
      chunkSize: windowBits < MAX_WINDOW_BITS ? Math.min(SMALL_WINDOW_PIECE_BYTES, pieceBytes) : pieceBytes,
      maxOutputLength: maxMessageBytes,
      ...(history.bytes.length > 0 && { dictionary: history.bytes }),
    });
  }
}
