/** The fast mask against the definition in §5.3: all alignments, key phases and short lengths. */

import { describe, expect, it } from 'vitest';
import { Chunk, mask, maskChunk, maskReference } from '../../src/protocol/index.ts';
import { hex, toHex } from '../support/wire.ts';

const KEY = 0x37fa213d;

function counting(lengthBytes: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, i) => i * 7 + 1);
}

/** Masks part of a larger memory in both ways; returns both memories whole, so that a byte too much shows. */
function both(offset: number, length: number, key: number, position: number, start = 3, keepsWords = false) {
  const results = [mask, maskReference].map((apply) => {
    const memory = counting(offset + start + length + 19).buffer;
    const bytes = new Uint8Array(memory, offset);
    if (keepsWords && apply === mask) {
      const chunk = new Chunk(bytes);
      // Twice with the same words, and a third time so that it is masked.
      for (let i = 0; i < 3; i++) maskChunk(chunk, start, start + length, key, position);
    } else apply(bytes, start, start + length, key, position);
    return toHex(new Uint8Array(memory));
  });
  return results as [string, string];
}

describe('mask', () => {
  it('§5.3 the definition: octet i is masked with octet i mod 4 of the key', () => {
    const bytes = hex('48 65 6c 6c 6f');
    maskReference(bytes, 0, bytes.length, KEY, 0);
    expect(toHex(bytes)).toBe('7f 9f 4d 51 58');
  });

  it('§5.3 a piece in the middle of a payload goes on with the key where the last piece ended', () => {
    for (const apply of [mask, maskReference]) {
      const bytes = hex('48 65 6c 6c 6f');
      apply(bytes, 0, 3, KEY, 0);
      apply(bytes, 3, 5, KEY, 3);
      expect(toHex(bytes)).toBe('7f 9f 4d 51 58');
    }
  });

  it('§5.3 fast and plain agree at offsets 0–7 and a larger one, key phases 0–7, lengths 0–70', () => {
    const wrong: string[] = [];
    for (const offset of [0, 1, 2, 3, 4, 5, 6, 7, 41]) {
      for (let position = 0; position < 8; position++) {
        for (let length = 0; length <= 70; length++) {
          const [fast, plain] = both(offset, length, KEY, position, offset % 3);
          const [withWords] = both(offset, length, KEY, position, offset % 3, true);
          if (fast !== plain || withWords !== plain) wrong.push(`offset ${offset} phase ${position} length ${length}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each([0, 1, 0xff, 0x80000000, 0xffffffff, -1, KEY | 0, 0x01020304, 0xfefdfcfb])('§5.3 key %d', (key) => {
    for (const position of [0, 1, 2, 3, 2 ** 31 + 1, 2 ** 32 + 2, 2 ** 40 + 3]) {
      const [fast, plain] = both(1, 33, key, position);
      expect(fast).toBe(plain);
    }
  });

  it('§5.3 masking twice with one key changes nothing', () => {
    const bytes = counting(1000);
    mask(bytes, 5, 999, KEY);
    expect(toHex(bytes)).not.toBe(toHex(counting(1000)));
    mask(bytes, 5, 999, KEY);
    expect(toHex(bytes)).toBe(toHex(counting(1000)));
  });

  it('§5.3 a view at the end of a memory whose length is no multiple of four', () => {
    for (let tail = 0; tail < 4; tail++) {
      const memory = counting(64 + tail);
      const expected = Uint8Array.from(memory);
      mask(memory, 7, memory.length, KEY);
      maskReference(expected, 7, expected.length, KEY, 0);
      expect(toHex(memory)).toBe(toHex(expected));
    }
  });

  it('§5.6 tells whether what it unmasked is all ASCII, whatever lies beside it', () => {
    const wrong: string[] = [];
    for (let start = 0; start < 8; start++) {
      for (let length = 0; length <= 40; length++) {
        for (let beyond = 0; beyond < 4; beyond++) {
          for (let odd = -1; odd < length; odd++) {
            const memory = new Uint8Array(start + length + beyond).fill(0xff);
            memory.fill(0x7f, start, start + length);
            if (odd >= 0) memory[start + odd] = 0x80;
            maskReference(memory, start, start + length, KEY, 1);
            const isAscii = mask(memory, start, start + length, KEY, 1);
            if (isAscii !== odd < 0) wrong.push(`start ${start} length ${length} beyond ${beyond} odd ${odd}`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});
