/** The inner parts of framewright that are measured without a socket, bundled by the build as the package itself is. */

export * as maskKernel from '../../src/memory/mask-kernel.ts';
export * as messageMemory from '../../src/memory/message-memory.ts';
export * as view from '../../src/memory/view.ts';
export * as protocol from '../../src/protocol/index.ts';
export { WriteBatch } from '../../src/transport/write-batch.ts';
