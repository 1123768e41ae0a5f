/**
 * `createWebSocketStream` beside ws's own: the same script on a stream over our sockets with our function, and over ws's
 * sockets with theirs, at the server's end and at the client's. The log of the stream's events has to be the same.
 */

import { on, once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex, DuplexOptions } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as ws from 'ws';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { createWebSocketStream } from '../../src/socket/stream.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { fill } from '../support/arbitraries.ts';
import { deferred } from '../support/clients.ts';
import { binary, close, RawPeer, text } from '../support/raw-peer.ts';
import { startRawServer } from '../support/raw-server.ts';
import { eventOf, nextTurn, startServer } from '../support/servers.ts';

type Options = DuplexOptions;

/** Two open sockets, one of which is under test; the peer is always ws's. */
interface Link {
  readonly stream: Duplex;
  /** The socket that the stream is on. */
  readonly socket: ws.WebSocket;
  readonly peer: ws.WebSocket;
}

const OURS = {
  Server: WebSocketServer as unknown as typeof ws.WebSocketServer,
  Client: WebSocket as unknown as typeof ws.WebSocket,
  createStream: createWebSocketStream as unknown as typeof ws.createWebSocketStream,
};
const THEIRS = { Server: ws.WebSocketServer, Client: ws.WebSocket, createStream: ws.createWebSocketStream };
const SIDES = ['server', 'client'] as const;
type Kit = typeof THEIRS;

async function link(kit: Kit, side: 'server' | 'client', options: Options = {}): Promise<Link> {
  const Server = side === 'server' ? kit.Server : ws.WebSocketServer;
  const Client = side === 'client' ? kit.Client : ws.WebSocket;
  const server = new Server({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const connection = once(server, 'connection');
  const client = new Client(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => client.terminate());
  // Made before it is open: writing has to wait.
  const early = side === 'client' ? kit.createStream(client, options) : undefined;
  const opened = once(client, 'open');
  const [accepted] = (await connection) as [ws.WebSocket];
  onTestFinished(() => accepted.terminate());
  await opened;
  return side === 'server'
    ? { stream: kit.createStream(accepted, options), socket: accepted, peer: client }
    : { stream: early!, socket: client, peer: accepted };
}

/** Notes a stream's events by name; errors with code or message. */
function logOf(stream: Duplex): string[] {
  const log: string[] = [];
  for (const name of ['end', 'finish', 'close']) stream.on(name, () => log.push(name));
  stream.on('error', (error: Error & { code?: string }) => log.push(`error ${error.code ?? error.message}`));
  return log;
}

interface Script {
  readonly options?: Options;
  run(link: Link, log: string[]): Promise<void>;
}

const SCRIPTS: Record<string, Script> = {
  'echo by pipe, then the peer closes': {
    async run({ stream, peer }, log) {
      stream.pipe(stream);
      peer.send(Buffer.from('binary'));
      peer.send('text');
      for await (const [data, isBinary] of on(peer, 'message')) {
        if (log.push(`echo ${data} ${isBinary}`) === 2) break;
      }
      peer.close(1000);
      await once(stream, 'close');
    },
  },
  'readableObjectMode gives text as strings, decodeStrings: false sends strings as text': {
    options: { readableObjectMode: true, decodeStrings: false },
    async run({ stream, peer }, log) {
      stream.on('data', (data) => log.push(typeof data === 'string' ? `string ${data}` : `buffer ${data}`));
      peer.send('ü');
      peer.send(Buffer.from('b'));
      stream.write('text');
      const [data, isBinary] = await eventOf(peer, 'message');
      log.push(`sent ${data} ${isBinary}`);
      peer.close();
      stream.end();
      await once(stream, 'close');
    },
  },
  'end() closes the connection; the peer sees 1005': {
    async run({ stream, peer }, log) {
      stream.resume();
      const closed = eventOf(peer, 'close');
      stream.end('last');
      log.push(`peer got ${(await eventOf(peer, 'message'))[0]}`);
      if (!stream.closed) await once(stream, 'close');
      log.push(`peer closed ${(await closed)[0]}`);
    },
  },
  'destroy() cuts the connection; the peer sees 1006': {
    async run({ stream, peer }, log) {
      const closed = eventOf(peer, 'close');
      stream.destroy();
      await once(stream, 'close');
      log.push(`peer closed ${(await closed)[0]}`);
    },
  },
  'destroy(error) gives the error, once': {
    async run({ stream, peer }) {
      const closed = eventOf(peer, 'close');
      stream.destroy(new Error('mine'));
      await eventOf(stream, 'close');
      await closed;
    },
  },
  'a violation by the peer destroys the stream with its error, and the peer hears why': {
    async run({ stream, peer }, log) {
      const closed = eventOf(peer, 'close');
      (peer as unknown as { _socket: Duplex })._socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
      if (!stream.closed) await eventOf(stream, 'close');
      log.push(`peer closed ${(await closed)[0]}`);
    },
  },
  'a lost connection ends the stream': {
    async run({ stream, peer }) {
      stream.resume();
      const end = eventOf(stream, 'end');
      peer.terminate();
      await end;
      await nextTurn();
    },
  },
  'writing after the connection has begun to close is an error': {
    async run({ stream, socket, peer }) {
      const closed = eventOf(peer, 'close');
      socket.close();
      stream.write('too late');
      await eventOf(stream, 'close');
      await closed;
    },
  },
  'a slow reader pauses the socket, and everything arrives in order': {
    options: { readableHighWaterMark: 4096 },
    async run({ stream, socket, peer }, log) {
      const sent = Array.from({ length: 300 }, (_, i) => Buffer.from(fill(2000, i)));
      for (const data of sent) peer.send(data);
      peer.close(1000);
      await once(stream, 'readable');
      while (!socket.isPaused) await nextTurn();
      log.push(`holding back ${stream.readableLength < 100_000}`);
      const parts: Buffer[] = [];
      for await (const part of stream) {
        parts.push(part as Buffer);
        if (parts.length % 50 === 0) await nextTurn();
      }
      log.push(`equal ${Buffer.concat(parts).equals(Buffer.concat(sent))}`);
    },
  },
  'pipeline through the stream and back': {
    async run({ stream, peer }, log) {
      const received: Buffer[] = [];
      peer.on('message', (data) => {
        received.push(data as Buffer);
        if (Buffer.concat(received).length === 100_000) peer.close();
      });
      const data = Buffer.from(fill(100_000, 3));
      await pipeline(
        async function* () {
          for (let at = 0; at < data.length; at += 10_000) yield data.subarray(at, at + 10_000);
        },
        stream,
        async (source: AsyncIterable<unknown>) => {
          for await (const _ of source) log.push('unexpected data');
        },
      );
      log.push(`equal ${Buffer.concat(received).equals(data)}`);
    },
  },
};

describe.each(SIDES)('createWebSocketStream at the %s', (side) => {
  it.each(Object.keys(SCRIPTS))('%s: as ws', async (name) => {
    const { run, options } = SCRIPTS[name]!;
    const logs: string[][] = [];
    for (const kit of [OURS, THEIRS]) {
      const connected = await link(kit, side, options);
      const log = logOf(connected.stream);
      await run(connected, log);
      logs.push(log);
    }
    expect(logs[0]).toEqual(logs[1]);
    expect(logs[0]!.length).toBeGreaterThan(0);
  });

  it('a connection reset while closing: finished all the same, where ws’s stream never finishes', async () => {
    const { stream, peer } = await link(OURS, side);
    stream.resume();
    // The peer takes the Close frame for nothing and goes.
    (peer as unknown as { _socket: Duplex })._socket.pause();
    stream.end();
    const closed = eventOf(stream, 'close');
    await nextTurn();
    (peer as unknown as { _socket: Socket })._socket.resetAndDestroy();
    await closed;
    expect(stream.writableFinished).toBe(true);
    expect(stream.errored).toBeNull();
  });
});

describe('createWebSocketStream before the connection is open', () => {
  it.each([
    ['ours', OURS],
    ['ws', THEIRS],
  ])('%s: what is written waits for it', async (_name, kit) => {
    const server = new ws.WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const received = new Promise<string[]>((resolve) => {
      const messages: string[] = [];
      server.on('connection', (peer) => {
        peer.on('message', (data) => messages.push(String(data)));
        peer.on('close', () => resolve(messages));
      });
    });
    const client = new kit.Client(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = kit.createStream(client);
    stream.resume();
    stream.write('early');
    stream.end('end');
    await once(stream, 'close');
    expect(await received).toEqual(['early', 'end']);
  });

  it.each([
    ['ours', OURS],
    ['ws', THEIRS],
  ])('%s: a handshake that fails destroys the stream with its error', async (_name, kit) => {
    const server = new ws.WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: () => false });
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const client = new kit.Client(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = kit.createStream(client);
    const log = logOf(stream);
    stream.write('never');
    await eventOf(stream, 'close');
    expect(log).toEqual(['error Unexpected server response: 401', 'close']);
  });
});

it.each([
  ['closed', close(1000)],
  ['lost', Buffer.alloc(0)],
])('on a socket that was %s while its handler awaited: what was kept, then the end, and close', async (_how, last) => {
  const { promise, resolve: goOn } = deferred();
  const streams: Duplex[] = [];
  const server = await startServer('node:net', {}, async (socket) => {
    await promise;
    streams.push(createWebSocketStream(socket, { readableObjectMode: true }));
  });
  const peer = await RawPeer.open(server);
  const end = eventOf(server.connections[0]!, 'close');
  peer.send(text('a'), binary([98]), last);
  peer.socket.end();
  await end;
  goOn();
  await nextTurn();
  const [stream] = streams;
  const log = logOf(stream!);
  stream!.on('data', (data) => log.push(data));
  await eventOf(stream!, 'end');
  stream!.end();
  await eventOf(stream!, 'close');
  expect(log).toEqual(['a', Buffer.from('b'), 'end', 'finish', 'close']);
});

it('a stream of a socket whose handshake has failed before ends', async () => {
  const { url } = await startRawServer(() => 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  const socket = new WebSocket(url());
  socket.on('error', () => {});
  await eventOf(socket, 'close');
  const stream = createWebSocketStream(socket);
  stream.resume().end();
  await eventOf(stream, 'close');
  expect(stream.readableEnded).toBe(true);
});

describe('§7.1.2 the peer’s Close frame behind end()', () => {
  async function open(options: Options = {}) {
    const server = await startServer('node:net');
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    return { peer, socket: socket!, stream: createWebSocketStream(socket!, options), end: eventOf(socket!, 'close') };
  }

  it.each(['end', 'close'])(
    '%s() on a stream that is not read: the answer is seen, what came before it is kept',
    async (how) => {
      const { peer, socket, stream, end } = await open();
      for (let i = 0; i < 100; i++) peer.send(binary(fill(1000, i)));
      while (!socket.isPaused) await nextTurn();
      if (how === 'end') stream.end();
      else socket.close();
      peer.send(close(3000));
      expect((await end)[0]).toBe(3000);
      const read: Buffer[] = [];
      for await (const chunk of stream) read.push(chunk);
      expect(Buffer.concat(read)).toEqual(Buffer.concat(Array.from({ length: 100 }, (_, i) => fill(1000, i))));
    },
  );

  it.each([
    ['bytes', 60_000, 100, {}],
    ['messages', 0, 3000, { readableObjectMode: true }],
  ])(
    'a stream that is not read, too much in %s: it is dropped, and the stream closes',
    async (_what, lengthBytes, count, options) => {
      const { peer, stream, end } = await open(options);
      stream.end();
      for (let i = 0; i < count; i++) peer.send(text('x'.repeat(lengthBytes)));
      peer.send(close(1000));
      expect((await end)[0]).toBe(1000);
      if (!stream.closed) await eventOf(stream, 'close');
      expect(stream.readableLength).toBe(0);
    },
  );

  it('a reader that lags holds the peer back, and loses nothing', async () => {
    const { peer, socket, stream, end } = await open();
    let received = 0;
    stream.on('data', ({ length }) => {
      received += length;
    });
    stream.pause();
    stream.end();
    for (let i = 0; i < 100; i++) peer.send(binary(Buffer.alloc(60_000)));
    peer.send(close(1000));
    while (!socket.isPaused) await nextTurn();
    expect(stream.readableLength).toBeLessThan(1_300_000);
    stream.resume();
    expect((await end)[0]).toBe(1000);
    if (!stream.closed) await eventOf(stream, 'close');
    expect(received).toBe(6_000_000);
  });
});

describe('a stream whose listeners the application has removed', () => {
  it('is destroyed when both sides are done', async () => {
    const { stream, peer } = await link(OURS, 'client');
    stream.removeAllListeners().resume().end('last');
    const [data] = await eventOf(peer, 'message');
    expect(String(data)).toBe('last');
    await eventOf(stream, 'close');
    expect(stream.destroyed).toBe(true);
  });

  it('is destroyed when one side fails', async () => {
    const { stream, socket } = await link(OURS, 'client');
    stream.removeAllListeners();
    const log = logOf(stream);
    socket.close();
    stream.write('too late');
    await eventOf(stream, 'close');
    expect(log).toEqual(['error WebSocket is not open: readyState 2 (CLOSING)', 'close']);
  });
});

describe('destroyed while CONNECTING', () => {
  /** A client whose server never answers. */
  async function connecting(): Promise<WebSocket> {
    const { url } = await startRawServer(() => undefined);
    return new WebSocket(url());
  }

  it('with an error: that error, and then close', async () => {
    const mine = new Error('mine');
    const stream = createWebSocketStream(await connecting());
    const log = logOf(stream);
    stream.destroy(mine);
    await eventOf(stream, 'close');
    expect(log).toEqual(['error mine', 'close']);
    expect(stream.errored).toBe(mine);
  });

  it('without one: what became of the handshake', async () => {
    const stream = createWebSocketStream(await connecting());
    const log = logOf(stream);
    stream.destroy();
    await eventOf(stream, 'close');
    expect(log).toEqual(['error WebSocket was closed before the connection was established', 'close']);
  });

  it('what was written before it is open leaves when it is, and messages kept for it come', async () => {
    const server = await startServer('node:net', {}, (socket) => {
      socket.send('welcome');
      socket.on('message', (data) => socket.send(`heard ${data}`));
    });
    const stream = createWebSocketStream(new WebSocket(server.url()));
    stream.write('early');
    const read: string[] = [];
    for await (const chunk of stream) {
      if (read.push(String(chunk)) === 2) break;
    }
    expect(read).toEqual(['welcome', 'heard early']);
  });
});

it('an `emit` that a program has put over Node’s decides on what the stream hears', async () => {
  class Deaf extends WebSocket {
    // biome-ignore lint/suspicious/noExplicitAny: as `emit` of any emitter
    override emit(name: any, ...args: any[]): boolean {
      return String(args[0]) === 'secret' || super.emit.apply(this, [name, ...args] as never);
    }
  }
  const server = await startServer('node:net', {}, (socket) => {
    for (const payload of ['secret', 'open']) socket.send(payload);
  });
  const stream = createWebSocketStream(new Deaf(server.url()));
  expect(String((await once(stream, 'data'))[0])).toBe('open');
  stream.destroy();
});
