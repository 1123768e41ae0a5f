/**
 * `tsx bench/deflate-memory.ts`: memory of an idle compressed connection after one JSON message of 1 KiB each way:
 * our codec pair beside the PerMessageDeflate of ws, each in a fresh process.
 */

import { parseArgs } from 'node:util';
import { installPeers } from './support/peers.ts';
import { runOnCore } from './support/processes.ts';
import { formatTable, saveResult } from './support/report.ts';
import { type Spread, spreadOf } from './support/statistics.ts';

const WORKER = new URL('./deflate-memory-worker.ts', import.meta.url);
const SUBJECTS = [
  'ws kept',
  'ours kept',
  'ws kept, 12 bits, memLevel 5',
  'ours kept, 12 bits, memLevel 5',
  'ours sharedCompressor',
  'ws none kept',
  'ours none kept',
];

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '3' } } });
const rounds = Number(values.rounds);

installPeers();
const rows = [['context', 'KiB per connection', 'min–max']];
const cells: Record<string, Spread> = {};
for (const subject of SUBJECTS) {
  const kib: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const result = await runOnCore<{ bytesPerConnection: number }>(1, WORKER, [subject]);
    kib.push(result.bytesPerConnection / 1024);
  }
  const spread = spreadOf(kib);
  cells[subject] = spread;
  rows.push([subject, spread.median.toFixed(1), `${spread.min.toFixed(1)}–${spread.max.toFixed(1)}`]);
}
console.log(`\nIdle compressed connections, medians of ${rounds} processes\n`);
console.log(formatTable(rows));
saveResult('deflate-memory', { rounds, kibPerConnection: cells });
