/**
 * Vite's hot-update socket. Vite carries a copy of ws inside its own files, which `overrides` does not reach: here the
 * client is the engine's and the server is that copy. A server of the engine shares the HTTP server with it.
 */

import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createViteServer } from 'vite';
import WebSocket, { WebSocketServer } from 'ws';
import { collect, Engine, listen, next, report, within } from './harness.mjs';

const FILES = {
  'index.html': '<script type="module" src="/main.js"></script>',
  'main.js':
    "import { color } from './color.js';\nimport.meta.hot.accept('./color.js', () => {});\nconsole.log(color);",
  'color.js': "export const color = 'red';",
};

/** Joins Vite's hot-update channel as its browser client does. */
async function joinChannel(url) {
  const socket = new WebSocket(url, 'vite-hmr', { origin: 'http://localhost' });
  const messages = collect();
  socket.on('message', (data, isBinary) => messages.add({ ...JSON.parse(data), isBinary }));
  await next(socket, 'open');
  await messages.atLeast(1, "'connected'");
  return { socket, messages };
}

async function isWatching(watcher, file) {
  while (!Object.values(watcher.getWatched()).flat().includes(file)) await next(watcher, 'all', `watch on ${file}`);
}

report(async () => {
  const facts = {};
  const root = await realpath(await mkdtemp(join(tmpdir(), 'framewright-vite-')));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(root, name), text);

  const http = createServer((request, response) => vite.middlewares(request, response));
  const vite = await createViteServer({
    root,
    configFile: false,
    logLevel: 'silent',
    optimizeDeps: { noDiscovery: true },
    server: { middlewareMode: true, hmr: { server: http } },
  });
  const live = new WebSocketServer({ noServer: true });
  live.on('connection', (socket) => socket.on('message', (data) => socket.send(`live: ${data}`)));
  http.on('upgrade', (request, socket, head) => {
    if (request.url !== '/live') return;
    live.handleUpgrade(request, socket, head, (accepted) => live.emit('connection', accepted, request));
  });
  const port = await listen(http);
  const get = async (path) => (await within(fetch(`http://127.0.0.1:${port}${path}`), path)).text();

  const { socket, messages } = await joinChannel(`ws://127.0.0.1:${port}/?token=${vite.config.webSocketToken}`);
  facts.engine = [socket instanceof Engine, socket.protocol];
  facts.connected = messages.items[0];
  facts.isTransformed = (await get('/main.js')).includes('createHotContext');
  await get('/color.js');
  await isWatching(vite.watcher, 'color.js');
  await writeFile(join(root, 'color.js'), "export const color = 'blue';");
  const [, update] = await messages.atLeast(2, 'update of color.js');
  facts.update = [
    update.type,
    update.updates?.map(({ type, path, acceptedPath }) => [type, path, acceptedPath]),
    update.isBinary,
  ];
  await writeFile(join(root, 'index.html'), `<p>${FILES['index.html']}`);
  const [, , reload] = await messages.atLeast(3, 'reload');
  facts.reload = [reload.type, reload.path];

  vite.ws.on('app:ask', (data, client) => client.send('app:answer', { asked: data }));
  socket.send(JSON.stringify({ type: 'custom', event: 'app:ask', data: 'grüße' }));
  const [, , , answer] = await messages.atLeast(4, 'custom event');
  facts.answer = [answer.event, answer.data];

  const neighbour = new WebSocket(`ws://127.0.0.1:${port}/live`);
  await next(neighbour, 'open');
  neighbour.send('hi');
  facts.neighbour = (await next(neighbour, 'message'))[0].toString();
  neighbour.terminate();
  const stranger = new WebSocket(`ws://127.0.0.1:${port}/?token=wrong`, 'vite-hmr', { origin: 'http://evil.example' });
  facts.wrongToken = (await next(stranger, 'error'))[0].message;
  const ping = new WebSocket(`ws://127.0.0.1:${port}/`, 'vite-ping');
  facts.ping = (await next(ping, 'close'))[0];

  const [[code]] = await Promise.all([next(socket, 'close'), within(vite.close(), 'end of Vite')]);
  facts.closedWithVite = code;
  await rm(root, { recursive: true });
  return facts;
});
