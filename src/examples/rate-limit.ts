/**
 * Five messages a second, ten at once: `npm run example:rate-limit`, and the address that it prints. What the page sends too soon
 * waits, and is answered later. With `-- --excess close`, who sends too fast is closed with 1008. A new connection brings no new
 * right: it is the address that has it.
 */

import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { drainOnSignal, listen } from '../index.ts';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '8080' }, excess: { type: 'string', default: 'wait' } },
});

const PAGE = `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Rate limit</title>
<style>body { font: 16px system-ui; max-width: 40rem; margin: 1rem auto; padding: 0 1rem; color-scheme: light dark }</style>
<h1>Rate limit</h1>
<p><button>Send 20 at once</button> <output></output></p>
<ol></ol>
<script>
  const add = (text) => document.querySelector('ol').append(Object.assign(document.createElement('li'), { textContent: text }));
  let socket;
  function open() {
    socket = new WebSocket(location.origin.replace('http', 'ws'));
    socket.onmessage = ({ data }) => add(data + ' was answered after ' + (Date.now() - Number(data.split(' ')[1])) + ' ms');
    socket.onclose = ({ code, reason }) => { add('closed: ' + code + ' ' + reason); setTimeout(open, 1000) };
  }
  open();
  document.querySelector('button').onclick = () => {
    document.querySelector('ol').replaceChildren();
    for (let i = 1; i <= 20; i++) socket.send(i + ' ' + Date.now());
  };
</script>`;

const server = await listen({
  port: Number(values.port),
  origins: 'same-origin',
  messageRate: {
    perSecond: 5,
    burst: 10,
    bytesPerSecond: 65_536,
    onExcess: values.excess === 'close' ? 'close' : 'wait',
  },
  maxConnectionsPerAddress: 10,
  onRequest: () => ({ headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: PAGE }),
});
server.on('connection', (socket, { socket: { remoteAddress } }) => {
  socket.on('text', (text) => socket.send(text));
  socket.on('error', (error) => console.error(remoteAddress, error.message));
});
server.on('refused', ({ reason }, { remoteAddress }) => console.error(remoteAddress, 'was refused:', reason));

console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
drainOnSignal([server], { timeoutMs: 5000 });
