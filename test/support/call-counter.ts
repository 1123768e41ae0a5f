/**
 * A process of its own that counts the calls of functions of `src` which one echo takes, by V8's precise coverage: the
 * server's alone, since the peer writes its bytes itself. Prints them as JSON. The fewest of several echoes count: a timer
 * or the end of a write that the kernel was late with adds to one of them, and never takes away.
 */

import { once } from 'node:events';
import { type Profiler, Session } from 'node:inspector';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeFrame } from '../../src/protocol/index.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { upgradeRequest } from './raw-peer.ts';

const KEY = 0x37fa213d;
const MESSAGE = new Uint8Array(16).fill(0x2a);
const frame = encodeFrame(0x82, MESSAGE, KEY);
/** What is written for one message of 16 bytes, which comes back as 18. */
const WRITES: Record<string, readonly Uint8Array[]> = {
  'one frame': [frame],
  'two fragments in one write': [
    Buffer.concat([encodeFrame(0x02, MESSAGE.subarray(0, 8), KEY), encodeFrame(0x80, MESSAGE.subarray(8), KEY)]),
  ],
  'one frame in two writes': [frame.subarray(0, 14), frame.subarray(14)],
};
const ECHO_BYTES = 18;
const WARM_UP_ECHOES = 5;
const COUNTED_ECHOES = 5;

const session = new Session();
session.connect();
function post<Result>(method: string, params: object = {}): Promise<Result> {
  return new Promise((resolve, reject) =>
    session.post(method, params, (error, result) => (error ? reject(error) : resolve(result as Result))),
  );
}

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
server.on('connection', (socket) =>
  socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary })),
);
await once(server, 'listening');
const peer = connect((server.address() as { port: number }).port, '127.0.0.1').setNoDelay(true);
peer.write(upgradeRequest());
await once(peer, 'data');
const socket = [...server.clients][0]!._socket as unknown as { bytesRead: number };
let receivedBytes = 0;
peer.on('data', ({ length }) => {
  receivedBytes += length;
});

async function echo(writes: readonly Uint8Array[]): Promise<void> {
  const untilBytes = receivedBytes + ECHO_BYTES;
  for (const bytes of writes) {
    const untilRead = socket.bytesRead + bytes.length;
    peer.write(bytes);
    while (socket.bytesRead < untilRead) await delay(1);
  }
  while (receivedBytes < untilBytes) await delay(1);
  // The turn that the answer was written in ends.
  await delay(1);
}

/** How many calls of functions of `src` that took. */
async function callsOf(work: () => Promise<void>): Promise<number> {
  await post('Profiler.takePreciseCoverage');
  await work();
  const { result } = await post<Profiler.TakePreciseCoverageReturnType>('Profiler.takePreciseCoverage');
  const ours = result.filter(({ url }) => /\/src\/[^/]+\/[^/]+\.ts$/.test(url) && !url.includes('node_modules'));
  return ours.flatMap(({ functions }) => functions).reduce((sum, { ranges }) => sum + ranges[0]!.count, 0);
}

await post('Profiler.enable');
await post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
const counts: Record<string, number> = {};
for (const [name, writes] of Object.entries(WRITES)) {
  for (let i = 0; i < WARM_UP_ECHOES; i++) await echo(writes);
  const ofEach: number[] = [];
  for (let i = 0; i < COUNTED_ECHOES; i++) ofEach.push(await callsOf(() => echo(writes)));
  counts[name] = Math.min(...ofEach);
}
process.stdout.write(JSON.stringify(counts));
peer.destroy();
server.close();
