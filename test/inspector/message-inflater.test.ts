/** The inflater of reports, against zlib. */

import { randomBytes } from 'node:crypto';
import { constants, createDeflateRaw, type DeflateRaw, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHex } from '../../src/inspector/index.ts';
import { type DeflateStep, Inflater } from '../../src/inspector/message-inflater.ts';

/** As a sender compresses a message by itself. */
function compressAlone(message: Uint8Array, options: { level?: number; strategy?: number } = {}): Uint8Array {
  return deflateRawSync(message, { ...options, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** What its symbols say. */
function replay(steps: readonly DeflateStep[], window: Uint8Array): number[] {
  const all = [...window];
  for (const step of steps) {
    expect(step.at).toBe(all.length - window.length);
    if (step.kind === 'literal') all.push(step.byte);
    else if (step.kind === 'copy') for (let i = 0; i < step.length; i++) all.push(all.at(-step.distance)!);
  }
  return all.slice(window.length);
}

/** As a sender of permessage-deflate does (RFC 7692 §7.2.1). */
async function compress(deflate: DeflateRaw, message: Uint8Array): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  const take = (part: Buffer) => parts.push(part);
  deflate.on('data', take);
  deflate.write(message);
  await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
  deflate.off('data', take);
  return new Uint8Array(Buffer.concat(parts)).slice(0, -4);
}

const messages = Array.from({ length: 60 }, (_, i) =>
  i % 7 === 6
    ? randomBytes(i * 97)
    : Buffer.from(JSON.stringify({ i, text: 'to be or not '.repeat(i * i), random: i * 7919 })),
);

describe('RFC 7692 §7.2.2 messages come out as they went in', () => {
  for (const [title, options] of [
    ['by default', {}],
    ['with a small window', { windowBits: 9 }],
    ['with fixed codes', { strategy: constants.Z_FIXED }],
    ['stored', { level: 0 }],
  ] as const) {
    it(title, async () => {
      const deflate = createDeflateRaw(options);
      const inflater = new Inflater();
      for (const message of messages) {
        const { output, fault } = inflater.inflate(await compress(deflate, message));
        expect(fault).toBeUndefined();
        expect(Buffer.compare(Buffer.from(output), message)).toBe(0);
      }
      expect(inflater.window.length).toBe(32_768);
      deflate.close();
    });
  }
});

it('RFC 7692 §7.1.1 what refers to a message that was lost is told from what is corrupt', async () => {
  const deflate = createDeflateRaw();
  const [first, second] = [
    await compress(deflate, Buffer.from('Hello')),
    await compress(deflate, Buffer.from('Hello')),
  ];
  deflate.close();
  expect(new Inflater().inflate(second!).fault?.id).toBe('corrupt');
  const inflater = new Inflater();
  inflater.inflate(first!);
  inflater.loseContext();
  expect(inflater.inflate(second!).fault).toMatchObject({ id: 'context' });
  expect(inflater.inflate(first!).output).toEqual(new Uint8Array(Buffer.from('Hello')));
});

it('stops where too much comes out', async () => {
  const deflate = createDeflateRaw();
  const compressed = await compress(deflate, Buffer.from('abcabcabcabc'));
  deflate.close();
  expect(new Inflater().inflate(compressed, 12).output.length).toBe(12);
  expect(new Inflater().inflate(compressed, 11).fault?.id).toBe('tooLong');
});

it('whatever the bytes are, it ends', () => {
  for (let i = 0; i < 2000; i++) {
    const { output } = new Inflater().inflate(randomBytes(1 + (i % 40)), 10_000);
    expect(output.length).toBeLessThanOrEqual(10_000);
  }
});

it('RFC 7692 §7.2.3 the examples of the RFC', () => {
  const text = (inflater: Inflater, hex: string) => new TextDecoder().decode(inflater.inflate(parseHex(hex)).output);
  const inflater = new Inflater();
  expect(text(inflater, 'f2 48 cd c9 c9 07 00')).toBe('Hello');
  expect(text(inflater, 'f2 00 11 00 00')).toBe('Hello');
  expect(text(new Inflater(), '00 05 00 fa ff 48 65 6c 6c 6f 00')).toBe('Hello');
  expect(text(new Inflater(), 'f3 48 cd c9 c9 07 00 00')).toBe('Hello');
  expect(text(new Inflater(), 'f2 48 05 00 00 00 ff ff ca c9 c9 07 00')).toBe('Hello');
});

it('tells each symbol: where its bits are, and what it adds', () => {
  const anyMessage = fc
    .array(fc.oneof(fc.constantFrom('Hello', ' frames', 'aaaaaaaaaaaa', '€'), fc.string({ maxLength: 9 })), {
      maxLength: 60,
    })
    .map((parts) => new TextEncoder().encode(parts.join('')));
  const strategies = [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY];
  const anyLevel = fc.constantFrom(0, 1, 6, 9);
  fc.assert(
    fc.property(anyMessage, anyLevel, fc.constantFrom(...strategies), (message, level, strategy) => {
      const steps: DeflateStep[] = [];
      const compressed = compressAlone(message, { level, strategy });
      const { output, fault } = new Inflater().inflate(compressed, undefined, (step) => steps.push(step));
      expect(fault).toBeUndefined();
      expect(output).toEqual(message);
      expect(replay(steps, new Uint8Array(0))).toEqual([...message]);
      // Bit behind bit; only to the bytes of a stored block they are filled up, and it has a header.
      for (const [i, { firstBit, bitLength }] of steps.entries()) {
        expect(bitLength).toBeGreaterThan(0);
        if (i > 0) expect(firstBit).toBe(steps[i - 1]!.firstBit + steps[i - 1]!.bitLength);
      }
    }),
    { numRuns: 60 },
  );
});

it.each([
  ['a block has type 3', 'ff ff ff', 'corrupt'],
  ['it refers to 5 bytes back, and only 1 are there', 'f2 00 11 00 00', 'corrupt'],
  ['the length of a stored block is not its own complement', '00 05 00 05 00 48', 'corrupt'],
  ['it ends inside a block', 'f2 48 cd', 'corrupt'],
  ['there are more codes than fit', '04 00 92 24 49 92 24 49 92 24', 'corrupt'],
])('says that %s', (message, hex, id) => {
  const { fault } = new Inflater().inflate(parseHex(hex));
  expect(fault?.message).toContain(message);
  expect(fault?.id).toBe(id);
});
