import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHex } from '../../src/inspector/index.ts';
import {
  type DeflateStep,
  InflateError,
  InflateLimitError,
  inflateMessage,
  MAX_WINDOW_BYTES,
  windowAfter,
} from '../../src/inspector/inflate.ts';

const TAIL_BYTES = 4;

/** As a sender compresses a message (RFC 7692 §7.2.1), by itself. */
function compress(message: Uint8Array, options: { level?: number; strategy?: number } = {}): Uint8Array {
  return deflateRawSync(message, { ...options, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -TAIL_BYTES);
}

/** Messages compressed one behind the other, with context take-over. */
async function compressAll(messages: readonly Uint8Array[], windowBits: number): Promise<Uint8Array[]> {
  const deflate = createDeflateRaw({ windowBits });
  const compressed: Uint8Array[] = [];
  for (const message of messages) {
    const parts: Buffer[] = [];
    const take = (part: Buffer) => parts.push(part);
    deflate.on('data', take);
    deflate.write(message);
    await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    deflate.off('data', take);
    compressed.push(Buffer.concat(parts).subarray(0, -TAIL_BYTES));
  }
  deflate.close();
  return compressed;
}

/** Bytes with repetitions, as text has them, and some without. */
const anyMessage = fc
  .array(fc.oneof(fc.constantFrom('Hello', ' frames', 'aaaaaaaaaaaa', '€'), fc.string({ maxLength: 9 })), {
    maxLength: 60,
  })
  .map((parts) => new TextEncoder().encode(parts.join('')));

describe('inflating, to be looked at', () => {
  it('RFC 7692 §7.2.3 the examples of the RFC', () => {
    const text = (hex: string, window?: Uint8Array) =>
      new TextDecoder().decode(inflateMessage(parseHex(hex), window && { window }));
    expect(text('f2 48 cd c9 c9 07 00')).toBe('Hello');
    expect(text('f2 00 11 00 00', new TextEncoder().encode('Hello'))).toBe('Hello');
    expect(text('00 05 00 fa ff 48 65 6c 6c 6f 00')).toBe('Hello');
    expect(text('f3 48 cd c9 c9 07 00 00')).toBe('Hello');
    expect(text('f2 48 05 00 00 00 ff ff ca c9 c9 07 00')).toBe('Hello');
  });

  it('gives what zlib was given, whatever the blocks', () => {
    const strategies = [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY];
    fc.assert(
      fc.property(
        anyMessage,
        fc.constantFrom(0, 1, 6, 9),
        fc.constantFrom(...strategies),
        (message, level, strategy) => {
          expect(Buffer.from(inflateMessage(compress(message, { level, strategy })))).toEqual(Buffer.from(message));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('RFC 7692 §7.1.1 takes context over, and no more of it than the window', async () => {
    const messages = [0, 1, 2, 3].map((n) =>
      new TextEncoder().encode(`{"n":${n},"text":"${'all the same '.repeat(50)}"}`),
    );
    for (const windowBits of [9, 15]) {
      let window = new Uint8Array(0);
      for (const [i, compressed] of (await compressAll(messages, windowBits)).entries()) {
        const output = inflateMessage(compressed, { window });
        expect(Buffer.from(output)).toEqual(Buffer.from(messages[i]!));
        window = Uint8Array.from(windowAfter(window, output, 2 ** windowBits));
        expect(window.length).toBeLessThanOrEqual(2 ** windowBits);
      }
    }
    expect(windowAfter(new Uint8Array(MAX_WINDOW_BYTES), new Uint8Array(9)).length).toBe(MAX_WINDOW_BYTES);
  });

  it('tells each symbol: where its bits are, and what it adds', () => {
    const steps: DeflateStep[] = [];
    const message = new TextEncoder().encode('abcabcabcabc!');
    const payload = compress(message, { strategy: constants.Z_FIXED });
    inflateMessage(payload, { onStep: (step) => steps.push(step) });
    expect(steps.map(({ kind }) => kind).slice(0, 4)).toEqual(['block', 'literal', 'literal', 'literal']);
    const copy = steps.find((step) => step.kind === 'copy')!;
    expect(copy).toMatchObject({ distance: 3 });
    expect(steps[steps.indexOf(copy) + 1]!.at).toBe(copy.at + (copy as { length: number }).length);
    for (const [i, step] of steps.entries())
      if (i > 0) expect(step.firstBit).toBeGreaterThanOrEqual(steps[i - 1]!.firstBit);
  });

  it('RFC 7692 §7.2.3 stops behind a last block', () => {
    expect(inflateMessage(deflateRawSync('Hello')).length).toBe(5);
  });

  it.each([
    ['there is no fourth type of block', 'ff ff ff'],
    ['a copy reaches back behind the start of the window', 'f2 00 11 00 00'],
    ['the length of a stored block is said wrong', '00 05 00 05 00 48'],
    ['the compressed data ends inside a block', 'f2 48 cd'],
    ['a Huffman code has more codes than fit', '04 00 92 24 49 92 24 49 92 24'],
  ])('says that %s', (message, hex) => {
    expect(() => inflateMessage(parseHex(hex))).toThrow(message);
    expect(() => inflateMessage(parseHex(hex))).toThrow(InflateError);
  });

  it('§10.4 stops at a limit', () => {
    const bomb = compress(new Uint8Array(1_000_000));
    expect(() => inflateMessage(bomb, { maxBytes: 100 })).toThrow(InflateLimitError);
  });

  it('never ends otherwise than with bytes or its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          inflateMessage(bytes, { maxBytes: 4096 });
        } catch (error) {
          expect(error).toBeInstanceOf(InflateError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
