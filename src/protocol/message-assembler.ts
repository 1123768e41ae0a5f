/**
 * Puts the pieces of one message together (§5.4): fragments, and frames that arrive in several chunks. Copies them into
 * one buffer that grows with what has arrived, never with what was announced. Frames may cut text inside a character
 * (§5.6); it is checked as its bytes come in, so that the first bad one is found at once (§8.1). Limits are the parser's:
 * what comes here is within them.
 */

import type { Allocate, Chunk } from './memory.ts';
import { type IsUtf8, pushPiece, Utf8Validator } from './utf8.ts';

const EMPTY = new Uint8Array(0);
/** Up to here what has arrived may be little of a message that is not long: growing costs more than it saves. */
const SHORT_BYTES = 4096;

export class MessageAssembler {
  private readonly allocate: Allocate;
  private readonly skipsUtf8Validation: boolean;
  private readonly isUtf8: IsUtf8;
  /** Of the text at hand. */
  private validator: Utf8Validator | undefined;
  /** Holds the message at [0 … length); handed over with it, so that the next message gets memory of its own. */
  bytes: Uint8Array = EMPTY;
  isBinary = false;
  private checksText = false;
  /** Whether the message is compressed (RFC 7692 §6.2), so that its bytes are not yet text. */
  isCompressed = false;
  /** Bytes of the message so far, in `bytes`. */
  length = 0;

  /**
   * @param skipsUtf8Validation leave text unchecked, for peers that are trusted
   * @param isUtf8 judges the bulk of long pieces
   */
  constructor(allocate: Allocate, skipsUtf8Validation: boolean, isUtf8: IsUtf8) {
    this.allocate = allocate;
    this.skipsUtf8Validation = skipsUtf8Validation;
    this.isUtf8 = isUtf8;
  }

  start(isText: boolean, isCompressed = false): void {
    this.isBinary = !isText;
    this.isCompressed = isCompressed;
    this.checksText = isText && !isCompressed && !this.skipsUtf8Validation;
    this.bytes = EMPTY;
    this.length = 0;
    if (this.checksText) this.validator = new Utf8Validator();
  }

  /**
   * Adds chunk[start … end).
   * @param announcedBytes how much more of the same frame is still to come, so that growth can stop at the right size
   * @param isAscii whether the bytes are known to be all ASCII
   * @returns whether text is still valid UTF-8
   */
  append(chunk: Chunk, start: number, end: number, announcedBytes: number, isAscii = false): boolean {
    const isChecked = !this.checksText || (isAscii && this.validator!.isComplete);
    if (!isChecked && !pushPiece(this.validator!, chunk, start, end, this.isUtf8)) return false;
    const length = this.length + end - start;
    if (length > this.bytes.length) this.grow(length, announcedBytes);
    this.bytes.set(chunk.bytes.subarray(start, end), this.length);
    this.length = length;
    return true;
  }

  /** Ends the message: whether its text ends between two code points. */
  finish(): boolean {
    return !this.checksText || this.validator!.isComplete;
  }

  /** Lets go of the memory. */
  release(): void {
    this.bytes = EMPTY;
    this.length = 0;
  }

  /** Four times what has arrived, of little sixteen, or less if the frame at hand fills less; of fragments, twice. */
  private grow(neededBytes: number, announcedBytes: number): void {
    const announcedTotal = neededBytes + announcedBytes;
    const factor = neededBytes < SHORT_BYTES ? 16 : 4;
    const capacity =
      announcedBytes > 0 ? Math.min(factor * neededBytes, announcedTotal) : Math.max(neededBytes, 2 * this.length);
    const grown = this.allocate(capacity);
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
