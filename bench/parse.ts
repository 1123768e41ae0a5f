/**
 * `npm run bench:parse`: bytes in, messages out, in one process, without a socket: framewright's Connection beside ws's
 * Receiver, and the machine's memory bandwidth as the limit of both. A B A B, each measurement in a fresh process.
 */

import { parseArgs } from 'node:util';
import { runOnCore } from './support/processes.ts';
import { formatRate, formatRatio, formatTable, saveResult } from './support/report.ts';
import { median, ratiosOf } from './support/statistics.ts';

const SUBJECTS = ['framewright', 'ws', 'memcpy', 'xor'] as const;
const SIZES = [16, 64, 125, 1024, 4096, 16_384, 65_536, 1_048_576];
/** 0: frames as they are, whole in chunks of up to 64 KiB; else cut wherever a TCP segment of that size would end. */
const CUTS = [0, 1448];
const WORKER = new URL('./parse-worker.ts', import.meta.url);

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.3' },
    core: { type: 'string', default: '1' },
  },
});
const rounds = Number(values.rounds);

interface Cell {
  readonly payloadBytes: number;
  readonly chunkBytes: number;
  readonly messagesPerSecond: Record<(typeof SUBJECTS)[number], number[]>;
}

async function measure(payloadBytes: number, chunkBytes: number): Promise<Cell> {
  const messagesPerSecond: Cell['messagesPerSecond'] = { framewright: [], ws: [], memcpy: [], xor: [] };
  for (let round = 0; round < rounds; round++) {
    for (const subject of SUBJECTS) {
      const args = [subject, String(payloadBytes), String(chunkBytes), values.seconds];
      const result = await runOnCore<{ messagesPerSecond: number }>(Number(values.core), WORKER, args);
      messagesPerSecond[subject].push(result.messagesPerSecond);
    }
  }
  return { payloadBytes, chunkBytes, messagesPerSecond };
}

function gigabytesPerSecond(perSecond: number[], payloadBytes: number): string {
  return ((median(perSecond) * payloadBytes) / 1e9).toFixed(1);
}

const rows = [['payload', 'framewright msg/s', 'ws msg/s', 'ratio (min–max)', 'GB/s', 'xor GB/s', 'memcpy GB/s']];
const cells: Cell[] = [];
for (const chunkBytes of CUTS) {
  for (const payloadBytes of SIZES) {
    const cell = await measure(payloadBytes, chunkBytes);
    cells.push(cell);
    const { framewright, ws, memcpy, xor } = cell.messagesPerSecond;
    const row = [
      `${payloadBytes} B${chunkBytes === 0 ? '' : `, cut at ${chunkBytes}`}`,
      formatRate(median(framewright)),
      formatRate(median(ws)),
      formatRatio(ratiosOf(framewright, ws)),
      gigabytesPerSecond(framewright, payloadBytes),
      gigabytesPerSecond(xor, payloadBytes),
      gigabytesPerSecond(memcpy, payloadBytes),
    ];
    rows.push(row);
    process.stderr.write(`${row.join('  ')}\n`);
  }
}
console.log(`\nParsing in process, masked binary frames, medians of ${rounds} rounds, ws without bufferutil\n`);
console.log(formatTable(rows));
saveResult('parse', { rounds, secondsPerMeasurement: Number(values.seconds), cells });
