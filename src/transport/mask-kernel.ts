/**
 * Unmasking with the processor's vector instructions (§5.3): a WebAssembly module of 236 bytes, whose source is
 * mask-kernel.wat. It works on its own memory only, so that the transport reads into that; without WebAssembly, its vector
 * instructions, or the address space that engines set aside for its memory, there is none, and `mask` does it.
 */

import { mask, wordsOf } from '../protocol/index.ts';
import { MASK_KERNEL_BASE64 } from './mask-kernel-bytes.ts';

/** The size of the module's memory. */
export const KERNEL_MEMORY_BYTES = 65_536;

/** Below this many bytes `mask` is as fast. */
const MIN_KERNEL_BYTES = 32;

interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  mask(at: number, end: number, key: number): void;
}

export interface MaskKernel {
  readonly memory: ArrayBuffer;
  /** `wordsOf` its memory, by which a chunk in it is known. */
  readonly words: Int32Array;
  /** As `mask`, for a chunk that begins where the kernel's memory does; others go to `mask`. */
  unmask(bytes: Uint8Array, start: number, end: number, maskingKey: number, position: number, words?: Int32Array): void;
}

/** A masking key as WebAssembly reads it from memory, turned so that it begins with the byte for `position`. */
function keyInMemory(maskingKey: number, position: number): number {
  const turn = (position & 3) << 3;
  const key = (maskingKey << turn) | (maskingKey >>> (32 - turn));
  return (key << 24) | ((key & 0xff00) << 8) | ((key >>> 8) & 0xff00) | (key >>> 24);
}

/** What is used of the engine's `WebAssembly`. */
interface Engine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

/**
 * @param engine where it runs; default this engine's WebAssembly, if it has that
 * @returns undefined where it does not run
 */
export function startMaskKernel(
  engine = (globalThis as { readonly WebAssembly?: Engine }).WebAssembly,
): MaskKernel | undefined {
  if (engine === undefined) return undefined;
  let kernel: KernelExports;
  try {
    const module = new engine.Module(Buffer.from(MASK_KERNEL_BASE64, 'base64'));
    kernel = new engine.Instance(module).exports as KernelExports;
  } catch {
    return undefined;
  }
  const memory = kernel.memory.buffer;
  const kernelWords = wordsOf(new Uint8Array(memory));
  return {
    memory,
    words: kernelWords,
    unmask(bytes, start, end, maskingKey, position, words) {
      if (words !== kernelWords || end - start < MIN_KERNEL_BYTES) {
        mask(bytes, start, end, maskingKey, position, words);
      } else {
        kernel.mask(start, end, keyInMemory(maskingKey, position));
      }
    },
  };
}
