/**
 * A chat server as it stands in production: `npm run example:production`. Who knows a secret gets a ticket over HTTP, and
 * opens a WebSocket with it. SECRET is what one has to know; with KEY and CERT, files in PEM, it speaks TLS, HTTP/2 and HTTP/1.1.
 */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createSecureServer, type Http2ServerRequest } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { broadcast, createTickets, drainOnSignal, isSameSecret, metrics, WebSocketServer } from '../index.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } });
const { SECRET = 'open sesame', KEY, CERT } = process.env;
const isSecure = KEY !== undefined && CERT !== undefined;

// An HTTP server of yours: Express, Fastify and the like have one as well.
const http = isSecure
  ? createSecureServer({ key: readFileSync(KEY), cert: readFileSync(CERT), allowHTTP1: true })
  : createServer();
const tickets = createTickets<{ readonly id: string; readonly expires: number }>();

const server = new WebSocketServer({
  server: http,
  path: '/chat',
  origins: 'same-origin', // no page of another site
  tokens: { ticket: 'ticket' }, // wss://…/chat?ticket=…
  authenticate: ({ token, refuse }) => tickets.redeem(token) ?? refuse(401),
  maxConnections: 10_000,
  maxConnectionsPerAddress: 100,
  limits: { maxMessageBytes: 16 * 1024 },
  messageRate: { perSecond: 10, burst: 30 }, // of one user, by id; past it the client has to wait
  heartbeat: { intervalMs: 30_000, timeoutMs: 10_000 },
  maxBacklogBytes: 1024 * 1024, // who reads no faster is closed with 1013
});

server.on('connection', (socket) => {
  const { id } = socket.user;
  broadcast(server.clients, `${id} is here`);
  socket.on('text', (text) => broadcast(server.clients, `${id}: ${text}`));
  socket.on('close', () => broadcast(server.clients, `${id} has gone`));
});

const counters = metrics(server);
http.on('request', (request: Http2ServerRequest, response) => {
  const [path] = request.url.split('?');
  const answer = (status: number, body: string, contentType = 'text/plain') => {
    response.writeHead(status, { 'Content-Type': contentType });
    response.end(body);
  };
  if (path === '/health') answer(server.isDraining ? 503 : 200, server.isDraining ? 'draining' : 'healthy');
  else if (path === '/metrics') answer(200, counters.text(), counters.contentType);
  else if (path !== '/ticket') answer(404, 'GET /ticket, then open a WebSocket at /chat?ticket=…');
  else if (!isSameSecret(request.headers.authorization, `Bearer ${SECRET}`)) answer(401, 'tell me the secret');
  else answer(200, tickets.issue({ id: String(request.headers['x-name']), expires: Date.now() + 3_600_000 }));
});

http.listen(Number(values.port), () => {
  console.log(`http${isSecure ? 's' : ''}://localhost:${(http.address() as AddressInfo).port}`);
});
drainOnSignal([server, http], { timeoutMs: 20_000, spreadMs: 5_000, code: 1012, retryAfterMs: 1_000 });
