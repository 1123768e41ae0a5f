/** As program.ts, for what CommonJS programs write: the class is the module. It is never run. */

import WebSocket = require('ws');

import { Server, type WebSocketServer } from 'ws';

const server: WebSocket.Server = new WebSocket.Server({ port: 8080 });
const other: WebSocketServer = new WebSocket.WebSocketServer({ noServer: true } satisfies WebSocket.ServerOptions);
const third: Server = new Server({ noServer: true });
server.on('connection', (socket: WebSocket, request) => {
  const named: WebSocket.WebSocket = socket;
  named.on('message', (data: WebSocket.RawData, isBinary) => socket.send(data, { binary: isBinary }));
  console.log(request.url, other.clients.size, third.options.noServer);
});
server.on('connection', function (socket) {
  console.log(this.clients.size);
  socket.on('message', (data: Buffer) => socket.send(data));
});
declare module 'ws' {
  interface WebSocket {
    lastSeen?: number;
  }
}
server.on('connection', (socket: WebSocket.WebSocket) => {
  socket.lastSeen = Date.now();
});
WebSocket.createWebSocketStream(new WebSocket.WebSocket('ws://example.com')).end();
