/**
 * WebSockets beside the routes of Express: `npm run example:express`, and the address that it prints. Who looks at the page sees at
 * once what comes over HTTP:
 *
 *   curl --json '{ "item": "tea", "count": 2 }' http://localhost:8080/orders
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import express, { type ErrorRequestHandler } from 'express';
import { z } from 'zod';
import { broadcast, drainOnSignal, WebSocketServer } from '../index.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } });

const PAGE = `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Orders</title>
<style>body { font: 16px system-ui; max-width: 40rem; margin: 1rem auto; padding: 0 1rem; color-scheme: light dark }</style>
<h1>Orders</h1>
<ol></ol>
<script>
  const add = (text) => document.querySelector('ol').append(Object.assign(document.createElement('li'), { textContent: text }));
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/live');
  socket.onmessage = ({ data }) => { const { count, item } = JSON.parse(data); add(count + ' of ' + item) };
  socket.onclose = () => add('The connection is closed. Load the page again.');
</script>`;

const Order = z.object({ item: z.string().max(100), count: z.number().int().positive() });
const app = express();
app.get('/', (_request, response) => void response.type('html').send(PAGE));
app.get('/health', (_request, response) => void response.sendStatus(sockets.isDraining ? 503 : 200));
app.post('/orders', express.json(), (request, response) => {
  const order = Order.safeParse(request.body);
  if (!order.success) return void response.status(400).json(z.flattenError(order.error));
  const told = broadcast(sockets.clients, JSON.stringify(order.data));
  response.status(201).json({ told });
});
app.use(((error, _request, response, _next) => {
  console.error(error.message);
  response.status(error.status ?? 500).json({ error: error.expose === true ? error.message : 'Something went wrong' });
}) satisfies ErrorRequestHandler);

const http = createServer(app); // and not app.listen(): the WebSockets need the server
const sockets = new WebSocketServer({ server: http, path: '/live', origins: 'same-origin', maxBacklogBytes: 1 << 20 });
sockets.on('connection', (socket) => socket.on('error', (error) => console.error(error.message)));
http.listen(Number(values.port), () => console.log(`http://localhost:${(http.address() as AddressInfo).port}`));
drainOnSignal([sockets, http], { timeoutMs: 5000 });
