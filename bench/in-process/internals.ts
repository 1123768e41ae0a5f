/** The inner parts of framewright that are measured without a socket, bundled by the build as the package itself is. */

export * as protocol from '../../src/protocol/index.ts';
export * as maskKernel from '../../src/transport/mask-kernel.ts';
export * as messageMemory from '../../src/transport/message-memory.ts';
export * as view from '../../src/transport/view.ts';
export { WriteBatch } from '../../src/transport/write-batch.ts';
