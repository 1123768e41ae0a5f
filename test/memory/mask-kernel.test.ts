import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { READ_BYTES, startMasking } from '../../src/memory/mask-kernel.ts';
import { Chunk, maskReference } from '../../src/protocol/index.ts';
import { assembleKernel, kernelFile } from '../support/kernel-build.ts';

const KEY = 0x01_02_03_04;

const COUNTING = Uint8Array.from({ length: 45_000 }, (_, i) => i * 31);

it('the kernel is what its source says', async () => {
  const file = new URL('../../src/memory/mask-kernel-bytes.ts', import.meta.url);
  expect(await readFile(file, 'utf8')).toBe(kernelFile(await assembleKernel()));
});

const { WebAssembly: engine } = globalThis as unknown as { WebAssembly: { Module: never; Instance: never } };
/** An engine without vector instructions, and one without the address space for the memory. */
const withoutVectors = {
  ...engine,
  Module: class {
    constructor() {
      throw new Error('unknown opcode');
    }
  },
};
const withoutMemory = {
  Module: engine.Module,
  Instance: class {
    constructor() {
      throw new RangeError('could not allocate memory');
    }
  } as never,
};

describe.each([
  ['with the kernel', engine],
  ['without vector instructions', withoutVectors],
  ['without the address space', withoutMemory],
])('%s', (_what, usedEngine) => {
  const { readChunk, unmask, copyMasked } = startMasking(usedEngine);
  const readBuffer = readChunk.bytes;
  const lengths = fc.oneof(fc.nat(200), fc.nat(5000), fc.integer({ min: 16_300, max: 40_000 }));
  const anywhere = fc.tuple(fc.nat(200), lengths, fc.nat(9), fc.integer());

  it('there is a buffer to read into', () => {
    expect(readBuffer).toHaveLength(READ_BYTES);
    expect(readBuffer.byteOffset).toBe(0);
  });

  it.each(['where it was read', 'elsewhere'])('§5.3 unmasks as the reference does %s, and nothing beside', (place) => {
    const chunk = place === 'elsewhere' ? new Chunk(Buffer.alloc(READ_BYTES)) : readChunk;
    const memory = chunk.bytes;
    fc.assert(
      fc.property(anywhere, fc.nat(50), ([start, lengthBytes, position, maskingKey], byteOffset) => {
        memory.set(COUNTING);
        const expected = Uint8Array.from(memory);
        maskReference(expected, byteOffset + start, byteOffset + start + lengthBytes, maskingKey, position);
        const given = place === 'elsewhere' ? new Chunk(memory.subarray(byteOffset)) : chunk;
        const from = place === 'elsewhere' ? start : byteOffset + start;
        unmask(given, from, from + lengthBytes, maskingKey, position);
        expect(Buffer.compare(memory, expected)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['where it was read', 'elsewhere'])('§5.6 tells whether what it unmasked is all ASCII %s', (place) => {
    const chunk = place === 'elsewhere' ? new Chunk(Buffer.alloc(READ_BYTES)) : readChunk;
    const memory = chunk.bytes;
    fc.assert(
      fc.property(anywhere, fc.boolean(), fc.nat(), ([start, lengthBytes, position, maskingKey], isAscii, at) => {
        const end = start + lengthBytes;
        memory.fill(0xff).fill(0x7f, start, end);
        const hasOther = !isAscii && lengthBytes > 0;
        if (hasOther) memory[start + (at % lengthBytes)] = 0x80;
        maskReference(memory, start, end, maskingKey, position);
        expect(unmask(chunk, start, end, maskingKey, position)).toBe(!hasOther);
      }),
      { numRuns: 300 },
    );
  });

  it('§5.3 unmasks the last bytes of what was read, and all of it', () => {
    for (const start of [READ_BYTES - 33, 0]) {
      const expected = Uint8Array.from(readBuffer);
      maskReference(expected, start, READ_BYTES, KEY, 1);
      unmask(readChunk, start, READ_BYTES, KEY, 1);
      expect(Buffer.compare(readBuffer, expected)).toBe(0);
    }
  });

  it('§5.3 copies as the reference masks, and leaves the source and what is beside the copy alone', () => {
    fc.assert(
      fc.property(anywhere, ([at, lengthBytes, , maskingKey]) => {
        const source = COUNTING.slice(0, lengthBytes);
        const target = new Uint8Array(at + lengthBytes + 3).fill(0xaa);
        const expected = Uint8Array.from(target);
        expected.set(source, at);
        maskReference(expected, at, at + lengthBytes, maskingKey, 0);
        copyMasked(source, new Chunk(target), at, maskingKey);
        expect(Buffer.compare(target, expected)).toBe(0);
        expect(Buffer.compare(source, COUNTING.subarray(0, lengthBytes))).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('§5.3 masks from the buffer that was read into', () => {
    readBuffer.fill(0x2a);
    const target = new Uint8Array(300);
    const expected = new Uint8Array(300).fill(0x2a);
    maskReference(expected, 0, 300, KEY, 0);
    copyMasked(readBuffer.subarray(5, 305), new Chunk(target), 0, KEY);
    expect(Buffer.compare(target, expected)).toBe(0);
    expect(readBuffer.every((byte) => byte === 0x2a)).toBe(true);
  });
});
