/**
 * The server of bench:handshake, in a process of its own: `handshake-server.ts SUBJECT`. Prints its port and runs until
 * it is ended.
 */

import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type * as Framewright from '../src/index.ts';

const require = createRequire(import.meta.url);
const { WebSocketServer, listen } = require('../dist/index.js') as typeof Framewright;
const ws = require('ws') as { WebSocketServer: typeof WebSocketServer };

interface Listening {
  address(): AddressInfo | string | null;
}

async function startHttp(Server: typeof WebSocketServer): Promise<Listening> {
  const server = new Server({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.once('listening', resolve));
  return server;
}

const SUBJECTS: Readonly<Record<string, () => Promise<Listening>>> = {
  'framewright http': () => startHttp(WebSocketServer),
  'framewright net': () => listen({ port: 0, host: '127.0.0.1' }, (socket) => socket.on('error', () => {})),
  ws: () => startHttp(ws.WebSocketServer),
};

const start = SUBJECTS[process.argv[2] ?? ''];
if (start === undefined) throw new Error(`No such subject: ${process.argv[2]}`);
const server = await start();
process.on('SIGINT', () => process.exit());
console.log((server.address() as AddressInfo).port);
