/**
 * `tsx bench/deflate-crossover.ts`: from which size on a message is better compressed in the thread pool than at once.
 * JSON messages through codecs that keep their context, all at once (sync) and all in the pool (async), eight
 * connections at a time. Only ratios mean anything: "wall" is throughput, "loop" is how long the event loop was busy,
 * which is what other connections wait for. One process, A B A B.
 */

import { parseArgs } from 'node:util';
import { MessageDeflater, MessageInflater } from '../src/deflate/codec.ts';
import { jsonPayload } from './support/json-payload.ts';
import { formatRatio, formatTable, saveResult } from './support/report.ts';
import { median, ratiosOf } from './support/statistics.ts';

const KIB = 1024;
const SIZES = [0.25, 1, 4, 8, 16, 32, 64, 128, 256].map((kib) => kib * KIB);
const CONNECTIONS = 8;
const MODES = { sync: Number.POSITIVE_INFINITY, async: 0 } as const;
type Mode = keyof typeof MODES;

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, milliseconds: { type: 'string', default: '150' } },
});
const rounds = Number(values.rounds);
const leastMs = Number(values.milliseconds);

/** Does one message and calls back. */
type Work = (done: () => void) => void;
type Open = (messages: readonly Uint8Array[], maxSyncBytes: number) => { work: Work; close: () => void };

/** Different messages in turn: a context that has seen the very same message would have nothing left to do. */
const MESSAGES = 64;
const text = jsonPayload(8 * 1024 * KIB);

function messagesOf(sizeBytes: number): Uint8Array[] {
  const room = text.length - sizeBytes;
  return Array.from({ length: MESSAGES }, (_, i) => {
    const start = Math.floor((room * i) / MESSAGES);
    return text.subarray(start, start + sizeBytes);
  });
}

function compressed(messages: readonly Uint8Array[]): Uint8Array[] {
  const outputs: Uint8Array[] = [];
  const codec = new MessageDeflater({ contextTakeover: false, windowBits: 15, maxSyncBytes: Number.POSITIVE_INFINITY });
  for (const message of messages) codec.deflate(message, true, (_, output) => outputs.push(output));
  return outputs;
}

const deflating: Open = (messages, maxSyncBytes) => {
  const codec = new MessageDeflater({ contextTakeover: true, windowBits: 15, maxSyncBytes });
  let next = 0;
  return {
    work: (done) => codec.deflate(messages[next++ % messages.length]!, true, done),
    close: () => codec.close(),
  };
};

const inflating: Open = (inputs, maxSyncBytes) => {
  const codec = new MessageInflater({ contextTakeover: true, windowBits: 15, maxSyncBytes });
  let next = 0;
  return {
    work: (done) => {
      const input = inputs[next++ % inputs.length]!;
      codec.inflate(input, 0, input.length, Number.POSITIVE_INFINITY, done);
    },
    close: () => codec.close(),
  };
};

interface Figures {
  /** Microseconds per message. */
  wall: number;
  loop: number;
}

/** Keeps every connection busy with one message at a time until the time is up. */
async function measure(open: Open, inputs: readonly Uint8Array[], maxSyncBytes: number): Promise<Figures> {
  const codecs = Array.from({ length: CONNECTIONS }, () => open(inputs, maxSyncBytes));
  let messages = 0;
  const begin = performance.now();
  const before = performance.eventLoopUtilization();
  const deadline = begin + leastMs;
  await Promise.all(
    codecs.map(async ({ work }) => {
      while (performance.now() < deadline) {
        await new Promise<void>((resolve) => work(resolve));
        messages++;
      }
    }),
  );
  const wall = performance.now() - begin;
  // Between turns the loop waits for the pool; in the synchronous case it never does.
  const { active } = performance.eventLoopUtilization(before);
  for (const { close } of codecs) close();
  return { wall: (wall * 1000) / messages, loop: (Math.min(active, wall) * 1000) / messages };
}

const rows = [['message', 'codec input', 'sync µs', 'async µs', 'wall async/sync', 'loop async/sync']];
const cells: object[] = [];
for (const [name, open] of [
  ['deflate', deflating],
  ['inflate', inflating],
] as const) {
  for (const sizeBytes of SIZES) {
    const messages = messagesOf(sizeBytes);
    const inputs = open === deflating ? messages : compressed(messages);
    const figures: Record<Mode, Figures[]> = { sync: [], async: [] };
    for (let round = 0; round < rounds + 1; round++) {
      for (const mode of ['sync', 'async'] as const) {
        const result = await measure(open, inputs, MODES[mode]);
        if (round > 0) figures[mode].push(result); // the first round warms up
      }
    }
    const series = (mode: Mode, key: keyof Figures) => figures[mode].map((figure) => figure[key]);
    rows.push([
      `${name} ${sizeBytes / KIB} KiB`,
      `${(inputs[0]!.length / KIB).toFixed(1)} KiB`,
      median(series('sync', 'wall')).toFixed(1),
      median(series('async', 'wall')).toFixed(1),
      formatRatio(ratiosOf(series('async', 'wall'), series('sync', 'wall'))),
      formatRatio(ratiosOf(series('async', 'loop'), series('sync', 'loop'))),
    ]);
    cells.push({ name, sizeBytes, ...figures });
  }
}
console.log(`\nJSON, ${CONNECTIONS} connections, context kept, level 6, medians of ${rounds} rounds\n`);
console.log(formatTable(rows));
saveResult('deflate-crossover', { rounds, connections: CONNECTIONS, cells });
