/**
 * Masking with the processor's vector instructions (§5.3): a WebAssembly module of 322 bytes, whose source is
 * mask-kernel.wat. It works on its own memory only. So the transport reads into the first part of that, and what lies
 * elsewhere is copied through the second part. Without WebAssembly, its vector instructions, or the address space that
 * engines set aside for its memory, there is none, and `mask` does it all.
 */

import { Chunk, maskChunk, type Unmask } from '../protocol/index.ts';
import { MASK_KERNEL_BASE64 } from './mask-kernel-bytes.ts';
import { viewOf } from './view.ts';

/** The part of the memory that sockets read into: a message of 64 KiB with its header in one read, whole pages. */
export const READ_BYTES = 81_920;
/** The part that other memory is copied through: a piece that stays in the processor's first cache. */
const SCRATCH_START = READ_BYTES;
const SCRATCH_BYTES = 16_384;

/** Below this many bytes `mask` is as fast: where the bytes are read, where they are on their way, and elsewhere. */
const MIN_READ_BYTES = 32;
const MIN_COPY_BYTES = 128;
const MIN_ELSEWHERE_BYTES = 512;

interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** @returns 0 when the bytes are all ASCII afterwards */
  mask(at: number, end: number, key: number): number;
}

/** Copies `source` to target[at …], masked. */
type CopyMasked = (source: Uint8Array, target: Chunk, at: number, maskingKey: number) => void;

export interface Masking {
  /** What sockets read into: lent to whoever gets some of it. */
  readonly readChunk: Chunk;
  readonly unmask: Unmask;
  readonly copyMasked: CopyMasked;
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

/** @returns undefined where it does not run */
function startKernel(engine: Engine | undefined): KernelExports | undefined {
  if (engine === undefined) return undefined;
  try {
    const module = new engine.Module(Buffer.from(MASK_KERNEL_BASE64, 'base64'));
    return new engine.Instance(module).exports as KernelExports;
  } catch {
    return undefined;
  }
}

const copyAndMask: CopyMasked = (source, target, at, maskingKey) => {
  target.bytes.set(source, at);
  maskChunk(target, at, at + source.length, maskingKey, 0);
};

/** @param engine where the kernel runs; default this engine's WebAssembly, if it has that */
export function startMasking(engine = (globalThis as { readonly WebAssembly?: Engine }).WebAssembly): Masking {
  const kernel = startKernel(engine);
  if (kernel === undefined) {
    const readChunk = new Chunk(Buffer.allocUnsafeSlow(READ_BYTES), true);
    return { readChunk, unmask: maskChunk, copyMasked: copyAndMask };
  }
  const memory = Buffer.from(kernel.memory.buffer);
  const readChunk = new Chunk(viewOf(memory, 0, READ_BYTES), true);
  const scratch = viewOf(memory, SCRATCH_START, SCRATCH_START + SCRATCH_BYTES);

  /** The whole key fits every piece, whose lengths are multiples of four. */
  function maskThroughScratch(source: Uint8Array, target: Uint8Array, at: number, key: number): boolean {
    let notAscii = 0;
    for (let done = 0; done < source.length; done += SCRATCH_BYTES) {
      const length = Math.min(source.length - done, SCRATCH_BYTES);
      memory.set(length === source.length ? source : source.subarray(done, done + length), SCRATCH_START);
      notAscii |= kernel!.mask(SCRATCH_START, SCRATCH_START + length, key);
      target.set(length === SCRATCH_BYTES ? scratch : scratch.subarray(0, length), at + done);
    }
    return notAscii === 0;
  }

  return {
    readChunk,
    unmask(chunk, start, end, maskingKey, position) {
      const length = end - start;
      if (chunk === readChunk && length >= MIN_READ_BYTES) {
        return kernel.mask(start, end, keyInMemory(maskingKey, position)) === 0;
      }
      if (length < MIN_ELSEWHERE_BYTES) return maskChunk(chunk, start, end, maskingKey, position);
      const { bytes } = chunk;
      return maskThroughScratch(bytes.subarray(start, end), bytes, start, keyInMemory(maskingKey, position));
    },
    copyMasked(source, target, at, maskingKey) {
      if (source.length < MIN_COPY_BYTES) copyAndMask(source, target, at, maskingKey);
      else maskThroughScratch(source, target.bytes, at, keyInMemory(maskingKey, 0));
    },
  };
}

/** This process's. */
export const { readChunk, unmask, copyMasked }: Masking = startMasking();
