/**
 * `npm run bench:deflate`: echo of compressed JSON text over loopback, framewright on node:http and on node:net beside
 * ws, all with their default compression and contexts kept. The server in a fresh process on one core, the load on the
 * other: frames made beforehand, answers counted by their headers; the first answer of each connection is inflated and
 * compared. The load's own utilisation is shown: near 100 % it would be the load that is measured.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { encodeFrame, FIN, FrameParser, Opcode, RSV1, resolveLimits } from '../src/protocol/index.ts';
import { exitOf, firstLineOf, pinSelf, startOnCore } from './support/processes.ts';
import { formatRate, formatRatio, formatTable, saveResult } from './support/report.ts';
import { median, ratiosOf } from './support/statistics.ts';

const SUBJECTS = ['framewright http', 'framewright net', 'ws'] as const;
const SERVER = new URL('./deflate-server.ts', import.meta.url);
const CELLS = [
  { name: '1 KiB × 50 connections', bytes: 1024, connections: 50 },
  { name: '64 KiB × 10 connections', bytes: 65_536, connections: 10 },
];
const REQUEST = [
  'GET / HTTP/1.1',
  'Host: localhost',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover',
  '\r\n',
].join('\r\n');
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' } },
});
const rounds = Number(values.rounds);

/** JSON text of just this length, with as much variety as logs and API answers have. */
function jsonText(lengthBytes: number): string {
  const rows: object[] = [];
  let seed = 42;
  const next = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed;
  };
  while (JSON.stringify(rows).length < lengthBytes) {
    rows.push({
      id: next(),
      user: `user-${next() % 5000}`,
      score: (next() % 10_000) / 100,
      tags: ['a', 'b'],
      ok: next() % 2,
    });
  }
  return JSON.stringify(rows).slice(0, lengthBytes);
}

/** One connection with one message in flight. */
class LoadConnection {
  answers = 0;
  private isVerified = false;
  private readonly socket: Socket;
  private readonly request: Uint8Array;
  private readonly text: string;
  private readonly pieces: Buffer[] = [];
  private readonly parser: FrameParser;

  constructor(socket: Socket, request: Uint8Array, text: string) {
    this.socket = socket;
    this.request = request;
    this.text = text;
    const limits = resolveLimits({ maxMessageBytes: 2 ** 24 });
    this.parser = new FrameParser(this, { role: 'client', limits, allowsRsv1: true });
    socket.on('data', (chunk) => this.parser.push(chunk));
    this.next();
  }

  wholeFrame(_header: unknown, chunk: Uint8Array, start: number, end: number): void {
    this.framePayload(_header, chunk, start, end);
    this.frameEnd();
  }
  frameStart(): void {}
  framePayload(_header: unknown, chunk: Uint8Array, start: number, end: number): void {
    if (!this.isVerified) this.pieces.push(Buffer.from(chunk.subarray(start, end)));
  }
  frameEnd(): void {
    if (!this.isVerified) this.verify();
    this.answers++;
    this.next();
  }
  violation(id: string): void {
    throw new Error(id);
  }

  private next(): void {
    if (!this.socket.destroyed) this.socket.write(this.request);
  }

  private verify(): void {
    const answer = inflateRawSync(Buffer.concat([...this.pieces, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH });
    if (answer.toString() !== this.text) throw new Error('the echo differs');
    this.isVerified = true;
    this.pieces.length = 0;
  }
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.write(REQUEST);
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.includes('permessage-deflate')) throw new Error(`not negotiated: ${head}`);
  return socket;
}

async function measure(
  port: number,
  bytes: number,
  count: number,
): Promise<{ perSecond: number; utilisation: number }> {
  const text = jsonText(bytes);
  const payload = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const request = encodeFrame(FIN | RSV1 | Opcode.Text, payload, 0x37fa213d);
  const sockets = await Promise.all(Array.from({ length: count }, () => open(port)));
  const connections = sockets.map((socket) => new LoadConnection(socket, request, text));
  const answers = () => connections.reduce((sum, connection) => sum + connection.answers, 0);
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await sleep(Number(values.seconds) * 250);
  const [answersBefore, usageBefore, begin] = [answers(), process.cpuUsage(), performance.now()];
  await sleep(Number(values.seconds) * 1000);
  const elapsedMs = performance.now() - begin;
  const usage = process.cpuUsage(usageBefore);
  const perSecond = ((answers() - answersBefore) * 1000) / elapsedMs;
  for (const socket of sockets) socket.destroy();
  return { perSecond, utilisation: (usage.user + usage.system) / 1000 / elapsedMs };
}

async function measureOnce(subject: string, bytes: number, count: number) {
  const server = startOnCore(1, SERVER, [subject]);
  const port = Number(await firstLineOf(server));
  try {
    return await measure(port, bytes, count);
  } finally {
    server.kill();
    await exitOf(server);
  }
}

pinSelf(0);
const rows = [['echo of JSON', ...SUBJECTS.map((subject) => `${subject} /s`), 'http : ws', 'net : ws', 'load']];
const cells = [];
for (const { name, bytes, connections } of CELLS) {
  const perSecond: Record<(typeof SUBJECTS)[number], number[]> = {
    'framewright http': [],
    'framewright net': [],
    ws: [],
  };
  let utilisation = 0;
  for (let round = 0; round < rounds; round++) {
    for (const subject of SUBJECTS) {
      const result = await measureOnce(subject, bytes, connections);
      perSecond[subject].push(result.perSecond);
      utilisation = Math.max(utilisation, result.utilisation);
    }
  }
  cells.push({ name, perSecond, utilisation });
  rows.push([
    name,
    ...SUBJECTS.map((subject) => formatRate(median(perSecond[subject]))),
    formatRatio(ratiosOf(perSecond['framewright http'], perSecond.ws)),
    formatRatio(ratiosOf(perSecond['framewright net'], perSecond.ws)),
    `${Math.round(utilisation * 100)} %${utilisation > 0.9 ? ' (too busy)' : ''}`,
  ]);
}
console.log(`\nEcho of compressed text, one message in flight per connection, medians of ${rounds} rounds\n`);
console.log(formatTable(rows));
saveResult('deflate', { rounds, secondsPerMeasurement: Number(values.seconds), cells });
