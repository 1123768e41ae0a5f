/**
 * Files that come over a WebSocket, with their progress: `npm run example:upload -- --folder /tmp/files`, and the address that it
 * prints. The bar shows what the server has written, not what the browser has sent: a slow disk slows the page down.
 */

import { createWriteStream } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { drainOnSignal, listen, type WebSocket } from '../index.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' }, folder: { type: 'string' } } });
const folder = values.folder ?? (await mkdtemp(join(tmpdir(), 'uploads-')));
const MAX_BYTES = 1024 ** 3;

const PAGE = `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Upload</title>
<style>body { font: 16px system-ui; max-width: 40rem; margin: 1rem auto; padding: 0 1rem; color-scheme: light dark }</style>
<h1>Upload</h1>
<p><input type="file" aria-label="file"> <progress value="0"></progress></p><p role="status"></p>
<script>
  const CHUNK = 65_536, AHEAD = 16 * CHUNK; // so much may be on its way
  document.querySelector('input').onchange = ({ target: { files: [file] } }) => {
    const query = new URLSearchParams({ name: file.name, size: file.size });
    const socket = new WebSocket(location.origin.replace('http', 'ws') + '/?' + query);
    const bar = Object.assign(document.querySelector('progress'), { value: 0, max: file.size });
    let sent = 0;
    const sendMore = () => {
      for (; sent < file.size && sent < bar.value + AHEAD; sent += CHUNK) socket.send(file.slice(sent, sent + CHUNK));
    };
    socket.onopen = sendMore;
    socket.onmessage = ({ data }) => { bar.value = Number(data); sendMore() };
    socket.onclose = ({ code, reason }) => { document.querySelector('p[role]').textContent = code === 1000 ? 'Done' : 'Failed: ' + code + ' ' + reason };
  };
</script>`;

/** The parts as they come: the next is asked for when this one has been written, and its sender waits as long. */
async function* receive(socket: WebSocket, size: number): AsyncGenerator<Buffer> {
  let received = 0;
  for await (const part of socket) {
    if (!Buffer.isBuffer(part) || received + part.length > size) throw new Error('this is not what was announced');
    yield part;
    received += part.length;
    socket.send(String(received));
    if (received === size) return;
  }
  throw new Error('it broke off');
}

const server = await listen({
  port: Number(values.port),
  origins: 'same-origin',
  limits: { maxMessageBytes: 1024 * 1024 },
  maxConnectionsPerAddress: 10,
  onRequest: () => ({ headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: PAGE }),
});
server.on('connection', async (socket, { url }) => {
  const query = new URLSearchParams(url.split('?', 2)[1]);
  const name = `${query.get('name')}`.replaceAll(/[^\w.-]/g, '_').replace(/^\.+/, '');
  const size = Number(query.get('size'));
  if (name === '' || !(size > 0 && size <= MAX_BYTES)) return socket.close(4400, 'Say a name, and a size up to 1 GiB');
  const path = join(folder, name);
  const part = `${path}.${crypto.randomUUID()}.part`;
  try {
    await pipeline(receive(socket, size), createWriteStream(part, { flags: 'wx' }));
    await rename(part, path);
    console.log(`${path}, ${size} bytes`);
    socket.close(1000);
  } catch (error) {
    console.error(name, (error as Error).message);
    await rm(part, { force: true });
    socket.close(1011, 'It could not be kept');
  }
});

console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
drainOnSignal([server], { timeoutMs: 5000 });
