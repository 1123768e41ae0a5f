import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptValue, encodeBase64, generateKey, isKeyShaped } from '../../src/handshake/key.ts';

describe('acceptValue', () => {
  it('§1.3 the sample nonce gives the sample accept value', () => {
    expect(acceptValue('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });

  it('§4.2.2 equals node:crypto for any key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (nonce) => {
        const key = Buffer.from(nonce).toString('base64');
        const expected = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        expect(acceptValue(key)).toBe(expected);
      }),
    );
  });
});

describe('isKeyShaped', () => {
  it.each([
    ['the sample nonce', 'dGhlIHNhbXBsZSBub25jZQ==', true],
    ['all zero', 'AAAAAAAAAAAAAAAAAAAAAA==', true],
    ['all one', '/////////////////////w==', true],
    ['the specimen of §4.1, whose unused bits are not zero', 'AQIDBAUGBwgJCgsMDQ4PEC==', true],
    ['15 bytes', 'AAAAAAAAAAAAAAAAAAAA', false],
    ['17 bytes', 'AAAAAAAAAAAAAAAAAAAAAAA=', false],
    ['18 bytes', 'AAAAAAAAAAAAAAAAAAAAAAAA', false],
    ['no padding', 'AAAAAAAAAAAAAAAAAAAAAA', false],
    ['half the padding', 'AAAAAAAAAAAAAAAAAAAAAA=', false],
    ['padding too early', 'AAAAAAAAAAAAAAAAAAAAA===', false],
    ['the URL-safe alphabet', '_-AAAAAAAAAAAAAAAAAAAA==', false],
    ['a space inside', 'AAAAAAAAAA AAAAAAAAAAA==', false],
    ['a line break behind', 'AAAAAAAAAAAAAAAAAAAAAA==\n', false],
    ['two keys joined', 'AAAAAAAAAAAAAAAAAAAAAA==, AAAAAAAAAAAAAAAAAAAAAA==', false],
    ['empty', '', false],
  ])('§4.2.1 %s', (_name, text, expected) => {
    expect(isKeyShaped(text)).toBe(expected);
  });

  it('§4.2.1 a padded key is exactly what decodes to 16 bytes, with whatever in the unused bits', () => {
    fc.assert(
      fc.property(fc.base64String({ minLength: 20, maxLength: 28 }), (text) => {
        expect(isKeyShaped(text)).toBe(text.length === 24 && Buffer.from(text, 'base64').length === 16);
      }),
    );
  });
});

describe('generateKey', () => {
  it('§4.1 encodes the 16 bytes it asks for', () => {
    const asked: number[] = [];
    const key = generateKey((lengthBytes) => {
      asked.push(lengthBytes);
      return new TextEncoder().encode('the sample nonce');
    });
    expect(asked).toEqual([16]);
    expect(key).toBe('dGhlIHNhbXBsZSBub25jZQ==');
  });

  it('§4.1 what it makes of random bytes is a key and differs each time', () => {
    const keys = Array.from({ length: 50 }, () => generateKey(randomBytes));
    expect(keys.every(isKeyShaped)).toBe(true);
    expect(new Set(keys).size).toBe(50);
  });

  it('§4.1 a source that returns too few bytes is an error', () => {
    expect(() => generateKey(() => new Uint8Array(15))).toThrow(RangeError);
  });
});

describe('encodeBase64', () => {
  it.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ])('RFC 4648 §10 "%s" is "%s"', (text, expected) => {
    expect(encodeBase64(new TextEncoder().encode(text))).toBe(expected);
  });

  it('RFC 4648 §4 uses + and / for 62 and 63', () => {
    expect(encodeBase64(Uint8Array.of(0xfb, 0xff, 0xbf))).toBe('+/+/');
  });

  it('RFC 4648 §4 equals Buffer for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      }),
    );
  });
});
