/**
 * A program that drains on SIGTERM, for tests that send it one: a WebSocketServer on an HTTP server, and a NetServer. It says
 * in lines of JSON where it listens, which messages it has had, and how the drain went.
 */

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { drainOnSignal, listen, type NetServer, type WebSocket, WebSocketServer } from '../../src/index.ts';

const setup = JSON.parse(process.argv[2]!) as {
  readonly options: object;
  /** Something of the program's own that goes on. */
  readonly isHeld?: boolean;
  /** Lets go of all sockets, so that from the signal on the drain alone keeps the process up. */
  readonly isUnreferenced?: boolean;
  /** A call of its own for each server. */
  readonly isSeparate?: boolean;
  readonly throwsBehind?: boolean;
  readonly isUndone?: boolean;
};

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const messages: string[] = [];
function hear(socket: WebSocket): void {
  socket.on('message', (data) => messages.push(String(data)));
  if (setup.isUnreferenced) (socket._socket as unknown as { unref(): void }).unref();
}

function answerBehindListening(response: ServerResponse): void {
  if (http.listening) setImmediate(answerBehindListening, response);
  else response.end('late');
}

const http = createServer((request, response) => {
  if (request.url === '/late') answerBehindListening(response);
  else if (request.url !== '/never') response.end('here');
});
http.keepAliveTimeout = 0;
const wss = new WebSocketServer({ server: http, closeTimeoutMs: 600_000 });
wss.on('connection', hear);
await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
const net: NetServer = await listen({ host: '127.0.0.1', closeTimeoutMs: 600_000 }, hear);

const options = {
  ...setup.options,
  onDrained: async (counts: object) => {
    await new Promise((resolve) => setImmediate(resolve));
    say({ counts, messages });
    if (setup.throwsBehind) throw new Error('no database');
  },
};
const undo = setup.isSeparate
  ? [drainOnSignal([wss, http], options), drainOnSignal(net, options)]
  : [drainOnSignal([wss, http, net], options)];
if (setup.isUndone) for (const take of undo) take();
if (setup.isHeld) setInterval(() => {}, 1000);
if (setup.isUnreferenced) {
  for (const server of [http, net.server]) server.unref();
  const held = setInterval(() => {}, 1000);
  process.once('SIGTERM', () => clearInterval(held));
}
say({ ports: [(http.address() as AddressInfo).port, (net.address() as AddressInfo).port] });
