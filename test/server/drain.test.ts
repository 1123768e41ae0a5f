/** How both servers go away: whom they tell, whom they refuse, and that no peer holds them up. */

import { once } from 'node:events';
import { Agent, createServer as createHttpServer, get, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { DrainOptions } from '../../src/server/drain.ts';
import { listen, type NetServer } from '../../src/server/net-server.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { closed, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  type Certificate,
  eventOf,
  type listenHttp,
  nextTurn,
  SERVER_KINDS,
  type ServerKind,
  type ServerSetup,
  type StartedServer,
  startPlainHttp,
  startServer,
  testCertificate,
  watchProcess,
} from '../support/servers.ts';

/** Far behind everything that these tests wait for. */
const NEVER_MS = 600_000;
const NO_COUNTS = { closed: 0, terminated: 0, refused: 0 };

/** Time stands still until the test moves it; I/O goes on. */
function stopTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

async function openPeers(server: StartedServer, count: number): Promise<RawPeer[]> {
  const peers: RawPeer[] = [];
  for (let i = 0; i < count; i++) peers.push(await RawPeer.open(server));
  while (server.connections.length < count) await nextTurn();
  return peers;
}

/** Sends the answer to a Close frame with this code, and goes. */
async function answerClose(peer: RawPeer, code: number, reason = ''): Promise<void> {
  expect(await peer.frame()).toBe(closed(code, reason));
  peer.send(closeFrame(code));
  expect(await peer.rest()).toBe('');
}

const closeFrame = (code: number) => Buffer.from([0x88, 0x82, 0, 0, 0, 0, code >> 8, code & 255]);

/** A request for a WebSocket, and its whole answer. */
async function ask(server: Parameters<typeof RawPeer.connect>[0]): Promise<string> {
  const peer = await RawPeer.connect(server);
  peer.send(upgradeRequest());
  return peer.rest();
}

const WAYS: readonly { way: string; kind: ServerKind; setup: (tls: Certificate) => ServerSetup }[] = [
  ...SERVER_KINDS.map((kind) => ({ way: kind, kind, setup: () => ({}) })),
  ...SERVER_KINDS.map((kind) => ({ way: `${kind} with TLS`, kind, setup: (tls: Certificate) => ({ tls }) })),
];

describe.each(WAYS)('drain on $way', ({ kind, setup }) => {
  const start = async (more: ServerSetup = {}, onConnection?: (socket: WebSocket) => void) =>
    startServer(kind, { closeTimeoutMs: NEVER_MS, ...setup(await testCertificate()), ...more }, onConnection);

  it('§7.4.1 tells everyone, delivers what comes meanwhile, refuses others, and resolves when the last has gone', async () => {
    const messages: string[] = [];
    const server = await start({}, (socket) => socket.on('message', (data) => messages.push(String(data))));
    const [first, second] = await openPeers(server, 2);
    expect(server.server.isDraining).toBe(false);
    const drained = server.server.drain({ timeoutMs: NEVER_MS, code: 1012, reason: 'restart' });
    expect(server.server.isDraining).toBe(true);
    first!.send(text('on its way'));
    await answerClose(first!, 1012, 'restart');
    expect(await ask(server)).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\nRetry-After: 600\r\n/);
    second!.socket.destroy();
    expect(await drained).toEqual({ closed: 2, terminated: 0, refused: 1 });
    expect(messages).toEqual(['on its way']);
    expect(server.server.clients.size).toBe(0);
  });

  it('ends a peer that does not answer at the deadline, 10 s when none is given', async () => {
    const server = await start();
    const [silent, good] = await openPeers(server, 2);
    stopTime();
    const drained = server.server.drain();
    await answerClose(good!, 1001);
    while (server.server.clients.size > 1) await nextTurn();
    expect(await silent!.frame()).toBe(closed(1001));
    let isDone = false;
    void drained.then(() => (isDone = true));
    await vi.advanceTimersByTimeAsync(9999);
    await nextTurn();
    expect([isDone, server.server.clients.size]).toEqual([false, 1]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await drained).toEqual({ closed: 1, terminated: 1, refused: 0 });
    await silent!.rest();
  });

  it('ends a peer that never reads, so that its Close frame cannot leave', async () => {
    const server = await start();
    const [peer] = await openPeers(server, 1);
    peer!.socket.pause();
    const [socket] = server.connections;
    const chunk = Buffer.alloc(4 * 1024 * 1024);
    // Past what the systems of both sides take.
    for (let i = 0; i < 16; i++) socket!.send(chunk);
    await nextTurn();
    expect(socket!.bufferedAmount).toBeGreaterThan(chunk.length);
    stopTime();
    const drained = server.server.drain({ timeoutMs: 50 });
    await vi.advanceTimersByTimeAsync(50);
    expect(await drained).toEqual({ closed: 0, terminated: 1, refused: 0 });
  });

  it('what was sent before stands before the Close frame, however slowly the peer reads', async () => {
    const server = await start();
    const [peer] = await openPeers(server, 1);
    peer!.socket.pause();
    const lengthBytes = 16 * 1024 * 1024 - 1;
    server.connections[0]!.send(Buffer.alloc(lengthBytes));
    const drained = server.server.drain({ timeoutMs: NEVER_MS });
    await nextTurn();
    peer!.socket.resume();
    expect((await peer!.payload()).length).toBe(lengthBytes);
    await answerClose(peer!, 1001);
    expect(await drained).toEqual({ ...NO_COUNTS, closed: 1 });
  });

  it('resolves at once when nobody is there', async () => {
    const server = await start();
    expect(await server.server.drain({ timeoutMs: NEVER_MS })).toEqual(NO_COUNTS);
  });

  it('refuses at once what waits for the application, whose late yes changes nothing', async () => {
    const { uncaught } = watchProcess();
    let admit: ((verdict: boolean) => void) | undefined;
    const server = await start({ admit: () => new Promise((resolve) => (admit = resolve)) });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    while (admit === undefined) await nextTurn();
    const drained = server.server.drain({ timeoutMs: NEVER_MS });
    expect(await peer.rest()).toMatch(/^HTTP\/1\.1 503 /);
    admit(true);
    expect(await drained).toEqual({ ...NO_COUNTS, refused: 1 });
    expect([server.connections, uncaught]).toEqual([[], []]);
  });

  it('spreads the Close frames evenly', async () => {
    const server = await start();
    const peers = await openPeers(server, 4);
    const told: number[] = [];
    peers.forEach((peer, i) => void answerClose(peer, 1001).then(() => told.push(i)));
    stopTime();
    const drained = server.server.drain({ spreadMs: 4000 });
    for (let i = 0; i < 4; i++) {
      while (told.length <= i) await nextTurn();
      // Nobody else before the time has come.
      await vi.advanceTimersByTimeAsync(999);
      await nextTurn();
      expect(server.connections.map(({ readyState }) => readyState === 1)).toEqual(peers.map((_, other) => other > i));
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(await drained).toEqual({ ...NO_COUNTS, closed: 4 });
    expect(told).toEqual([0, 1, 2, 3]);
  });

  it('called again, takes the shorter deadline, and no Close frame comes behind it', async () => {
    const server = await start();
    const peers = await openPeers(server, 3);
    stopTime();
    const drained = server.server.drain({ timeoutMs: 5000, spreadMs: 3000 });
    expect(await peers[0]!.frame()).toBe(closed(1001));
    // Behind the last Close frame: the spread goes on.
    expect(server.server.drain({ timeoutMs: 4000 })).toBe(drained);
    await nextTurn();
    expect(server.connections.map(({ readyState }) => readyState)).toEqual([2, 1, 1]);
    expect(server.server.drain({ timeoutMs: 2000, code: 1012 })).toBe(drained);
    for (const peer of peers.slice(1)) expect(await peer.frame()).toBe(closed(1001));
    // Longer ones change nothing.
    expect(server.server.drain({ timeoutMs: 9000 })).toBe(drained);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await drained).toEqual({ ...NO_COUNTS, terminated: 3 });
    expect(server.server.drain()).toBe(drained);
  });

  it('tells clients when to come back, in refusals and in Close frames', async () => {
    const server = await start();
    const peers = await openPeers(server, 1);
    const drained = server.server.drain({ timeoutMs: NEVER_MS, reason: 'restart', retryAfterMs: 2500 });
    expect(await ask(server)).toContain('\r\nRetry-After: 3\r\n');
    await answerClose(peers[0]!, 1001, 'restart retry-after-ms=2500');
    await drained;
  });

  it('waits for connections that were closing before, and tells them nothing more', async () => {
    const server = await start();
    const [peer] = await openPeers(server, 1);
    server.connections[0]!.close(4000, 'you');
    const drained = server.server.drain({ timeoutMs: NEVER_MS });
    await answerClose(peer!, 4000, 'you');
    expect(await drained).toEqual({ ...NO_COUNTS, closed: 1 });
  });

  it('closes a connection that a subclass opens later, and does not wait for it past the deadline', async () => {
    const late: (() => void)[] = [];
    class Late extends WebSocket {
      override setSocket(...args: Parameters<WebSocket['setSocket']>) {
        late.push(() => super.setSocket(...args));
      }
    }
    const server = await start({ net: { WebSocket: Late }, http: { WebSocket: Late } });
    const peers = [await RawPeer.open(server), await RawPeer.open(server)];
    while (late.length < 2) await nextTurn();
    stopTime();
    const drained = server.server.drain({ timeoutMs: 50, reason: 'restart' });
    late[0]!();
    expect(await peers[0]!.frame()).toBe(closed(1001, 'restart'));
    await vi.advanceTimersByTimeAsync(50);
    expect(await drained).toEqual({ ...NO_COUNTS, terminated: 2 });
    late[1]!();
    await peers[1]!.rest();
  });

  it('goes on when the close() of a subclass throws, and its terminate() does nothing', async () => {
    class Broken extends WebSocket {
      override close(): void {
        throw new Error('no close today');
      }

      override terminate(): void {}
    }
    const server = await start({ net: { WebSocket: Broken }, http: { WebSocket: Broken } });
    await openPeers(server, 1);
    const { nextWarning } = watchProcess();
    stopTime();
    const drained = server.server.drain({ timeoutMs: 50 });
    expect((await nextWarning()).detail).toContain('no close today');
    await vi.advanceTimersByTimeAsync(50);
    expect(await drained).toEqual({ ...NO_COUNTS, terminated: 1 });
  });

  it.each<[options: unknown, fault: string]>([
    [{ timeout: 5 }, 'drain() has no option "timeout": did you mean "timeoutMs"?'],
    [{ timeoutMs: '5' }, 'drain(): timeoutMs must be a number; got the string "5"'],
    [{ timeoutMs: -1 }, 'timeoutMs must be whole milliseconds from 0 to 2147483647; got -1'],
    [{ timeoutMs: 2 ** 31 }, 'timeoutMs must be whole milliseconds from 0 to 2147483647; got 2147483648'],
    [{ timeoutMs: 100, spreadMs: 101 }, 'drain(): spreadMs (101) must be at most timeoutMs (100)'],
    [{ spreadMs: 0.5 }, 'spreadMs must be whole milliseconds from 0 to 2147483647; got 0.5'],
    [{ retryAfterMs: Number.NaN }, 'retryAfterMs must be whole milliseconds from 0 to 2147483647; got NaN'],
    [{ code: 1000 }, 'drain(): code must be 1001 or 1012; got the number 1000'],
    [{ reason: 5 }, 'drain(): reason must be a string; got the number 5'],
    [{ reason: 'x'.repeat(124) }, 'The message must not be greater than 123 bytes'],
    [{ reason: 'x'.repeat(120), retryAfterMs: 1 }, 'The message must not be greater than 123 bytes'],
    [5, 'drain() takes an object of options, not the number 5'],
  ])('refuses %j, and does not begin', async (options, fault) => {
    const server = await start();
    expect(() => server.server.drain(options as DrainOptions)).toThrow(fault);
    expect(server.server.isDraining).toBe(false);
  });

  it('is what leaving an `await using` block does', async () => {
    const server = await start();
    const [peer] = await openPeers(server, 1);
    const disposed = server.server[Symbol.asyncDispose]();
    await answerClose(peer!, 1001);
    await disposed;
    expect(server.server.isDraining).toBe(true);
  });
});

describe('drain of a WebSocketServer', () => {
  it('on a server that was given: that goes on answering all else', async () => {
    const { server, endpoint } = await startPlainHttp(createHttpServer((_, response) => response.end('healthy')));
    const wss = new WebSocketServer({ server });
    const peer = await RawPeer.open({ endpoint });
    const drained = wss.drain();
    expect(await ask({ endpoint })).toMatch(/^HTTP\/1\.1 503 /);
    expect(await bodyOf(endpoint)).toBe('healthy');
    await answerClose(peer, 1001);
    expect(await drained).toEqual({ closed: 1, terminated: 0, refused: 1 });
    expect(server.listening).toBe(true);
    expect(await bodyOf(endpoint)).toBe('healthy');
  });

  it('without one: handleUpgrade refuses', async () => {
    const { server, endpoint } = await startPlainHttp();
    const wss = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket: Duplex, head) => wss.handleUpgrade(request, socket, head, () => {}));
    const peer = await RawPeer.open({ endpoint });
    const drained = wss.drain();
    expect(await ask({ endpoint })).toMatch(/^HTTP\/1\.1 503 /);
    await answerClose(peer, 1001);
    expect(await drained).toEqual({ closed: 1, terminated: 0, refused: 1 });
  });

  it('beside another on the same HTTP server: that is not touched', async () => {
    const server = createHttpServer();
    const one = new WebSocketServer({ server, path: '/one' });
    const two = new WebSocketServer({ server, path: '/two' });
    onTestFinished(() => two.close());
    const { endpoint } = await startPlainHttp(server);
    const open = async (path: string) => {
      const peer = await RawPeer.connect({ endpoint });
      peer.send(upgradeRequest({}, `GET ${path} HTTP/1.1`));
      return [peer, (await peer.head()).slice(9, 12)] as const;
    };
    const [first] = await open('/one');
    const drained = one.drain();
    expect((await open('/one'))[1]).toBe('503');
    expect((await open('/two'))[1]).toBe('101');
    await answerClose(first, 1001);
    await drained;
  });

  it('with clientTracking: false closes all the same', async () => {
    const server = await startServer('node:http', { http: { clientTracking: false } });
    const [peer] = await openPeers(server, 1);
    expect(server.server.clients).toBeUndefined();
    const drained = server.server.drain();
    await answerClose(peer!, 1001);
    expect(await drained).toEqual({ ...NO_COUNTS, closed: 1 });
  });

  it('behind close() closes those that close() has left open', async () => {
    const server = await startServer('node:http');
    const [peer] = await openPeers(server, 1);
    const wss = server.server as WebSocketServer;
    wss.close();
    const drained = wss.drain();
    await answerClose(peer!, 1001);
    expect(await drained).toEqual({ ...NO_COUNTS, closed: 1 });
    // All is over.
    expect(await wss.drain()).toEqual({ ...NO_COUNTS, closed: 1 });
  });

  it('comes to its end when the close() of a subclass throws, and when it calls nobody back', async () => {
    class Broken extends WebSocketServer {
      override close(): void {
        throw new Error('no close today');
      }
    }
    class Silent extends WebSocketServer {
      override close(): void {}
    }
    const { nextWarning } = watchProcess();
    expect(await new Broken({ noServer: true }).drain()).toEqual(NO_COUNTS);
    expect((await nextWarning()).detail).toContain('no close today');
    stopTime();
    const drained = new Silent({ noServer: true }).drain({ timeoutMs: 50 });
    await vi.advanceTimersByTimeAsync(50);
    expect(await drained).toEqual(NO_COUNTS);
  });

  it('of one that is closed does nothing, and tells nobody again', async () => {
    const server = await startServer('node:http');
    const wss = server.server as WebSocketServer;
    const events: string[] = [];
    wss.on('close', () => events.push('close'));
    await new Promise((resolve) => wss.close(resolve));
    expect(await wss.drain()).toEqual(NO_COUNTS);
    await nextTurn();
    expect(events).toEqual(['close']);
  });

  it('is not held up at the deadline by a request that never ends', async () => {
    const server = await startServer('node:http', { handshakeTimeoutMs: 0 });
    const accepted = eventOf((server.server as WebSocketServer)._server!, 'connection');
    const peer = await RawPeer.connect(server);
    peer.send('GET / HTTP/1.1\r\nHost: ');
    await accepted;
    stopTime();
    const drained = server.server.drain({ timeoutMs: 50 });
    await vi.advanceTimersByTimeAsync(50);
    expect(await drained).toEqual(NO_COUNTS);
    await peer.rest();
  });
});

describe('drain of a NetServer', () => {
  it('goes on answering plain requests until the last WebSocket has gone, each on its last connection', async () => {
    const server = await startServer('node:net', {
      net: { onRequest: () => ({ status: net.isDraining ? 503 : 200, body: 'state' }) },
    });
    const net = server.server as NetServer;
    const [peer] = await openPeers(server, 1);
    const plain = await RawPeer.connect(server);
    plain.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await plain.head()).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\nConnection: keep-alive\r\n/);
    expect(String(await plain.bytes(5))).toBe('state');
    const drained = net.drain();
    plain.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await plain.rest()).toMatch(/^HTTP\/1\.1 503 [\s\S]*\r\nConnection: close\r\n/);
    await answerClose(peer!, 1001);
    await drained;
    expect(net.address()).toBeNull();
  });

  it('waits for the answer to a plain request, until the deadline', async () => {
    const answers: (() => void)[] = [];
    const onRequest = () => new Promise<object>((resolve) => answers.push(() => resolve({ body: 'late' })));
    const server = await startServer('node:net', { net: { onRequest } });
    const peers = [await RawPeer.connect(server), await RawPeer.connect(server)];
    for (const peer of peers) peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    while (answers.length < 2) await nextTurn();
    stopTime();
    const drained = server.server.drain({ timeoutMs: 50 });
    answers[0]!();
    expect(await peers[0]!.rest()).toContain('late');
    await vi.advanceTimersByTimeAsync(50);
    expect(await drained).toEqual(NO_COUNTS);
    expect(await peers[1]!.rest()).toBe('');
  });

  it('ends connections from which no request has come', async () => {
    const server = await startServer('node:net', { handshakeTimeoutMs: NEVER_MS });
    const accepted = eventOf((server.server as NetServer).server, 'connection');
    const peer = await RawPeer.connect(server);
    peer.send('GET / HTTP/1.1\r\nHost: ');
    await accepted;
    await server.server.drain({ timeoutMs: NEVER_MS });
    expect(await peer.rest()).toBe('');
  });

  it('close() listens no more at once, and is bounded by 10 s', async () => {
    const server = await startServer('node:net', { closeTimeoutMs: NEVER_MS });
    const net = server.server as NetServer;
    const [silent] = await openPeers(server, 1);
    stopTime();
    const done = net.close(4321, 'enough');
    expect(net.server.listening).toBe(false);
    expect(await silent!.frame()).toBe(closed(4321, 'enough'));
    let isDone = false;
    void done.then(() => (isDone = true));
    await vi.advanceTimersByTimeAsync(9999);
    await nextTurn();
    expect(isDone).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await done;
  });

  it.each<[code: number, reason: string, fault: string]>([
    [1005, '', 'valid error code'],
    [1000, 'x'.repeat(124), '123 bytes'],
  ])('close(%i, …) that cannot be sent is refused, and nothing is closed', async (code, reason, fault) => {
    const server = await listen({ host: '127.0.0.1' });
    await expect(server.close(code, reason)).rejects.toThrow(fault);
    expect(server.server.listening).toBe(true);
    await server.close();
  });

  it('close() while draining closes everyone now', async () => {
    const server = await startServer('node:net');
    const peers = await openPeers(server, 3);
    const net = server.server as NetServer;
    stopTime();
    const drained = net.drain({ timeoutMs: NEVER_MS, spreadMs: NEVER_MS });
    const done = net.close(1012);
    await answerClose(peers[0]!, 1001);
    for (const peer of peers.slice(1)) await answerClose(peer, 1012);
    expect(await drained).toEqual({ ...NO_COUNTS, closed: 3 });
    await done;
  });
});

async function bodyOf(endpoint: Awaited<ReturnType<typeof listenHttp>>): Promise<string> {
  const agent = new Agent({ keepAlive: false });
  const [response] = (await once(get({ ...endpoint, agent }), 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response) body += chunk;
  return body;
}
