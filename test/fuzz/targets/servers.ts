/**
 * Both servers over sockets in memory: a client that says any bytes, in any chunks, and then goes. It is answered the same
 * however its bytes are cut, nothing is thrown, and nothing of it is left.
 */

import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { deflateRawSync } from 'node:zlib';
import { listen } from '../../../src/server/net-server.ts';
import { WebSocketServer } from '../../../src/server/websocket-server.ts';
import type { WebSocket } from '../../../src/socket/websocket.ts';
import { applyCuts } from '../../support/arbitraries.ts';
import { clientFrame, close, upgradeRequest } from '../../support/raw-peer.ts';
import { concat } from '../../support/wire.ts';
import type { FuzzTarget } from '../target.ts';
import { asLatin1, bytesTarget, cutsOf, expectSame, fromLatin1, showText } from './support.ts';

/** The server's end of a connection. */
class MemorySocket extends Duplex {
  readonly written: Buffer[] = [];
  /** Whether node:http has answered something itself: how it does is its own affair, also how the bytes are cut. */
  isOfHttp = false;
  readonly remoteAddress = '127.0.0.1';

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(Buffer.from(chunk));
    done();
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }
}

interface MemoryServer {
  connect(socket: MemorySocket): void;
  readonly clients: ReadonlySet<unknown>;
}

const OPTIONS = { perMessageDeflate: true, limits: { maxMessageBytes: 2000 } };

function echo(socket: WebSocket): void {
  socket.on('error', () => {}).on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
}

/** Made for the first input, and kept: they listen, and nobody connects to them. */
const SERVERS = {
  'node:net': lazily(async (): Promise<MemoryServer> => {
    const onRequest = ({ url }: { url: string }) => ({ status: 200, body: url });
    const server = await listen({ host: '127.0.0.1', onRequest, ...OPTIONS }, echo);
    server.server.unref();
    return { connect: (socket) => server.server.emit('connection', socket), clients: server.clients };
  }),
  'node:http': lazily(async (): Promise<MemoryServer> => {
    const http = createServer((request, response) => {
      (request.socket as Duplex as MemorySocket).isOfHttp = true;
      response.end(request.url);
    });
    http.on('clientError', (_, socket) => {
      (socket as MemorySocket).isOfHttp = true;
      socket.destroy();
    });
    const server = new WebSocketServer({ server: http, ...OPTIONS });
    server.on('connection', echo);
    return { connect: (socket) => http.emit('connection', socket), clients: server.clients };
  }),
};
type ServerKind = keyof typeof SERVERS;

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** How many turns of the event loop nothing comes in, before it is taken that nothing will. */
const QUIET_TURNS = 8;

async function untilQuiet(socket: MemorySocket): Promise<void> {
  let last = socket.written.length;
  for (let turns = 0; turns < QUIET_TURNS && !socket.destroyed; turns++) {
    await setImmediate();
    if (socket.written.length > last) turns = 0;
    last = socket.written.length;
  }
}

/** What a server answers to these chunks, by the time that the client is gone; undefined when it was not the server. */
async function talk(kind: ServerKind, chunks: readonly Uint8Array[]): Promise<string | undefined> {
  const server = await SERVERS[kind]();
  const before = server.clients.size;
  const socket = new MemorySocket();
  const closed = new Promise((resolve) => socket.on('error', () => {}).on('close', resolve));
  server.connect(socket);
  for (const chunk of chunks) {
    if (socket.destroyed) break;
    socket.push(Buffer.from(chunk));
    await setImmediate();
  }
  await untilQuiet(socket);
  if (!socket.destroyed) socket.push(null);
  await untilQuiet(socket);
  socket.destroy();
  await closed;
  await setImmediate();
  expectSame(server.clients.size, before, 'clients');
  return socket.isOfHttp ? undefined : asLatin1(Buffer.concat(socket.written));
}

const frames = concat(
  clientFrame(1, 'hello'),
  clientFrame(9, 'p'),
  clientFrame(2, [1, 2], { fin: false }),
  clientFrame(0, [3]),
  close(1001, 'bye'),
);
const hello = new Uint8Array(deflateRawSync('hello hello hello', { finishFlush: 2 })).slice(0, -4);
const compressed = concat(clientFrame(1, hello, { rsv: 4 }), clientFrame(1, hello, { rsv: 4 }), close());
const SEEDS: readonly (readonly [head: string, rest: Uint8Array])[] = [
  [upgradeRequest(), frames],
  [upgradeRequest({ 'Sec-WebSocket-Extensions': 'permessage-deflate' }), compressed],
  [`GET /a HTTP/1.1\r\nHost: a\r\n\r\n${upgradeRequest()}`, frames],
  [upgradeRequest({ 'Sec-WebSocket-Version': '12' }), new Uint8Array(0)],
  ['HEAD / HTTP/1.0\r\n\r\n', new Uint8Array(0)],
  [upgradeRequest(), concat(clientFrame(1, [0xff, 0xfe]), clientFrame(3))],
];

function serverTarget(kind: ServerKind): FuzzTarget {
  return bytesTarget({
    name: `server-${kind.replace(':', '-')}`,
    title: `§4.2 a server on ${kind} answers any bytes the same way however they are cut, and forgets who goes`,
    seeds: SEEDS.map(([head, rest], i) => Uint8Array.of(i, ...fromLatin1(head), ...rest)),
    show: (input) => `${JSON.stringify(cutsOf(input[0] ?? 0))} ${showText(input.subarray(1))}`,
    async run([cut = 0, ...rest]) {
      const bytes = Uint8Array.from(rest);
      const whole = await talk(kind, [bytes]);
      // Byte by byte, long inputs take long.
      const cuts = cut === 1 && bytes.length > 300 ? 2 : cut;
      expectSame(await talk(kind, applyCuts(bytes, cutsOf(cuts))), whole, 'cut');
    },
  });
}

export const SERVER_TARGETS: readonly FuzzTarget[] = [serverTarget('node:net'), serverTarget('node:http')];
