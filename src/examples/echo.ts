/**
 * An echo, without node:http: `npm run example:echo`. Say something to it in the console of a browser, or of Node.js from 22 on:
 *
 *   s = new WebSocket('ws://localhost:8080'); s.onopen = () => s.send('hello'); s.onmessage = ({ data }) => console.log(data)
 */

import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { drainOnSignal, listen } from '../index.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } });

const server = await listen({ port: Number(values.port), limits: { maxMessageBytes: 1024 * 1024 } });
server.on('connection', (socket, request) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  // What a peer does wrong ends its own connection, and nothing else.
  socket.on('error', (error) => console.error(request.socket.remoteAddress, error.message));
});

console.log(`ws://localhost:${(server.address() as AddressInfo).port}`);
drainOnSignal([server], { timeoutMs: 5000 });
