/** A server and a client in a process of their own, for the lines of NODE_DEBUG; a peer says what it likes. */

import { once } from 'node:events';
import { listen } from '../../src/server/net-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';

const FORGED = 'a\u001b[2J\nFRAMEWRIGHT 1: forged\u009b';
const server = await listen({ host: '127.0.0.1', path: '/chat' }, (socket) => {
  socket.on('message', (data) => socket.send(data as Buffer));
});
const { port } = server.address() as { port: number };
const socket = new WebSocket(`ws://127.0.0.1:${port}/chat?token=secret`, { perMessageDeflate: false });
await once(socket, 'open');
socket.send('hello');
await once(socket, 'message');
socket.close(1000, FORGED);
await once(socket, 'close');
const lost = new WebSocket(`ws://user:secret@127.0.0.1:${port}/nowhere?token=secret`);
await once(lost, 'error');
await server.close();
