import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as ws from 'ws';
import { WebSocketStream, type WebSocketStreamOptions } from '../../src/api/websocket-stream.ts';
import { fill } from '../support/arbitraries.ts';
import { binary, clientFrame, close, closed, echoed, inShort, RawPeer, text } from '../support/raw-peer.ts';
import { nextTurn, SERVER_KINDS, startServer, watchProcess } from '../support/servers.ts';

describe.each(SERVER_KINDS)('WebSocketStream.from a socket on %s', (kind) => {
  async function open() {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server, { 'Sec-WebSocket-Protocol': undefined });
    const stream = WebSocketStream.from(server.connections[0]!);
    return { peer, socket: server.connections[0]!, stream, ...(await stream.opened) };
  }

  it('chunks are messages, both ways; the peer’s close ends reading', async () => {
    const { peer, stream, readable, writable, extensions, protocol } = await open();
    expect([stream.url, extensions, protocol]).toEqual([undefined, '', '']);
    peer.send(text('Grüße'), binary([1, 2]), close(3001, 'bye'));
    const read: unknown[] = [];
    const writer = writable.getWriter();
    await writer.write('text');
    await writer.write(Uint8Array.of(1));
    await writer.write(Uint8Array.of(2).buffer);
    for await (const chunk of readable) read.push(chunk);
    expect(read).toEqual(['Grüße', Uint8Array.of(1, 2)]);
    expect(await stream.closed).toEqual({ closeCode: 3001, reason: 'bye' });
    await expect(writer.closed).rejects.toThrow('nothing can be written any more');
    expect(await peer.framesUntilEnd()).toEqual([
      echoed('text'),
      inShort(0x82, [1]),
      inShort(0x82, [2]),
      closed(3001, 'bye'),
    ]);
  });

  it('a stream that is not read holds the peer back; nothing is lost', async () => {
    const { peer, socket, readable } = await open();
    const count = 3000;
    for (let i = 0; i < count; i++) peer.send(binary(fill(1000, i)));
    peer.send(close(1000));
    while (!socket.isPaused) await nextTurn();
    let read = 0;
    for await (const chunk of readable) {
      expect(Buffer.compare(chunk as Uint8Array, fill(1000, read))).toBe(0);
      read++;
    }
    expect(read).toBe(count);
  });

  it('writing to a peer that does not read: the writer is not ready until it does', async () => {
    const { peer, writable } = await open();
    peer.socket.pause();
    const writer = writable.getWriter();
    const payload = Buffer.alloc(16_000_000);
    const writing = writer.write(payload);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(writer.desiredSize).toBeLessThanOrEqual(0);
    peer.socket.resume();
    expect((await peer.payload()).length).toBe(payload.length);
    await writing;
  });

  it('close() with code and reason; a reason alone goes with 1000', async () => {
    const { peer, stream } = await open();
    expect(() => stream.close({ closeCode: 1005 })).toThrow(TypeError);
    stream.close({ reason: 'done' });
    expect(await peer.frame()).toBe(closed(1000, 'done'));
    peer.send(close(1000, 'done'));
    expect(await stream.closed).toEqual({ closeCode: 1000, reason: 'done' });
  });

  it('closing the writable closes the connection, without a code, behind what was written', async () => {
    const { peer, stream, writable } = await open();
    const writer = writable.getWriter();
    writer.write('last');
    const writerClosed = writer.close();
    expect(await peer.frames(2)).toEqual([echoed('last'), '88']);
    peer.send(close());
    await writerClosed;
    expect(await stream.closed).toEqual({ closeCode: 1005, reason: '' });
  });

  it.each<[string, unknown, string]>([
    [
      'an error that names a code',
      Object.assign(new Error('x'), { closeCode: 3999, reason: 'why' }),
      closed(3999, 'why'),
    ],
    ['anything else', new Error('x'), '88'],
    ['nothing', undefined, '88'],
  ])('aborting and cancelling with %s', async (_name, reason, expected) => {
    const first = await open();
    await first.writable.abort(reason);
    expect(await first.peer.frame()).toBe(expected);
    const second = await open();
    await second.readable.cancel(reason);
    expect(await second.peer.frame()).toBe(expected);
  });

  it('a violation rejects closed, and is thrown at the reader behind what came before', async () => {
    const watch = watchProcess();
    const { peer, stream, readable, writable } = await open();
    peer.send(text('good'), clientFrame(3));
    const reader = readable.getReader();
    expect((await reader.read()).value).toBe('good');
    await expect(reader.read()).rejects.toMatchObject({ code: 'WS_ERR_INVALID_OPCODE' });
    expect(await peer.framesUntilEnd()).toEqual([closed(1002)]);
    await expect(stream.closed).rejects.toMatchObject({ code: 'WS_ERR_INVALID_OPCODE' });
    await expect(writable.getWriter().closed).rejects.toMatchObject({ code: 'WS_ERR_INVALID_OPCODE' });
    expect(watch.uncaught).toEqual([]);
  });

  it('§7.1.5 a lost connection rejects closed; nobody has to listen', async () => {
    const watch = watchProcess();
    const { peer, socket, stream } = await open();
    const end = once(socket, 'close');
    peer.socket.destroy();
    await end;
    await nextTurn();
    expect(watch.uncaught).toEqual([]);
    await expect(stream.closed).rejects.toMatchObject({ code: 'WS_ERR_ABNORMAL_CLOSURE', closeCode: 1006 });
  });

  it('a socket that is closed gives a stream that is', async () => {
    const { peer, socket } = await open();
    peer.send(close(1000));
    await once(socket, 'close');
    const stream = WebSocketStream.from(socket);
    await expect(stream.opened).rejects.toThrow('The connection is closed');
    await expect(stream.closed).rejects.toThrow('The connection is closed');
  });
});

describe('new WebSocketStream', () => {
  async function connect(serverOptions: ws.ServerOptions = {}, options: WebSocketStreamOptions = {}) {
    const server = new ws.WebSocketServer({ port: 0, host: '127.0.0.1', ...serverOptions });
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/path`;
    return { server, url, stream: new WebSocketStream(url, options) };
  }

  it('opens, talks and closes; url and protocol are there', async () => {
    const { server, stream, url } = await connect({}, { protocols: ['chat'] });
    server.on('connection', (peer) => peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary })));
    const { readable, writable, protocol } = await stream.opened;
    expect([stream.url, protocol]).toEqual([url, 'chat']);
    const writer = writable.getWriter();
    const reader = readable.getReader();
    await writer.write('Hello');
    expect(await reader.read()).toEqual({ done: false, value: 'Hello' });
    stream.close({ closeCode: 1000, reason: 'ok' });
    expect(await stream.closed).toEqual({ closeCode: 1000, reason: 'ok' });
    expect((await reader.read()).done).toBe(true);
  });

  it('messages that come with the handshake are not lost', async () => {
    const { server, stream } = await connect();
    server.on('connection', (peer) => {
      peer.send('first');
      peer.close();
    });
    const { readable } = await stream.opened;
    await nextTurn();
    const read: unknown[] = [];
    for await (const chunk of readable) read.push(chunk);
    expect(read).toEqual(['first']);
  });

  it('a handshake that is refused rejects both promises', async () => {
    const watch = watchProcess();
    const { stream } = await connect({ verifyClient: () => false });
    await expect(stream.opened).rejects.toThrow('401');
    await expect(stream.closed).rejects.toThrow('401');
    expect(watch.uncaught).toEqual([]);
  });

  it('a signal aborts the handshake, before and during it, and does nothing once open', async () => {
    const reason = new Error('changed my mind');
    const before = await connect({}, { signal: AbortSignal.abort(reason) });
    await expect(before.stream.opened).rejects.toBe(reason);
    await expect(before.stream.closed).rejects.toBe(reason);
    before.stream.close();

    const controller = new AbortController();
    const during = await connect({}, { signal: controller.signal });
    controller.abort(reason);
    await expect(during.stream.opened).rejects.toBe(reason);
    await expect(during.stream.closed).rejects.toBe(reason);

    const late = new AbortController();
    const open = await connect({}, { signal: late.signal });
    await open.stream.opened;
    late.abort();
    open.stream.close({ closeCode: 1000 });
    expect(await open.stream.closed).toEqual({ closeCode: 1000, reason: '' });
  });

  it('a bad address is a SyntaxError', () => {
    expect(() => new WebSocketStream('ftp://x')).toThrow(SyntaxError);
  });
});
