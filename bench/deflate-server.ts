/**
 * The echo server of bench:deflate, in a process of its own: `deflate-server.ts SUBJECT`. Prints its port and runs until
 * it is ended. Same settings for all: permessage-deflate as each library does it when asked to, contexts kept.
 */

import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type * as Framewright from '../src/index.ts';

const require = createRequire(import.meta.url);
const { WebSocketServer, listen } = (await import(
  new URL('../dist/index.js', import.meta.url).href
)) as typeof Framewright;
const ws = require('ws') as { WebSocketServer: typeof WebSocketServer };

type Socket = Framewright.WebSocket;

function echo(socket: Socket): void {
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
}

async function startHttp(Server: typeof WebSocketServer): Promise<{ address(): AddressInfo | string | null }> {
  const server = new Server({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
  server.on('connection', echo);
  await new Promise<void>((resolve) => server.once('listening', resolve));
  return server;
}

const SUBJECTS: Readonly<Record<string, () => Promise<{ address(): AddressInfo | string | null }>>> = {
  'framewright http': () => startHttp(WebSocketServer),
  'framewright net': () => listen({ port: 0, host: '127.0.0.1', perMessageDeflate: true }, echo),
  ws: () => startHttp(ws.WebSocketServer),
};

const start = SUBJECTS[process.argv[2] ?? ''];
if (start === undefined) throw new Error(`No such subject: ${process.argv[2]}`);
const server = await start();
console.log((server.address() as AddressInfo).port);
