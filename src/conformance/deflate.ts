/**
 * The fuzzer's own compression of messages (RFC 7692 §7.2): raw DEFLATE at zlib's level 6, with the window and the
 * context that were agreed on. No zlib stream lives between messages. What is kept is the text that the next message may
 * refer back to, which zlib gets as a dictionary: nothing has to be waited for then.
 */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';

/** What was agreed on for one direction. */
export interface DeflateDirection {
  /** 8 to 15: references go back by 2 to the power of it, in bytes. */
  readonly windowBits: number;
  /** Whether a message may refer to the ones before it (RFC 7692 §7.1.1). */
  readonly keepsContext: boolean;
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
const MAX_WINDOW_BITS = 15;

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
class History {
  private readonly limitBytes: number;
  bytes: Uint8Array = NONE;

  constructor({ windowBits, keepsContext }: DeflateDirection) {
    this.limitBytes = keepsContext ? 2 ** windowBits : 0;
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

export class Deflater {
  private readonly history: History;
  private readonly windowBits: number;

  constructor(direction: DeflateDirection) {
    this.history = new History(direction);
    this.windowBits = Math.max(MIN_DEFLATE_BITS, direction.windowBits);
  }

  /** The message as it goes into frames (RFC 7692 §7.2.1), in memory of its own. */
  compress(message: Uint8Array): Uint8Array {
    const { history, windowBits } = this;
    const compressed = deflateRawSync(message, {
      level: 6,
      memLevel: 8,
      windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
      chunkSize: message.length + SPARE_BYTES,
      ...(history.bytes.length > 0 && { dictionary: history.bytes }),
    });
    history.add(message);
    return Uint8Array.from(compressed.subarray(0, compressed.length - TAIL.length));
  }
}

export class Inflater {
  private readonly history: History;
  private readonly windowBits: number;
  private readonly maxMessageBytes: number;

  constructor(direction: DeflateDirection, maxMessageBytes: number) {
    this.history = new History(direction);
    this.windowBits = direction.windowBits;
    this.maxMessageBytes = maxMessageBytes;
  }

  /**
   * The message that the payload of its frames stands for (RFC 7692 §7.2.2).
   * @param expectedBytes how long it will be, if all is well
   * @throws {Error} when it is not DEFLATE data, refers to what is not there, or gets too long
   */
  decompress(payload: Uint8Array, expectedBytes: number): Uint8Array {
    const { history, windowBits, maxMessageBytes } = this;
    const whole = new Uint8Array(payload.length + TAIL.length);
    whole.set(payload);
    whole.set(TAIL, payload.length);
    const pieceBytes = Math.max(MIN_PIECE_BYTES, expectedBytes + SPARE_BYTES);
    const message = inflateRawSync(whole, {
      windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
      chunkSize: windowBits < MAX_WINDOW_BITS ? Math.min(SMALL_WINDOW_PIECE_BYTES, pieceBytes) : pieceBytes,
      maxOutputLength: maxMessageBytes,
      ...(history.bytes.length > 0 && { dictionary: history.bytes }),
    });
    history.add(message);
    return message;
  }
}
