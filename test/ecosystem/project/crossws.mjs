/** crossws's adapter for Node.js on a WebSocketServer given to it: its hooks, peers, topics, and compression by request. */

import { createServer } from 'node:http';
import nodeAdapter from 'crossws/adapters/node';
import WebSocket, { WebSocketServer } from 'ws';
import { collect, Engine, listen, next, report } from './harness.mjs';

report(async () => {
  const facts = {};
  const closes = collect();
  const pings = collect();
  const wss = new WebSocketServer({ noServer: true, handleProtocols: () => false });
  const adapter = nodeAdapter({
    wss,
    hooks: {
      upgrade(request) {
        const { pathname } = new URL(request.url);
        if (pathname === '/closed') throw new Response('not today', { status: 403 });
        return {
          headers: { 'X-Path': pathname, 'Sec-WebSocket-Protocol': 'chat' },
          context: { pathname },
          namespace: 'one for all',
          ...(pathname === '/compressed' ? { perMessageDeflate: true } : {}),
        };
      },
      open(peer) {
        peer.subscribe('news');
        peer.send(`hello from ${peer.context.pathname} to ${peer.remoteAddress}`);
      },
      message(peer, message) {
        if (message.text() === 'publish') peer.publish('news', { by: 'a peer' });
        else peer.send(message.rawData);
      },
      ping: (_, data) => pings.add(data.toString()),
      close: (_, { code, reason }) => closes.add([code, reason]),
    },
  });
  const http = createServer();
  http.on('upgrade', adapter.handleUpgrade);
  const url = `ws://127.0.0.1:${await listen(http)}`;

  async function open(path) {
    const socket = new WebSocket(new URL(path, url), ['chat']);
    const messages = collect();
    socket.on('message', (data, isBinary) => messages.add([data.toString(), isBinary]));
    const [[response]] = await Promise.all([next(socket, 'upgrade'), next(socket, 'open')]);
    await messages.atLeast(1, 'greeting');
    return { socket, messages, header: response.headers['x-path'] };
  }

  const plain = await open('/plain');
  const compressed = await open('/compressed');
  facts.engine = plain.socket instanceof Engine;
  facts.greeting = plain.messages.items[0];
  facts.handshake = [plain.header, plain.socket.protocol];
  facts.extensions = [plain.socket.extensions, compressed.socket.extensions];
  plain.socket.send('text');
  plain.socket.send(Buffer.from('bytes'));
  facts.echoes = (await plain.messages.atLeast(3, 'echoes')).slice(1);
  compressed.socket.send('x'.repeat(10_000));
  const [, [long]] = await compressed.messages.atLeast(2, 'long echo');
  facts.long = [long.length, compressed.socket._socket.bytesRead < 1000];
  plain.socket.send('publish');
  facts.published = (await compressed.messages.atLeast(3, 'publication'))[2];
  plain.socket.ping('are you there');
  facts.pong = (await next(plain.socket, 'pong'))[0].toString();
  facts.ping = (await pings.atLeast(1, 'ping'))[0];
  const refused = new WebSocket(new URL('/closed', url));
  facts.refused = (await next(refused, 'error'))[0].message;
  plain.socket.close(4123, 'good bye');
  await next(plain.socket, 'close');
  facts.close = (await closes.atLeast(1, 'close'))[0];
  adapter.closeAll(1012, 'restart');
  const [code, reason] = await next(compressed.socket, 'close');
  facts.closeAll = [code, reason.toString()];
  return facts;
});
