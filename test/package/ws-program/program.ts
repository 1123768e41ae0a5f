/**
 * A program as people write them for ws and @types/ws. A test compiles it against those, and against framewright in
 * their place: what it says of types must hold for both. It is never run.
 */

import { type EventEmitter, once } from 'node:events';
import { type ClientRequestArgs, createServer, IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import WebSocket, {
  createWebSocketStream,
  WebSocket as NamedWebSocket,
  type RawData,
  type ServerOptions,
  WebSocketServer,
} from 'ws';

// ---- Servers: options, events, methods ---------------------------------------------------------------------------

const options: ServerOptions = {
  host: '127.0.0.1',
  port: 8080,
  backlog: 100,
  path: '/chat',
  noServer: false,
  clientTracking: true,
  maxPayload: 64 * 1024,
  skipUTF8Validation: false,
  allowSynchronousEvents: true,
  autoPong: true,
  perMessageDeflate: {
    zlibDeflateOptions: { chunkSize: 1024, memLevel: 7, level: 3 },
    zlibInflateOptions: { chunkSize: 10 * 1024 },
    clientNoContextTakeover: true,
    serverNoContextTakeover: true,
    clientMaxWindowBits: 12,
    serverMaxWindowBits: 10,
    concurrencyLimit: 10,
    threshold: 1024,
  },
  handleProtocols: (protocols: Set<string>, request: IncomingMessage) => {
    console.log(request.url);
    return protocols.has('chat') ? 'chat' : false;
  },
  verifyClient: (info, callback) => {
    console.log(info.origin, info.secure, info.req.headers);
    callback(false, 401, 'Unauthorized', { 'WWW-Authenticate': 'Basic' });
  },
};
const synchronous: WebSocket.VerifyClientCallbackSync = ({ origin, secure, req }) =>
  secure && origin === req.headers.origin;
const asynchronous: WebSocket.VerifyClientCallbackAsync = (info, callback) => callback(info.secure);

const wss = new WebSocketServer(options, () => console.log('listening'));
const other: WebSocketServer = new WebSocketServer({ server: createServer(), verifyClient: synchronous });
const third = new WebSocketServer({ server: createHttpsServer(), verifyClient: asynchronous });
const byHand = new WebSocketServer({ noServer: true });

wss.on('connection', (socket: WebSocket, request: IncomingMessage) => {
  console.log(request.socket.remoteAddress, socket.protocol, socket.extensions);
  socket.on('message', (data: RawData, isBinary: boolean) => {
    for (const client of wss.clients) {
      if (client !== socket && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
    }
  });
});
wss.on('error', (error: Error) => console.error(error.message));
wss.on('headers', (headers: string[], request) => headers.push(`X-Path: ${request.url}`));
wss.on('close', () => console.log('closed'));
wss.on('listening', () => console.log('listening'));
wss.on('wsClientError', (error, socket, request) => {
  console.log(error.message, request.url);
  socket.destroy();
});
wss.once('connection', (socket, request) => console.log(socket.url, request.url));
wss.addListener('connection', (socket) => socket.close()).off('error', console.error);
wss.removeListener('close', console.log);

const address: WebSocket.AddressInfo | string | null = wss.address();
console.log(
  typeof address === 'string' ? address : address?.port,
  other.options.path,
  third.options.host,
  wss.clients.size,
);

const http = createServer();
http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
  if (byHand.shouldHandle(request)) {
    byHand.handleUpgrade(request, socket, head, (client, upgraded) => byHand.emit('connection', client, upgraded));
  }
});
wss.close((error?: Error) => console.log(error?.message));

interface WithUser extends WebSocket {
  user?: string;
}
byHand.on('connection', (socket: WithUser) => {
  socket.user = 'ada';
});

class MyWebSocket extends WebSocket {
  isAlive = true;
}
const typed = new WebSocketServer<typeof MyWebSocket>({ noServer: true, WebSocket: MyWebSocket });
typed.on('connection', (socket) => {
  socket.isAlive = false;
});
for (const socket of typed.clients) console.log(socket.isAlive);

class MyServer extends WebSocketServer {
  override shouldHandle(request: IncomingMessage): boolean {
    return request.url === '/';
  }
}
new MyServer({ noServer: true }).close();

// ---- Clients ------------------------------------------------------------------------------------------------------

const clientOptions: WebSocket.ClientOptions = {
  protocol: 'chat',
  followRedirects: true,
  maxRedirects: 3,
  handshakeTimeout: 5000,
  perMessageDeflate: false,
  origin: 'https://example.com',
  headers: { Authorization: 'Bearer x' },
  protocolVersion: 13,
  maxPayload: 1024,
  rejectUnauthorized: false,
  ca: 'certificate',
  generateMask: (mask) => mask.fill(1),
  finishRequest: (request) => request.end(),
  skipUTF8Validation: true,
};
const socket = new WebSocket('wss://example.com/', ['chat'], clientOptions);
const second: NamedWebSocket = new NamedWebSocket(new URL('ws://example.com'), clientOptions);

socket.on('open', () => socket.send('hello'));
socket.on('message', (data: WebSocket.RawData, isBinary) => {
  if (Array.isArray(data)) console.log(Buffer.concat(data).toString());
  else if (data instanceof ArrayBuffer) console.log(data.byteLength);
  else console.log(data.toString(), isBinary);
});
socket.on('close', (code: number, reason: Buffer) => console.log(code, reason.toString()));
socket.on('error', (error) => console.error(error.message));
socket.on('ping', (data: Buffer) => socket.pong(data));
socket.on('pong', (data) => console.log(data.length));
socket.on('upgrade', (response) => console.log(response.headers));
socket.on('redirect', (url, request) => console.log(url, request.path));
socket.on('unexpected-response', (request, response) => {
  console.log(response.statusCode);
  request.destroy();
});
second.once('open', function onOpen(this: WebSocket) {
  this.ping();
});

const data: WebSocket.Data = 'text';
socket.send(data);
socket.send(Buffer.from('bytes'), (error?: Error) => console.log(error?.message));
socket.send(new Uint8Array(3), { mask: true, binary: true, compress: false, fin: true }, (error) => console.log(error));
socket.ping('are you there', true, (error: Error) => console.log(error));
socket.pong(Buffer.alloc(0), false);
socket.pause();
socket.resume();
socket.close(1000, 'bye');
socket.close(1000, Buffer.from('bye'));
socket.terminate();

const state: 0 | 1 | 2 | 3 = socket.readyState;
console.log(
  state === WebSocket.CLOSED || state === socket.CLOSING || state === NamedWebSocket.CONNECTING,
  socket.bufferedAmount + 1,
  socket.isPaused,
  socket.url.length,
);
socket.binaryType = 'nodebuffer';
socket.binaryType = 'arraybuffer';
socket.binaryType = 'fragments';

// ---- The browser's interface --------------------------------------------------------------------------------------

socket.onopen = (event: WebSocket.Event) => console.log(event.type, event.target.readyState);
socket.onmessage = (event: WebSocket.MessageEvent) => console.log(event.data, event.type, event.target.url);
socket.onclose = (event: WebSocket.CloseEvent) => console.log(event.code, event.reason, event.wasClean);
socket.onerror = ({ error, message, type }: WebSocket.ErrorEvent) => console.log(error, message, type);
socket.onerror = null;
const listener = ({ data: received }: WebSocket.MessageEvent) => console.log(received);
socket.addEventListener('message', listener, { once: true });
socket.addEventListener('close', ({ code }) => console.log(code));
socket.removeEventListener('message', listener);

// ---- Idioms -------------------------------------------------------------------------------------------------------

// The commonest line of all: text and bytes come as a Buffer unless `binaryType` asks for something else.
socket.on('message', (received: Buffer) => console.log(received.toString('utf8')));
socket.on('message', async (received: Buffer, isBinary) => console.log(await Promise.resolve(received), isBinary));
socket.on('message', (received) => JSON.parse(received.toString()));
// Listeners that are functions have the emitter as `this`.
socket.on('message', function () {
  this.send('heard');
});
socket.once('close', function (code) {
  this.removeAllListeners();
  console.log(code);
});
wss.on('connection', function (client, request) {
  console.log(this.clients.size, request.url);
  client.on('pong', function () {
    this.ping();
  });
});
wss.on('headers', function (headers) {
  headers.push(`X-Clients: ${this.clients.size}`);
});
// Events of the program's own.
socket.on('room:joined', (room, members) => console.log(room, members));
socket.emit('room:joined', 'general', 3);
wss.emit('connection', socket, new IncomingMessage(new Socket()));
const emitter: EventEmitter = socket;
once(emitter, 'open')
  .then(() => once(socket, 'message'))
  .then(([received]) => console.log(received));
for (const name of ['ping', 'pong'] as const) socket.on(name, (received) => console.log(received.length));
for (const name of ['close', 'listening'] as const) wss.on(name, () => console.log(name));

// Promises, more or fewer arguments than the library gives, and parameters that take more than comes.
await new Promise((resolve, reject) => {
  socket.once('open', resolve);
  socket.once('error', reject);
});
await new Promise((resolve) => wss.on('listening', resolve));
byHand.on('connection', (client: WebSocket, request: IncomingMessage, user: string) => {
  console.log(client.url, request.url, user);
});
byHand.emit('connection', socket, new IncomingMessage(new Socket()), 'ada');
socket.emit('close');
socket.emit('message', 'hello');
socket.on('message', (received: Buffer | string) => console.log(received.length));
socket.on('message', (received: Uint8Array) => console.log(received.byteLength));
socket.on('close', (code: number, reason: Buffer | string) => console.log(code, String(reason)));

// What an event holds is `Data`.
socket.addEventListener('message', (event) => console.log(event.data.toString(), event.target.url));
socket.onmessage = ({ data: held }) => {
  const kept: WebSocket.Data = held;
  if (typeof held === 'string') JSON.parse(held);
  else if (held instanceof ArrayBuffer) console.log(held.byteLength);
  else if (Array.isArray(held)) console.log(Buffer.concat(held).length);
  else console.log(held.readUInt8(0), kept);
};
const sizeOf = (received: WebSocket.RawData): number => {
  if (Array.isArray(received)) return received.reduce((sum, part) => sum + part.length, 0);
  return received instanceof ArrayBuffer ? received.byteLength : received.length;
};
socket.on('message', (received) => console.log(sizeOf(received)));

// A field of the program's own on every socket.
declare module 'ws' {
  interface WebSocket {
    lastSeen: number;
  }
}
wss.on('connection', (client: NamedWebSocket) => {
  client.lastSeen = Date.now();
  client.on('pong', () => {
    client.lastSeen = Date.now();
  });
});

class MyRequest extends IncomingMessage {
  user = 'ada';
}
class Talker extends WebSocket {
  greet(): void {
    this.send('hello');
  }
  override send(data: Parameters<WebSocket['send']>[0], ...rest: unknown[]): void {
    console.log(data, rest.length);
  }
  // biome-ignore lint/suspicious/noExplicitAny: as subclasses of emitters are written
  override on(event: string | symbol, listener: (...args: any[]) => void): this {
    return super.on(event, listener);
  }
}
const withBoth = new WebSocketServer<typeof Talker, typeof MyRequest>({ noServer: true, WebSocket: Talker });
withBoth.on('connection', (client, request) => {
  client.greet();
  console.log(request.user);
});

const requestArgs: ClientRequestArgs = { timeout: 5000, agent: false, auth: 'user:password', family: 4 };
new WebSocket('ws://example.com', requestArgs).on('error', console.error);
new WebSocket('ws://example.com', { timeout: 5000, minVersion: 'TLSv1.2' }).terminate();
const pending = new Promise<WebSocket>((resolve, reject) => {
  const opening = new WebSocket('ws://example.com', undefined, { agent: undefined });
  opening.once('open', () => resolve(opening)).once('error', reject);
});
pending.then((opened) => opened.send(new DataView(new ArrayBuffer(2)), { binary: undefined }, () => {}));
const broadcastTo = (clients: Iterable<WebSocket>, message: WebSocket.Data): void => {
  for (const client of clients) if (client.readyState === client.OPEN) client.send(message);
};
broadcastTo(wss.clients, 'all');
[...wss.clients].filter((client) => client !== socket).forEach((client) => void client.close());
setInterval(() => wss.clients.forEach((client) => void client.ping()), 30_000);

// ---- Streams ------------------------------------------------------------------------------------------------------

const stream: Duplex = createWebSocketStream(socket, { encoding: 'utf8', allowHalfOpen: false });
stream.pipe(process.stdout);
createWebSocketStream(second).end();
