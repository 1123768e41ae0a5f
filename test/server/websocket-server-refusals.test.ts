/** The ws-compatible server's refusals to the byte, and who hears of them; then what `close` does and leaves. */

import type { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { WebSocketServer, type WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import { closed, echoed, type Fields, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import { echo, eventOf, listenHttp, nextTurn, startPlainHttp, startServer, watchProcess } from '../support/servers.ts';

interface Row {
  readonly what: string;
  readonly fields?: Fields;
  readonly startLine?: string;
  readonly status: string;
  readonly body: string;
  readonly headers?: string;
  readonly options?: WebSocketServerOptions;
  /** Whether 'wsClientError' is emitted where somebody listens for it. */
  readonly isClientError: boolean;
}

const KEY_BODY = 'Missing or invalid Sec-WebSocket-Key header';
const VERSION_BODY = 'Missing or invalid Sec-WebSocket-Version header';
const VERSIONS = 'Sec-WebSocket-Version: 13, 8\r\n';

const ROWS: readonly Row[] = [
  {
    what: 'a method other than GET',
    startLine: 'POST / HTTP/1.1',
    status: '405 Method Not Allowed',
    body: 'Invalid HTTP method',
    isClientError: true,
  },
  {
    what: 'an upgrade to something else',
    fields: { Upgrade: 'h2c' },
    status: '400 Bad Request',
    body: 'Invalid Upgrade header',
    isClientError: true,
  },
  {
    what: 'no key',
    fields: { 'Sec-WebSocket-Key': undefined },
    status: '400 Bad Request',
    body: KEY_BODY,
    isClientError: true,
  },
  {
    what: 'a key that is too short',
    fields: { 'Sec-WebSocket-Key': 'AAAA' },
    status: '400 Bad Request',
    body: KEY_BODY,
    isClientError: true,
  },
  {
    what: 'two keys',
    fields: { 'Sec-WebSocket-Key': ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ=='] },
    status: '400 Bad Request',
    body: KEY_BODY,
    isClientError: true,
  },
  {
    what: 'no version',
    fields: { 'Sec-WebSocket-Version': undefined },
    status: '400 Bad Request',
    body: VERSION_BODY,
    headers: VERSIONS,
    isClientError: true,
  },
  {
    what: 'another version',
    fields: { 'Sec-WebSocket-Version': '12' },
    status: '400 Bad Request',
    body: VERSION_BODY,
    headers: VERSIONS,
    isClientError: true,
  },
  {
    what: 'a broken list of subprotocols',
    fields: { 'Sec-WebSocket-Protocol': 'a;b' },
    status: '400 Bad Request',
    body: 'Invalid Sec-WebSocket-Protocol header',
    isClientError: true,
  },
  {
    what: 'a subprotocol offered twice',
    fields: { 'Sec-WebSocket-Protocol': 'a, a' },
    status: '400 Bad Request',
    body: 'Invalid Sec-WebSocket-Protocol header',
    isClientError: true,
  },
  {
    what: 'a foreign origin',
    fields: { Origin: 'https://evil.example' },
    options: { origins: [] },
    status: '403 Forbidden',
    body: 'Connections from this origin are not allowed',
    isClientError: true,
  },
  {
    what: 'another path',
    startLine: 'GET /other HTTP/1.1',
    options: { path: '/ours' },
    status: '400 Bad Request',
    body: 'Bad Request',
    isClientError: false,
  },
  {
    what: 'another path before subprotocols',
    startLine: 'GET /other HTTP/1.1',
    fields: { 'Sec-WebSocket-Protocol': 'a;b' },
    options: { path: '/ours' },
    status: '400 Bad Request',
    body: 'Bad Request',
    isClientError: false,
  },
  {
    what: 'verifyClient',
    options: { verifyClient: () => false },
    status: '401 Unauthorized',
    body: 'Unauthorized',
    isClientError: false,
  },
];

describe('refusals', () => {
  it.each(ROWS)('$what: $status', async ({ fields, startLine, options = {}, status, body, headers = '' }) => {
    const server = await startServer('node:http', { http: options });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(fields, startLine));
    expect(await peer.rest()).toBe(
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/html\r\n` +
        `Content-Length: ${body.length}\r\n${headers}\r\n${body}`,
    );
    expect(peer.error).toBeUndefined();
    expect(server.connections).toEqual([]);
  });

  it.each(ROWS)('$what: wsClientError is emitted: $isClientError', async (row) => {
    const server = await startServer('node:http', { http: row.options ?? {} });
    const errors: string[] = [];
    (server.server as EventEmitter).on('wsClientError', ((error: Error, socket: Duplex, request: { url: string }) => {
      errors.push(error.message);
      socket.end(`HTTP/1.1 418 Mine\r\n\r\n${request.url}`);
    }) as never);
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(row.fields, row.startLine));
    const answer = await peer.rest();
    expect(errors).toEqual(row.isClientError ? [row.body] : []);
    expect(answer.startsWith(row.isClientError ? 'HTTP/1.1 418 Mine\r\n' : `HTTP/1.1 ${row.status}\r\n`)).toBe(true);
  });

  it('a wsClientError listener that throws: 500, and the process stays up', async () => {
    const { uncaught, nextWarning } = watchProcess();
    const server = await startServer('node:http');
    (server.server as WebSocketServer).on('wsClientError', () => {
      throw new Error('listener failed');
    });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({ 'Sec-WebSocket-Key': 'x' }));
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 500 /);
    expect((await nextWarning()).detail).toContain('listener failed');
    expect(uncaught).toEqual([]);
  });

  it('version 8 is taken, as in ws', async () => {
    const server = await startServer('node:http', {}, echo);
    const peer = await RawPeer.open(server, { 'Sec-WebSocket-Version': '8' });
    peer.send(text('Hi'));
    expect(await peer.frame()).toBe(echoed('Hi'));
  });

  it('more bytes behind a bad request do not turn the refusal into a reset', async () => {
    const server = await startServer('node:http');
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({ 'Sec-WebSocket-Key': 'x' }), Buffer.alloc(300_000));
    expect(await peer.rest()).toContain(KEY_BODY);
    expect(peer.error).toBeUndefined();
  });
});

describe('close', () => {
  const isTaken = (error?: Error) => error?.message;

  it('stops a server of our own, leaves open connections open, and emits close when they are gone', async () => {
    const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    wss.on('connection', echo);
    await eventOf(wss, 'listening');
    const endpoint = wss.address() as { address: string; port: number };
    const peer = await RawPeer.connect({ endpoint: { host: '127.0.0.1', port: endpoint.port } });
    peer.send(upgradeRequest());
    await peer.head();
    const log: string[] = [];
    wss.on('close', () => log.push('event'));
    wss.close((error) => log.push(`first ${isTaken(error)}`));
    wss.close((error) => log.push(`second ${isTaken(error)}`));
    peer.send(text('still open'));
    expect(await peer.frame()).toBe(echoed('still open'));
    expect(wss.address()).toBeNull();
    expect(log).toEqual([]);
    const end = eventOf(wss, 'close');
    peer.socket.end();
    await end;
    await nextTurn();
    expect(log).toEqual(['event', 'first undefined', 'second undefined']);
    const late = new Promise<Error | undefined>((resolve) => wss.close(resolve));
    expect(await late).toMatchObject({ message: 'The server is not running' });
  });

  it('leaves a server that was given alone but for its listeners, and waits for the connections', async () => {
    const { server, endpoint } = await startPlainHttp();
    const before = server.eventNames().map((name) => [name, server.listenerCount(name)]);
    const wss = new WebSocketServer({ server });
    const connection = eventOf(wss, 'connection');
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest());
    await connection;
    let isClosed = false;
    const end = new Promise<void>((resolve) =>
      wss.close(() => {
        isClosed = true;
        resolve();
      }),
    );
    await nextTurn();
    expect(isClosed).toBe(false);
    peer.reset();
    await end;
    expect(server.listening).toBe(true);
    expect(server.eventNames().map((name) => [name, server.listenerCount(name)])).toEqual(before);
  });

  it('without tracking, close comes in the next tick, whoever is connected', async () => {
    const server = createServer();
    await startPlainHttp(server);
    const wss = new WebSocketServer({ server, clientTracking: false });
    expect(wss.clients).toBeUndefined();
    await new Promise<void>((resolve) => wss.close(() => resolve()));
  });

  it('a request whose decision is still open gets 503', async () => {
    let decide: (() => void) | undefined;
    const { server, endpoint } = await startPlainHttp();
    const wss = new WebSocketServer({
      server,
      verifyClient: (_info, done) => {
        decide = () => done(true);
      },
    });
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest());
    while (decide === undefined) await nextTurn();
    await new Promise<void>((resolve) => wss.close(() => resolve()));
    decide();
    expect(await peer.rest()).toBe(
      'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/html\r\n' +
        'Content-Length: 19\r\n\r\nService Unavailable',
    );
  });

  it('noServer: upgrades are refused with 503 afterwards, and clients can be closed by hand', async () => {
    const { server, endpoint } = await startPlainHttp();
    const wss = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => wss.handleUpgrade(request, socket, head, () => {}));
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest());
    await peer.head();
    const end = new Promise<void>((resolve) => wss.close(() => resolve()));
    for (const client of wss.clients!) client.close(1001, 'restart');
    expect(await peer.frame()).toBe(closed(1001, 'restart'));
    peer.reset();
    await end;
    const late = await RawPeer.connect({ endpoint });
    late.send(upgradeRequest());
    expect(await late.rest()).toMatch(/^HTTP\/1.1 503 /);
  });

  it('listening is passed on from a server that was given', async () => {
    const server = createServer();
    const wss = new WebSocketServer({ server });
    expect(wss.address()).toBeNull();
    const listening = eventOf(wss, 'listening');
    await listenHttp(server);
    await listening;
    expect(wss.address()).toEqual(server.address());
    server.close();
  });
});
