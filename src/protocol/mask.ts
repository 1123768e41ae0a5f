/**
 * Masking (§5.3): XOR of the payload with a 32-bit key, the same operation both ways. A masking key is held as one
 * 32-bit integer in network order: its most significant byte masks the first payload byte.
 */

import { Chunk } from './memory.ts';

/**
 * Masks or unmasks chunk[start … end) in place: `maskChunk`, or something as good. `position` is the place of the first
 * byte in the payload, for payloads that arrive in pieces.
 * @returns whether the bytes are all ASCII now, when that was to be seen along the way; false when it is not known
 */
export type Unmask = (chunk: Chunk, start: number, end: number, maskingKey: number, position: number) => boolean;

/** Where each byte of a word lies in memory, as shift counts: so a word of key is right in either byte order. */
const SHIFT_OF_BYTE = new Uint8Array(new Uint32Array([0x18_10_08_00]).buffer);
const SHIFT0 = SHIFT_OF_BYTE[0]!;
const SHIFT1 = SHIFT_OF_BYTE[1]!;
const SHIFT2 = SHIFT_OF_BYTE[2]!;
const SHIFT3 = SHIFT_OF_BYTE[3]!;

/** Words whose first n bytes in memory are 0 and the others 0xff: which of its bytes a range takes that begins at byte n. */
const FROM_BYTE = new Int32Array(
  Uint8Array.of(255, 255, 255, 255, 0, 255, 255, 255, 0, 0, 255, 255, 0, 0, 0, 255).buffer,
);

/** The bits that no ASCII character has, in a word of four. */
const NOT_ASCII = 0x80_80_80_80 | 0;

/** Masks or unmasks bytes[start … end) in place, see `Unmask`. */
export function mask(bytes: Uint8Array, start: number, end: number, maskingKey: number, position = 0): boolean {
  return maskChunk(new Chunk(bytes), start, end, maskingKey, position);
}

/**
 * A word at a time. The words at both ends are written whole, their bytes outside the range as they were. Most text is
 * ASCII, which is seen here, and need not be looked at again then.
 */
export const maskChunk: Unmask = (chunk, start, end, maskingKey, position) => {
  const { bytes, byteOffset } = chunk;
  chunk.words ??= new Int32Array(chunk.memory, 0, chunk.memoryBytes >>> 2);
  const { words } = chunk;
  const first = byteOffset + start;
  let last = byteOffset + end;
  // Turned so that it begins with what the first byte of a word is masked with.
  const turn = ((position - first) & 3) << 3;
  const key = (maskingKey << turn) | (maskingKey >>> (32 - turn));
  const wholeWords = words.length * 4;
  /** The bits that any of the bytes has, each where its byte lies in a word. */
  let bits = 0;
  if (last > wholeWords) {
    // The memory ends inside a word, and the range with it.
    for (let at = Math.max(first, wholeWords); at < last; at++) {
      bytes[at - byteOffset]! ^= key >>> (24 - 8 * (at & 3));
      bits |= bytes[at - byteOffset]!;
    }
    last = Math.max(first, wholeWords);
  }
  if (last === first) return (bits & NOT_ASCII) === 0;
  const word =
    ((key >>> 24) << SHIFT0) |
    (((key >>> 16) & 0xff) << SHIFT1) |
    (((key >>> 8) & 0xff) << SHIFT2) |
    ((key & 0xff) << SHIFT3);
  const head = FROM_BYTE[first & 3]!;
  const tail = ~FROM_BYTE[last & 3]!;
  const lastWord = last >>> 2;
  let w = first >>> 2;
  if (w === lastWord) {
    words[w]! ^= word & head & tail;
    return ((bits | (words[w]! & head & tail)) & NOT_ASCII) === 0;
  }
  words[w]! ^= word & head;
  bits |= words[w]! & head;
  // Two words a round are faster than one.
  for (w++; w + 1 < lastWord; w += 2) {
    const one = words[w]! ^ word;
    const two = words[w + 1]! ^ word;
    words[w] = one;
    words[w + 1] = two;
    bits |= one | two;
  }
  if (w < lastWord) {
    words[w]! ^= word;
    bits |= words[w]!;
  }
  if (tail !== 0) {
    words[lastWord]! ^= word & tail;
    bits |= words[lastWord]! & tail;
  }
  return (bits & NOT_ASCII) === 0;
};
