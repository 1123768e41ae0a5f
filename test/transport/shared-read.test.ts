/** One read buffer for all sockets: where it is used, where not, and that nobody can tell the difference. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { connect, createServer, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import type { WebSocket } from '../../src/socket/websocket.ts';
import { findOnReadNames, forgetReader, readShared } from '../../src/transport/shared-read.ts';
import { binary, close, RawPeer, text } from '../support/raw-peer.ts';
import { echo, eventOf, SERVER_KINDS, startServer, testCertificate, unixSocketPath } from '../support/servers.ts';
import { frame } from '../support/wire.ts';

const reader = { isTransient: false, isReadingPaused: false, pool: undefined, receive() {} };

/** A socket that has been accepted. */
async function acceptedSocket(options: { pauseOnConnect?: boolean } = {}): Promise<Socket> {
  const server = createServer(options).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const peer = connect(port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  return socket;
}

/** Whether this socket of a server reads into the shared buffer. */
const isShared = (socket: WebSocket) =>
  Object.getOwnPropertySymbols(socket._socket!).some((name) => name.description === 'framewright reader');

describe('where Node keeps what `onread` was given', () => {
  it('is found in this Node', () => {
    const found = findOnReadNames(Socket as never);
    expect(found).toBeDefined();
    const buffer = Buffer.alloc(1);
    const socket = new Socket({ onread: { buffer, callback: () => true } } as never) as unknown as Record<
      symbol,
      unknown
    >;
    expect(socket[found!.buffer]).toBe(buffer);
  });

  it.each<[string, new (options: object) => object]>([
    ['a socket that keeps nothing', class {}],
    [
      'one that keeps it under names',
      class {
        readonly onread: unknown;
        constructor(options: { onread?: unknown }) {
          this.onread = options.onread;
        }
      },
    ],
  ])('is not found in %s', (_what, SocketClass) => {
    expect(findOnReadNames(SocketClass)).toBeUndefined();
  });
});

describe('readShared', () => {
  it('takes an accepted socket, once', async () => {
    const socket = await acceptedSocket();
    expect(readShared(socket, reader)).toBe(true);
    expect(readShared(socket, reader)).toBe(false);
  });

  it.each<[string, () => Duplex]>([
    ['a stream that is no socket', () => new Duplex()],
    ['a socket without a connection', () => new Socket()],
    ['a subclass', () => new (class extends Socket {})()],
    [
      'a socket that was made with `onread`',
      () => connect({ port: 1, onread: { buffer: Buffer.alloc(9), callback: () => true } }),
    ],
  ])('leaves %s alone', (_what, make) => {
    const stream = make().on('error', () => {});
    expect(readShared(stream, reader)).toBe(false);
    stream.destroy();
  });

  it('leaves a socket alone whose handle cannot do it', async () => {
    const socket = await acceptedSocket();
    Object.defineProperty((socket as unknown as { _handle: object })._handle, 'useUserBuffer', { value: undefined });
    expect(readShared(socket, reader)).toBe(false);
  });
});

describe.each(SERVER_KINDS)('connections of %s', (kind) => {
  it('share it on TCP', async () => {
    const server = await startServer(kind, {}, echo);
    const peer = await RawPeer.open(server);
    peer.send(text('one'));
    expect(await peer.frame()).toBe('81 6f 6e 65');
    expect(isShared(server.connections[0]!)).toBe(true);
  });

  it('share it on a unix socket', async () => {
    const server = await startServer(kind, { socketPath: await unixSocketPath() }, echo);
    const peer = await RawPeer.open(server);
    peer.send(text('one'));
    expect(await peer.frame()).toBe('81 6f 6e 65');
    expect(isShared(server.connections[0]!)).toBe(true);
  });

  it.each([
    ['with TLS', async () => ({ tls: await testCertificate() })],
    ['when told not to', async () => ({ http: { sharesReadBuffer: false }, net: { sharesReadBuffer: false } })],
  ])('do not %s', async (_what, setup) => {
    const server = await startServer(kind, await setup(), echo);
    const peer = await RawPeer.open(server);
    peer.send(text('one'));
    expect(await peer.frame()).toBe('81 6f 6e 65');
    expect(isShared(server.connections[0]!)).toBe(false);
  });

  it.each([
    ['small, one chunk', 200, 20],
    ['in chunks longer than are pooled', 1000, 100],
    ['longer than the read buffer', 100_000, 5],
  ])('messages that are kept stay as they were: %s', async (_what, lengthBytes, count) => {
    const kept: Buffer[] = [];
    const server = await startServer(kind, {}, (socket) => {
      socket.on('message', (data) => {
        kept.push(data as Buffer);
        if (kept.length % count === 0) socket.send('all');
      });
    });
    const peer = await RawPeer.open(server);
    const messageOf = (i: number) => Buffer.alloc(lengthBytes, i % 251);
    for (let round = 0; round < 3; round++) {
      const numbers = Array.from({ length: count }, (_, i) => round * count + i);
      peer.send(...numbers.map((i) => binary(messageOf(i))));
      expect(await peer.frame()).toBe('81 61 6c 6c');
    }
    expect(kept.length).toBe(3 * count);
    expect(kept.findIndex((message, i) => !message.equals(messageOf(i)))).toBe(-1);
  });

  it('what a paused connection holds back is not overwritten by what others receive', async () => {
    const received: number[] = [];
    const server = await startServer(kind, {}, (socket) => {
      socket.on('message', (data) => {
        received.push((data as Buffer)[0]!);
        if (received.length === 1) socket.pause();
      });
    });
    const first = await RawPeer.open(server);
    const second = await RawPeer.open(server);
    const count = 60;
    first.send(...Array.from({ length: count }, (_, i) => binary(Buffer.alloc(1000, i))));
    const [paused, other] = server.connections;
    await eventOf(paused!, 'message');
    second.send(...Array.from({ length: count }, () => binary(Buffer.alloc(1000, 255))));
    second.send(close());
    other!.removeAllListeners('message');
    await eventOf(other!, 'close');
    expect(received).toEqual([0]);
    paused!.resume();
    first.send(close());
    await eventOf(paused!, 'close');
    expect(received).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  it('RFC 7692 §7.2.2 a compressed message of a long chunk is inflated off the thread from memory of its own', async () => {
    const received: Buffer[] = [];
    const server = await startServer(
      kind,
      { http: { perMessageDeflate: true }, net: { perMessageDeflate: true } },
      (socket) => {
        socket.on('message', (data) => received.push(data as Buffer));
      },
    );
    const peer = await RawPeer.open(server, {
      'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover',
    });
    const plain = Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * 7919) & 255));
    const noise = Buffer.concat([plain, randomBytes(30_000)]);
    const deflated = deflateRawSync(noise, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    expect(deflated.length).toBeGreaterThan(30_000);
    const message = frame({ opcode: 2, rsv: 4, payload: deflated, key: [1, 2, 3, 4] });
    peer.send(message, message, close());
    await eventOf(server.connections[0]!, 'close');
    expect(received.map((data) => data.equals(noise))).toEqual([true, true]);
  });

  it('who listens for the data of the socket hears it, and what others push into it is received', async () => {
    const received: string[] = [];
    const server = await startServer(kind, {}, (socket) => {
      socket.on('message', (data) => {
        received.push(String(data));
        socket.send('ok');
      });
    });
    const peer = await RawPeer.open(server);
    const socket = server.connections[0]!._socket!;
    const heard = eventOf(socket, 'data');
    peer.send(text('from the peer'));
    expect(await peer.frame()).toBe('81 6f 6b');
    expect((await heard)[0]).toHaveLength(19);
    socket.push(text('from within'));
    expect(await peer.frame()).toBe('81 6f 6b');
    peer.send(text('a'.repeat(20_000)));
    expect(await peer.frame()).toBe('81 6f 6b');
    expect(received).toEqual(['from the peer', 'from within', 'a'.repeat(20_000)]);
  });

  it('the socket still counts bytes, and timeouts that the application sets still run', async () => {
    const server = await startServer(kind, {}, echo);
    const peer = await RawPeer.open(server);
    const socket = server.connections[0]!._socket as Socket;
    const before = socket.bytesRead;
    peer.send(text('one'));
    await peer.frame();
    expect(socket.bytesRead - before).toBe(9);
    socket.setTimeout(20);
    await eventOf(socket, 'timeout');
  });

  it('§7.2.1 a peer that resets: 1006', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    peer.reset();
    const [code] = await eventOf(server.connections[0]!, 'close');
    expect(code).toBe(1006);
  });
});

describe('a node:http server of the application', () => {
  it('goes on counting the connection until it closes, and the request keeps its socket', async () => {
    const http = createHttpServer().listen(0, '127.0.0.1');
    await once(http, 'listening');
    const wss = new WebSocketServer({ server: http });
    const accepted = once(wss, 'connection') as Promise<[WebSocket, IncomingMessage]>;
    const { port } = http.address() as { port: number };
    const peer = await RawPeer.connect({ endpoint: { host: '127.0.0.1', port } });
    peer.send('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n');
    peer.send('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n');
    const [socket, request] = await accepted;
    expect(isShared(socket)).toBe(true);
    expect(request.socket).toBe(socket._socket);
    const countOf = () => new Promise((resolve) => http.getConnections((_error, count) => resolve(count)));
    expect(await countOf()).toBe(1);
    let hasClosed = false;
    http.close(() => {
      hasClosed = true;
    });
    peer.send(text('still here'));
    await eventOf(socket, 'message');
    expect(hasClosed).toBe(false);
    peer.send(close(1000));
    await eventOf(http, 'close');
    expect(await countOf()).toBe(0);
  });
});

it('passes over what comes behind a close that somebody else has emitted', async () => {
  const socket = await acceptedSocket();
  const received: number[] = [];
  const own = { ...reader, receive: (_chunk: unknown, start: number, end: number) => received.push(end - start) };
  expect(readShared(socket, own)).toBe(true);
  socket.on('data', () => {});
  forgetReader(socket);
  const onRead = Object.getOwnPropertySymbols(socket)
    .map((name) => (socket as unknown as Record<symbol, unknown>)[name])
    .find((value) => typeof value === 'function' && value.name === 'onRead') as (lengthBytes: number) => boolean;
  expect(onRead.call(socket, 3)).toBe(true);
  expect(received).toEqual([]);
});
