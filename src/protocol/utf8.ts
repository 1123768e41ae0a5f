/**
 * UTF-8 as §8.1 and RFC 3629 §4 have it: shortest form only, no surrogates, nothing past U+10FFFF. The validator takes
 * the bytes as they arrive and names the first one that cannot be part of valid text, however the text is cut.
 */

import type { Chunk } from './memory.ts';

export class Utf8Validator {
  /** Continuation bytes the open code point still needs. */
  private pending = 0;
  /** The range its next byte has to lie in. */
  private lower = 0x80;
  private upper = 0xbf;

  /** Whether the bytes so far end between two code points. */
  get isComplete(): boolean {
    return this.pending === 0;
  }

  /** Takes bytes[start … end); returns the index of the first offending byte, behind which nothing is judged, or -1. */
  push(bytes: Uint8Array, start: number, end: number): number {
    let i = start;
    while (i < end) {
      const byte = bytes[i]!;
      if (this.pending === 0) {
        if (byte < 0x80) {
          i = endOfAscii(bytes, i + 1, end);
          continue;
        }
        if (!this.startCodePoint(byte)) return i;
      } else {
        if (byte < this.lower || byte > this.upper) return i;
        this.lower = 0x80;
        this.upper = 0xbf;
        this.pending--;
      }
      i++;
    }
    return -1;
  }

  /** RFC 3629 §4, the table of lead bytes: how many bytes follow, and what the first of them may be. */
  private startCodePoint(lead: number): boolean {
    if (lead < 0xc2 || lead > 0xf4) return false;
    this.pending = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (lead === 0xe0) this.lower = 0xa0;
    if (lead === 0xed) this.upper = 0x9f;
    if (lead === 0xf0) this.lower = 0x90;
    if (lead === 0xf4) this.upper = 0x8f;
    return true;
  }
}

/** Where the run of ASCII that begins at `start` ends, or a few bytes before that: most text is nothing else. */
function endOfAscii(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i + 4 <= end && (bytes[i]! | bytes[i + 1]! | bytes[i + 2]! | bytes[i + 3]!) < 0x80) i += 4;
  return i;
}

/** Judges whole texts, chunk[start … end): by `isValidUtf8`, or something as good. */
export type IsUtf8 = (chunk: Chunk, start: number, end: number) => boolean;

/** Pieces below this are not worth asking somebody else. */
const LONG_PIECE_BYTES = 128;

/**
 * Takes chunk[start … end) as `Utf8Validator.push` does, with the bulk of a long piece left to `isUtf8`: the validator
 * takes the rest of a character that the piece begins with, and the last character, which may be cut as well.
 * @returns whether the text is valid so far
 */
export function pushPiece(validator: Utf8Validator, chunk: Chunk, start: number, end: number, isUtf8: IsUtf8): boolean {
  const { bytes } = chunk;
  if (end - start < LONG_PIECE_BYTES) return validator.push(bytes, start, end) === -1;
  let from = start;
  for (; !validator.isComplete; from++) if (validator.push(bytes, from, from + 1) !== -1) return false;
  const to = startOfLastCharacter(bytes, end);
  return isUtf8(chunk, from, to) && validator.push(bytes, to, end) === -1;
}

/** Where a character of several bytes begins that reaches the end or beyond it; `end` when the last one is whole anyway. */
function startOfLastCharacter(bytes: Uint8Array, end: number): number {
  for (let at = end - 1; at >= end - 3; at--) {
    if (bytes[at]! >= 0xc0) return at;
    if (bytes[at]! < 0x80) return end;
  }
  return end;
}

/** Whether bytes[start … end) is valid UTF-8 as a whole. */
export function isValidUtf8(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
  const validator = new Utf8Validator();
  return validator.push(bytes, start, end) === -1 && validator.isComplete;
}

/** Short text in UTF-8, lone surrogates as U+FFFD, as `TextEncoder` has it, which is no global everywhere. */
export function encodeUtf8(text: string): Uint8Array {
  // Here every byte that is no letter of ASCII stands as %XX.
  const escaped = encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
  const bytes = escaped.match(/%..|./g) ?? [];
  return Uint8Array.from(bytes, (byte) => (byte.length === 1 ? byte.charCodeAt(0) : Number(`0x${byte.slice(1)}`)));
}
