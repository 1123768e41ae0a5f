/**
 * `npm run bench:proxy`: how much longer an echo takes through `framewright inspect`, one connection with one message in
 * flight, beside no proxy and a proxy that only pipes, in turn. Client, server, proxy and network are processes of their own.
 * `--delay 5` has a network hold each byte back for so many whole ms in each direction.
 */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { listen } from '../src/index.ts';
import { encodeFrame, FIN, frameHeaderLength, Opcode } from '../src/protocol/index.ts';
import { linesOf, nextLineOf, startOnCore, type Worker } from './support/processes.ts';
import { formatBytes, formatRatio, formatTable } from './support/report.ts';
import { median, ratiosOf } from './support/statistics.ts';

const SELF = new URL(import.meta.url);
const INSPECT = new URL('../dist/cli/main.js', SELF);
const CORES = '0,1';
const SIZES = [16, 1024, 64 * 1024, 1024 * 1024];
const MAX_BYTES = 2 * 1024 * 1024;
const ROUTES = ['direct', 'pipe', 'inspect'] as const;

async function serve(): Promise<number> {
  const server = await listen(
    { port: 0, host: '127.0.0.1', limits: { maxMessageBytes: MAX_BYTES }, heartbeat: false },
    (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  return (server.address() as AddressInfo).port;
}

/** Passes on what comes, at once or later. */
async function pipe(target: number, delayMs: number): Promise<number> {
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => to.destroy());
      if (delayMs === 0) from.pipe(to);
      else from.on('data', (bytes) => setTimeout(() => to.write(bytes), delayMs)).on('end', () => to.end());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** @returns µs for each echo */
async function measure(port: number, payloadBytes: number, durationMs: number): Promise<number> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.write(
    'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  await once(socket, 'data');
  const frame = encodeFrame(FIN | Opcode.Binary, new Uint8Array(payloadBytes), 0x12345678);
  const answerBytes = frameHeaderLength(payloadBytes, false) + payloadBytes;
  const echoFor = (ms: number) =>
    new Promise<number>((resolve) => {
      const startedAt = performance.now();
      let echoes = 0;
      let missing = answerBytes;
      const take = (bytes: Buffer) => {
        missing -= bytes.length;
        if (missing > 0) return;
        echoes++;
        const elapsedMs = performance.now() - startedAt;
        if (elapsedMs >= ms) {
          socket.off('data', take);
          resolve((elapsedMs * 1000) / echoes);
          return;
        }
        missing = answerBytes;
        socket.write(frame);
      };
      socket.on('data', take);
      socket.write(frame);
    });
  await echoFor(durationMs / 4);
  const micros = await echoFor(durationMs);
  socket.destroy();
  return micros;
}

async function portOf(process: Worker): Promise<number> {
  const lines = linesOf(process);
  const port = Number(/(\d+)\/?(?:,|$)/.exec(await nextLineOf(process, lines))![1]);
  process.stdout.resume();
  return port;
}

async function main(rounds: number, seconds: number, delayMs: number): Promise<void> {
  const start = async (...args: string[]) => portOf(startOnCore(CORES, SELF, args));
  const server = await start('serve');
  const far = delayMs === 0 ? server : await start('pipe', String(server), '--delay', String(delayMs));
  const inspect = startOnCore(CORES, INSPECT, ['inspect', `127.0.0.1:${far}`, '--port', '0', '--filter', 'fault']);
  const ports = { direct: far, pipe: await start('pipe', String(far)), inspect: await portOf(inspect) };
  const rows = [['payload', 'µs', 'a proxy that only pipes', 'inspect']];
  for (const size of SIZES) {
    const micros: Record<(typeof ROUTES)[number], number[]> = { direct: [], pipe: [], inspect: [] };
    for (let round = 0; round < rounds; round++) {
      for (const route of ROUTES) micros[route].push(await measure(ports[route], size, seconds * 1000));
    }
    rows.push([
      formatBytes(size),
      median(micros.direct).toFixed(1),
      formatRatio(ratiosOf(micros.pipe, micros.direct)),
      formatRatio(ratiosOf(micros.inspect, micros.direct)),
    ]);
  }
  console.log(
    `\nAn echo without a proxy, and how many times as long it takes through one; medians of ${rounds} rounds\n`,
  );
  console.log(formatTable(rows));
  process.exit();
}

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    delay: { type: 'string', default: '0' },
  },
  allowPositionals: true,
});
const [role, target] = positionals;
const delayMs = Number(values.delay);
if (role === 'serve') console.log(await serve());
else if (role === 'pipe') console.log(await pipe(Number(target), delayMs));
else await main(Number(values.rounds), Number(values.seconds), delayMs);
