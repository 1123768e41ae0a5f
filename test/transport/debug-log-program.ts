/** A server and a client in a process of their own, for the lines of NODE_DEBUG; a peer says what it likes. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
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

// Requests and an answer whose every part is hostile; the bytes that HTTP has no place for among them.
const requestsOf = (hostile: string): string[][] => [
  [`G${hostile}ET /chat HTTP/1.1`],
  [`GET /${hostile}\rFRAMEWRIGHT 1: forged?token=secret HTTP/1.1`],
  ['GET /chat HTTP/1.1', `Sec-WebSocket-Version: ${hostile}`],
  ['GET /chat HTTP/1.1', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${hostile}`],
  ['GET /chat HTTP/1.1', `Sec-WebSocket-Protocol: ${hostile}\u0085FRAMEWRIGHT 1: forged`],
  ['GET /chat HTTP/1.1', `X${hostile}: y`],
  ['GET /chat HTTP/1.1', `Host: ${hostile}`],
];
for (const [start, ...fields] of ['\u001b[2J\u0007', '\u009b1m\u0085"\\'].flatMap(requestsOf)) {
  const peer = connect(port, '127.0.0.1');
  peer.on('error', () => {}).resume();
  const common = ['Host: h', 'Connection: Upgrade', 'Upgrade: websocket'];
  peer.end(Buffer.from(`${[start, ...common, ...fields].join('\r\n')}\r\n\r\n`, 'latin1'));
  await once(peer, 'close');
}
const liar = createServer((peer) => {
  peer.on('error', () => {});
  const head = [
    'HTTP/1.1 101 Yes',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Accept: \u009b1m\u0085"',
  ];
  peer.once('data', () => peer.end(Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1')));
});
liar.listen(0, '127.0.0.1');
await once(liar, 'listening');
const fooled = new WebSocket(`ws://127.0.0.1:${(liar.address() as { port: number }).port}/`);
await once(fooled, 'error');
liar.close();
await server.close();
