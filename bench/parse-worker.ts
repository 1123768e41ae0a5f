/**
 * One measurement in a fresh process: `parse-worker.ts SUBJECT PAYLOAD_BYTES CHUNK_BYTES SECONDS`. Prints JSON.
 *
 * The same stream of masked binary frames goes through the subject again and again: unmasking in place masks it anew the
 * next time, which is the same work. Every message is handed out as a Buffer, as both libraries do, and counted.
 */

import { createRequire } from 'node:module';
import type { Connection as ConnectionClass, resolveLimits as ResolveLimits } from '../src/protocol/index.ts';
import { encodeFrame, FIN, Opcode } from '../src/protocol/index.ts';
import type * as View from '../src/transport/view.ts';

type Subject = (onMessage: (data: Buffer) => void) => (chunk: Buffer) => void;

const [, , subjectName = '', payloadText = '', chunkText = '', secondsText = ''] = process.argv;
const payloadBytes = Number(payloadText);
const chunkBytes = Number(chunkText);
const durationMs = Number(secondsText) * 1000;

/** ws as npm installs it: without its optional native addon. */
process.env.WS_NO_BUFFER_UTIL = '1';
const require = createRequire(import.meta.url);

// Measured as published: what tsc made of it, not what a loader makes of the source.
const built = (path: string) => import(new URL(`../dist/${path}`, import.meta.url).href);
const { Connection, resolveLimits } = (await built('protocol/index.js')) as {
  Connection: typeof ConnectionClass;
  resolveLimits: typeof ResolveLimits;
};
const { viewOfChunk } = (await built('transport/view.js')) as typeof View;

const SUBJECTS: Readonly<Record<string, Subject>> = {
  framewright(onMessage) {
    const output = { writeFrame() {}, flush() {}, end() {} };
    const handler = {
      message: (bytes: Uint8Array, start: number, end: number) => onMessage(viewOfChunk(bytes, start, end)),
      ping() {},
      pong() {},
      closeReceived() {},
      failed(id: string) {
        throw new Error(id);
      },
      closed() {},
    };
    const limits = resolveLimits({ maxMessageBytes: 2 ** 24 });
    const allocate = (lengthBytes: number) => Buffer.allocUnsafe(lengthBytes);
    const connection = new Connection(output, handler, { role: 'server', limits, allocate });
    return (chunk) => connection.receive(chunk);
  },
  ws(onMessage) {
    const { Receiver } = require('ws') as { Receiver: new (options: object) => NodeJS.WritableStream };
    const receiver = new Receiver({ isServer: true, maxPayload: 2 ** 24 });
    receiver.on('message', onMessage);
    receiver.on('error', (error) => {
      throw error;
    });
    return (chunk) => receiver.write(chunk);
  },
  /** The limits of the machine: every byte copied, and every byte XORed as 32-bit words, per chunk. */
  memcpy(onMessage) {
    const target = Buffer.allocUnsafeSlow(stream.length);
    return (chunk) => {
      target.set(chunk);
      for (let i = 0; i < framesPerStream; i++) onMessage(target);
    };
  },
  xor(onMessage) {
    return (chunk) => {
      const words = new Int32Array(chunk.buffer, 0, chunk.length >>> 2);
      for (let i = 0; i < words.length; i++) words[i]! ^= 0x12345678;
      for (let i = 0; i < framesPerStream; i++) onMessage(chunk);
    };
  },
};

const frame = encodeFrame(FIN | Opcode.Binary, new Uint8Array(payloadBytes).fill(0x2a), 0x37fa213d);
const framesPerStream = Math.max(1, Math.round(262_144 / frame.length));
const stream = Buffer.allocUnsafeSlow(frame.length * framesPerStream);
for (let i = 0; i < framesPerStream; i++) stream.set(frame, i * frame.length);
const chunks: Buffer[] = [];
if (chunkBytes === 0) {
  const perChunk = Math.max(1, Math.floor(65_536 / frame.length));
  for (let at = 0; at < stream.length; at += perChunk * frame.length) {
    chunks.push(stream.subarray(at, at + perChunk * frame.length));
  }
} else {
  for (let at = 0; at < stream.length; at += chunkBytes) chunks.push(stream.subarray(at, at + chunkBytes));
}

let messages = 0;
let bytes = 0;
const makeSubject = SUBJECTS[subjectName];
if (makeSubject === undefined) throw new Error(`No such subject: ${subjectName}`);
const push = makeSubject((data) => {
  messages++;
  bytes += data.length;
});
const isLimit = subjectName === 'memcpy' || subjectName === 'xor';
const feed = isLimit ? [stream] : chunks;

function runFor(milliseconds: number): number {
  const begin = performance.now();
  let elapsed = 0;
  while (elapsed < milliseconds) {
    for (const chunk of feed) push(chunk);
    elapsed = performance.now() - begin;
  }
  return elapsed;
}

runFor(durationMs / 2);
messages = 0;
bytes = 0;
const elapsedMs = runFor(durationMs);
if (!isLimit && bytes !== messages * payloadBytes) throw new Error(`${bytes} bytes in ${messages} messages`);
if (messages % framesPerStream !== 0) throw new Error(`${messages} messages of ${framesPerStream} per round`);
console.log(JSON.stringify({ messagesPerSecond: (messages * 1000) / elapsedMs }));
