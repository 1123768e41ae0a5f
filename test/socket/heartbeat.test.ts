/** The option `heartbeat` and `latencyMs`, on sockets. Times are short; what is waited for are events. */

import { once } from 'node:events';
import { constants } from 'node:http2';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { listen } from '../../src/server/net-server.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { internals, WebSocket } from '../../src/socket/websocket.ts';
import { duplexPair } from '../support/duplex-pair.ts';
import { authorityOf, HTTP2_KINDS, openSession, request, responseTo, startHttp2 } from '../support/http2.ts';
import { clientFrame, RawPeer, text } from '../support/raw-peer.ts';
import { acceptance, startRawServer } from '../support/raw-server.ts';
import { eventOf, nextTurn, SERVER_KINDS, type ServerSetup, startServer, testCertificate } from '../support/servers.ts';

const FAST = { intervalMs: 32, timeoutMs: 20 };
/** Not to be waited for: time is faked. */
const SLOW = { intervalMs: 3200, timeoutMs: 1000 };
/** More than the buffers of both kernels hold. */
const LONG = Buffer.alloc(14 * 1024 * 1024);
const LOST = 'WS_ERR_HEARTBEAT_TIMEOUT';

afterEach(() => void vi.useRealTimers());

/** What a socket says of its end. */
async function endOf(socket: WebSocket): Promise<unknown[]> {
  const events: unknown[] = [];
  socket.on('error', (error) => events.push((error as Error & { code: string }).code));
  const [code] = await eventOf(socket, 'close');
  return [...events, code];
}

/** Answers pings until it has seen so many. */
async function answer(peer: RawPeer, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const payload = await peer.payload();
    expect(payload.length).toBe(8);
    peer.send(clientFrame(10, payload));
  }
}

const transportOf = (socket: WebSocket) => internals.transportOf(socket)!;

async function latencyOf(socket: WebSocket): Promise<number> {
  while (socket.latencyMs === undefined) await nextTurn();
  return socket.latencyMs;
}

describe.each(SERVER_KINDS)('a server with a heartbeat: %s', (kind) => {
  const start = (setup: ServerSetup = {}, heartbeat = FAST) =>
    startServer(kind, { ...setup, http: { heartbeat }, net: { heartbeat } });

  it.each([
    ['in the clear', undefined],
    ['over TLS', testCertificate],
  ])('ends a peer that answers nothing: %s', async (_, certificate) => {
    const server = await start(certificate && { tls: await certificate() });
    const peer = await RawPeer.open(server);
    const end = endOf(server.connections[0]!);
    expect(await peer.frame()).toMatch(/^89( \w\w){8}$/);
    expect(await end).toEqual([LOST, 1006]);
    // No Close frame: nobody is there to read it.
    expect(await peer.framesUntilEnd()).toEqual([]);
  });

  it('keeps one that answers, over TLS too, and knows how long that takes', async () => {
    for (const tls of [undefined, await testCertificate()]) {
      const server = await start(tls && { tls });
      const peer = await RawPeer.open(server);
      await answer(peer, 5);
      const [socket] = server.connections;
      expect(await latencyOf(socket!)).toBeGreaterThanOrEqual(0);
      expect(socket!.readyState).toBe(WebSocket.OPEN);
    }
  });

  it('takes data for life, where pings are not answered; and ends the peer when that stops', async () => {
    const server = await start();
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    const end = endOf(socket!);
    for (let i = 0; i < 5; i++) {
      await peer.frame();
      peer.send(text('still here'));
      await eventOf(socket!, 'message');
    }
    expect(socket!.readyState).toBe(WebSocket.OPEN);
    expect(socket!.latencyMs).toBeUndefined();
    expect(await end).toEqual([LOST, 1006]);
  });

  it('takes each byte of a message for life', async () => {
    const server = await start();
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    for (const byte of text('slow')) {
      await peer.frame();
      peer.send([byte]);
    }
    const [data] = await eventOf(socket!, 'message');
    expect(String(data)).toBe('slow');
  });

  it('keeps what is paused, and what has waited is there afterwards', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const server = await start({}, SLOW);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    vi.advanceTimersByTime(3200);
    await peer.frame();
    socket!.pause();
    peer.send(text('unread'));
    vi.advanceTimersByTime(60_000);
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    expect(socket!.readyState).toBe(WebSocket.OPEN);
    const message = eventOf(socket!, 'message');
    socket!.resume();
    // The rest of the timeout may pass before anything is read.
    vi.advanceTimersByTime(900);
    expect(String((await message)[0])).toBe('unread');
    expect(socket!.readyState).toBe(WebSocket.OPEN);
  });

  it('leaves a closing handshake to its own deadline', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const server = await start({ closeTimeoutMs: 60_000 }, SLOW);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    vi.advanceTimersByTime(3200);
    await peer.frame();
    socket!.close(1000);
    expect(await peer.frame()).toBe('88 03 e8');
    vi.advanceTimersByTime(30_000);
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    expect(socket!.readyState).toBe(WebSocket.CLOSING);
    const end = endOf(socket!);
    peer.send(clientFrame(8, [3, 232]));
    expect(await end).toEqual([1000]);
  });

  it('ends one whose buffer is full and stays so', async () => {
    const server = await start({}, { intervalMs: 200, timeoutMs: 100 });
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    const [socket] = server.connections;
    socket!.send(LONG);
    expect(await endOf(socket!)).toEqual([LOST, 1006]);
  });

  it.each([
    ['in the clear', undefined],
    ['over TLS', testCertificate],
  ])('keeps one that takes some of a long message, and says nothing: %s', async (_, certificate) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const server = await start(certificate && { tls: await certificate() }, SLOW);
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    const [socket] = server.connections;
    const end = endOf(socket!);
    // One write: the socket holds all of it until all has left.
    socket!.send(LONG.toString('latin1'));
    await nextTurn();
    vi.advanceTimersByTime(3200);
    const { takenBytes } = transportOf(socket!);
    peer.socket.resume();
    while (transportOf(socket!).takenBytes === takenBytes) await nextTurn();
    peer.socket.pause();
    expect(socket!._socket!.writableLength).toBeGreaterThan(LONG.length / 2);
    vi.advanceTimersByTime(1000);
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    expect(socket!.readyState).toBe(WebSocket.OPEN);
    // Until nothing can leave any more.
    for (let before = -1; before !== transportOf(socket!).takenBytes; ) {
      before = transportOf(socket!).takenBytes;
      for (let turn = 0; turn < 10; turn++) await nextTurn();
    }
    vi.advanceTimersByTime(6400);
    expect(await end).toEqual([LOST, 1006]);
  });

  it('hands pongs to pings of the program on, and no others', async () => {
    const server = await start();
    const client = new WebSocket(server.url());
    await eventOf(client, 'open');
    const [socket] = server.connections;
    const pongs: string[] = [];
    socket!.on('pong', (data) => pongs.push(data.toString()));
    await latencyOf(socket!);
    socket!.ping('mine');
    socket!.ping();
    while (pongs.length < 2) await nextTurn();
    expect(pongs).toEqual(['mine', '']);
    client.terminate();
  });

  it('ends a loop over messages with the reason', async () => {
    const server = await start();
    await RawPeer.open(server);
    const read = async () => {
      for await (const _ of server.connections[0]!);
    };
    await expect(read()).rejects.toMatchObject({ code: LOST });
  });

  it('pings between the frames of a message that is being sent (§5.4)', async () => {
    const server = await start();
    const client = new WebSocket(server.url());
    await eventOf(client, 'open');
    const [socket] = server.connections;
    socket!.send('Hel', { fin: false });
    await latencyOf(socket!);
    socket!.send('lo');
    expect(String((await eventOf(client, 'message'))[0])).toBe('Hello');
    client.terminate();
  });
});

describe('a client with a heartbeat', () => {
  it.each([
    ['in the clear', undefined],
    ['over TLS', testCertificate],
  ])('notices a server that is silent: %s', async (_, certificate) => {
    const tls = certificate && { tls: await certificate() };
    const server = await startRawServer((head) => acceptance(head), tls);
    const client = new WebSocket(server.url(), { heartbeat: FAST, ca: tls?.tls.cert, servername: 'localhost' });
    expect(await endOf(client)).toEqual([LOST, 1006]);
  });

  it('masks its pings (§5.1), and goes on while they are answered', async () => {
    const server = await startServer('node:http');
    const client = new WebSocket(server.url(), { heartbeat: FAST });
    expect(await latencyOf(client)).toBeGreaterThanOrEqual(0);
    const pings = server.connections[0]!;
    for (let i = 0; i < 4; i++) await eventOf(pings, 'ping');
    expect(client.readyState).toBe(WebSocket.OPEN);
    client.terminate();
  });
});

describe.each(HTTP2_KINDS)('WebSockets over HTTP/2, %s', (kind) => {
  const open = async (heartbeat = FAST) => {
    const server = await startHttp2(kind);
    const wss = new WebSocketServer({ server, heartbeat });
    const connection = eventOf(wss, 'connection') as Promise<[WebSocket]>;
    return { server, connection, session: await openSession(server) };
  };

  it('RFC 8441 §5: a silent one is reset with CANCEL, and its session goes on', async () => {
    const { connection, session } = await open();
    const stream = request(session);
    await responseTo(stream);
    const [socket] = await connection;
    stream.resume();
    const reset = once(stream, 'close');
    expect(await endOf(socket)).toEqual([LOST, 1006]);
    await reset;
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect(session.destroyed).toBe(false);
  });

  it('keeps a stream that takes some of a long message, and says nothing', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { connection, session } = await open(SLOW);
    const stream = request(session);
    await responseTo(stream);
    const [socket] = await connection;
    socket.send(LONG.toString('latin1'));
    const turns = async (count: number) => {
      for (let turn = 0; turn < count; turn++) await nextTurn();
    };
    await turns(20);
    vi.advanceTimersByTime(3200);
    const { takenBytes } = transportOf(socket);
    const gone = endOf(socket);
    stream.resume();
    while (transportOf(socket).takenBytes === takenBytes) await nextTurn();
    stream.pause();
    expect(socket._socket!.writableLength).toBeGreaterThan(LONG.length / 2);
    vi.advanceTimersByTime(1000);
    await turns(10);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    await turns(50);
    vi.advanceTimersByTime(6400);
    expect(await gone).toEqual([LOST, 1006]);
  });

  it('both sides know how far away the other is', async () => {
    const { server, connection, session } = await open();
    const client = new WebSocket(`${kind === 'h2c' ? 'ws' : 'wss'}://${authorityOf(server)}/`, {
      http2: session,
      heartbeat: FAST,
    });
    const [socket] = await connection;
    expect([await latencyOf(socket), await latencyOf(client)].every((ms) => ms >= 0)).toBe(true);
    client.terminate();
    await eventOf(socket, 'close');
  });
});

describe('a stream of any kind', () => {
  it.each([true, false])('has a heartbeat (server: %s)', async (isServer) => {
    const [near, far] = duplexPair();
    const socket = new WebSocket(null, undefined, { heartbeat: FAST });
    socket._isServer = isServer;
    const peer = new WebSocket(null);
    peer._isServer = !isServer;
    socket.setSocket(near, Buffer.alloc(0));
    peer.setSocket(far, Buffer.alloc(0), { heartbeat: { intervalMs: 40 } });
    await latencyOf(socket);
    await latencyOf(peer);
    const end = endOf(socket);
    far.pause();
    expect(await end).toEqual([LOST, 1006]);
    peer.terminate();
  });

  it('that throws when it is written to ends for itself', async () => {
    const [near] = duplexPair();
    const socket = new WebSocket(null, undefined, { heartbeat: FAST });
    socket.setSocket(near, Buffer.alloc(0));
    near.write = () => {
      throw new Error('no more');
    };
    expect(await endOf(socket)).toEqual([1006]);
  });
});

describe('where it is on', () => {
  it('in listen(), every 30 s; in the classes that have ws’s names only where it is asked for', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const counts: number[] = [];
    for (const kind of SERVER_KINDS) {
      const server = await startServer(kind);
      const client = new WebSocket(server.url());
      await eventOf(client, 'open');
      counts.push(vi.getTimerCount());
      if (kind === 'node:net') {
        vi.advanceTimersByTime(30_000);
        await eventOf(client, 'ping');
      }
      client.terminate();
      await eventOf(server.connections[0]!, 'close');
      counts.push(vi.getTimerCount());
    }
    expect(counts).toEqual([0, 0, 1, 0]);
  });

  it.each([false, true])('%s says it', async (heartbeat) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    for (const kind of SERVER_KINDS) {
      const server = await startServer(kind, { http: { heartbeat }, net: { heartbeat } });
      await RawPeer.open(server);
      expect(vi.getTimerCount()).toBe(heartbeat ? 1 : 0);
      server.connections[0]!.terminate();
      await eventOf(server.connections[0]!, 'close');
    }
  });

  it('null is as good as nothing, where ws’s names are taken', () => {
    new WebSocketServer({ noServer: true, heartbeat: null as never });
  });

  it('a subclass may choose in setSocket', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    class Silent extends WebSocket {
      override setSocket(...[stream, head, options]: Parameters<WebSocket['setSocket']>): void {
        super.setSocket(stream, head, { ...options, heartbeat: false });
      }
    }
    const server = await startServer('node:net', { net: { WebSocket: Silent, heartbeat: SLOW } });
    await RawPeer.open(server);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    [{ intervalMs: 0 }, RangeError, 'heartbeat.intervalMs'],
    [{ timeoutMs: 0 }, RangeError, 'heartbeat.timeoutMs'],
    [{ timeoutMs: 2 ** 31 }, RangeError, 'heartbeat.timeoutMs'],
    [{ intervalMs: 1.5 }, RangeError, 'heartbeat.intervalMs'],
    [{ intervalMs: '1' }, TypeError, 'heartbeat.intervalMs must be a number'],
    [{ interval: 1 }, TypeError, 'heartbeat.interval'],
    [5, TypeError, 'heartbeat must be true, false or an object of settings'],
  ])('%j is refused at every door', async (heartbeat, ErrorClass, message) => {
    const given = { heartbeat } as object;
    const doors: readonly (() => unknown)[] = [
      () => new WebSocketServer({ noServer: true, ...given }),
      () => new WebSocket('ws://127.0.0.1:1', given).on('error', () => {}),
      () => new WebSocket(null).setSocket(duplexPair()[0], Buffer.alloc(0), given),
    ];
    for (const open of doors) {
      expect(open).toThrow(ErrorClass);
      expect(open).toThrow(message);
    }
    const opening = async () => await listen({ port: 0, ...given });
    await expect(opening).rejects.toThrow(message);
  });
});
