/** A process of an application behind a proxy: `program.ts --port N --redis PORT`. The names of its doors are the tests' business. */

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { createClient } from 'redis';
import { redis } from '../../src/engines/redis/index.ts';
import { drainOnSignal, WebSocketServer } from '../../src/index.ts';
import { createHub } from '../../src/realtime/index.ts';
import { counting } from '../support/counting.ts';

const { values } = parseArgs({ options: { port: { type: 'string' }, redis: { type: 'string' } } });
const engine = redis(createClient({ socket: { host: '127.0.0.1', port: Number(values.redis) } }));

const hub = createHub(counting, { engine, trustProxy: 1 });
hub.channel('numbers', { join: () => true });
hub.call('count', async ({ by, number }) => (await hub.publish('numbers', { by, number }))!);
const feed = hub.events('numbers');

const http = createServer((request, response) => {
  if (request.url === '/numbers') feed(request, response);
  else if (request.url === '/health') response.writeHead(hub.isDraining ? 503 : 200).end(`HTTP/${request.httpVersion}`);
  else response.writeHead(404).end();
});
hub.attach(http, { path: '/live' });
const echo = new WebSocketServer({
  server: http,
  path: '/echo',
  origins: 'same-origin',
  trustProxy: 1,
  authenticate: ({ address }) => ({ id: String(address) }),
});
echo.on('connection', (socket) => {
  socket.send(`you are ${socket.user.id}`);
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
http.listen(Number(values.port), '127.0.0.1', () => console.log('listening'));
drainOnSignal([hub, echo, http], { timeoutMs: 10_000, spreadMs: 300, code: 1012, retryAfterMs: 50 });
