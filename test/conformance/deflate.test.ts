/** The fuzzer's own compression: what it makes can be read by zlib's streams, and it reads what they make. */

import { promisify } from 'node:util';
import {
  constants,
  createDeflateRaw,
  createInflateRaw,
  type DeflateRaw,
  type InflateRaw,
  inflateRawSync,
} from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { compressedMessages } from '../../src/conformance/compressed-messages.ts';
import { corpusOf } from '../../src/conformance/corpora.ts';
import { type DeflateDirection, Deflater, Inflater } from '../../src/conformance/deflate.ts';

const TAIL = Buffer.from('0000ffff', 'hex');
const MIB = 1024 * 1024;

const DIRECTIONS: readonly DeflateDirection[] = [8, 9, 12, 15].flatMap((windowBits) => [
  { windowBits, keepsContext: true },
  { windowBits, keepsContext: false },
]);

function messages(units: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => corpusOf('12.3').message(i, units));
}

/** What a zlib stream that lives as long as the connection makes of these inputs, one output for each. */
async function stream(zlib: DeflateRaw | InflateRaw, inputs: readonly Uint8Array[]): Promise<Buffer[]> {
  let pieces: Buffer[] = [];
  zlib.on('data', (piece: Buffer) => pieces.push(piece));
  const flush = promisify((kind: number, done: () => void) => zlib.flush(kind, done));
  const outputs: Buffer[] = [];
  for (const input of inputs) {
    pieces = [];
    zlib.write(input);
    await flush(constants.Z_SYNC_FLUSH);
    outputs.push(Buffer.concat(pieces));
  }
  zlib.close();
  return outputs;
}

describe.each(DIRECTIONS)('RFC 7692 §7.2 deflate %j', ({ windowBits, keepsContext }) => {
  const sent = [...messages(100, 20), new Uint8Array(0), ...messages(5000, 20)];

  it('is read by a zlib stream with such a window', async () => {
    const deflater = new Deflater({ windowBits, keepsContext });
    const compressed = sent.map((message) => Buffer.concat([deflater.compress(message), TAIL]));
    const read = keepsContext
      ? await stream(createInflateRaw({ windowBits }), compressed)
      : compressed.map((bytes) => inflateRawSync(bytes, { windowBits, finishFlush: constants.Z_SYNC_FLUSH }));
    expect(read.map((bytes, i) => Buffer.compare(bytes, sent[i]!))).toEqual(sent.map(() => 0));
  });

  it('reads what a zlib stream with such a window makes, and its own', async () => {
    const own = new Deflater({ windowBits, keepsContext });
    const ownInflater = new Inflater({ windowBits, keepsContext }, MIB);
    for (const message of sent) {
      expect(Buffer.compare(ownInflater.decompress(own.compress(message), 0), message)).toBe(0);
    }
    // A stream that lives on keeps its context, and zlib has none with a window of 8 bits.
    if (!keepsContext || windowBits === 8) return;
    const inflater = new Inflater({ windowBits, keepsContext }, MIB);
    for (const [i, bytes] of (await stream(createDeflateRaw({ windowBits }), sent)).entries()) {
      const message = inflater.decompress(bytes.subarray(0, bytes.length - TAIL.length), sent[i]!.length);
      expect(Buffer.compare(message, sent[i]!)).toBe(0);
    }
  });
});

describe('RFC 7692 §7.1.1 context', () => {
  const [message] = messages(1000, 1);

  it('makes a repeated message short', () => {
    const keeping = new Deflater({ windowBits: 15, keepsContext: true });
    const forgetting = new Deflater({ windowBits: 15, keepsContext: false });
    const lengths = [keeping, keeping, forgetting, forgetting].map((deflater) => deflater.compress(message!).length);
    expect(lengths[1]).toBeLessThan(20);
    expect(lengths.slice(2)).toEqual([lengths[0], lengths[0]]);
  });

  it('cannot be used by one side alone', () => {
    const deflater = new Deflater({ windowBits: 15, keepsContext: true });
    const inflater = new Inflater({ windowBits: 15, keepsContext: false }, MIB);
    inflater.decompress(deflater.compress(message!), 0);
    expect(() => inflater.decompress(deflater.compress(message!), 0)).toThrow('invalid distance too far back');
  });
});

describe('RFC 7692 §7.1.2 window', () => {
  it.each([true, false])('is not exceeded unnoticed, context kept: %s', (keepsContext) => {
    const unit = Buffer.from(Array.from({ length: 2500 }, (_, i) => (i * i) >>> 3));
    const compressed = new Deflater({ windowBits: 15, keepsContext }).compress(Buffer.concat([unit, unit]));
    const inflater = new Inflater({ windowBits: 9, keepsContext }, MIB);
    expect(() => inflater.decompress(compressed, 5000)).toThrow('invalid distance too far back');
  });
});

describe('§10.4 inflate', () => {
  it('stops at the limit', () => {
    const compressed = new Deflater({ windowBits: 15, keepsContext: false }).compress(new Uint8Array(1001));
    expect(() => new Inflater({ windowBits: 15, keepsContext: false }, 1000).decompress(compressed, 0)).toThrow(
      'Cannot create a Buffer larger than 1000 bytes',
    );
  });
});

describe('compressed messages', () => {
  const direction = { windowBits: 15, keepsContext: true };

  it('are those of the corpus, in order', () => {
    const stream = compressedMessages('12.4', 3000, direction);
    const inflater = new Inflater(direction, MIB);
    for (let i = 0; i < 100; i++) {
      const message = inflater.decompress(stream.at(i), 3000);
      expect(Buffer.compare(message, corpusOf('12.4').message(i, 3000))).toBe(0);
    }
  });

  it('are shared by cases that send the same, and by no others', () => {
    const stream = compressedMessages('12.1', 16, direction);
    expect(compressedMessages('12.1', 16, { ...direction })).toBe(stream);
    expect(compressedMessages('12.1', 64, direction)).not.toBe(stream);
    expect(compressedMessages('12.1', 16, { ...direction, windowBits: 9 })).not.toBe(stream);
    expect(compressedMessages('12.1', 16, { ...direction, keepsContext: false })).not.toBe(stream);
  });

  it('are let go when they take too much memory, the oldest first', () => {
    const first = compressedMessages('12.5', 131_072, direction);
    const second = compressedMessages('12.5', 65_536, direction);
    first.lengthBytes = 100 * MIB;
    second.lengthBytes = 100 * MIB;
    expect(compressedMessages('12.5', 65_536, direction)).toBe(second);
    expect(compressedMessages('12.5', 131_072, direction)).not.toBe(first);
    expect(compressedMessages('12.5', 65_536, direction)).toBe(second);
  });
});
