/**
 * Masking (§5.3): XOR of the payload with a 32-bit key, the same operation both ways. A masking key is held as one
 * 32-bit integer in network order: its most significant byte masks the first payload byte.
 */

/** What unmasks the payloads of a connection: `mask`, or something as good. */
export type Unmask = (
  bytes: Uint8Array,
  start: number,
  end: number,
  maskingKey: number,
  position: number,
  words: Int32Array | undefined,
) => void;

/** §5.3 word for word; the oracle for `mask`. `position` is the place of bytes[start] in the payload. */
export function maskReference(
  bytes: Uint8Array,
  start: number,
  end: number,
  maskingKey: number,
  position: number,
): void {
  for (let i = start; i < end; i++) {
    const keyByte = maskingKey >>> (24 - 8 * ((position + i - start) & 3));
    bytes[i]! ^= keyByte;
  }
}

/**
 * Where each of a word's four bytes lies in memory order, as shift counts, so that a word of key can be built for
 * this machine's byte order without asking for it.
 */
const SHIFT_OF_BYTE = new Uint8Array(new Uint32Array([0x18_10_08_00]).buffer);
const SHIFT0 = SHIFT_OF_BYTE[0]!;
const SHIFT1 = SHIFT_OF_BYTE[1]!;
const SHIFT2 = SHIFT_OF_BYTE[2]!;
const SHIFT3 = SHIFT_OF_BYTE[3]!;

/** Below this many bytes the words are not worth their set-up. */
const MIN_WORD_BYTES = 8;

/** A view of the whole memory behind `bytes` as 32-bit words, for `mask`: worth keeping for as long as that memory is. */
export function wordsOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >>> 2);
}

/**
 * Masks or unmasks bytes[start … end) in place, a word at a time.
 * @param position the place of bytes[start] in the payload, for payloads that arrive in pieces
 * @param words `wordsOf(bytes)`, when the caller has it already
 */
export function mask(
  bytes: Uint8Array,
  start: number,
  end: number,
  maskingKey: number,
  position = 0,
  words?: Int32Array,
): void {
  const turn = (position & 3) << 3;
  let key = (maskingKey << turn) | (maskingKey >>> (32 - turn));
  let i = start;
  if (end - start >= MIN_WORD_BYTES) {
    const byteOffset = bytes.byteOffset;
    for (; ((byteOffset + i) & 3) !== 0; i++) {
      bytes[i]! ^= key >>> 24;
      key = (key << 8) | (key >>> 24);
    }
    const word =
      ((key >>> 24) << SHIFT0) |
      (((key >>> 16) & 0xff) << SHIFT1) |
      (((key >>> 8) & 0xff) << SHIFT2) |
      ((key & 0xff) << SHIFT3);
    const view = words ?? wordsOf(bytes);
    const lastWord = (byteOffset + end) >>> 2;
    for (let w = (byteOffset + i) >>> 2; w < lastWord; w++) view[w]! ^= word;
    i = lastWord * 4 - byteOffset;
  }
  for (; i < end; i++) {
    bytes[i]! ^= key >>> 24;
    key = (key << 8) | (key >>> 24);
  }
}
