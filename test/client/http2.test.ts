/** Clients over HTTP/2 (RFC 8441): sessions of the application and of their own, and every way in which it goes wrong. */

import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  type Http2ServerRequest,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer, type WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import { type ClientOptions, WebSocket } from '../../src/socket/websocket.ts';
import { connect, opened, watch } from '../support/clients.ts';
import { authorityOf, HTTP2_KINDS, openSession, startHttp2 } from '../support/http2.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { startConnectProxy } from '../support/raw-server.ts';
import { eventOf, nextTurn, testCertificate, unixSocketPath } from '../support/servers.ts';

const CLOSE = ['close', 1006, ''];

type Server = Awaited<ReturnType<typeof startHttp2>>;

/** An echo server and the address of its WebSockets. */
async function start(kind: 'secure' | 'h2c', options: WebSocketServerOptions = {}) {
  const server = await startHttp2(kind);
  const wss = new WebSocketServer({ server, ...options });
  wss.on('connection', (socket: WebSocket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  onTestFinished(() => wss.close());
  return { server, wss, url: urlOf(server), ca: (await testCertificate()).cert };
}

const urlOf = (server: Server, path = '/') =>
  `ws${'setSecureContext' in server ? 's' : ''}://${authorityOf(server)}${path}`;

/** A client of ours, with no compression unless the test asks for it. */
function dial(url: string, options: ClientOptions, protocols?: string[]): WebSocket {
  return connect(WebSocket, url, protocols, { perMessageDeflate: false, ...options });
}

/** The error of a handshake that fails. */
async function failure(url: string, options: ClientOptions): Promise<string> {
  const { closed } = watch(dial(url, options));
  const [[, message], ...rest] = (await closed) as [[string, string], ...unknown[]];
  expect(rest).toEqual([CLOSE]);
  return message;
}

async function echoOf(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  const [data] = await once(socket, 'message');
  return String(data);
}

async function closeCleanly(socket: WebSocket): Promise<number> {
  const closed = once(socket, 'close');
  socket.close(1000);
  return (await closed)[0];
}

describe.each(HTTP2_KINDS)('http2, %s', (kind) => {
  it('RFC 8441 §5 with true: a session of its own, which ends with the WebSocket', async () => {
    const { server, wss, url, ca } = await start(kind);
    const connection = once(wss, 'connection');
    const sessions: unknown[] = [];
    server.on('session', (session) => sessions.push(session));
    const socket = dial(url, { http2: true, ca, origin: 'http://o', headers: { Cookie: 'a=1', Connection: 'x' } });
    await opened(socket);
    const [, request] = (await connection) as [WebSocket, IncomingMessage];
    expect(request.httpVersion).toBe('2.0');
    expect(request.headers).toMatchObject({ host: authorityOf(server), origin: 'http://o', cookie: 'a=1' });
    expect(request.headers['sec-websocket-key']).toBeUndefined();
    expect(await echoOf(socket, 'hello')).toBe('hello');
    const session = (socket._socket as unknown as ServerHttp2Stream).session!;
    const ended = once(session, 'close');
    expect(await closeCleanly(socket)).toBe(1000);
    await ended;
    expect(sessions).toHaveLength(1);
  });

  it('RFC 8441 §5 on a session of the application, beside other requests; it stays open', async () => {
    const { server, url } = await start(kind);
    server.on('request', (_request, response) => void response.end('hello'));
    const session = await openSession(server);
    const sockets = Array.from({ length: 20 }, () => dial(url, { http2: session }));
    await Promise.all(sockets.map(opened));
    const texts = await Promise.all(sockets.map((socket, i) => echoOf(socket, `number ${i}`)));
    expect(texts).toEqual(sockets.map((_, i) => `number ${i}`));
    expect(await Promise.all(sockets.map(closeCleanly))).toEqual(sockets.map(() => 1000));
    const [headers] = await once(session.request({ ':path': '/' }), 'response');
    expect(headers[':status']).toBe(200);
    expect(session.closed).toBe(false);
  });

  it("a stream whose directions have both ended is not destroyed within 'finish', where Node.js 20 would crash", async () => {
    const { server, url } = await start(kind);
    const socket = dial(url, { http2: await openSession(server) });
    await opened(socket);
    const stream = socket._socket as unknown as ServerHttp2Stream;
    let wasDestroyed: boolean | undefined;
    stream.on('finish', () => {
      wasDestroyed = stream.destroyed;
    });
    expect(await closeCleanly(socket)).toBe(1000);
    expect([wasDestroyed, stream.rstCode]).toEqual([false, constants.NGHTTP2_NO_ERROR]);
  });

  it('RFC 8441 §3 waits for the settings of a session that is being opened', async () => {
    const { server, url, ca } = await start(kind);
    const session = connectHttp2(`http${kind === 'secure' ? 's' : ''}://${authorityOf(server)}`, { ca });
    onTestFinished(() => session.destroy());
    const countListeners = () =>
      ['remoteSettings', 'localSettings', 'close'].map((name) => session.listenerCount(name));
    const before = countListeners();
    const sockets = Array.from({ length: 12 }, () => dial(url, { http2: session }));
    // However many wait: Node.js would warn of a leak.
    expect(countListeners()).toEqual(before.map((count) => count + 1));
    await Promise.all(sockets.map(opened));
    expect(countListeners()).toEqual(before);
  });

  it('RFC 8441 §5 agrees on a subprotocol and on compression', async () => {
    const { url, ca } = await start(kind, { perMessageDeflate: true });
    const socket = dial(url, { http2: true, ca, perMessageDeflate: true }, ['a', 'b']);
    await opened(socket);
    expect([socket.protocol, socket.extensions]).toEqual(['a', 'permessage-deflate']);
    const text = 'compressed '.repeat(10_000);
    expect(await echoOf(socket, text)).toBe(text);
  });

  it('credentials and Host of the application', async () => {
    const { wss, url, ca } = await start(kind);
    const connection = once(wss, 'connection');
    await opened(dial(url.replace('//', '//a:b@'), { http2: true, ca, headers: { host: 'virtual.example' } }));
    const [, request] = (await connection) as [WebSocket, IncomingMessage];
    expect(request.headers).toMatchObject({ host: 'virtual.example', authorization: `Basic ${btoa('a:b')}` });
  });

  it('an answer that refuses is an unexpected response, for listeners to read', async () => {
    const { url, ca } = await start(kind, { authorize: () => ({ status: 401, body: 'not you', headers: { A: 'b' } }) });
    expect(await failure(url, { http2: true, ca })).toBe('Unexpected server response: 401');
    const socket = dial(url, { http2: true, ca });
    const [request, response] = (await eventOf(socket, 'unexpected-response')) as [ClientRequest, IncomingMessage];
    expect([response.statusCode, response.headers.a]).toEqual([401, 'b']);
    const sessionEnd = once(request.socket!, 'close');
    let body = '';
    for await (const chunk of response) body += chunk;
    expect(body).toBe('not you');
    expect(response.complete).toBe(true);
    // The end of its stream is no failure: the application has the answer, as over HTTP/1.1.
    await sessionEnd;
    expect(socket.readyState).toBe(WebSocket.CONNECTING);
    const { closed } = watch(socket);
    socket.terminate();
    await closed;
  });

  it('redirects are followed, to another host on a session of its own only', async () => {
    const target = await start(kind);
    const from = await startHttp2(kind);
    const redirector = new WebSocketServer({
      server: from,
      authorize: ({ url }) =>
        url === '/here' ? true : { status: 302, headers: { Location: url === '/a' ? '/here' : target.url } },
    });
    onTestFinished(() => redirector.close());
    const { ca } = target;
    const session = await openSession(from);
    const here = dial(urlOf(from, '/a'), { http2: session, ca, followRedirects: true });
    await opened(here);
    expect(here.url).toBe(urlOf(from, '/here'));
    const there = dial(urlOf(from, '/b'), { http2: true, ca, followRedirects: true, headers: { cookie: 'secret=1' } });
    const connection = once(target.wss, 'connection');
    await opened(there);
    expect(there.url).toBe(target.url);
    const [, request] = (await connection) as [WebSocket, IncomingMessage];
    expect(request.headers.cookie).toBeUndefined();
    expect(await failure(urlOf(from, '/b'), { http2: session, followRedirects: true })).toBe(
      `Redirect to ${target.url} refused: the HTTP/2 session that was given leads to another host`,
    );
  });

  it.each(['terminate', 'close', 'signal'] as const)(
    '§7.1.4 %s while the answer is awaited resets the stream',
    async (how) => {
      let asked: (stream: ServerHttp2Stream) => void = () => {};
      const isAsked = new Promise<ServerHttp2Stream>((resolve) => {
        asked = resolve;
      });
      const authorize = (request: unknown) => {
        asked((request as Http2ServerRequest).stream);
        return new Promise<boolean>(() => {});
      };
      const { server, url } = await start(kind, { authorize });
      const session = await openSession(server);
      const abort = new AbortController();
      const socket = dial(url, { http2: session, signal: abort.signal });
      const { closed } = watch(socket);
      const stream = await isAsked;
      const reset = once(stream, 'close');
      if (how === 'signal') abort.abort();
      else socket[how]();
      const early = 'WebSocket was closed before the connection was established';
      expect(await closed).toEqual([['error', how === 'signal' ? 'The opening handshake was aborted' : early], CLOSE]);
      await reset;
      expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
      expect(session.closed).toBe(false);
    },
  );
});

describe('http2: what goes wrong', () => {
  it('RFC 8441 §3 a server without extended CONNECT', async () => {
    const server = await startHttp2('h2c');
    const message = 'The server takes no WebSockets over HTTP/2: it has not sent SETTINGS_ENABLE_CONNECT_PROTOCOL';
    expect(await failure(urlOf(server), { http2: true })).toBe(message);
    expect(await failure(urlOf(server), { http2: await openSession(server) })).toBe(message);
  });

  it('a server that speaks HTTP/1.1 only, with ALPN or without', async () => {
    const certificate = await testCertificate();
    for (const ALPNProtocols of [['http/1.1'], undefined]) {
      const server = createTlsServer({ ...certificate, ALPNProtocols } as never, (socket) =>
        socket.on('error', ignoreError),
      );
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      onTestFinished(() => void server.close());
      const url = `wss://localhost:${(server.address() as AddressInfo).port}/`;
      expect(await failure(url, { http2: true, ca: certificate.cert })).toMatch(/^The server does not speak HTTP\/2/);
    }
  });

  it('nobody listens; the certificate is not trusted', async () => {
    const { server, url } = await start('secure');
    expect(await failure(url, { http2: true })).toMatch(/self-signed certificate/);
    server.close();
    expect(await failure('ws://127.0.0.1:1/', { http2: true })).toMatch(/ECONNREFUSED/);
  });

  it('handshakeTimeoutMs bounds the wait for settings', async () => {
    const server = createTcpServer((socket) => socket.on('error', ignoreError));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const closed = new Promise((resolve) =>
      server.once('connection', (socket) => socket.once('close', resolve).resume()),
    );
    expect(await failure(url, { http2: true, handshakeTimeoutMs: 100 })).toBe('Opening handshake has timed out');
    await closed;
  });

  it('a session that is closed, or is closed meanwhile', async () => {
    const { server, url } = await start('h2c');
    const session = await openSession(server);
    session.close();
    expect(await failure(url, { http2: session })).toBe('The HTTP/2 session is closed: give one that is open');
    const later = connectHttp2(`http://${authorityOf(server)}`);
    later.on('error', ignoreError);
    const failed = failure(url, { http2: later });
    later.destroy();
    expect(await failed).toBe('The HTTP/2 session was closed before the WebSocket was open');
  });

  it('RFC 8441 §5 a wss: address on a session without TLS, and the other way round', async () => {
    const { server, url } = await start('h2c');
    const session = await openSession(server);
    const secure = url.replace('ws:', 'wss:');
    expect(await failure(secure, { http2: session })).toBe(
      `${secure} cannot be opened on an HTTP/2 session that has no TLS: use ws:`,
    );
    const other = await start('secure');
    const plain = other.url.replace('wss:', 'ws:');
    expect(await failure(plain, { http2: await openSession(other.server) })).toBe(
      `${plain} cannot be opened on an HTTP/2 session that has TLS: use wss:`,
    );
  });

  it.each([
    ['REFUSED_STREAM', constants.NGHTTP2_REFUSED_STREAM, 'Stream closed with error code NGHTTP2_REFUSED_STREAM'],
    ['CANCEL', constants.NGHTTP2_CANCEL, 'The server closed the stream without an answer (HTTP/2 error code 8)'],
    ['NO_ERROR', constants.NGHTTP2_NO_ERROR, 'The server closed the stream without an answer (HTTP/2 error code 0)'],
  ])('a stream that is reset with %s before the answer', async (_name, code, message) => {
    const server = await startHttp2('h2c', { settings: { enableConnectProtocol: true } });
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', ignoreError);
      stream.close(code);
    });
    expect(await failure(urlOf(server), { http2: true })).toBe(message);
  });

  it.each([
    [
      'a subprotocol that was not asked for',
      { 'sec-websocket-protocol': 'x' },
      'Server sent a subprotocol but none was requested',
    ],
    [
      'an extension that was not offered',
      { 'sec-websocket-extensions': 'x' },
      /^Server sent a Sec-WebSocket-Extensions header/,
    ],
  ])('§4.1 an answer with %s fails, and resets the stream', async (_fault, fields, message) => {
    const server = await startHttp2('h2c', { settings: { enableConnectProtocol: true } });
    const reset = new Promise<number>((resolve) => {
      server.on('stream', (stream: ServerHttp2Stream) => {
        stream.respond({ ':status': 200, ...fields });
        stream.on('error', ignoreError).on('close', () => resolve(stream.rstCode));
      });
    });
    expect(await failure(urlOf(server), { http2: await openSession(server) })).toMatch(message);
    expect(await reset).toBe(constants.NGHTTP2_CANCEL);
  });

  it('RFC 9113 §5.2 a refusal with a long body takes no more memory than is read of it', async () => {
    const server = await startHttp2('h2c', { settings: { enableConnectProtocol: true } });
    const body = Buffer.alloc(4 * 1024 * 1024);
    server.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', ignoreError).respond({ ':status': 403 });
      stream.end(body);
    });
    const session = await openSession(server);
    const socket = dial(urlOf(server), { http2: session });
    const [, response] = (await eventOf(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    response.read(0);
    for (let i = 0; i < 200; i++) await new Promise((resolve) => session.ping(resolve as () => void));
    expect(response.readableLength).toBeLessThan(1024 * 1024);
    let length = 0;
    for await (const chunk of response) length += chunk.length;
    expect(length).toBe(body.length);
  });

  it('options that contradict it', () => {
    const session = { request: () => {} } as unknown as ClientHttp2Session;
    const make = (options: ClientOptions) => () => new WebSocket('ws://localhost:1', options);
    expect(make({ http2: true, agent: {} as never })).toThrow(TypeError);
    expect(make({ http2: session, proxy: 'http://localhost:1' })).toThrow(TypeError);
    expect(make({ http2: session, createConnection: () => undefined as never })).toThrow(TypeError);
    expect(make({ http2: true, protocolVersion: 8 })).toThrow(RangeError);
    expect(make({ http2: 'yes' as never })).toThrow(/http2 must be true or a session of http2.connect\(\)/);
    expect(make({ http2: true, headers: { 'a b': 'c' } })).toThrow(TypeError);
    expect(make({ http2: true, headers: { a: 'b\n' } })).toThrow(TypeError);
  });

  it.each([
    ['TCP is opened', 'ws', false],
    ['the settings are awaited', 'ws', true],
    ['TLS is opened', 'wss', true],
  ] as const)(
    '§7.1.4 abort, close and terminate while %s: one error, and no connection is left',
    async (_state, scheme, isSlow) => {
      const accepted: Socket[] = [];
      const server = createTcpServer((socket) => void accepted.push(socket.on('error', ignoreError).resume()));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      onTestFinished(() => void server.close());
      const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      for (const how of ['abort', 'close', 'terminate'] as const) {
        const abort = new AbortController();
        const connection = once(server, 'connection') as Promise<[Socket]>;
        const socket = dial(url, { http2: true, signal: abort.signal });
        const { closed } = watch(socket);
        if (isSlow) await once((await connection)[0], 'data');
        if (how === 'abort') abort.abort();
        else socket[how]();
        const seen = await closed;
        expect(seen.map(([event]) => event)).toEqual(['error', 'close']);
        expect(seen[1]).toEqual(CLOSE);
        if (isSlow) while (!accepted.every(({ closed }) => closed)) await nextTurn();
      }
    },
  );

  it('§7.1.4 those that wait for the settings of one session are given up one by one; the session goes on', async () => {
    const { server, url } = await start('h2c');
    const session = connectHttp2(`http://${authorityOf(server)}`);
    onTestFinished(() => session.destroy());
    const abort = new AbortController();
    const sockets = [{}, { signal: abort.signal }, {}, {}].map((options) => dial(url, { http2: session, ...options }));
    const ends = sockets.slice(0, 3).map((socket) => watch(socket).closed);
    sockets[0]!.close();
    abort.abort();
    sockets[2]!.terminate();
    for (const end of ends) expect((await end).at(-1)).toEqual(CLOSE);
    await opened(sockets[3]!);
    expect(await echoOf(sockets[3]!, 'left')).toBe('left');
    expect(await closeCleanly(sockets[3]!)).toBe(1000);
  });

  it('RFC 8441 §3 settings that come late are waited for', async () => {
    const { server, url } = await start('h2c');
    const { port } = server.address() as AddressInfo;
    let letThrough: () => void = () => {};
    const relay = createTcpServer((socket) => {
      const onward = connectTcp(port, '127.0.0.1');
      socket.on('error', ignoreError).pipe(onward);
      onward.on('error', ignoreError);
      letThrough = () => void onward.pipe(socket);
    });
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    onTestFinished(() => void relay.close());
    const connection = once(relay, 'connection') as Promise<[Socket]>;
    const socket = dial(url.replace(String(port), String((relay.address() as AddressInfo).port)), { http2: true });
    const [below] = await connection;
    await once(below, 'data');
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(socket.readyState).toBe(WebSocket.CONNECTING);
    letThrough();
    await opened(socket);
    expect(await echoOf(socket, 'late')).toBe('late');
  });

  it('session errors and the end of the session are 1006', async () => {
    const { server, wss, url } = await start('h2c');
    const session = await openSession(server);
    const socket = dial(url, { http2: session });
    await opened(socket);
    const closed = once(socket, 'close');
    for (const client of wss.clients)
      (client._socket as ServerHttp2Stream).session!.destroy(undefined, constants.NGHTTP2_INTERNAL_ERROR);
    expect((await closed)[0]).toBe(1006);
  });

  it('RFC 9113 §6.8 GOAWAY of the server: open sockets go on, new ones have a clear error', async () => {
    const { server, wss, url } = await start('h2c');
    const session = await openSession(server);
    const socket = dial(url, { http2: session });
    await opened(socket);
    const goaway = once(session, 'goaway');
    for (const client of wss.clients) (client._socket as ServerHttp2Stream).session!.close();
    await goaway;
    expect(await echoOf(socket, 'still here')).toBe('still here');
    expect(await failure(url, { http2: session })).toBe('The HTTP/2 session is closed: give one that is open');
    expect(await closeCleanly(socket)).toBe(1000);
  });
});

describe('http2: other ways to connect', () => {
  it('through a proxy, with TLS inside the tunnel', async () => {
    const { url, ca } = await start('secure');
    const proxy = await startConnectProxy();
    const socket = dial(url, { http2: true, ca, proxy: proxy.url });
    await opened(socket);
    expect(await echoOf(socket, 'tunnel')).toBe('tunnel');
    expect(proxy.heads[0]).toMatch(/^CONNECT localhost:/);
  });

  it('createConnection makes the socket', async () => {
    const { server, url } = await start('h2c');
    const { port } = server.address() as AddressInfo;
    let count = 0;
    const createConnection = () => {
      count += 1;
      return connectTcp(port, '127.0.0.1');
    };
    await opened(dial(url.replace(/:\d+/, ':1'), { http2: true, createConnection }));
    expect(count).toBe(1);
  });

  it('a peer that leaves TCP open does not keep the connection of a session that has ended', async () => {
    const { url, server } = await start('h2c');
    const { port } = server.address() as AddressInfo;
    // Hands on everything but the end.
    const relay = createTcpServer({ allowHalfOpen: true }, (socket) => {
      const onward = connectTcp(port, '127.0.0.1');
      socket
        .on('error', ignoreError)
        .on('data', (chunk) => onward.write(chunk))
        .on('close', () => onward.destroy());
      onward.on('error', ignoreError).on('data', (chunk) => socket.write(chunk));
    });
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    onTestFinished(() => void relay.close());
    let own: Socket | undefined;
    const createConnection = () => {
      own = connectTcp({ port: (relay.address() as AddressInfo).port, host: '127.0.0.1' });
      return own;
    };
    const socket = dial(url, { http2: true, createConnection });
    await opened(socket);
    const ended = once(own!, 'close');
    expect(await closeCleanly(socket)).toBe(1000);
    await ended;
  });

  it('finishRequest may change the request', async () => {
    const { wss, url } = await start('h2c');
    const connection = once(wss, 'connection');
    const finishRequest: ClientOptions['finishRequest'] = (request) => {
      expect([request.getHeader('a'), request.hasHeader('B')]).toEqual(['1', true]);
      request.removeHeader('b');
      request.setHeader('c', ['2', '3']);
      request.end();
    };
    await opened(dial(url, { http2: true, headers: { a: '1', b: '2' }, finishRequest }));
    const [, request] = (await connection) as [WebSocket, IncomingMessage];
    expect([request.headers.a, request.headers.b, request.headers.c]).toEqual(['1', undefined, '2, 3']);
  });

  it('a unix socket', async () => {
    const path = await unixSocketPath();
    const { createServer } = await import('node:http2');
    const server = createServer();
    const wss = new WebSocketServer({ server });
    server.listen(path);
    await once(server, 'listening');
    const socket = dial(`ws+unix:${path}:/a?b`, { http2: true });
    const connection = once(wss, 'connection');
    await opened(socket);
    const [, request] = (await connection) as [WebSocket, IncomingMessage];
    expect([request.url, request.headers.host]).toEqual(['/a?b', 'localhost']);
    const closed = once(socket, 'close');
    socket.terminate();
    await closed;
    wss.close();
    server.close();
  });
});
