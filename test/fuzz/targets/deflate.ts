/**
 * Compressed messages: any bytes inflated by both ways in which zlib is driven, one after another on one connection, and by
 * zlib alone; and any payloads deflated and inflated again.
 */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { MessageDeflater, MessageInflater } from '../../../src/deflate/codec.ts';
import { deflate, ENGINES, inflate, TAIL } from '../../deflate/support.ts';
import { concat, toHex } from '../../support/wire.ts';
import type { FuzzTarget } from '../target.ts';
import { bytesTarget, expectSame } from './support.ts';

const MAX_MESSAGES = 6;

interface DeflateInput {
  readonly windowBits: number;
  readonly contextTakeover: boolean;
  readonly maxBytes: number;
  /** Above so many bytes, zlib works in the thread pool. */
  readonly maxSyncBytes: number;
  readonly level: number;
  readonly messages: readonly Uint8Array[];
}

/** Messages with their lengths in front, in two bytes. */
function readInput(input: Uint8Array): DeflateInput {
  const [how = 0, other = 0] = input;
  const messages: Uint8Array[] = [];
  for (let at = 2; at < input.length && messages.length < MAX_MESSAGES; ) {
    const length = input[at]! + 256 * ((input[at + 1] ?? 0) & 3);
    messages.push(input.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return {
    windowBits: 8 + (how & 7),
    contextTakeover: (how & 8) !== 0,
    maxBytes: (how & 16) === 0 ? 1 << 20 : 300,
    // The thread pool takes longer than all the rest.
    maxSyncBytes: (other & 240) === 240 ? 16 : 16 * 1024,
    level: (other & 15) % 10,
    messages,
  };
}

function writeInput(how: number, other: number, messages: readonly Uint8Array[]): Uint8Array {
  const parts = messages.map((message) => concat(Uint8Array.of(message.length & 255, message.length >> 8), message));
  return concat(Uint8Array.of(how, other), ...parts);
}

function show(input: Uint8Array): string {
  const { messages, ...how } = readInput(input);
  return `${messages.map((message) => `[${toHex(message)}]`).join(' ')} ${JSON.stringify(how)}`;
}

type Inflated = string | 'a fault';

async function inflateAll(input: DeflateInput, engine: 'handle' | 'stream'): Promise<Inflated[]> {
  const codec = new MessageInflater({ ...input, engine });
  const results: Inflated[] = [];
  for (const message of input.messages) {
    const { fault, output } = await inflate(codec, message, input.maxBytes);
    if (output.length > input.maxBytes)
      throw new Error(`${output.length} bytes came out, of ${input.maxBytes} allowed`);
    results.push(fault === undefined ? toHex(output) : 'a fault');
  }
  codec.close();
  return results;
}

/** What zlib makes of the first message; undefined where more than one DEFLATE stream is in it, which zlib does not read. */
function inflateByZlib({ messages: [message], windowBits, maxBytes }: DeflateInput): Inflated | undefined {
  if (message === undefined || message.length === 0) return undefined;
  const options = { finishFlush: constants.Z_SYNC_FLUSH, windowBits: Math.max(9, windowBits), info: true };
  try {
    const { buffer, engine } = inflateRawSync(concat(message, TAIL), options) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    if (engine.bytesWritten < message.length) return undefined;
    return buffer.length > maxBytes ? 'a fault' : toHex(buffer);
  } catch {
    return 'a fault';
  }
}

const TEXT = new TextEncoder().encode('Hello, hello, hello: the same words again and again, hello. '.repeat(4));
const sync = { finishFlush: constants.Z_SYNC_FLUSH };
const compressed = [
  new Uint8Array(deflateRawSync(TEXT, sync)).slice(0, -4),
  new Uint8Array(deflateRawSync(TEXT, { ...sync, level: 0 })).slice(0, -4),
  new Uint8Array(deflateRawSync(TEXT)),
  new Uint8Array(deflateRawSync(new Uint8Array(900), { ...sync, strategy: constants.Z_FIXED })).slice(0, -4),
  Uint8Array.of(0),
];

export const DEFLATE_TARGETS: readonly FuzzTarget[] = [
  bytesTarget({
    name: 'inflate',
    title: 'RFC 7692 §7.2.2 any messages are inflated alike by the handle of zlib, by its streams, and by zlib alone',
    seeds: [
      writeInput(7, 0, compressed),
      writeInput(15, 6, [compressed[0]!, compressed[0]!]),
      writeInput(24, 0, [compressed[3]!]),
    ],
    show,
    async run(input) {
      const read = readInput(input);
      const [handle, stream] = await Promise.all(ENGINES.map((engine) => inflateAll(read, engine)));
      expectSame(handle, stream, 'handle and stream');
      const expected = inflateByZlib(read);
      if (expected !== undefined) expectSame(handle![0], expected, 'the first message');
    },
  }),
  bytesTarget({
    name: 'deflate',
    title: 'RFC 7692 §7.2.1 any messages, whole or in fragments, are what they were when they are inflated again',
    seeds: [writeInput(7, 5, [TEXT, TEXT.subarray(0, 9), new Uint8Array(0)]), writeInput(13, 9, [TEXT, TEXT])],
    show,
    async run(input) {
      const { level, messages, windowBits, contextTakeover, maxSyncBytes } = readInput(input);
      const deflater = new MessageDeflater({ windowBits, contextTakeover, maxSyncBytes, zlibOptions: { level } });
      const inflater = new MessageInflater({ windowBits, contextTakeover, maxSyncBytes });
      for (const message of messages) {
        const place = (message[0] ?? 0) % (message.length + 1);
        const parts = [
          await deflate(deflater, message.subarray(0, place), false),
          await deflate(deflater, message.subarray(place)),
        ];
        const { fault, output } = await inflate(inflater, concat(...parts));
        if (fault !== undefined) throw new Error(`what was deflated is ${fault.id}`);
        expectSame(toHex(output), toHex(message), 'inflated again');
      }
      deflater.close();
      inflater.close();
    },
  }),
];
