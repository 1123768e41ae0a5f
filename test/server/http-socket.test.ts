/** Upgrades beside other requests on the same connection, and upgrades that a program makes of 'request' events. */

import { createServer, type IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { describe, expect, it } from 'vitest';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { echoed, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  echo,
  eventOf,
  nextTurn,
  startPlainHttp,
  startServer,
  testCertificate,
  watchProcess,
} from '../support/servers.ts';

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`;

/** A server that answers requests when the test says so, and takes upgrades. */
async function startHolding() {
  const responses: ServerResponse[] = [];
  const upgrades: IncomingMessage[] = [];
  const server = createServer((_request, response) => void responses.push(response));
  server.on('upgrade', (request) => void upgrades.push(request));
  const started = await startServer('node:http', { http: { server } }, echo);
  const peer = await RawPeer.connect(started);
  return { ...started, peer, responses, upgrades };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn();
}

describe('RFC 9112 §9.3.2 an upgrade sent before the answer to another request', () => {
  it('is answered behind it', async () => {
    const { peer, responses, upgrades, connections } = await startHolding();
    peer.send(get('/a'), upgradeRequest(), text('early'));
    await until(() => upgrades.length === 1);
    await nextTurn();
    expect(connections).toEqual([]);
    responses[0]!.setHeader('Content-Length', 5).end('first');
    expect(await peer.head()).toMatch(/^HTTP\/1.1 200 /);
    expect(String(await peer.bytes(5))).toBe('first');
    expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
    expect(await peer.frame()).toBe(echoed('early'));
    peer.send(text('late'));
    expect(await peer.frame()).toBe(echoed('late'));
  });

  it('is answered behind all of them, in whichever order they are ready', async () => {
    const { peer, responses, upgrades, connections } = await startHolding();
    peer.send(get('/a'), get('/b'), get('/c'), upgradeRequest());
    await until(() => upgrades.length === 1);
    for (const i of [2, 1]) {
      responses[i]!.setHeader('Content-Length', 1).end(String(i));
      await nextTurn();
    }
    expect(connections).toEqual([]);
    responses[0]!.setHeader('Content-Length', 1).end('0');
    for (const i of [0, 1, 2]) {
      expect(await peer.head()).toMatch(/^HTTP\/1.1 200 /);
      expect(String(await peer.bytes(1))).toBe(String(i));
    }
    expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
  });

  it('is refused behind it', async () => {
    const { peer, responses, upgrades } = await startHolding();
    peer.send(get('/a'), upgradeRequest({ 'Sec-WebSocket-Key': undefined }));
    await until(() => upgrades.length === 1);
    await nextTurn();
    responses[0]!.setHeader('Content-Length', 5).end('first');
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\nfirstHTTP\/1.1 400 Bad Request\r\n/);
  });

  it('is not answered when the earlier answer ends the connection', async () => {
    const { peer, responses, upgrades, connections } = await startHolding();
    peer.send(get('/a'), upgradeRequest());
    await until(() => upgrades.length === 1);
    responses[0]!.setHeader('Content-Length', 5).setHeader('Connection', 'close').end('first');
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\nfirst$/);
    expect(connections).toEqual([]);
  });

  it('is not answered when the earlier answer never comes, and goes with its peer', async () => {
    const { uncaught, warnings } = watchProcess();
    const started = await startHolding();
    const { peer, responses, upgrades, connections } = started;
    peer.send(get('/a'), upgradeRequest());
    await until(() => upgrades.length === 1);
    const end = eventOf(responses[0]!, 'close');
    responses[0]!.write('begun');
    expect(await peer.head()).toMatch(/^HTTP\/1.1 200 /);
    peer.reset();
    // A socket that nobody reads from learns of the reset at a write.
    const writing = setInterval(() => responses[0]!.write('more'), 5);
    await end;
    clearInterval(writing);
    await nextTurn();
    const next = await RawPeer.open(started);
    next.send(text('on'));
    expect(await next.frame()).toBe(echoed('on'));
    expect(connections).toHaveLength(1);
    expect({ uncaught, warnings }).toEqual({ uncaught: [], warnings: [] });
  });

  it('does not wait for a response that a program made for the upgrade itself', async () => {
    const { server, endpoint } = await startPlainHttp();
    const wss = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      new ServerResponse(request).assignSocket(request.socket);
      wss.handleUpgrade(request, socket, head, echo);
    });
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest(), text('a'));
    expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
    expect(await peer.frame()).toBe(echoed('a'));
  });
});

describe("handleUpgrade from a 'request' listener", () => {
  /** Times that are over at once where node:http still keeps them. They begin when a peer has asked for its upgrade. */
  const TIMES = { requestTimeout: 60, headersTimeout: 50, keepAliveTimeout: 30, timeout: 80 };
  const CHECKED = { connectionsCheckingInterval: 10 };

  it.each(['http', 'https'])(
    '%s: none of node:http’s timeouts ends the connection, and it reads nothing of it',
    async (scheme) => {
      const wss = new WebSocketServer({ noServer: true });
      const tls = scheme === 'https' ? await testCertificate() : undefined;
      const { server, endpoint } = await startPlainHttp(
        tls === undefined ? createServer(CHECKED) : createHttpsServer({ ...CHECKED, ...tls }),
      );
      const clientErrors: unknown[] = [];
      server.on('clientError', (error, socket) => {
        clientErrors.push(error);
        socket.destroy();
      });
      let listeners: unknown[] = [];
      server.on('request', (request) => {
        Object.assign(server, TIMES);
        request.socket.setTimeout(TIMES.timeout);
        wss.handleUpgrade(request, request.socket, Buffer.alloc(0), (socket) => {
          echo(socket);
          listeners = ['data', 'end', 'timeout'].map((name) => request.socket.listenerCount(name));
        });
      });
      const where = { endpoint, tls };
      const peer = await RawPeer.connect(where);
      peer.send(upgradeRequest());
      expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
      // One of ours for each; node:stream has one for the end.
      expect(listeners).toEqual([1, 2, 0]);
      // Peers that came later and run out of each of these times.
      const slow = await RawPeer.connect(where);
      slow.send('GET / HTTP/1.1\r\n');
      await slow.rest();
      const silent = await RawPeer.connect(where);
      await silent.rest();
      // Neither is it an idle connection of HTTP's.
      server.closeIdleConnections();
      peer.send(text('still open'));
      expect(await peer.frame()).toBe(echoed('still open'));
      // Neither HTTP nor the start of it.
      peer.send(text('GET / HTTP/1.1\r\n\r\n'));
      expect(await peer.frame()).toBe(echoed('GET / HTTP/1.1\r\n\r\n'));
      expect(clientErrors.every((error) => (error as { code?: string }).code === 'ERR_HTTP_REQUEST_TIMEOUT')).toBe(
        true,
      );
      expect(wss.clients!.size).toBe(1);
    },
  );

  it('a decision that takes its time, longer than the timeouts of node:http: frames sent meanwhile are kept', async () => {
    let decide: ((isAdmitted: boolean) => void) | undefined;
    const verifyClient = (_info: unknown, done: (isAdmitted: boolean) => void) => {
      decide = done;
    };
    const wss = new WebSocketServer({ noServer: true, verifyClient });
    const { server, endpoint } = await startPlainHttp(createServer(CHECKED));
    server.on('clientError', (_error, socket) => socket.destroy());
    server.on('request', (request) => wss.handleUpgrade(request, request.socket, Buffer.alloc(0), echo));
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest());
    await until(() => decide !== undefined);
    Object.assign(server, TIMES);
    peer.send(text('eager'));
    const slow = await RawPeer.connect({ endpoint });
    slow.send('GET / HTTP/1.1\r\n');
    await slow.rest();
    decide!(true);
    expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
    expect(await peer.frame()).toBe(echoed('eager'));
  });

  it('listeners that are not node:http’s stay', async () => {
    const wss = new WebSocketServer({ noServer: true });
    const { server, endpoint } = await startPlainHttp();
    const seen: string[] = [];
    server.on('request', (request) => {
      request.socket.on('data', (chunk: Buffer) => seen.push(`${chunk.length} bytes`));
      request.socket.on('end', () => seen.push('end'));
      wss.handleUpgrade(request, request.socket, Buffer.alloc(0), echo);
    });
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest());
    await peer.head();
    peer.send(text('ab'));
    expect(await peer.frame()).toBe(echoed('ab'));
    peer.socket.end();
    await peer.rest();
    expect(seen).toEqual(['8 bytes', 'end']);
  });

  it.each([
    ['as it is', (request: IncomingMessage) => request],
    ['wrapped', (request: IncomingMessage) => Object.create(request) as IncomingMessage],
    [
      'behind a Proxy',
      (request: IncomingMessage) => new Proxy(request, { get: (target, name) => Reflect.get(target, name) }),
    ],
  ])('a request %s waits for earlier ones and not for itself', async (_how, wrap) => {
    const wss = new WebSocketServer({ noServer: true });
    const { server, endpoint } = await startPlainHttp();
    let first: ServerResponse | undefined;
    server.on('request', (request, response) => {
      if (request.url === '/first') first = response as ServerResponse;
      else wss.handleUpgrade(wrap(request), request.socket, Buffer.alloc(0), echo);
    });
    const alone = await RawPeer.connect({ endpoint });
    alone.send(upgradeRequest());
    expect(await alone.head()).toMatch(/^HTTP\/1.1 101 /);
    const peer = await RawPeer.connect({ endpoint });
    peer.send(get('/first'), upgradeRequest());
    await until(() => first !== undefined);
    await nextTurn();
    expect(wss.clients!.size).toBe(1);
    first!.setHeader('Content-Length', 5).end('first');
    expect(await peer.head()).toMatch(/^HTTP\/1.1 200 /);
    expect(String(await peer.bytes(5))).toBe('first');
    expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
    peer.send(text('on'));
    expect(await peer.frame()).toBe(echoed('on'));
  });
});
