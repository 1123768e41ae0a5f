/** Compressed messages and their echoes that are kept from one case to the next. */

import { describe, expect, it } from 'vitest';
import { corpusOf } from '../../src/conformance/corpora.ts';
import { compressedMessages, knownEchoes } from '../../src/conformance/corpus-streams.ts';
import { type DeflateDirection, Inflater } from '../../src/conformance/deflate.ts';
import { Deflater } from './deflater.ts';

const MIB = 1024 * 1024;
const DIRECTION: DeflateDirection = { windowBits: 15, keepsContext: true };

describe('compressed messages', () => {
  it.each<[units: number, direction: DeflateDirection]>([
    [3000, DIRECTION],
    [3000, { windowBits: 9, keepsContext: false }],
    [20_000, DIRECTION],
    [20_000, { windowBits: 9, keepsContext: true }],
    [20_000, { windowBits: 15, keepsContext: false }],
  ])('of %i characters are those of the corpus, in order, for %j', async (units, direction) => {
    const stream = compressedMessages('12.4', units, direction);
    const inflater = new Inflater(direction, MIB);
    for (let i = 0; i < 40; i++) {
      const message = inflater.decompress([await stream.at(i)], units);
      expect(Buffer.compare(message, corpusOf('12.4').message(i, units))).toBe(0);
    }
    expect(stream.at(0)).toBeInstanceOf(Uint8Array);
  });

  it('are shared by cases that send the same, and by no others', () => {
    const stream = compressedMessages('12.1', 16, DIRECTION);
    expect(compressedMessages('12.1', 16, { ...DIRECTION })).toBe(stream);
    expect(compressedMessages('12.1', 64, DIRECTION)).not.toBe(stream);
    expect(compressedMessages('12.1', 16, { ...DIRECTION, windowBits: 9 })).not.toBe(stream);
    expect(compressedMessages('12.1', 16, { ...DIRECTION, keepsContext: false })).not.toBe(stream);
  });

  it('are let go when they take too much memory, the oldest first', () => {
    const first = compressedMessages('12.5', 131_072, DIRECTION);
    const second = compressedMessages('12.5', 65_536, DIRECTION);
    first.lengthBytes = 100 * MIB;
    second.lengthBytes = 100 * MIB;
    expect(compressedMessages('12.5', 65_536, DIRECTION)).toBe(second);
    expect(compressedMessages('12.5', 131_072, DIRECTION)).not.toBe(first);
    expect(compressedMessages('12.5', 65_536, DIRECTION)).toBe(second);
  });
});

describe('known echoes', () => {
  it('are known by their bytes and their place, once they were right', () => {
    const known = knownEchoes('12.3', 1000, DIRECTION);
    const message = corpusOf('12.3').message(7, 1000);
    const payload = new Deflater(DIRECTION).compress(message);
    expect(known.recall(7, payload)).toBeUndefined();
    expect(known.learn(7, payload, message.with(-1, 0))).toBe(false);
    expect(known.recall(7, payload)).toBeUndefined();
    expect(known.learn(7, payload, message)).toBe(true);
    expect(known.recall(7, payload)).toEqual(message);
    expect(known.recall(8, payload)).toBeUndefined();
    expect(known.recall(7, payload.with(-1, payload.at(-1)! ^ 1))).toBeUndefined();
    expect(known.lengthBytes).toBe(payload.length);
  });

  it.each<[index: number, units: number, direction: DeflateDirection, lengthBytes: number]>([
    [0, 1000, DIRECTION, 0],
    [3, 1000, DIRECTION, 3000],
    [100, 1000, DIRECTION, 32_768],
    [400, 1000, DIRECTION, 32_768],
    [100, 1000, { windowBits: 9, keepsContext: true }, 512],
    [100, 1000, { windowBits: 15, keepsContext: false }, 0],
  ])('stand behind what was sent before: %i × %i, %j', (index, units, direction, lengthBytes) => {
    const context = Buffer.from(knownEchoes('12.3', units, direction).contextOf(index));
    const sent = Buffer.concat(Array.from({ length: index }, (_, i) => corpusOf('12.3').message(i, units)));
    expect(context).toHaveLength(lengthBytes);
    expect(context.equals(sent.subarray(sent.length - lengthBytes))).toBe(true);
  });
});
