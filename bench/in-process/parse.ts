/**
 * Bytes in, messages out: framewright's Connection beside ws's Receiver, and the machine's memory as the limit of both.
 * The same stream of masked binary frames goes through the subject again and again: unmasking in place masks it anew the
 * next time, which is the same work. Every message is handed out as a Buffer, as both libraries do, and counted.
 */

import { type Chunk, type Connection, encodeFrame, FIN, Opcode } from '../../src/protocol/index.ts';
import { internals, protocol, ws } from './libraries.ts';
import type { Pass, Subjects } from './worker.ts';

interface ParseCell {
  readonly payloadBytes: number;
  /** 0: frames as they are, whole, in chunks of up to 64 KiB; else cut wherever a TCP segment of that size would end. */
  readonly chunkBytes: number;
}

const STREAM_BYTES = 262_144;
const { readChunk, unmask } = internals.maskKernel;
const { forgetInput, keepMessage, prepareHeap } = internals.messageMemory;
prepareHeap();

function buildChunks({ payloadBytes, chunkBytes }: ParseCell): { readonly chunks: Buffer[]; readonly frames: number } {
  const frame = encodeFrame(FIN | Opcode.Binary, new Uint8Array(payloadBytes).fill(0x2a), 0x37fa213d);
  const frames = Math.max(1, Math.round(STREAM_BYTES / frame.length));
  const stream = Buffer.allocUnsafeSlow(frame.length * frames);
  for (let i = 0; i < frames; i++) stream.set(frame, i * frame.length);
  const step = chunkBytes === 0 ? Math.max(1, Math.floor(65_536 / frame.length)) * frame.length : chunkBytes;
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += step) chunks.push(stream.subarray(at, at + step));
  return { chunks, frames };
}

type Push = (chunk: Buffer) => void;

/** Feeds the stream once per pass, and counts what comes out of it. */
function parseWith(cell: ParseCell, start: (onMessage: (data: Buffer) => void) => Push): Pass {
  const { chunks, frames } = buildChunks(cell);
  let messages = 0;
  let bytes = 0;
  const push = start((data) => {
    messages++;
    bytes += data.length;
  });
  return () => {
    messages = 0;
    bytes = 0;
    for (const chunk of chunks) push(chunk);
    if (messages !== frames || bytes !== frames * cell.payloadBytes) {
      throw new Error(`${messages} messages of ${frames}, ${bytes} bytes`);
    }
    return messages;
  };
}

/** The Connection as the transport sets it up, and messages as the WebSocket makes them. */
function connect(onMessage: (data: Buffer) => void): Connection {
  const owner = { pool: undefined };
  const output = { writeFrame() {}, flush() {}, end() {} };
  const handler = {
    message: (chunk: Chunk, start: number, end: number) => onMessage(keepMessage(owner, chunk, start, end)),
    ping() {},
    pong() {},
    closeReceived() {},
    failed(id: string) {
      throw new Error(id);
    },
    closed() {},
  };
  const limits = protocol.resolveLimits({ maxMessageBytes: 2 ** 24 });
  return new protocol.Connection(output, handler, { role: 'server', limits, allocate: Buffer.allocUnsafe, unmask });
}

/** Chunks of their own, as streams and TLS deliver them. */
function startFramewright(onMessage: (data: Buffer) => void): Push {
  const connection = connect(onMessage);
  return (chunk) => {
    connection.receive(chunk);
    forgetInput();
  };
}

/** As plain sockets are read: into memory that is used again, where vector instructions reach it. */
function startShared(onMessage: (data: Buffer) => void): Push {
  const connection = connect(onMessage);
  return (chunk) => {
    for (let at = 0; at < chunk.length; at += readChunk.bytes.length) {
      connection.receive(readChunk, 0, chunk.copy(readChunk.bytes, 0, at));
    }
    forgetInput();
  };
}

function startWs(onMessage: (data: Buffer) => void): Push {
  const receiver = new ws.Receiver({ isServer: true, maxPayload: 2 ** 24 });
  receiver.on('message', onMessage);
  receiver.on('error', (error) => {
    throw error;
  });
  return (chunk) => receiver.write(chunk);
}

/** The limits: every byte copied, or XORed as 32-bit words by a plain loop. */
function touchWith(cell: ParseCell, touch: (chunk: Buffer) => void): Pass {
  const { chunks, frames } = buildChunks(cell);
  return () => {
    for (const chunk of chunks) touch(chunk);
    return frames;
  };
}

export const subjects: Subjects<ParseCell> = {
  framewright: (cell) => parseWith(cell, startFramewright),
  'framewright-shared': (cell) => parseWith(cell, startShared),
  ws: (cell) => parseWith(cell, startWs),
  memcpy(cell) {
    const target = Buffer.allocUnsafeSlow(2 * 2 ** 20);
    return touchWith(cell, (chunk) => target.set(chunk));
  },
  'xor-js': (cell) =>
    touchWith(cell, (chunk) => {
      const first = (chunk.byteOffset + 3) >>> 2;
      const words = new Int32Array(chunk.buffer, first * 4, ((chunk.byteOffset + chunk.length) >>> 2) - first);
      for (let i = 0; i < words.length; i++) words[i]! ^= 0x12345678;
    }),
};
