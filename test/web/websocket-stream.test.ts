import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as ws from 'ws';
import { closeError, WebSocketError } from '../../src/web/web-arguments.ts';
import { WebSocketStream, type WebSocketStreamOptions } from '../../src/web/websocket-stream.ts';
import { fill } from '../support/arbitraries.ts';
import { deferred } from '../support/clients.ts';
import { binary, clientFrame, close, closed, echoed, inShort, RawPeer, text } from '../support/raw-peer.ts';
import { eventOf, nextTurn, SERVER_KINDS, startServer, testCertificate, watchProcess } from '../support/servers.ts';
import { hex } from '../support/wire.ts';

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
    expect(() => stream.close({ closeCode: 1005 })).toThrow(expect.objectContaining({ name: 'InvalidAccessError' }));
    stream.close({ reason: 'done' });
    expect(await peer.frame()).toBe(closed(1000, 'done'));
    peer.send(close(1000, 'done'));
    expect(await stream.closed).toEqual({ closeCode: 1000, reason: 'done' });
  });

  it.each<[string, (stream: WebSocketStream, readable: ReadableStream) => unknown]>([
    ['close()', (stream) => stream.close({ closeCode: 1000 })],
    ['cancelling', (_stream, readable) => readable.cancel(new WebSocketError('', { closeCode: 1000 }))],
  ])('%s does not wait for messages that nobody reads', async (_name, end) => {
    const { peer, socket, stream, readable } = await open();
    for (let i = 0; i < 100; i++) peer.send(binary(fill(100_000, i)));
    while (!socket.isPaused) await nextTurn();
    end(stream, readable);
    expect(await peer.frame()).toBe(closed(1000));
    for (let i = 0; i < 20; i++) peer.send(binary(fill(100_000, i)));
    peer.send(close(1000));
    expect(await stream.closed).toEqual({ closeCode: 1000, reason: '' });
  });

  it('a stream that is not read keeps few large messages', async () => {
    const { peer, socket, readable } = await open();
    for (let i = 0; i < 12; i++) peer.send(binary(fill(1_000_000, i)));
    while (!socket.isPaused) await nextTurn();
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(peer.socket.writableLength).toBeGreaterThan(0);
    let read = 0;
    for await (const chunk of readable) {
      expect(chunk.length).toBe(1_000_000);
      if (++read === 12) break;
    }
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
    ['a WebSocketError', new WebSocketError('x', { closeCode: 3999, reason: 'why' }), closed(3999, 'why')],
    ['one without a code', new WebSocketError('x', { reason: 'why' }), closed(1000, 'why')],
    ['one without either', new WebSocketError('x'), '88'],
    ['the error of a lost connection', closeError('x', 1006, ''), '88'],
    ['another error that names a code', Object.assign(new Error('x'), { closeCode: 3999, reason: 'why' }), '88'],
    ['a DOMException', Object.assign(new DOMException('x', 'DataCloneError'), { closeCode: 3999 }), '88'],
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
    const error = await stream.closed.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WebSocketError);
    expect(error).toMatchObject({ closeCode: 1006, cause: { code: 'WS_ERR_INVALID_OPCODE' } });
    await expect(reader.read()).rejects.toBe(error);
    expect(await peer.framesUntilEnd()).toEqual([closed(1002)]);
    await expect(writable.getWriter().closed).rejects.toBe(error);
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
    await expect(stream.closed).rejects.toMatchObject({ closeCode: 1006, cause: { code: 'WS_ERR_ABNORMAL_CLOSURE' } });
  });

  it('a socket that has closed gives a stream that ends and closes as one made in time', async () => {
    const { peer, socket } = await open();
    peer.send(close(1000, 'bye'));
    await once(socket, 'close');
    const stream = WebSocketStream.from(socket);
    const { readable } = await stream.opened;
    for await (const chunk of readable) throw new Error(`read ${chunk}`);
    expect(await stream.closed).toEqual({ closeCode: 1000, reason: 'bye' });
  });

  it.each([
    ['closed', close(3001, 'bye'), 3001],
    ['lost', Buffer.alloc(0), 1006],
    ['failed', text(Buffer.of(0xff)), 1006],
  ] as const)(
    'on a socket that was %s while its handler awaited: what was kept, and then the end',
    async (_how, last, code) => {
      const { promise, resolve: goOn } = deferred();
      const streams: WebSocketStream[] = [];
      const server = await startServer(kind, {}, async (socket) => {
        await promise;
        streams.push(WebSocketStream.from(socket));
      });
      const peer = await RawPeer.open(server);
      const end = eventOf(server.connections[0]!, 'close');
      peer.send(text('a'), binary([1]), last);
      peer.socket.end();
      await end;
      goOn();
      await nextTurn();
      const [stream] = streams;
      const { readable, writable } = await stream!.opened;
      const error = await stream!.closed.then(
        (info) => info.closeCode,
        ({ closeCode }) => closeCode,
      );
      expect(error).toBe(code);
      const read: unknown[] = [];
      const reading = (async () => {
        for await (const chunk of readable) read.push(chunk);
      })();
      if (code === 1006) await expect(reading).rejects.toMatchObject({ closeCode: 1006 });
      else await reading;
      expect(read).toEqual(['a', Uint8Array.of(1)]);
      await expect(writable.getWriter().write('x')).rejects.toThrow();
    },
  );
});

it('a queue of no room is refused before anything is sent', async () => {
  const server = await startServer('node:net');
  const { host, port } = server.endpoint as AddressInfo & { host: string };
  const url = `ws://${host}:${port}/`;
  expect(() => new WebSocketStream(url, { maxQueue: 0 })).toThrow(RangeError);
  const stream = new WebSocketStream(url);
  await stream.opened;
  expect(server.connections.length).toBe(1);
  stream.close();
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

  it('subprotocols are protocols', async () => {
    const { stream } = await connect({}, { subprotocols: ['chat'] });
    expect((await stream.opened).protocol).toBe('chat');
    stream.close();
    await stream.closed;
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

  it.each(['ftp://x', 'invalid:', 'ws://x/#f', ''])('§3 the address %j is a SyntaxError', (address) => {
    expect(() => new WebSocketStream(address)).toThrow(expect.objectContaining({ name: 'SyntaxError', code: 12 }));
  });

  it.each<[string, unknown[]]>([
    ['no address', []],
    ['an address that is no string', [Symbol('x')]],
    ['options that are no object', ['ws://x.invalid', true]],
    ['subprotocols that are no list', ['ws://x.invalid', { protocols: 'hi' }]],
    ['subprotocols that are no list, under our name', ['ws://x.invalid', { subprotocols: 'hi' }]],
    ['subprotocols under two names', ['ws://x.invalid', { protocols: ['a'], subprotocols: ['a'] }]],
    ['a null for them', ['ws://x.invalid', { protocols: null }]],
    ['a signal that is none', ['ws://x.invalid', { signal: { aborted: true } }]],
  ])('%s is a TypeError', (_name, args) => {
    expect(() => Reflect.construct(WebSocketStream, args)).toThrow(TypeError);
  });

  it.each([['a', 'a'], ['a', 'A'], [''], ['a b']])('§4.1 the subprotocols %j, %j are a SyntaxError', (...protocols) => {
    const make = () => new WebSocketStream('ws://x.invalid', { protocols });
    expect(make).toThrow(expect.objectContaining({ name: 'SyntaxError', code: 12 }));
  });

  it.each<[string, unknown, string]>([
    ['no object', true, 'TypeError'],
    ['a code that is no number', { closeCode: 'x' }, 'TypeError'],
    ['a code out of 16 bits', { closeCode: 65_536 }, 'TypeError'],
    ['a code below them', { closeCode: -1 }, 'TypeError'],
    ['999', { closeCode: 999 }, 'InvalidAccessError'],
    ['1001', { closeCode: 1001 }, 'InvalidAccessError'],
    ['2999', { closeCode: 2999 }, 'InvalidAccessError'],
    ['5000', { closeCode: 5000 }, 'InvalidAccessError'],
    ['124 bytes of reason', { reason: '.'.repeat(124) }, 'SyntaxError'],
    ['124 bytes in 31 characters', { reason: '🔌'.repeat(31) }, 'SyntaxError'],
  ])('§5.5.1 close() and WebSocketError refuse %s', async (_name, info, name) => {
    const { stream } = await connect();
    await stream.opened;
    expect(() => stream.close(info as object)).toThrow(expect.objectContaining({ name }));
    expect(() => new WebSocketError('', info as object)).toThrow(expect.objectContaining({ name }));
    stream.close({ closeCode: 3000.9, reason: '\uD800' });
    expect(await stream.closed).toEqual({ closeCode: 3000, reason: '\uFFFD' });
  });

  it('close() during the handshake rejects both with a WebSocketError', async () => {
    const { stream } = await connect();
    stream.close({ closeCode: 1000 });
    await expect(stream.opened).rejects.toBeInstanceOf(WebSocketError);
    await expect(stream.closed).rejects.toMatchObject({ closeCode: 1006, reason: '' });
  });

  it('reader.closed is fulfilled when the peer closes, without a read', async () => {
    const { server, stream } = await connect();
    server.on('connection', (peer) => peer.close(1000));
    const { readable } = await stream.opened;
    expect(await readable.getReader().closed).toBeUndefined();
  });

  it('and rejected, with the same error as all the rest, when the connection is lost', async () => {
    const { server, stream } = await connect();
    server.on('connection', (peer) => peer.terminate());
    const { readable, writable } = await stream.opened;
    const error = await stream.closed.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WebSocketError);
    await expect(readable.getReader().closed).rejects.toBe(error);
    await expect(writable.getWriter().closed).rejects.toBe(error);
  });

  it('a clean close leaves the writable with an InvalidStateError', async () => {
    const { server, stream } = await connect();
    server.on('connection', (peer) => peer.close(1000));
    const { writable } = await stream.opened;
    await stream.closed;
    await expect(writable.getWriter().ready).rejects.toMatchObject({ name: 'InvalidStateError', code: 11 });
  });

  it('§7.1.4 a peer that closes over a message that is on its way: the close is not clean', async () => {
    const { server, stream } = await connect({ maxPayload: 0 });
    server.on('connection', (peer) => {
      peer.once('message', async () => {
        peer.close(4567, 'enough');
        // Nothing more is taken from the network; and the client, in the same process, gets to read the Close frame.
        peer.pause();
        for (let turn = 0; turn < 10; turn++) await nextTurn();
        peer.terminate();
      });
    });
    const { writable } = await stream.opened;
    const writer = writable.getWriter();
    const first = writer.write('Goodbye');
    const second = writer.write(new Uint8Array(64 * 1024 * 1024));
    const secondEnds = second.catch((reason: unknown) => reason);
    await first;
    await expect(second).rejects.toMatchObject({ name: 'InvalidStateError', code: 11 });
    await expect(stream.closed).rejects.toMatchObject({
      constructor: WebSocketError,
      closeCode: 4567,
      reason: 'enough',
    });
    await expect(writer.write('more')).rejects.toBe(await secondEnds);
  });

  it('§7.1.4 a peer that closes in answer to a message: that message has been written, over TLS too', async () => {
    const tls = await testCertificate();
    const server = await startServer('node:net', { tls }, (socket) => {
      socket.on('message', () => socket.close(1000, 'thanks'));
    });
    for (const size of [1, 100_000]) {
      const stream = new WebSocketStream(server.url(), { ca: tls.cert, perMessageDeflate: false });
      const { writable } = await stream.opened;
      await writable.getWriter().write(new Uint8Array(size));
      expect(await stream.closed).toEqual({ closeCode: 1000, reason: 'thanks' });
    }
  });

  it('what is written once the peer has closed is refused with the error of the close', async () => {
    const { server, stream } = await connect({}, { perMessageDeflate: false });
    const raw = await new Promise<Socket>((resolve) => {
      server.on('connection', (peer, request) => {
        resolve(request.socket);
        request.socket.write(hex('88 02 11d7'));
        peer.pause();
      });
    });
    const { writable } = await stream.opened;
    const write = writable.getWriter().write('late');
    raw.end();
    const error = await stream.closed.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ constructor: WebSocketError, closeCode: 4567 });
    await expect(write).rejects.toBe(error);
  });

  it('what is written behind close() is refused, and the close stays clean', async () => {
    const { stream } = await connect();
    const { writable } = await stream.opened;
    stream.close({ closeCode: 1000 });
    await expect(writable.getWriter().write('late')).rejects.toMatchObject({ name: 'InvalidStateError' });
    expect(await stream.closed).toEqual({ closeCode: 1000, reason: '' });
  });

  it.each<[string, () => unknown]>([
    ['an object that is no string', () => ({ toString: () => ({}) })],
    ['a resizable buffer', () => Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }])],
    ['a view on shared memory', () => new Uint8Array(new SharedArrayBuffer(8))],
  ])('writing %s is a TypeError', async (_name, make) => {
    const { stream } = await connect();
    const { writable } = await stream.opened;
    await expect(writable.getWriter().write(make() as string)).rejects.toBeInstanceOf(TypeError);
    stream.close();
  });

  it('anything else is made a string, as in browsers', async () => {
    const { server, stream } = await connect();
    const received: string[] = [];
    server.on('connection', (peer) => peer.on('message', (data, isBinary) => received.push(`${data} ${isBinary}`)));
    const { writable } = await stream.opened;
    const writer = writable.getWriter();
    for (const chunk of [1, null, { toString: () => 'text' }, 'a\uD800']) await writer.write(chunk as string);
    await writer.close();
    expect(received).toEqual(['1 false', 'null false', 'text false', 'a\uFFFD false']);
  });
});

describe('WebSocketError', () => {
  it('is a DOMException without a code of its own', () => {
    const error = new WebSocketError();
    expect(error).toBeInstanceOf(DOMException);
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.message, error.code, error.closeCode, error.reason]).toEqual([
      'WebSocketError',
      '',
      0,
      null,
      '',
    ]);
    expect([error.constructor, Object.prototype.toString.call(error)]).toEqual([
      WebSocketError,
      '[object WebSocketError]',
    ]);
  });

  it.each<[string, object | undefined, number | null, string]>([
    ['both', { closeCode: 3456, reason: 'why' }, 3456, 'why'],
    ['a code', { closeCode: 3333 }, 3333, ''],
    ['a reason, which goes with 1000', { reason: 'why' }, 1000, 'why'],
    ['an empty reason', { reason: '' }, null, ''],
    ['nothing', undefined, null, ''],
  ])('takes %s', (_name, init, closeCode, reason) => {
    const error = new WebSocketError('message', init);
    expect([error.message, error.closeCode, error.reason]).toEqual(['message', closeCode, reason]);
  });
});
