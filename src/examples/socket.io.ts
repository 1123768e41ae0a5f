/**
 * Socket.IO with framewright under it: `npm run example:socket.io`, and the address that it prints in two tabs. Your code stays as it
 * is; it is one option. What a room of a hub can do that one of Socket.IO cannot: spec-notes/guide/from-socket.io.md.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { Server } from 'socket.io';
import { WebSocketServer } from '../index.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } });

const PAGE = `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Socket.IO</title>
<style>body { font: 16px system-ui; max-width: 40rem; margin: 1rem auto; padding: 0 1rem; color-scheme: light dark }</style>
<h1>Room <output></output></h1>
<form><input name="text" aria-label="text" autocomplete="off" maxlength="500" autofocus required> <button>Send</button></form>
<ol></ol>
<script src="/socket.io/socket.io.js"></script>
<script>
  const add = (text) => document.querySelector('ol').append(Object.assign(document.createElement('li'), { textContent: text }));
  const room = location.hash.slice(1) || 'general'; // http://localhost:8080/#another
  document.querySelector('output').textContent = room;
  const socket = io();
  socket.on('connect', () => socket.emit('join', room, () => add('You are in, over ' + socket.io.engine.transport.name)));
  socket.on('said', (text) => add(text));
  socket.on('disconnect', (reason) => add('lost: ' + reason));
  document.forms[0].onsubmit = (event) => {
    event.preventDefault();
    socket.emit('say', room, event.target.text.value);
    event.target.reset();
  };
</script>`;

interface Events {
  join(room: string, done: () => void): void;
  say(room: string, text: string): void;
}
const http = createServer((_request, response) =>
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(PAGE),
);
const io = new Server<Events, { said(text: string): void }>(http, {
  wsEngine: WebSocketServer,
  maxHttpBufferSize: 10_000,
});
io.on('connection', (socket) => {
  // Whatever a client likes may come: the types are what this side wishes for.
  socket.on('join', (room, done) => {
    if (typeof room !== 'string' || typeof done !== 'function') return;
    socket.join(room);
    done();
  });
  socket.on('say', (room, text) => socket.rooms.has(room) && io.to(room).emit('said', String(text)));
});

http.listen(Number(values.port), () => console.log(`http://localhost:${(http.address() as AddressInfo).port}`));
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => io.close(() => process.exit()));
