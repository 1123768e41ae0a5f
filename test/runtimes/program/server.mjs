/**
 * Every way of serving, in one process of the runtime under test. What a connection is for stands in its path. Prints the
 * addresses as JSON, and runs until its stdin ends.
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, createSecureServer as createSecureHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { join } from 'node:path';
import { broadcast, createWebSocketStream, listen, WebSocketServer } from 'framewright';

const HOST = '127.0.0.1';
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const [folder] = process.argv.slice(2);
const tls = { cert: readFileSync(join(folder, 'cert.pem')), key: readFileSync(join(folder, 'key.pem')) };

const PATHS = {
  '/echo'(socket) {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  },
  async '/iterate'(socket) {
    for await (const message of socket) await socket.sendMessage(message);
  },
  '/stream'(socket) {
    const stream = createWebSocketStream(socket);
    stream.pipe(stream);
  },
  async '/late'(socket) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    PATHS['/echo'](socket);
  },
  '/pause'(socket) {
    let heard = 0;
    socket.once('message', () => {
      socket.on('message', () => (heard += 1));
      socket.pause();
      socket.send('paused');
      setTimeout(() => {
        socket.send(`heard ${heard} while paused`);
        socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
        socket.resume();
      }, 100);
    });
  },
  '/ping'(socket) {
    socket.on('pong', (data) => socket.send(`pong ${data}`));
    socket.on('ping', (data) => socket.send(`ping ${data}`));
    socket.ping('are you there');
  },
  '/close'(socket) {
    socket.close(4001, 'because');
  },
  '/close-codes'(socket, told) {
    socket.on('close', (code, reason) => told(`${code} ${reason}`));
  },
  '/terminate'(socket) {
    socket.on('message', () => socket.terminate());
  },
  '/throw'(socket) {
    socket.on('error', () => {});
    socket.on('message', () => {
      throw new Error('a fault in a listener');
    });
  },
  '/protocol'(socket) {
    socket.send(socket.protocol);
  },
};

/** How each connection to /close-codes ended, for those who ask at /ends. */
const ends = [];
const askers = [];
function toldEnd(end) {
  ends.push(end);
  giveEnds();
}
function giveEnds() {
  while (ends.length > 0 && askers.length > 0) askers.shift().send(ends.shift());
}

function serve(clients) {
  return (socket, request) => {
    const path = request.url.split('?', 1)[0];
    if (path === '/ends') {
      askers.push(socket);
      giveEnds();
    } else if (path === '/broadcast') {
      socket.on('message', (data, isBinary) => broadcast(clients(), data, { binary: isBinary }));
    } else return (PATHS[path] ?? PATHS['/echo'])(socket, toldEnd);
  };
}

const common = {
  perMessageDeflate: { threshold: 64 },
  subprotocols: ['chat.v2', 'chat.v1'],
  limits: { maxMessageBytes: MAX_MESSAGE_BYTES },
  authorize: async (request) =>
    request.url.startsWith('/refused')
      ? { status: 401, headers: { 'WWW-Authenticate': 'Bearer' }, body: 'who are you?' }
      : true,
};

async function startWebSocketServer(options) {
  const server = new WebSocketServer({ ...common, ...options });
  server.on(
    'connection',
    serve(() => server.clients),
  );
  if (options.port !== undefined) await once(server, 'listening');
  return server;
}

async function startAttached(http, where) {
  http.on('request', (request, response) => response.end(`plain ${request.url}`));
  await startWebSocketServer({ server: http });
  http.listen(where);
  await once(http, 'listening');
  return http.address();
}

async function startNoServer() {
  const http = createHttpServer();
  const server = await startWebSocketServer({ noServer: true });
  http.on('upgrade', (request, socket, head) => {
    server.handleUpgrade(request, socket, head, (webSocket) => server.emit('connection', webSocket, request));
  });
  http.listen(0, HOST);
  await once(http, 'listening');
  return http.address();
}

async function startListen(options) {
  const server = await listen({
    ...common,
    onRequest: ({ url }) => ({ status: 200, body: `plain ${url}` }),
    ...options,
  });
  server.on(
    'connection',
    serve(() => server.clients),
  );
  return server.address();
}

const WAYS = {
  'WebSocketServer { port }': async () => (await startWebSocketServer({ port: 0, host: HOST })).address(),
  'WebSocketServer { server }': () => startAttached(createHttpServer(), { port: 0, host: HOST }),
  'WebSocketServer { noServer }': startNoServer,
  'WebSocketServer over TLS': () => startAttached(createHttpsServer(tls), { port: 0, host: HOST }),
  'WebSocketServer on a unix socket': () =>
    startAttached(createHttpServer(), { path: join(folder, `http-${process.pid}.sock`) }),
  'WebSocketServer over HTTP/2': () => startAttached(createHttp2Server(), { port: 0, host: HOST }),
  'WebSocketServer over HTTP/2 and TLS': () =>
    startAttached(createSecureHttp2Server({ ...tls, allowHTTP1: true }), { port: 0, host: HOST }),
  'listen()': () => startListen({ port: 0, host: HOST }),
  'listen() over TLS': () => startListen({ port: 0, host: HOST, tls }),
  'listen() on a unix socket': () => startListen({ socketPath: join(folder, `net-${process.pid}.sock`) }),
};

// A client's GOAWAY ends the process of Deno 2.9 now and then, by an assertion in its copy of nghttp2.
if ('Deno' in globalThis) for (const way of Object.keys(WAYS)) if (way.includes('HTTP/2')) delete WAYS[way];

const addresses = {};
for (const [way, start] of Object.entries(WAYS)) {
  try {
    const address = await start();
    const scheme = way.includes('TLS') ? 'wss' : 'ws';
    const host = way.includes('HTTP/2') ? 'localhost' : HOST;
    addresses[way] = typeof address === 'string' ? `${scheme}+unix:${address}:` : `${scheme}://${host}:${address.port}`;
  } catch (error) {
    addresses[way] = { fault: String(error?.stack ?? error) };
  }
}
process.on('uncaughtException', (error) => console.error(error));
console.log(JSON.stringify(addresses));
process.stdin.resume().on('end', () => process.exit(0));
