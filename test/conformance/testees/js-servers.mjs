/**
 * Echo servers of JavaScript: `js-servers.mjs NAME [folder]`, in the runtime that NAME needs; packages come from the folder.
 * Each takes messages of 16 MiB, and compresses where it can; but for that they are as their makers ship them. The first line
 * printed is the port.
 */

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

const HOST = '127.0.0.1';
const MAX_BYTES = 16 * 1024 * 1024;
const [name, folder = '.'] = process.argv.slice(2);
const require = createRequire(join(folder, 'package.json'));

/** For a server that takes the upgrades of node:http. */
function onHttp(attach) {
  const http = createServer((_, response) => response.writeHead(426).end('WebSocket only'));
  attach(http);
  http.listen(0, HOST, () => ready(http.address().port));
}

function ready(port) {
  console.log(port);
}

/** ws's way, which others have too. */
function echo(socket) {
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

const SERVERS = {
  framewright() {
    const { WebSocketServer } = require('framewright');
    onHttp((server) => new WebSocketServer({ server, perMessageDeflate: true }).on('connection', echo));
  },

  async 'framewright-listen'() {
    const { listen } = require('framewright');
    const options = { host: HOST, perMessageDeflate: true, limits: { maxMessageBytes: MAX_BYTES } };
    ready((await listen(options, echo)).address().port);
  },

  ws() {
    const { WebSocketServer } = require('ws');
    onHttp((server) => new WebSocketServer({ server, perMessageDeflate: true }).on('connection', echo));
  },

  websocket() {
    const { server: Server } = require('websocket');
    onHttp((httpServer) => {
      const limits = { maxReceivedFrameSize: MAX_BYTES, maxReceivedMessageSize: MAX_BYTES };
      const server = new Server({ httpServer, autoAcceptConnections: true, ...limits });
      server.on('connect', (connection) => {
        connection.on('error', () => {});
        connection.on('message', ({ utf8Data, binaryData }) => {
          if (binaryData === undefined) connection.sendUTF(utf8Data);
          else connection.sendBytes(binaryData);
        });
      });
    });
  },

  'faye-websocket'() {
    const FayeSocket = require('faye-websocket');
    const deflate = require('permessage-deflate');
    onHttp((server) =>
      server.on('upgrade', (request, socket, head) => {
        const options = { maxLength: MAX_BYTES, extensions: [deflate] };
        const webSocket = new FayeSocket(request, socket, head, [], options);
        webSocket.on('error', () => {});
        webSocket.on('message', ({ data }) => webSocket.send(data));
      }),
    );
  },

  /** The WebSocket server that the engine has made, with its options: what it says above WebSocket is no echo. */
  'engine.io'() {
    const { Server } = require('engine.io');
    const { ws } = new Server({ perMessageDeflate: {}, maxHttpBufferSize: MAX_BYTES });
    onHttp((server) =>
      server.on('upgrade', (request, socket, head) => {
        // The engine puts it there, and looks at it.
        request._query = {};
        ws.handleUpgrade(request, socket, head, echo);
      }),
    );
  },

  bun() {
    const server = globalThis.Bun.serve({
      hostname: HOST,
      port: 0,
      fetch: (request, self) => (self.upgrade(request) ? undefined : new Response('WebSocket only')),
      websocket: {
        maxPayloadLength: MAX_BYTES,
        backpressureLimit: 1024 * 1024 * 1024,
        perMessageDeflate: true,
        message: (socket, data) => void socket.send(data, true),
      },
    });
    ready(server.port);
  },

  deno() {
    const server = globalThis.Deno.serve({ hostname: HOST, port: 0, onListen() {} }, (request) => {
      if (request.headers.get('upgrade') !== 'websocket') return new Response('WebSocket only');
      const { socket, response } = globalThis.Deno.upgradeWebSocket(request);
      socket.binaryType = 'arraybuffer';
      socket.onerror = () => {};
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    });
    ready(server.addr.port);
  },
};

await SERVERS[name]();
