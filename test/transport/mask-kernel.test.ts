import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskReference } from '../../src/protocol/index.ts';
import { KERNEL_MEMORY_BYTES, startMaskKernel } from '../../src/transport/mask-kernel.ts';
import { assembleKernel, kernelFile } from '../support/kernel-build.ts';

const kernel = startMaskKernel()!;

describe('the kernel', () => {
  it('is what its source says', async () => {
    const file = new URL('../../src/transport/mask-kernel-bytes.ts', import.meta.url);
    expect(await readFile(file, 'utf8')).toBe(kernelFile(await assembleKernel()));
  });

  it('§5.3 masks as the reference does, at any place, and nothing beside', () => {
    const memory = new Uint8Array(kernel.memory);
    const anywhere = fc.tuple(fc.nat(200), fc.oneof(fc.nat(200), fc.nat(5000)), fc.nat(9), fc.integer());
    fc.assert(
      fc.property(anywhere, ([start, lengthBytes, position, maskingKey]) => {
        for (let i = 0; i < memory.length; i++) memory[i] = i * 31;
        const expected = memory.slice();
        maskReference(expected, start, start + lengthBytes, maskingKey, position);
        kernel.unmask(memory, start, start + lengthBytes, maskingKey, position, kernel.words);
        expect(Buffer.compare(memory, expected)).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('§5.3 masks the last bytes of its memory, and all of it', () => {
    const memory = new Uint8Array(kernel.memory).fill(0);
    for (const start of [KERNEL_MEMORY_BYTES - 33, 0]) {
      const expected = memory.slice();
      maskReference(expected, start, KERNEL_MEMORY_BYTES, 0x01_02_03_04, 1);
      kernel.unmask(memory, start, KERNEL_MEMORY_BYTES, 0x01_02_03_04, 1, kernel.words);
      expect(Buffer.compare(memory, expected)).toBe(0);
    }
  });

  it('§5.3 leaves other memory to `mask`', () => {
    const bytes = new Uint8Array(100);
    const expected = bytes.slice();
    maskReference(expected, 3, 90, 0x01_02_03_04, 2);
    kernel.unmask(bytes, 3, 90, 0x01_02_03_04, 2, undefined);
    expect(bytes).toEqual(expected);
  });
});

describe('where it does not run', () => {
  const { WebAssembly: engine } = globalThis as unknown as { WebAssembly: { Module: never; Instance: never } };

  it.each([
    [
      'without WebAssembly’s vector instructions',
      {
        ...engine,
        Module: class {
          constructor() {
            throw new Error('unknown opcode');
          }
        },
      },
    ],
    [
      'without the address space for its memory',
      {
        Module: engine.Module,
        Instance: class {
          constructor() {
            throw new RangeError('could not allocate memory');
          }
        } as never,
      },
    ],
  ])('%s there is none', (_what, broken) => {
    expect(startMaskKernel(broken)).toBeUndefined();
  });
});
