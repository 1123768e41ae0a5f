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
import { corpusOf } from '../../src/conformance/corpora.ts';
import { knownEchoes } from '../../src/conformance/corpus-streams.ts';
import { type DeflateDirection, Inflater } from '../../src/conformance/deflate.ts';
import { Deflater } from './deflater.ts';

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
      expect(Buffer.compare(ownInflater.decompress([own.compress(message)], 0), message)).toBe(0);
    }
    // A stream that lives on keeps its context, and zlib has none with a window of 8 bits.
    if (!keepsContext || windowBits === 8) return;
    const inflater = new Inflater({ windowBits, keepsContext }, MIB);
    for (const [i, bytes] of (await stream(createDeflateRaw({ windowBits }), sent)).entries()) {
      const message = inflater.decompress([bytes.subarray(0, bytes.length - TAIL.length)], sent[i]!.length);
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
    inflater.decompress([deflater.compress(message!)], 0);
    expect(() => inflater.decompress([deflater.compress(message!)], 0)).toThrow('invalid distance too far back');
  });
});

describe('RFC 7692 §7.1.2 window', () => {
  it.each([true, false])('is not exceeded unnoticed, context kept: %s', (keepsContext) => {
    const unit = Buffer.from(Array.from({ length: 2500 }, (_, i) => (i * i) >>> 3));
    const compressed = new Deflater({ windowBits: 15, keepsContext }).compress(Buffer.concat([unit, unit]));
    const inflater = new Inflater({ windowBits: 9, keepsContext }, MIB);
    expect(() => inflater.decompress([compressed], 5000)).toThrow('invalid distance too far back');
  });
});

describe('messages that are expected', () => {
  const direction = { windowBits: 15, keepsContext: true };
  const sent = messages(3000, 12);

  /** What an inflater that expects the messages reports of each payload: where it was recalled, or what it is. */
  function inflateExpecting(payloads: readonly Uint8Array[]): string[] {
    const recalled: string[] = [];
    const known = knownEchoes('12.3', 3000, direction);
    const inflater = new Inflater(direction, MIB, {
      recall(index, payload) {
        const message = known.recall(index, payload);
        if (message !== undefined) recalled.push(`${index} recalled`);
        return message;
      },
      contextOf: (index) => known.contextOf(index),
      learn: (index, payload, message) => known.learn(index, payload, message),
    });
    return payloads.map((payload) => {
      const message = inflater.decompress([payload], 3000);
      const index = sent.findIndex((one) => Buffer.compare(one, message) === 0);
      return recalled.pop() ?? (index === -1 ? 'another' : `${index} inflated`);
    });
  }

  it('are inflated once, however often the same bytes come', () => {
    const deflater = new Deflater(direction);
    const payloads = sent.map((message) => deflater.compress(message));
    expect(inflateExpecting(payloads)).toEqual(sent.map((_, i) => `${i} inflated`));
    expect(inflateExpecting(payloads)).toEqual(sent.map((_, i) => `${i} recalled`));
  });

  it('are inflated when other bytes stand for them, and whatever comes in their place', () => {
    const other = new Deflater(direction);
    const odd = Buffer.from('something else');
    const payloads = [sent[0]!, sent[1]!, odd, sent[3]!, sent[3]!, sent[4]!].map((message) => other.compress(message));
    expect(inflateExpecting(payloads)).toEqual([
      '0 recalled',
      '1 recalled',
      'another',
      '3 inflated',
      '3 inflated',
      '4 inflated',
    ]);
  });
});

describe('§10.4 inflate', () => {
  it('stops at the limit', () => {
    const compressed = new Deflater({ windowBits: 15, keepsContext: false }).compress(new Uint8Array(1001));
    expect(() => new Inflater({ windowBits: 15, keepsContext: false }, 1000).decompress([compressed], 0)).toThrow(
      'Cannot create a Buffer larger than 1000 bytes',
    );
  });
});
