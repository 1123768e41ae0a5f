import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha1 } from '../../src/handshake/sha1.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const oracle = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

// RFC 3174 §7.3 and FIPS 180: published digests.
const VECTORS: [name: string, input: string, digest: string][] = [
  ['empty input', '', 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
  ['abc', 'abc', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
  [
    '56 bytes, so that the length needs a second block',
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '84983e441c3bd26ebaae4aa1f95129e5e54670f1',
  ],
  ['a million times a', 'a'.repeat(1_000_000), '34aa973cd4c4daa4f61eeb2bdbad27316534016f'],
  ['80 times 01234567', '01234567'.repeat(80), 'dea356a2cddd90c7a7ecedc5ebb563934f460452'],
  [
    'the sample nonce of §1.3 with the GUID',
    'dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11',
    'b37a4f2cc0624f1690f64606cf385945b2bec4ea',
  ],
];

describe('sha1', () => {
  it.each(VECTORS)('RFC 3174 §7.3 %s', (_name, input, digest) => {
    expect(hex(sha1(ascii(input)))).toBe(digest);
  });

  it('RFC 3174 §4 every length from 0 to 300 is padded as node:crypto pads it', () => {
    for (let length = 0; length <= 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255);
      expect(hex(sha1(bytes)), `length ${length}`).toBe(oracle(bytes));
    }
  });

  it('RFC 3174 §6.1 equals node:crypto for any bytes, and leaves them as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const before = bytes.slice();
        expect(hex(sha1(bytes))).toBe(oracle(before));
        expect(bytes).toEqual(before);
      }),
    );
  });

  it('RFC 3174 §4 reads a view at an odd offset of a larger buffer', () => {
    const view = new Uint8Array(100).fill(7).subarray(3, 90);
    expect(hex(sha1(view))).toBe(oracle(view));
  });

  it('RFC 3174 §4 a megabyte and a bit equals node:crypto', () => {
    const bytes = Uint8Array.from({ length: 2 ** 20 + 61 }, (_, i) => (i * i) & 255);
    expect(hex(sha1(bytes))).toBe(oracle(bytes));
  });
});
