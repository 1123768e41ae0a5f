/**
 * `npm run bench:handshake`: opening handshakes per second, accepted and refused, with autocannon as the client:
 * framewright on node:http and on bare node:net beside ws. Every request has a TCP connection of its own. A B C A B C,
 * the server in a fresh process on one core, autocannon on the other.
 */

import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { installPeers } from './support/peers.ts';
import { exitOf, hasTaskset, nextLineOf, pinSelf, startOnCore } from './support/processes.ts';
import { formatRate, formatRatio, formatTable, saveResult } from './support/report.ts';
import { median, ratiosOf } from './support/statistics.ts';

const SUBJECTS = ['framewright http', 'framewright net', 'ws'] as const;
const SERVER = new URL('./handshake-server.ts', import.meta.url);

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '16' },
  },
});
const rounds = Number(values.rounds);

const UPGRADE = {
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
};
const CASES = [
  { name: 'accepted (101)', status: 101, headers: UPGRADE },
  { name: 'bad key (400)', status: 400, headers: { ...UPGRADE, 'Sec-WebSocket-Key': 'short' } },
];

/** Answers per second with the expected status; any other answer is an error. */
async function measure(port: number, status: number, headers: Record<string, string>): Promise<number> {
  const seen = new Map<number, number>();
  const begin = performance.now();
  const result = await autocannon({
    url: `http://127.0.0.1:${port}`,
    connections: Number(values.connections),
    duration: Number(values.seconds),
    reconnectRate: 1,
    headers,
    // autocannon does not count a 101 among its responses: the heads are counted here.
    setupClient(client) {
      client.on('headers', (head) => {
        const { statusCode } = head as unknown as { statusCode: number };
        seen.set(statusCode, (seen.get(statusCode) ?? 0) + 1);
      });
    },
  });
  const elapsedMs = performance.now() - begin;
  const expected = seen.get(status) ?? 0;
  const others = [...seen].filter(([code]) => code !== status);
  if (expected === 0 || others.length > 0 || result.errors > 0) {
    throw new Error(`Expected ${status} only, got ${JSON.stringify([...seen])} and ${result.errors} errors`);
  }
  return (expected * 1000) / elapsedMs;
}

async function measureOnce(subject: string, status: number, headers: Record<string, string>): Promise<number> {
  const server = startOnCore(1, SERVER, [subject]);
  const port = Number(await nextLineOf(server));
  try {
    return await measure(port, status, headers);
  } finally {
    server.kill();
    await exitOf(server);
  }
}

installPeers();
pinSelf(0);
const rows = [['handshake', ...SUBJECTS.map((subject) => `${subject} /s`), 'http : ws', 'net : ws']];
const cells = [];
for (const { name, status, headers } of CASES) {
  const perSecond: Record<(typeof SUBJECTS)[number], number[]> = {
    'framewright http': [],
    'framewright net': [],
    ws: [],
  };
  for (let round = 0; round < rounds; round++) {
    for (const subject of SUBJECTS) perSecond[subject].push(await measureOnce(subject, status, headers));
  }
  cells.push({ name, perSecond });
  rows.push([
    name,
    ...SUBJECTS.map((subject) => formatRate(median(perSecond[subject]))),
    formatRatio(ratiosOf(perSecond['framewright http'], perSecond.ws)),
    formatRatio(ratiosOf(perSecond['framewright net'], perSecond.ws)),
  ]);
}
if (!hasTaskset) console.log('taskset is not there: server and load share their cores');
console.log(`\nOpening handshakes, one TCP connection each, medians of ${rounds} rounds of ${values.seconds} s\n`);
console.log(formatTable(rows));
saveResult('handshake', { rounds, secondsPerMeasurement: Number(values.seconds), cells });
