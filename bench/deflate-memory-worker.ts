/**
 * One measurement of bench/deflate-memory.ts: `deflate-memory-worker.ts SUBJECT`. Prints what an idle connection's codec
 * pair takes after one message each way, as the slope of the resident memory over the number of connections.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as ws from 'ws';
import { MessageDeflater, MessageInflater } from '../src/deflate/codec.ts';
import { jsonPayload } from './support/json-payload.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const FIRST = 500;
const LAST = 1500;
const payload = jsonPayload(1024);

/** Opens a connection's codecs and puts one message through both. */
type Open = () => Promise<unknown>;

interface Shape {
  readonly keepsOut: boolean;
  readonly keepsIn: boolean;
  readonly windowBits: number;
  readonly memLevel: number;
}

function ours({ keepsOut, keepsIn, windowBits, memLevel }: Shape): Open {
  const zlibOptions = { memLevel };
  return () =>
    new Promise((resolve) => {
      const deflater = new MessageDeflater({ contextTakeover: keepsOut, windowBits, zlibOptions });
      const inflater = new MessageInflater({ contextTakeover: keepsIn, windowBits });
      deflater.deflate(payload, true, (_, compressed) => {
        inflater.inflate(compressed, 0, compressed.length, 1 << 20, () => resolve([deflater, inflater]));
      });
    });
}

interface WsCodec {
  accept(offers: object[]): void;
  compress(data: Uint8Array, fin: boolean, done: (error: Error | null, data: Buffer) => void): void;
  decompress(data: Uint8Array, fin: boolean, done: (error: Error | null) => void): void;
}
const { PerMessageDeflate } = ws as unknown as { readonly PerMessageDeflate: new (options: object) => WsCodec };

function theirs({ keepsOut, keepsIn, windowBits, memLevel }: Shape): Open {
  return () =>
    new Promise((resolve) => {
      const codec = new PerMessageDeflate({ isServer: true, zlibDeflateOptions: { memLevel } });
      codec.accept([
        {
          ...(keepsOut ? {} : { server_no_context_takeover: [true] }),
          ...(keepsIn ? {} : { client_no_context_takeover: [true] }),
          server_max_window_bits: [String(windowBits)],
          client_max_window_bits: [String(windowBits)],
        },
      ]);
      codec.compress(payload, true, (_, compressed) => codec.decompress(compressed, true, () => resolve(codec)));
    });
}

const KEPT: Shape = { keepsOut: true, keepsIn: true, windowBits: 15, memLevel: 8 };
const SMALL: Shape = { ...KEPT, windowBits: 12, memLevel: 5 };
const SHARED: Shape = { ...KEPT, keepsOut: false };
const NONE: Shape = { ...KEPT, keepsOut: false, keepsIn: false };

const SUBJECTS: Readonly<Record<string, Open>> = {
  'ours kept': ours(KEPT),
  'ours kept, 12 bits, memLevel 5': ours(SMALL),
  'ours sharedCompressor': ours(SHARED),
  'ours none kept': ours(NONE),
  'ws kept': theirs(KEPT),
  'ws kept, 12 bits, memLevel 5': theirs(SMALL),
  'ws none kept': theirs(NONE),
};

const open = SUBJECTS[process.argv[2] ?? ''];
if (open === undefined) throw new Error(`No such subject: ${process.argv[2]}`);

const connections: unknown[] = [];
async function residentBytesAt(count: number): Promise<number> {
  while (connections.length < count) connections.push(await open!());
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return process.memoryUsage.rss();
}

const first = await residentBytesAt(FIRST);
const last = await residentBytesAt(LAST);
console.log(JSON.stringify({ bytesPerConnection: (last - first) / (LAST - FIRST) }));
