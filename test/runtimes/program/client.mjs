/**
 * Every scenario with every address that is given, in one process of the runtime under test. Prints a line for each:
 * JSON of `{ way, scenario, fault }`, where no fault means that all was well.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { createWebSocketStream, listen, metrics, WebSocket, WebSocketServer, WebSocketStream } from 'framewright';
import { WebSocket as StandardWebSocket } from 'framewright/web';

/** Against what never comes: far behind all that does. */
const STEP_TIMEOUT_MS = 30_000;
const addresses = JSON.parse(process.argv[2]);

async function within(promise, what) {
  let timer;
  const late = new Error(`no ${what} within ${STEP_TIMEOUT_MS} ms`);
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(reject, STEP_TIMEOUT_MS, late);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

const next = (emitter, event) => within(once(emitter, event), `'${event}' event`);
/** Options that go with the address at hand. */
const common = { rejectUnauthorized: false, family: 4 };
const bytes = (length) => Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff));

/** What has come and nobody has asked for, and who has asked for what has not come. */
const inboxes = new WeakMap();

/** The next message that nobody has had: text as a string, binary as a Buffer. */
function message(socket) {
  const { kept, waiting } = inboxes.get(socket);
  return kept.length > 0 ? kept.shift() : within(new Promise((resolve) => waiting.push(resolve)), 'message');
}

const sockets = [];
function unheard(url, protocols = [], options = {}) {
  const socket = new WebSocket(url, protocols, { ...common, ...options });
  sockets.push(socket);
  return socket;
}

function connect(url, protocols, options) {
  const socket = unheard(url, protocols, options);
  const inbox = { kept: [], waiting: [] };
  inboxes.set(socket, inbox);
  socket.on('message', (data, isBinary) => {
    assert.ok(Buffer.isBuffer(data));
    const heard = isBinary ? data : data.toString();
    if (inbox.waiting.length > 0) inbox.waiting.shift()(heard);
    else inbox.kept.push(heard);
  });
  return socket;
}

async function opened(url, protocols, options) {
  const socket = connect(url, protocols, options);
  await next(socket, 'open');
  return socket;
}

async function echoed(socket, data) {
  socket.send(data);
  assert.deepEqual(await message(socket), data);
}

async function closed(socket, code, reason) {
  const [foundCode, foundReason] = await next(socket, 'close');
  assert.deepEqual([foundCode, String(foundReason)], [code, reason]);
}

const SCENARIOS = {
  async 'text and binary'(url) {
    const socket = await opened(`${url}/echo`);
    await echoed(socket, 'héllo ✓');
    await echoed(socket, '');
    await echoed(socket, bytes(5));
    await echoed(socket, Buffer.alloc(0));
    socket.close(1000, 'done');
    await closed(socket, 1000, 'done');
  },
  async 'many small messages at once'(url) {
    const socket = await opened(`${url}/echo`);
    const heard = [];
    const all = new Promise((resolve) => {
      socket.on('message', (data) => heard.push(String(data)) === 2000 && resolve());
    });
    const sent = Array.from({ length: 2000 }, (_, index) => `message ${index}`);
    for (const text of sent) socket.send(text);
    await within(all, 'echo of them all');
    assert.deepEqual(heard, sent);
    socket.close(1000);
    await closed(socket, 1000, '');
  },
  async 'large messages'(url) {
    const socket = await opened(`${url}/echo`, [], { perMessageDeflate: false });
    for (const length of [126, 65_535, 65_536, 200_000, 5_000_000]) await echoed(socket, bytes(length));
    await echoed(socket, 'é'.repeat(1_000_000));
    socket.close(1000);
    await closed(socket, 1000, '');
  },
  async fragments(url) {
    const socket = await opened(`${url}/echo`);
    const parts = [bytes(10), bytes(70_000), Buffer.alloc(0), bytes(300)];
    for (const [index, part] of parts.entries()) socket.send(part, { fin: index === parts.length - 1 });
    assert.deepEqual(await message(socket), Buffer.concat(parts));
    socket.close(1000);
    await closed(socket, 1000, '');
  },
  async compression(url) {
    const socket = await opened(`${url}/echo`);
    assert.equal(socket.extensions, 'permessage-deflate');
    for (const length of [10, 100, 5000, 100_000, 3_000_000]) {
      await echoed(socket, 'compress me '.repeat(length / 10));
      await echoed(socket, bytes(length));
    }
    socket.close(1000);
    await closed(socket, 1000, '');
  },
  async 'compression without contexts'(url) {
    const perMessageDeflate = { serverNoContextTakeover: true, clientNoContextTakeover: true };
    const socket = await opened(`${url}/echo`, [], { perMessageDeflate });
    for (let round = 0; round < 5; round += 1) await echoed(socket, `round ${round} `.repeat(20_000));
    socket.close(1000);
    await closed(socket, 1000, '');
  },
  async 'a close by the client'(url) {
    const socket = await opened(`${url}/close-codes`);
    socket.close(4002, 'good bye');
    await closed(socket, 4002, 'good bye');
    const asking = await opened(`${url}/ends`);
    assert.equal(await message(asking), '4002 good bye');
    const lost = await opened(`${url}/close-codes`);
    lost.terminate();
    await closed(lost, 1006, '');
    const again = await opened(`${url}/ends`);
    assert.equal(await message(again), '1006 ');
    asking.close();
    again.close();
  },
  async 'a close by the server'(url) {
    await closed(await opened(`${url}/close`), 4001, 'because');
  },
  async 'a connection that is cut'(url) {
    const socket = await opened(`${url}/terminate`);
    socket.send('go');
    await closed(socket, 1006, '');
  },
  async 'a listener that throws'(url) {
    const socket = await opened(`${url}/throw`);
    socket.send('throw');
    await closed(socket, 1011, '');
  },
  async 'a message that is too long'(url) {
    const socket = await opened(`${url}/echo`, [], { perMessageDeflate: false });
    socket.send(Buffer.alloc(17 * 1024 * 1024));
    socket.on('error', () => {});
    await closed(socket, 1009, '');
  },
  async 'ping and pong'(url) {
    const socket = connect(`${url}/ping`);
    assert.equal(String((await next(socket, 'ping'))[0]), 'are you there');
    assert.equal(await message(socket), 'pong are you there');
    const pong = next(socket, 'pong');
    socket.ping('and you');
    assert.equal(await message(socket), 'ping and you');
    assert.equal(String((await pong)[0]), 'and you');
    socket.close(1000);
    await closed(socket, 1000, '');
  },
  async 'pause and resume'(url) {
    const socket = await opened(`${url}/pause`);
    socket.send('pause');
    assert.equal(await message(socket), 'paused');
    const sent = Array.from({ length: 200 }, (_, index) => `${index} `.repeat(5000));
    for (const text of sent) socket.send(text);
    assert.equal(await message(socket), 'heard 0 while paused');
    for (const text of sent) assert.equal(await message(socket), text);
    // The client's side of it.
    socket.pause();
    let whilePaused = 0;
    socket.on('message', () => (whilePaused += 1));
    for (const text of sent) socket.send(text);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(whilePaused, 0);
    socket.resume();
    for (const text of sent) assert.equal(await message(socket), text);
    socket.close(1000);
    await closed(socket, 1000, '');
  },
  async 'messages that nobody listens for yet'(url) {
    const socket = await opened(`${url}/late`);
    for (const text of ['one', 'two', 'three']) socket.send(text);
    for (const text of ['one', 'two', 'three']) assert.equal(await message(socket), text);
    socket.close(1000);
    await closed(socket, 1000, '');
  },
  async subprotocols(url) {
    const socket = connect(`${url}/protocol`, ['chat.v1', 'chat.v2']);
    assert.equal(await message(socket), 'chat.v1');
    assert.equal(socket.protocol, 'chat.v1');
    socket.close(1000);
    await closed(socket, 1000, '');
  },
  async 'a refused upgrade'(url) {
    const socket = connect(`${url}/refused`);
    const [error] = await next(socket, 'error');
    assert.match(error.message, /401/);
    const listening = connect(`${url}/refused`);
    const [, response] = await next(listening, 'unexpected-response');
    assert.equal(response.statusCode, 401);
    assert.equal(response.headers['www-authenticate'], 'Bearer');
    let body = '';
    for await (const chunk of response) body += chunk;
    assert.equal(body, 'who are you?');
  },
  async 'for await'(url) {
    const socket = unheard(`${url}/iterate`);
    await next(socket, 'open');
    const heard = [];
    socket.send('one');
    socket.send(bytes(3));
    socket.send('last');
    for await (const data of socket) {
      heard.push(data);
      if (data === 'last') socket.close(1000);
    }
    assert.deepEqual(heard, ['one', bytes(3), 'last']);
  },
  async 'streams of Node'(url) {
    const socket = unheard(`${url}/stream`);
    const stream = createWebSocketStream(socket);
    const sent = bytes(1_000_000);
    const parts = [];
    let length = 0;
    const all = new Promise((resolve, reject) => {
      stream.on('error', reject).on('data', (chunk) => {
        parts.push(chunk);
        length += chunk.length;
        if (length === sent.length) resolve();
      });
    });
    for (let offset = 0; offset < sent.length; offset += 50_000) stream.write(sent.subarray(offset, offset + 50_000));
    await within(all, 'echo of the stream');
    assert.ok(Buffer.concat(parts).equals(sent));
    stream.end();
    await closed(socket, 1000, '').catch((error) => assert.match(error.message, /1005/));
  },
  async WebSocketStream(url) {
    if (url.startsWith('ws+unix:') || common.http2) return;
    const stream = new WebSocketStream(`${url}/echo`, common);
    const { readable, writable } = await within(stream.opened, 'opening');
    const writer = writable.getWriter();
    const reader = readable.getReader();
    await writer.write('hello');
    assert.equal((await within(reader.read(), 'message')).value, 'hello');
    await writer.write(bytes(100_000));
    assert.ok(bytes(100_000).equals((await within(reader.read(), 'message')).value));
    stream.close({ closeCode: 3000, reason: 'done' });
    const { closeCode, reason } = await within(stream.closed, 'end');
    assert.deepEqual([closeCode, reason], [3000, 'done']);
  },
  async "the browsers' WebSocket"(url) {
    // It takes no options, so no certificate that it does not know.
    if (!url.startsWith('ws:') || common.http2) return;
    const socket = new StandardWebSocket(`${url}/echo`, 'chat.v2');
    socket.binaryType = 'arraybuffer';
    const event = (name) =>
      within(new Promise((resolve) => socket.addEventListener(name, resolve, { once: true })), `'${name}' event`);
    await event('open');
    assert.equal(socket.protocol, 'chat.v2');
    socket.send('text');
    assert.equal((await event('message')).data, 'text');
    socket.send(bytes(1000));
    assert.ok(bytes(1000).equals(Buffer.from((await event('message')).data)));
    socket.send(new Blob(['from a blob']));
    assert.equal(String(Buffer.from((await event('message')).data)), 'from a blob');
    socket.close(3001, 'bye');
    const { code, reason, wasClean } = await event('close');
    assert.deepEqual([code, reason, wasClean], [3001, 'bye', true]);
  },
  async 'a broadcast'(url) {
    const all = await Promise.all(Array.from({ length: 5 }, () => opened(`${url}/broadcast`)));
    const heard = Promise.all(all.map(message));
    all[0].send('to all');
    assert.deepEqual(await heard, Array(5).fill('to all'));
    for (const socket of all) socket.close();
  },
  async 'HTTP on the same port'(url, way) {
    if (url.startsWith('wss') || way.includes('{ port }') || way.includes('noServer') || common.http2) return;
    const unix = /^ws\+unix:(.*):$/.exec(url);
    const where = unix ? { socketPath: unix[1] } : { port: new URL(url).port };
    const body = await within(
      new Promise((resolve, reject) => {
        get({ ...where, path: '/page', agent: false }, async (response) => {
          let text = '';
          for await (const chunk of response) text += chunk;
          resolve(text);
        }).on('error', reject);
      }),
      'answer',
    );
    assert.equal(body, 'plain /page');
  },
};

const DOORS = {
  listen: (options) => listen({ host: '127.0.0.1', ...options }),
  async WebSocketServer(options) {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options });
    await next(server, 'listening');
    return server;
  },
};

/** What a server in production has, with both sides in one process. */
async function production(door) {
  const server = await DOORS[door]({
    authenticate: async ({ token, refuse }) => (token === 'known' ? { id: 'ada' } : refuse(401)),
    tokens: { query: 'token' },
    maxConnections: 2,
    heartbeat: { intervalMs: 50, timeoutMs: 10_000 },
    messageRate: { perSecond: 1000, burst: 1 },
    maxBacklogBytes: 1_000_000,
  });
  server.on('connection', (socket) => {
    socket.on('message', (data) => socket.send(`${socket.user.id}: ${data}`));
  });
  const figures = metrics(server);
  const url = `ws://127.0.0.1:${server.address().port}/`;
  const refusal = async (address) => (await next(connect(address), 'error'))[0].message;
  assert.match(await refusal(url), /401/);
  const socket = await opened(`${url}?token=known`);
  for (let index = 0; index < 5; index += 1) socket.send(`message ${index}`);
  for (let index = 0; index < 5; index += 1) assert.equal(await message(socket), `ada: message ${index}`);
  const other = await opened(`${url}?token=known`);
  assert.match(await refusal(`${url}?token=known`), /503/);
  await next(socket, 'ping');
  const ends = [closed(socket, 1012, ''), closed(other, 1012, '')];
  assert.deepEqual(await within(server.drain({ code: 1012 }), 'end'), { closed: 2, terminated: 0, refused: 0 });
  await Promise.all(ends);
  assert.match(figures.text(), /messages_received_total\{type="text"\} 5\n/);
  server.close();
}

/** What needs a server of its own. */
const OWN_SCENARIOS = {
  'listen() as in production': () => production('listen'),
  'WebSocketServer as in production': () => production('WebSocketServer'),
  async 'HTTP/2 over TLS, at an address'() {
    const url = addresses['WebSocketServer over HTTP/2 and TLS']?.replace('localhost', '127.0.0.1');
    if (url === undefined) return;
    const socket = await opened(`${url}/echo`, [], { http2: true });
    await echoed(socket, 'hello');
    socket.close(1000);
    await closed(socket, 1000, '');
  },
  async 'redirects are followed'() {
    const target = Object.values(addresses).find((url) => url.startsWith?.('ws:'));
    const http = createServer((_, response) => response.writeHead(302, { Location: `${target}/echo` }).end());
    http.on('upgrade', (_, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${target}/echo\r\nContent-Length: 0\r\n\r\n`);
    });
    http.listen(0, '127.0.0.1');
    await next(http, 'listening');
    const socket = await opened(`ws://127.0.0.1:${http.address().port}/`, [], { followRedirects: true });
    await echoed(socket, 'after a redirect');
    socket.terminate();
    http.close();
  },
  async 'nobody is there'() {
    const http = createServer();
    http.listen(0, '127.0.0.1');
    await next(http, 'listening');
    const { port } = http.address();
    http.close();
    await next(http, 'close');
    const [error] = await next(connect(`ws://127.0.0.1:${port}/`), 'error');
    assert.match(String(error.code), /ECONNREFUSED/);
  },
  async 'no answer in time'() {
    const http = createServer();
    http.on('upgrade', () => {});
    http.listen(0, '127.0.0.1');
    await next(http, 'listening');
    const socket = connect(`ws://127.0.0.1:${http.address().port}/`, [], { handshakeTimeoutMs: 200 });
    const [error] = await next(socket, 'error');
    assert.match(error.message, /timed out/);
    http.closeAllConnections?.();
    http.close();
  },
};

const only = process.argv[3];
async function run(way, scenario, action) {
  if (only !== undefined && !`${way} ${scenario}`.includes(only)) return;
  let fault;
  try {
    await action();
  } catch (error) {
    fault = String(error?.stack ?? error);
  }
  for (const socket of sockets.splice(0)) {
    socket.on('error', () => {});
    socket.terminate();
  }
  console.log(JSON.stringify({ way, scenario, fault }));
}

let lost = '';
process.on('uncaughtException', (error) => {
  lost += `${error?.stack ?? error}\n`;
});
for (const [way, url] of Object.entries(addresses)) {
  if (typeof url !== 'string') {
    console.log(JSON.stringify({ way, scenario: 'starts', fault: url.fault }));
    continue;
  }
  common.http2 = way.includes('HTTP/2');
  for (const [scenario, action] of Object.entries(SCENARIOS)) await run(way, scenario, () => action(url, way));
}
common.http2 = false;
for (const [scenario, action] of Object.entries(OWN_SCENARIOS)) await run('client', scenario, action);
console.log(JSON.stringify({ way: 'process', scenario: 'no uncaught errors', fault: lost === '' ? undefined : lost }));
process.exit(0);
