/** WebSockets over HTTP/2 (RFC 8441), seen from a client made of node:http2 and, where HTTP/2 itself is bent, of frames. */

import { once } from 'node:events';
import {
  type ClientHttp2Stream,
  constants,
  type Http2Server,
  type Http2ServerRequest,
  type ServerHttp2Stream,
} from 'node:http2';
import { get as getHttps } from 'node:https';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type VerifyClientInfo,
  WebSocketServer,
  type WebSocketServerOptions,
} from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import {
  authorityOf,
  closeFrame,
  HTTP2_KINDS,
  openSession,
  read,
  refusalOf,
  request,
  responseTo,
  startHttp2,
  textFrame,
} from '../support/http2.ts';
import { connectRawHttp2 } from '../support/raw-http2.ts';
import { eventOf, nextTurn, testCertificate, watchProcess } from '../support/servers.ts';

type Server = Awaited<ReturnType<typeof startHttp2>>;

/** Echoes, unless `onConnection` says otherwise. */
function attach(server: Server, options: WebSocketServerOptions = {}, onConnection = echo): WebSocketServer {
  const wss = new WebSocketServer({ server, ...options });
  onTestFinished(() => wss.close());
  wss.on('connection', onConnection);
  return wss;
}

function echo(socket: WebSocket): void {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

/** The stream of an open WebSocket, and the server's side of it. */
async function open(wss: WebSocketServer, session: Awaited<ReturnType<typeof openSession>>, path = '/') {
  const connection = eventOf(wss, 'connection') as Promise<[WebSocket, { headers: Record<string, string> }]>;
  const stream = request(session, path);
  const headers = await responseTo(stream);
  const [socket] = await connection;
  return { stream, headers, socket };
}

async function roundTrip(stream: ClientHttp2Stream, text: string): Promise<string> {
  stream.write(textFrame(text));
  const answer = await read(stream, 2 + text.length);
  return answer.toString('latin1', 2);
}

describe.each(HTTP2_KINDS)('WebSockets over HTTP/2, %s', (kind) => {
  it('RFC 8441 §5 answers 200 without a key, carries frames, and ends both directions with END_STREAM', async () => {
    const server = await startHttp2(kind);
    const wss = attach(server);
    const session = await openSession(server);
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const { stream, headers, socket } = await open(wss, session);
    expect(headers[':status']).toBe(200);
    expect(Object.keys(headers).filter((name) => /^(sec-|upgrade|connection)/.test(name))).toEqual([]);
    expect(await roundTrip(stream, 'hello')).toBe('hello');
    const closed = once(socket, 'close');
    stream.write(closeFrame(1000));
    expect([...(await read(stream, 4))]).toEqual([0x88, 2, 3, 0xe8]);
    stream.end();
    stream.resume();
    await once(stream, 'close');
    expect((await closed)[0]).toBe(1000);
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  it('RFC 8441 §5 agrees on a subprotocol and on compression; listeners may add fields', async () => {
    const server = await startHttp2(kind);
    const wss = attach(server, { subprotocols: ['b'], perMessageDeflate: true });
    wss.on('headers', (lines) => {
      expect(lines[0]).toBe('HTTP/2 200');
      lines.push('Set-Cookie: a=1', 'Set-Cookie: b=2');
    });
    const stream = request(await openSession(server), '/', {
      'sec-websocket-protocol': 'a, b',
      'sec-websocket-extensions': 'permessage-deflate',
    });
    expect(await responseTo(stream)).toMatchObject({
      ':status': 200,
      'sec-websocket-protocol': 'b',
      'sec-websocket-extensions': 'permessage-deflate',
      'set-cookie': ['a=1', 'b=2'],
    });
  });

  it('RFC 8441 §4 hooks and listeners get a request with url, headers, Host and the address of the client', async () => {
    const server = await startHttp2(kind);
    const seen: unknown[] = [];
    const wss = attach(server, {
      verifyClient: ({ origin, secure, req }: VerifyClientInfo) => {
        seen.push(origin, secure, req.url, req.headers.host, req.headers.cookie, req.httpVersion);
        return true;
      },
    });
    const session = await openSession(server);
    const connection = once(wss, 'connection');
    const stream = request(session, '/a?b', { origin: 'http://o', cookie: 'c=d', ':authority': 'example.org' });
    await responseTo(stream);
    const [socket, req] = await connection;
    expect(seen).toEqual(['http://o', kind === 'secure', '/a?b', 'example.org', 'c=d', '2.0']);
    expect([req.socket.remoteAddress, socket._socket.remoteAddress]).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  it.each<
    [fault: string, options: WebSocketServerOptions, fields: Record<string, string | undefined>, refusal: unknown[]]
  >([
    ['a path that is not served', { path: '/other' }, {}, [404, 'This path is not served']],
    [
      'another origin',
      { origins: ['http://o'] },
      { origin: 'http://p' },
      [403, 'Connections from this origin are not allowed'],
    ],
    [
      'who may not',
      { authorize: () => ({ status: 401, body: 'no', headers: { Connection: 'close', 'X-A': 'b' } }) },
      {},
      [401, 'no'],
    ],
    ['whom verifyClient does not know', { verifyClient: () => false }, {}, [401, 'Unauthorized']],
    [
      'no version',
      {},
      { 'sec-websocket-version': undefined },
      [400, 'Exactly one Sec-WebSocket-Version header is required: send 13'],
    ],
    [
      'another version',
      {},
      { 'sec-websocket-version': '8' },
      [400, 'This version of the WebSocket protocol is not supported: use 13'],
    ],
    [
      'a bad offer',
      { perMessageDeflate: true },
      { 'sec-websocket-extensions': 'a b' },
      [400, expect.stringContaining('Sec-WebSocket-Extensions')],
    ],
    ['another :protocol', {}, { ':protocol': 'connect-udp' }, [501, 'No other :protocol than websocket is known here']],
  ])('RFC 8441 §5 refuses %s, and closes the stream', async (_fault, options, fields, refusal) => {
    const server = await startHttp2(kind);
    const wss = attach(server, options);
    wss.on('wsClientError', () => expect.unreachable('there are no bytes that could be an answer'));
    const session = await openSession(server);
    expect(await refusalOf(request(session, '/', fields))).toEqual(refusal);
    expect(session.destroyed).toBe(false);
  });

  it('RFC 8441 §5 an unknown extension is passed over', async () => {
    const server = await startHttp2(kind);
    attach(server, { perMessageDeflate: true });
    const headers = await responseTo(
      request(await openSession(server), '/', { 'sec-websocket-extensions': 'x-unknown; a=1' }),
    );
    expect([headers[':status'], headers['sec-websocket-extensions']]).toEqual([200, undefined]);
  });

  it('RFC 9113 §8.1 a refusal ends the stream with NO_ERROR, also when a hook has read from the request', async () => {
    const server = await startHttp2(kind);
    attach(server, {
      authorize: (req) => {
        req.resume();
        return false;
      },
    });
    const stream = request(await openSession(server));
    expect(await refusalOf(stream)).toEqual([403, 'Forbidden']);
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  it('RFC 8441 §5 no refusal goes out with a status that accepts', async () => {
    const process = watchProcess();
    const server = await startHttp2(kind);
    attach(server, { authorize: () => ({ status: 204 }) });
    expect(await refusalOf(request(await openSession(server)))).toEqual([500, 'Internal Server Error']);
    const warning = await process.nextWarning();
    expect(warning.detail).toMatch(/status 204 accepts a WebSocket/);
  });

  it('§4.2.2 a server that is closing answers 503, though it was asked before', async () => {
    const server = await startHttp2(kind);
    let decide: (isAllowed: boolean) => void = () => {};
    let asked: () => void = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const wss = attach(server, {
      authorize: () => {
        asked();
        return new Promise<boolean>((resolve) => {
          decide = resolve;
        });
      },
    });
    const refusal = refusalOf(request(await openSession(server)));
    await isAsked;
    wss.close();
    decide(true);
    expect(await refusal).toEqual([503, 'Service Unavailable']);
  });

  it('a server that has closed leaves nobody without an answer', async () => {
    const server = await startHttp2(kind);
    attach(server).close();
    expect(await refusalOf(request(await openSession(server)))).toEqual([501, '']);
  });

  it.each([
    [true, constants.NGHTTP2_CANCEL],
    [false, constants.NGHTTP2_CANCEL],
    ['error', constants.NGHTTP2_CANCEL],
    [true, constants.NGHTTP2_NO_ERROR],
    [false, constants.NGHTTP2_NO_ERROR],
    ['error', constants.NGHTTP2_NO_ERROR],
  ])('a stream that is reset while authorize() thinks is left alone: %s, code %i', async (verdict, code) => {
    const process = watchProcess();
    const server = await startHttp2(kind);
    let decide: (verdict: boolean) => void = () => {};
    let fail: (error: Error) => void = () => {};
    let ask: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      ask = resolve;
    });
    const wss = attach(server, {
      authorize: () => {
        ask();
        return new Promise<boolean>((resolve, reject) => {
          decide = resolve;
          fail = reject;
        });
      },
    });
    wss.on('connection', () => expect.unreachable('there is nobody to talk to'));
    const session = await openSession(server);
    const stream = request(session);
    await asked;
    // With NO_ERROR, node:http2 keeps the stream for whoever may read what has come.
    stream.write(textFrame('early'));
    stream.close(code);
    await new Promise((resolve) => session.ping(resolve as () => void));
    if (typeof verdict === 'boolean') decide(verdict);
    else fail(new Error('out of order'));
    await new Promise((resolve) => session.ping(resolve as () => void));
    expect(process.uncaught).toEqual([]);
    expect(process.warnings.map(({ detail }) => detail)).toEqual(
      verdict === 'error' ? [expect.stringContaining('out of order')] : [],
    );
  });

  it('RFC 8441 §5 what comes before the 200 is read behind it', async () => {
    const server = await startHttp2(kind);
    let decide: (isAllowed: boolean) => void = () => {};
    attach(server, {
      authorize: () =>
        new Promise<boolean>((resolve) => {
          decide = resolve;
        }),
    });
    const stream = request(await openSession(server));
    stream.write(textFrame('early'));
    await new Promise((resolve) => stream.session!.ping(resolve as () => void));
    decide(true);
    await responseTo(stream);
    expect((await read(stream, 7)).toString('latin1', 2)).toBe('early');
  });

  it('RFC 8441 §3 clients of sessions that there were before are told', async () => {
    const server = await startHttp2(kind);
    server.on('request', (_request, response) => void response.end('hello'));
    const session = await openSession(server);
    expect(session.remoteSettings.enableConnectProtocol).toBe(false);
    const told = once(session, 'remoteSettings');
    const wss = attach(server);
    // Where Node.js does not say which sessions there are, they are noticed when they ask for something.
    if (Object.getOwnPropertySymbols(server).some(({ description }) => description === 'sessions')) await told;
    const response = session.request({ ':path': '/' });
    expect(await refusalOf(response)).toEqual([200, 'hello']);
    await told;
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    expect(await roundTrip((await open(wss, session)).stream, 'later')).toBe('later');
  });

  it('RFC 8441 §3 it stays on when the server has closed', async () => {
    const server = await startHttp2(kind);
    const wss = attach(server);
    const session = await openSession(server);
    wss.close();
    attach(server).close();
    expect(await refusalOf(request(session))).toEqual([501, '']);
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    expect((await openSession(server)).remoteSettings.enableConnectProtocol).toBe(true);
  });

  it('RFC 8441 §4 other requests, and listeners for them, are left alone', async () => {
    const server = await startHttp2(kind);
    const streams: unknown[] = [];
    server.on('stream', (_stream: ServerHttp2Stream, headers) => streams.push(headers[':method']));
    server.on('request', (req, response) => void response.end(`${req.method} ${req.url}`));
    const wss = attach(server, { path: '/ws' });
    const session = await openSession(server);
    expect(await refusalOf(session.request({ ':path': '/a' }))).toEqual([200, 'GET /a']);
    expect(await roundTrip((await open(wss, session, '/ws')).stream, 'hi')).toBe('hi');
    expect(streams).toEqual(['GET']);
    // node:http2's own answer to a CONNECT that nobody listens for.
    const plain = session.request({ ':method': 'CONNECT', ':authority': 'example.org:443' });
    plain.on('error', () => {});
    expect((await responseTo(plain))[':status']).toBe(405);
    expect(streams).toEqual(['GET', 'CONNECT']);
    server.on('connect', (req, response) => {
      response.writeHead(200);
      response.end(`for ${req.headers[':protocol']}`);
    });
    expect(await refusalOf(request(session, '/', { ':protocol': 'connect-udp' }))).toEqual([200, 'for connect-udp']);
    expect(await refusalOf(request(session, '/other'))).toEqual([200, 'for websocket']);
    wss.close();
    expect(await refusalOf(request(session, '/ws'))).toEqual([200, 'for websocket']);
  });

  it('several WebSocketServers share a server by path', async () => {
    const server = await startHttp2(kind);
    attach(server, { path: '/a' }, (socket) => socket.send('from a'));
    attach(server, { path: '/b' }, (socket) => socket.send('from b'));
    const session = await openSession(server);
    for (const name of ['b', 'a']) {
      const stream = request(session, `/${name}`);
      expect((await responseTo(stream))[':status']).toBe(200);
      expect((await read(stream, 8)).toString('latin1', 2)).toBe(`from ${name}`);
    }
    expect(await refusalOf(request(session, '/c'))).toEqual([404, 'This path is not served']);
  });

  it("handleUpgrade takes the request and the stream of a 'connect' event", async () => {
    const server = (await startHttp2(kind, { settings: { enableConnectProtocol: true } })) as Http2Server;
    const wss = new WebSocketServer({ noServer: true });
    server.on('request', () => {});
    server.on('connect', (req, res) => {
      wss.handleUpgrade(req as never, res.stream, Buffer.alloc(0), echo);
    });
    const stream = request(await openSession(server));
    expect((await responseTo(stream))[':status']).toBe(200);
    expect(await roundTrip(stream, 'abc')).toBe('abc');
  });

  it('a hundred sockets on one session at once', async () => {
    const server = await startHttp2(kind);
    const wss = attach(server);
    const session = await openSession(server);
    const streams = Array.from({ length: 100 }, (_, i) => request(session, `/${i}`));
    await Promise.all(streams.map(responseTo));
    expect(wss.clients.size).toBe(100);
    const echoes = await Promise.all(streams.map((stream, i) => roundTrip(stream, `number ${i}`)));
    expect(echoes).toEqual(streams.map((_, i) => `number ${i}`));
  });

  it('maxConcurrentStreams holds for WebSockets as for other requests', async () => {
    const server = await startHttp2(kind, { settings: { maxConcurrentStreams: 2 } });
    const wss = attach(server);
    const session = await openSession(server);
    const first = await open(wss, session);
    await open(wss, session);
    // Waits in the client until one of them ends.
    const third = request(session);
    let hasAnswer = false;
    third.on('response', () => {
      hasAnswer = true;
    });
    await new Promise((resolve) => session.ping(resolve as () => void));
    expect(hasAnswer).toBe(false);
    first.socket.terminate();
    expect((await responseTo(third))[':status']).toBe(200);
  });
});

describe('the end of a WebSocket over HTTP/2', () => {
  async function opened(onConnection = echo) {
    const server = await startHttp2('h2c');
    const wss = attach(server, {}, onConnection);
    const session = await openSession(server);
    const connection = await open(wss, session);
    return { server, wss, session, ...connection, closed: eventOf(connection.socket, 'close') };
  }

  it.each([
    ['CANCEL', constants.NGHTTP2_CANCEL],
    ['INTERNAL_ERROR', constants.NGHTTP2_INTERNAL_ERROR],
    ['NO_ERROR', constants.NGHTTP2_NO_ERROR],
  ])('RFC 8441 §5 a reset (%s) in the middle of a message is 1006', async (_name, code) => {
    const { stream, socket, closed, session, wss } = await opened();
    const messages: unknown[] = [];
    socket.on('message', (data) => messages.push(data));
    stream.write(textFrame('cut off').subarray(0, 8));
    await new Promise((resolve) => session.ping(resolve as () => void));
    stream.close(code);
    expect((await closed)[0]).toBe(1006);
    expect(messages).toEqual([]);
    // The session is as good as before.
    expect(await roundTrip((await open(wss, session)).stream, 'next')).toBe('next');
  });

  it('RFC 8441 §5 END_STREAM without a Close frame is 1006, and is answered with END_STREAM', async () => {
    const { stream, closed } = await opened();
    stream.end();
    stream.resume();
    await once(stream, 'close');
    expect((await closed)[0]).toBe(1006);
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
  });

  it('RFC 8441 §5 terminate() resets the stream with CANCEL', async () => {
    const { stream, socket, closed } = await opened();
    socket.terminate();
    await once(stream, 'close');
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect((await closed)[0]).toBe(1006);
  });

  it('§7.1.7 a violation is answered with a Close frame, and then the stream ends', async () => {
    const { stream, socket, closed } = await opened();
    const failed = eventOf(socket, 'error');
    // No mask.
    stream.write(Uint8Array.of(0x81, 1, 0x61));
    expect([...(await read(stream, 4))]).toEqual([0x88, expect.any(Number), 3, 0xea]);
    stream.resume();
    stream.end();
    await once(stream, 'close');
    expect(await failed).toMatchObject([{ code: expect.stringMatching(/^WS_ERR_/) }]);
    expect((await closed)[0]).toBe(1006);
  });

  it.each([
    ['the client destroys the session', (context: Awaited<ReturnType<typeof opened>>) => context.session.destroy()],
    [
      'the server destroys it',
      ({ stream, socket }: Awaited<ReturnType<typeof opened>>) => {
        void stream;
        (socket._socket as ServerHttp2Stream).session!.destroy();
      },
    ],
  ])('all sockets of a session end with 1006 when %s', async (_how, end) => {
    const context = await opened();
    const other = await open(context.wss, context.session);
    const otherClosed = once(other.socket, 'close');
    end(context);
    expect((await context.closed)[0]).toBe(1006);
    expect((await otherClosed)[0]).toBe(1006);
  });

  it('RFC 9113 §6.8 a session that says GOAWAY keeps its WebSockets until they are closed', async () => {
    const { session, stream, socket, closed } = await opened();
    (socket._socket as ServerHttp2Stream).session!.close();
    await once(session, 'goaway');
    expect(await roundTrip(stream, 'still here')).toBe('still here');
    stream.write(closeFrame(1000));
    stream.end();
    stream.resume();
    expect((await closed)[0]).toBe(1000);
    if (!session.closed || !session.destroyed) await once(session, 'close');
  });
});

describe('admission over HTTP/2', () => {
  it('authenticate() gets the token, from one of the same origin; socket.user is what it returns', async () => {
    const server = await startHttp2('secure');
    const wss = attach(server, {
      origins: ['same-origin'],
      authenticate: ({ token, refuse }) => (token === 'secret' ? { name: 'ada' } : refuse(401)),
    });
    const session = await openSession(server);
    const connection = once(wss, 'connection');
    const own = { ':authority': 'chat.example', origin: 'https://chat.example' };
    expect((await responseTo(request(session, '/', { ...own, authorization: 'Bearer secret' })))[':status']).toBe(200);
    expect((await connection)[0].user).toEqual({ name: 'ada' });
    expect((await responseTo(request(session, '/', own)))[':status']).toBe(401);
    const foreign = { ...own, origin: 'https://elsewhere.example', authorization: 'Bearer secret' };
    expect((await responseTo(request(session, '/', foreign)))[':status']).toBe(403);
  });

  it('connections count, each stream one, by the address of their client', async () => {
    const server = await startHttp2('h2c');
    const wss = attach(server, { maxConnectionsPerAddress: 2 });
    const session = await openSession(server);
    const { socket } = await open(wss, session);
    await open(wss, await openSession(server));
    expect((await responseTo(request(session)))[':status']).toBe(429);
    socket.terminate();
    await once(socket, 'close');
    await open(wss, session);
  });
});

describe('heartbeat over HTTP/2', () => {
  it('§5.5.2 pings, and resets the stream of a client that is silent', async () => {
    const server = await startHttp2('h2c');
    const wss = attach(server, { heartbeat: { intervalMs: 50, timeoutMs: 50 } });
    const { stream, socket } = await open(wss, await openSession(server));
    socket.on('error', () => {});
    const closed = eventOf(socket, 'close');
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    expect((await closed)[0]).toBe(1006);
    await once(stream, 'close');
    expect(chunks[0]![0]).toBe(0x89);
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });
});

describe('drain() over HTTP/2', () => {
  it('§7.4.1 sends Close frames, refuses what comes, and says GOAWAY on the sessions that it has', async () => {
    const server = await startHttp2('h2c');
    const wss = attach(server);
    const session = await openSession(server);
    const newSession = await openSession(server);
    const { stream } = await open(wss, session);
    const goaway = once(session, 'goaway');
    const drained = wss.drain();
    expect((await goaway)[0]).toBe(constants.NGHTTP2_NO_ERROR);
    expect([...(await read(stream, 4))]).toEqual([0x88, 2, 3, 0xe9]);
    const refused = request(newSession);
    const headers = await responseTo(refused);
    expect([headers[':status'], headers['retry-after']]).toEqual([503, expect.stringMatching(/^\d+$/)]);
    stream.end(closeFrame(1001));
    stream.resume();
    expect(await drained).toEqual({ closed: 1, terminated: 0, refused: 1 });
  });
});

describe('flow control is back-pressure', () => {
  const MIB = 1024 * 1024;

  it('RFC 9113 §5.2 a paused WebSocket takes its window and no more, and the others go on', async () => {
    const server = await startHttp2('h2c');
    const wss = attach(server);
    const session = await openSession(server);
    const paused = await open(wss, session);
    const other = await open(wss, session);
    paused.socket.pause();
    const header = Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0, 1, 2, 3, 4);
    paused.stream.write(header);
    for (let i = 0; i < 32; i++) paused.stream.write(Buffer.alloc(65_536));
    for (let i = 0; i < 20; i++) expect(await roundTrip(other.stream, `innocent ${i}`)).toBe(`innocent ${i}`);
    const stream = paused.socket._socket as ServerHttp2Stream;
    const window = stream.session!.localSettings.initialWindowSize!;
    // What Node.js has read of it gives its window back.
    expect(stream.readableLength).toBeLessThanOrEqual(window + stream.readableHighWaterMark);
    // What was not taken is still with the client.
    expect(paused.stream.writableLength).toBeGreaterThan(MIB);
    const message = eventOf(paused.socket, 'message');
    paused.socket.resume();
    paused.stream.resume();
    const [data] = (await message) as [Buffer];
    expect(data.length).toBe(2 * MIB);
  });

  it('RFC 9113 §5.2 what a client does not read stays in bufferedAmount, and the others go on', async () => {
    const server = await startHttp2('h2c');
    const wss = attach(server);
    const session = await openSession(server);
    const slow = await open(wss, session);
    const other = await open(wss, session);
    let isTaken = false;
    const taken = new Promise<void>((resolve) => {
      slow.socket.send(Buffer.alloc(MIB), () => {
        isTaken = true;
        resolve();
      });
    });
    expect(await roundTrip(other.stream, 'innocent')).toBe('innocent');
    expect(isTaken).toBe(false);
    expect(slow.socket.bufferedAmount).toBe(MIB);
    slow.stream.resume();
    await taken;
    expect(slow.socket.bufferedAmount).toBe(0);
  });

  it('maxBacklogBytes holds for a client that does not read, and the others go on', async () => {
    const server = await startHttp2('h2c');
    const wss = attach(server, { maxBacklogBytes: 200_000, onBacklog: 'terminate' });
    const session = await openSession(server);
    const slow = await open(wss, session);
    const other = await open(wss, session);
    slow.socket.on('error', () => {});
    const closed = eventOf(slow.socket, 'close');
    for (let i = 0; i < 10; i++) slow.socket.send(Buffer.alloc(65_536));
    expect((await closed)[0]).toBe(1006);
    expect(await roundTrip(other.stream, 'innocent')).toBe('innocent');
  });

  it("'drain' comes when the client reads again", async () => {
    const server = await startHttp2('h2c');
    const wss = attach(server);
    const { socket, stream } = await open(wss, await openSession(server));
    socket.send(Buffer.alloc(2 * MIB));
    await nextTurn();
    expect(socket.isWritable).toBe(false);
    const drained = once(socket, 'drain');
    stream.resume();
    await drained;
    expect(socket.isWritable).toBe(true);
  });

  it('a client whose window stays shut does not hold a refusal for ever', async () => {
    const server = await startHttp2('h2c');
    attach(server, { authorize: () => ({ status: 403, body: 'no' }) });
    const session = await openSession(server, { initialWindowSize: 0 });
    const stream = request(session);
    await responseTo(stream);
    await once(stream, 'close');
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });
});

describe('HTTP/1.1 on the same port', () => {
  it('§4.2 upgrades of a server with allowHTTP1 are taken as ever', async () => {
    const server = await startHttp2('secure');
    server.on('request', (_request, response) => void response.end('hello'));
    attach(server);
    const { cert: ca } = await testCertificate();
    const socket = new WebSocket(`wss://${authorityOf(server)}/`, { ca });
    await once(socket, 'open');
    socket.send('one');
    const [data] = await once(socket, 'message');
    expect(String(data)).toBe('one');
    socket.close();
    await once(socket, 'close');
    const [response] = await once(getHttps(`https://${authorityOf(server)}/`, { ca }), 'response');
    expect(response.httpVersion).toBe('1.1');
    response.resume();
  });
});

describe('HTTP/2 that is bent', () => {
  const FIELDS: Record<string, string> = {
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':scheme': 'http',
    ':path': '/',
    ':authority': 'localhost',
    'sec-websocket-version': '13',
  };

  it.each<[fault: string, change: Record<string, string | undefined>]>([
    ['no :path', { ':path': undefined }],
    ['no :scheme', { ':scheme': undefined }],
    ['no :authority', { ':authority': undefined }],
    [':protocol with GET', { ':method': 'GET' }],
    ['Connection', { connection: 'upgrade' }],
    ['Upgrade', { upgrade: 'websocket' }],
    ['Transfer-Encoding', { 'transfer-encoding': 'chunked' }],
  ])('RFC 8441 §4 a request with %s is malformed and opens nothing', async (_fault, change) => {
    const server = await startHttp2('h2c');
    const wss = attach(server, {}, () => expect.unreachable('it was opened'));
    const peer = await connectRawHttp2(server);
    peer.headers(1, { ...FIELDS, ...change });
    const { type } = await peer.next((frame) => frame.streamId === 1);
    expect(type).toBe('RST_STREAM');
    expect(wss.clients.size).toBe(0);
  });

  it('RFC 8441 §5 a request that ends the stream at once is over at once', async () => {
    const server = await startHttp2('h2c');
    const wss = attach(server);
    const closed = new Promise<number>((resolve) => wss.on('connection', (socket) => socket.on('close', resolve)));
    const peer = await connectRawHttp2(server);
    peer.headers(1, FIELDS, { endStream: true });
    expect(await closed).toBe(1006);
  });

  it.each([true, false])(
    'a stream that is reset with NO_ERROR behind data is left alone, whatever authorize() says: %s',
    async (verdict) => {
      const process = watchProcess();
      const server = await startHttp2('h2c');
      let decide: (verdict: boolean) => void = () => {};
      const asked = new Promise<ServerHttp2Stream>((resolve) => {
        attach(
          server,
          {
            authorize: (req) => {
              resolve((req as unknown as Http2ServerRequest).stream);
              return new Promise<boolean>((settle) => {
                decide = settle;
              });
            },
          },
          () => expect.unreachable('there is nobody to talk to'),
        );
      });
      const peer = await connectRawHttp2(server);
      peer.headers(1, FIELDS);
      const stream = await asked;
      peer.data(1, textFrame('early'));
      peer.reset(1, constants.NGHTTP2_NO_ERROR);
      while (!stream.closed) await nextTurn();
      decide(verdict);
      // An answer to the ping comes behind whatever would have been sent.
      peer.ping();
      await peer.next(({ type, flags }) => type === 'PING' && flags === 1);
      expect(process.uncaught).toEqual([]);
      expect(process.warnings).toEqual([]);
    },
  );

  it('RFC 8441 §5 a body that is announced is refused', async () => {
    const server = await startHttp2('h2c');
    attach(server);
    const stream = request(await openSession(server), '/', { 'content-length': '5' });
    expect(await refusalOf(stream)).toEqual([400, 'A request for a WebSocket must have no body']);
  });

  it('RFC 9113 §5.2 who sends more than the window fails, and the server goes on', async () => {
    const server = await startHttp2('h2c');
    const wss = attach(server, {}, (socket) => socket.pause());
    const peer = await connectRawHttp2(server);
    const connection = once(wss, 'connection');
    peer.headers(1, FIELDS);
    const [socket] = await connection;
    const closed = once(socket, 'close');
    for (let i = 0; i < 8; i++) peer.data(1, Buffer.alloc(16_384));
    await peer.next(({ type }) => type === 'RST_STREAM' || type === 'GOAWAY');
    socket.resume();
    expect((await closed)[0]).toBe(1006);
    wss.off('connection', wss.listeners('connection')[0] as never).on('connection', echo);
    expect(await roundTrip((await open(wss, await openSession(server))).stream, 'x')).toBe('x');
  });
});
