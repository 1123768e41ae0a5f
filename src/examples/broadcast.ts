/**
 * What one says, all hear: `npm run example:broadcast`, and the address that it prints in two tabs. Nothing is kept: who comes later,
 * or was away, has missed it. `npm run example:chat` has what it takes to miss nothing.
 */

import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { broadcast, drainOnSignal, listen } from '../index.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } });

const PAGE = `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Broadcast</title>
<style>body { font: 16px system-ui; max-width: 40rem; margin: 1rem auto; padding: 0 1rem; color-scheme: light dark }</style>
<h1>Broadcast</h1>
<form><input name="text" aria-label="text" autocomplete="off" maxlength="500" autofocus required> <button>Send</button></form>
<ol></ol>
<script>
  const add = (text) => document.querySelector('ol').append(Object.assign(document.createElement('li'), { textContent: text }));
  const socket = new WebSocket(location.origin.replace('http', 'ws'));
  socket.onmessage = ({ data }) => add(data);
  socket.onclose = ({ code, reason }) => add('The connection is closed: ' + code + ' ' + reason + '. Load the page again.');
  document.forms[0].onsubmit = (event) => {
    event.preventDefault();
    socket.send(event.target.text.value);
    event.target.reset();
  };
</script>`;

const server = await listen({
  port: Number(values.port),
  origins: 'same-origin', // no page of another site
  limits: { maxMessageBytes: 2000 },
  maxBacklogBytes: 1024 * 1024, // who reads no faster is closed with 1013
  onRequest: () => ({ headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: PAGE }),
});
server.on('connection', (socket) => {
  broadcast(server.clients, `${server.clients.size} are here`);
  socket.on('text', (text) => broadcast(server.clients, text)); // encoded once for all
  socket.on('close', () => broadcast(server.clients, `${server.clients.size} are here`));
  socket.on('error', (error) => console.error(error.message));
});

console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
drainOnSignal([server], { timeoutMs: 5000 });
