/** The sans-I/O core as a package entry point: everything of RFC 6455 §5–§8 that needs no socket. Runs anywhere. */

export * from './close-code.ts';
export * from './close-payload.ts';
export * from './closing-handshake.ts';
export * from './connection.ts';
export * from './frame-header.ts';
export * from './frame-parser.ts';
export * from './frame-writer.ts';
export * from './limits.ts';
export { mask, maskChunk, type Unmask } from './mask.ts';
export { Chunk } from './memory.ts';
export * from './message-assembler.ts';
export * from './opcode.ts';
export * from './reference.ts';
export * from './utf8.ts';
export * from './violation.ts';
