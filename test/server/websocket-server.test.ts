/** What only the ws-compatible server on node:http has: its options, hooks and events. Refusals stand beside it. */

import type { EventEmitter } from 'node:events';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { WebSocket as WsClient } from 'ws';
import { WebSocketServer, type WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { clientFrame, closed, echoed, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import { echo, eventOf, nextTurn, startPlainHttp, startServer, watchProcess } from '../support/servers.ts';

const ONE_OF = 'One and only one of the "port", "server", or "noServer" options must be specified';

describe('the constructor', () => {
  it.each([undefined, {}, { noServer: false }, { port: 0, noServer: true }, { port: 0, server: createServer() }])(
    'throws a TypeError unless one way in is chosen: %o',
    (options) => {
      expect(() => new WebSocketServer(options as WebSocketServerOptions)).toThrow(new TypeError(ONE_OF));
    },
  );

  it.each([
    [{ maxPayload: -1 }, RangeError],
    [{ maxPayload: 1.5 }, RangeError],
    [{ maxPayload: '1' }, TypeError],
    [{ maxFragments: Number.NaN }, RangeError],
    [{ maxPendingAutoPongs: -5 }, RangeError],
  ])('throws for the limit %o', (limits, ErrorClass) => {
    expect(() => new WebSocketServer({ noServer: true, ...(limits as object) })).toThrow(ErrorClass);
  });

  it('options: a copy of what was given, which later changes of the original do not reach', () => {
    const given: WebSocketServerOptions = { noServer: true, path: '/chat' };
    const wss = new WebSocketServer(given);
    given.path = '/elsewhere';
    expect(wss.options.path).toBe('/chat');
  });

  it('calls back when its own server listens', async () => {
    const wss = await new Promise<WebSocketServer>((resolve) => {
      const started: WebSocketServer = new WebSocketServer({ port: 0 }, () => resolve(started));
    });
    expect(wss.address()).toMatchObject({ port: expect.any(Number) });
    await new Promise<void>((resolve) => wss.close(() => resolve()));
    expect(wss.address()).toBeNull();
  });

  it('reports a port that is taken as an error event', async () => {
    const { endpoint } = await startPlainHttp();
    const wss = new WebSocketServer({ ...(endpoint as { host: string; port: number }) });
    const [error] = await eventOf(wss, 'error');
    expect(error).toMatchObject({ code: 'EADDRINUSE' });
  });

  it('has no address in noServer mode', () => {
    expect(() => new WebSocketServer({ noServer: true }).address()).toThrow(
      'The server is operating in "noServer" mode',
    );
  });
});

describe('noServer and handleUpgrade', () => {
  it('takes the upgrades it is given, with the bytes behind the request', async () => {
    const { server, endpoint } = await startPlainHttp();
    const wss = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) =>
      wss.handleUpgrade(request, socket, head, (webSocket, sameRequest) => {
        expect(sameRequest).toBe(request);
        echo(webSocket);
      }),
    );
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest(), text('a'));
    await peer.head();
    expect(await peer.frame()).toBe(echoed('a'));
    expect(wss.clients!.size).toBe(1);
  });

  it('throws when it is given the same socket twice, by whichever server', async () => {
    const { server, endpoint } = await startPlainHttp();
    const errors: unknown[] = [];
    server.on('upgrade', (request, socket, head) => {
      new WebSocketServer({ noServer: true }).handleUpgrade(request, socket, head, echo);
      try {
        new WebSocketServer({ noServer: true }).handleUpgrade(request, socket, head, echo);
      } catch (error) {
        errors.push((error as Error).message);
      }
    });
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest(), text('a'));
    await peer.head();
    expect(await peer.frame()).toBe(echoed('a'));
    expect(errors).toEqual([
      'server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration',
    ]);
  });

  it('handleUpgrade says which arguments it takes', () => {
    const wss = new WebSocketServer({ noServer: true });
    const upgrade = wss.handleUpgrade.bind(wss) as (...args: unknown[]) => void;
    const socket = new Duplex();
    const takes = "handleUpgrade() takes request, socket and head of an 'upgrade' event and a callback, not an object";
    expect(() => upgrade({}, socket, () => {})).toThrow(new TypeError(`${takes}, an object, a function, undefined`));
    expect(() => upgrade({}, socket, Buffer.alloc(0))).toThrow(`${takes}, an object, an object, undefined`);
    expect(() => upgrade({})).toThrow(`${takes}, undefined, undefined, undefined`);
  });

  it('a callback that throws ends the connection with 1011, not the process', async () => {
    const { uncaught, nextWarning } = watchProcess();
    const { server, endpoint } = await startPlainHttp();
    const wss = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) =>
      wss.handleUpgrade(request, socket, head, () => {
        throw new Error('in the callback');
      }),
    );
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest());
    await peer.head();
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
    expect((await nextWarning()).detail).toContain('in the callback');
    expect(uncaught).toEqual([]);
  });

  it('RFC 7692 §5.1 options.perMessageDeflate may be changed from request to request', async () => {
    const { nextWarning } = watchProcess();
    const { server, endpoint } = await startPlainHttp();
    const wss = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      const deflates: Record<string, unknown> = { '/on': {}, '/bad': { serverMaxWindowBits: 99 } };
      (wss.options as WebSocketServerOptions).perMessageDeflate = deflates[request.url!] as object | undefined;
      wss.handleUpgrade(request, socket, head, echo);
    });
    async function answer(path: string): Promise<string> {
      const peer = await RawPeer.connect({ endpoint });
      peer.send(upgradeRequest({ 'Sec-WebSocket-Extensions': 'permessage-deflate' }, `GET ${path} HTTP/1.1`));
      const head = await peer.head();
      return `${head.slice(9, 12)} ${/^Sec-WebSocket-Extensions: (.*)$/im.exec(head)?.[1] ?? 'none'}`;
    }
    expect(await answer('/off')).toBe('101 none');
    expect(await answer('/on')).toBe('101 permessage-deflate');
    expect(await answer('/off')).toBe('101 none');
    expect(await answer('/bad')).toBe('500 none');
    expect((await nextWarning()).detail).toContain('serverMaxWindowBits must be');
  });

  it('works over any Duplex, and leaves one that is gone alone', () => {
    const wss = new WebSocketServer({ noServer: true });
    const headers = {
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': 13,
    };
    const request = { method: 'GET', url: '/', httpVersion: '1.1', headers } as never;
    const gone = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    gone.destroy();
    wss.handleUpgrade(request, gone, Buffer.alloc(0), () => expect.fail('accepted a destroyed stream'));
    let accepted: WebSocket | undefined;
    const duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    wss.handleUpgrade(request, duplex, Buffer.alloc(0), (webSocket) => {
      accepted = webSocket;
    });
    expect(accepted!.readyState).toBe(WebSocket.OPEN);
    expect(accepted!._socket).toBe(duplex);
  });
});

describe('several servers on one HTTP server', () => {
  it('each takes its path and leaves the others’ alone; what none takes gets one 400', async () => {
    const { server, endpoint } = await startPlainHttp();
    for (const path of ['/a', '/b', '/c']) {
      new WebSocketServer({ server, path }).on('connection', (socket) => socket.send(path));
    }
    for (const path of ['/c', '/a', '/b']) {
      const peer = await RawPeer.connect({ endpoint });
      peer.send(upgradeRequest({}, `GET ${path} HTTP/1.1`));
      expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
      expect(await peer.frame()).toBe(echoed(path));
    }
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest({}, 'GET /d HTTP/1.1'));
    expect((await peer.rest()).match(/HTTP\/1\.1/g)).toEqual(['HTTP/1.1']);
  });

  it('what it does not take is left alone when somebody else listens for upgrades', async () => {
    const { server, endpoint } = await startPlainHttp();
    new WebSocketServer({ server, path: '/ours' });
    server.on('upgrade', (request, socket) => {
      if (request.url !== '/ours')
        socket.end(`HTTP/1.1 101 Switching Protocols\r\nX: ${request.headers.upgrade}\r\n\r\n`);
    });
    for (const [target, upgrade] of [
      ['/theirs', 'websocket'],
      ['/any', 'h2c'],
    ]) {
      const peer = await RawPeer.connect({ endpoint });
      peer.send(upgradeRequest({ Upgrade: upgrade }, `GET ${target} HTTP/1.1`));
      expect(await peer.rest()).toBe(`HTTP/1.1 101 Switching Protocols\r\nX: ${upgrade}\r\n\r\n`);
    }
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest({}, 'GET /ours HTTP/1.1'));
    expect(await peer.head()).toContain('Sec-WebSocket-Accept');
  });

  it('two for the same path: the first takes it, the other warns, the process stays up', async () => {
    const { uncaught, nextWarning } = watchProcess();
    const { server, endpoint } = await startPlainHttp();
    new WebSocketServer({ server }).on('connection', echo);
    new WebSocketServer({ server }).on('connection', echo);
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest(), text('a'));
    await peer.head();
    expect(await peer.frame()).toBe(echoed('a'));
    expect((await nextWarning()).detail).toContain('more than once with the same socket');
    expect(uncaught).toEqual([]);
  });
});

describe('hooks and events', () => {
  it('verifyClient is told origin, security and request, and refuses as it says', async () => {
    const infos: unknown[] = [];
    const server = await startServer('node:http', {
      http: {
        verifyClient: (info, done) => {
          infos.push([info.origin, info.secure, info.req.url]);
          done(false, 429, 'Slow down', { 'Retry-After': '5' });
          done(true);
        },
      },
    });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({ Origin: 'https://o.example' }, 'GET /x HTTP/1.1'));
    expect(await peer.rest()).toBe(
      'HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Type: text/html\r\n' +
        'Content-Length: 9\r\nRetry-After: 5\r\n\r\nSlow down',
    );
    expect(infos).toEqual([['https://o.example', false, '/x']]);
    expect(server.connections).toEqual([]);
  });

  it('verifyClient that accepts twice makes one connection; header values may be numbers', async () => {
    let isFirst = true;
    const server = await startServer(
      'node:http',
      {
        http: {
          verifyClient: (_info, done) => {
            if (!isFirst) return done(false, 503, 'Later', { 'Retry-After': 5 as never });
            isFirst = false;
            done(true);
            done(true);
            done(false);
          },
        },
      },
      echo,
    );
    const peer = await RawPeer.open(server);
    peer.send(text('a'));
    expect(await peer.frame()).toBe(echoed('a'));
    expect(server.connections.length).toBe(1);
    const other = await RawPeer.connect(server);
    other.send(upgradeRequest());
    expect(await other.rest()).toContain('Retry-After: 5\r\n\r\nLater');
  });

  it.each([
    [[null, null, null], '401 Unauthorized', 'Unauthorized'],
    [[0, '', undefined], '401 Unauthorized', 'Unauthorized'],
    [['403', 'Not you', {}], '403 Forbidden', 'Not you'],
  ])('verifyClient refuses with %o as in ws: %s', async (answer, status, body) => {
    const verifyClient = (_info: unknown, done: (...answer: unknown[]) => void) => done(false, ...answer);
    const server = await startServer('node:http', { http: { verifyClient: verifyClient as never } });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    expect(await peer.rest()).toBe(
      `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });

  it('verifyClient that accepts with null in place of headers lets in, later as well', async () => {
    const verifyClient = (_info: unknown, done: (...answer: unknown[]) => void) => {
      setImmediate(done, true, null, null, null);
    };
    const server = await startServer('node:http', { http: { verifyClient: verifyClient as never } }, echo);
    const peer = await RawPeer.open(server);
    peer.send(text('a'));
    expect(await peer.frame()).toBe(echoed('a'));
  });

  it.each([true, false])('verifyClient with one parameter answers by return value: %s', async (verdict) => {
    const server = await startServer('node:http', { http: { verifyClient: (_info: unknown) => verdict } });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    expect(await peer.head()).toMatch(verdict ? /^HTTP\/1.1 101 / : /^HTTP\/1.1 401 Unauthorized\r\n/);
  });

  it.each([true, false])('verifyClient that returns a promise lets in what it resolves to: %s', async (verdict) => {
    const verifyClient = (async (_info: unknown) => verdict) as never;
    const server = await startServer('node:http', { http: { verifyClient } });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    expect(await peer.head()).toMatch(verdict ? /^HTTP\/1.1 101 / : /^HTTP\/1.1 401 Unauthorized\r\n/);
  });

  it.each([
    ['throws', (fail: () => never) => fail()],
    ['rejects', async (fail: () => never) => fail()],
  ] as const)(
    'verifyClient that accepts and then %s: the connection is kept, and a warning given',
    async (_how, run) => {
      const { uncaught, nextWarning } = watchProcess();
      const fail = (): never => {
        throw new Error('after the decision');
      };
      const verifyClient = (_info: unknown, done: (isAccepted: boolean) => void) => {
        done(true);
        return run(fail);
      };
      const server = await startServer('node:http', { http: { verifyClient } }, echo);
      const peer = await RawPeer.open(server);
      expect((await nextWarning()).detail).toContain('after the decision');
      peer.send(text('a'));
      expect(await peer.frame()).toBe(echoed('a'));
      expect(uncaught).toEqual([]);
    },
  );

  it('a refusal with illegal headers or status is a 500', async () => {
    const { nextWarning } = watchProcess();
    const server = await startServer('node:http', {
      http: {
        verifyClient: (info, done) =>
          info.req.url === '/status' ? done(false, 99) : done(false, 401, 'x', { A: 'b\r\nSet-Cookie: c=d' }),
      },
    });
    for (const target of ['/status', '/headers']) {
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest({}, `GET ${target} HTTP/1.1`));
      const answer = await peer.rest();
      expect(answer).toMatch(/^HTTP\/1.1 500 /);
      expect(answer).not.toContain('Set-Cookie');
      expect((await nextWarning()).message).toContain('a hook of WebSocketServer');
    }
  });

  it.each([
    ['its choice', () => 'b', 'b'],
    ['none', () => false as const, ''],
  ])('handleProtocols is given the offers as a Set, and makes %s', async (_what, choose, protocol) => {
    const offers: string[][] = [];
    const server = await startServer('node:http', {
      http: {
        handleProtocols: (offered, request) => {
          offers.push([...offered, request.url!]);
          return choose();
        },
      },
    });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({ 'Sec-WebSocket-Protocol': 'a, b,c' }));
    const head = await peer.head();
    expect(offers).toEqual([['a', 'b', 'c', '/']]);
    expect(head.includes('Sec-WebSocket-Protocol: b\r\n')).toBe(protocol === 'b');
    expect(server.connections[0]!.protocol).toBe(protocol);
  });

  it('handleProtocols that returns a promise gets 500, and is told so', async () => {
    const { nextWarning, uncaught } = watchProcess();
    const handleProtocols = (async () => Promise.reject(new Error('no'))) as never;
    const server = await startServer('node:http', { http: { handleProtocols } });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({ 'Sec-WebSocket-Protocol': 'a' }));
    expect(await peer.head()).toContain(' 500 ');
    expect((await nextWarning()).detail).toContain('handleProtocols() returned a promise');
    await nextTurn();
    expect(uncaught).toEqual([]);
  });

  it('without handleProtocols the first offer is taken, and handleProtocols is not asked without one', async () => {
    const server = await startServer('node:http');
    const client = new WsClient(server.url(), ['one', 'two']);
    await once(client, 'open');
    expect(client.protocol).toBe('one');
    expect(server.connections[0]!.protocol).toBe('one');
    client.terminate();
    const strict = await startServer('node:http', { http: { handleProtocols: () => expect.fail('asked') as never } });
    await RawPeer.open(strict);
  });

  it('shouldHandle can be overridden; when it throws the request gets 500', async () => {
    const { uncaught, nextWarning } = watchProcess();
    const server = await startServer('node:http');
    (server.server as WebSocketServer).shouldHandle = (request) => {
      if (request.url === '/boom') throw new Error('shouldHandle failed');
      return request.headers['x-tenant'] === 'ours';
    };
    const statuses: string[] = [];
    for (const [target, tenant] of [
      ['/', 'ours'],
      ['/', 'theirs'],
      ['/boom', 'ours'],
    ]) {
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest({ 'X-Tenant': tenant }, `GET ${target} HTTP/1.1`));
      statuses.push((await peer.head()).slice(9, 12));
      peer.reset();
    }
    expect(statuses).toEqual(['101', '400', '500']);
    expect((await nextWarning()).detail).toContain('shouldHandle failed');
    await nextTurn();
    expect(uncaught).toEqual([]);
  });

  it('the headers event may change the lines of the response', async () => {
    const server = await startServer('node:http');
    (server.server as WebSocketServer).on('headers', (lines, request) => {
      lines.push(`Set-Cookie: from=${request.url}`);
      lines[0] = 'HTTP/1.1 101 Come In';
    });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({}, 'GET /p HTTP/1.1'));
    const head = await peer.head();
    expect(head).toMatch(/^HTTP\/1.1 101 Come In\r\nUpgrade: websocket\r\n/);
    expect(head).toMatch(/\r\nSet-Cookie: from=\/p\r\n\r\n$/);
  });

  it('the class of the option WebSocket is made for each connection', async () => {
    class Mine extends WebSocket {}
    const server = await startServer('node:http', { http: { WebSocket: Mine } });
    await RawPeer.open(server);
    expect(server.connections[0]).toBeInstanceOf(Mine);
  });

  it('a plain request to a server of our own gets 426', async () => {
    const server = await startServer('node:http');
    const response = await new Promise<import('node:http').IncomingMessage>((resolve) => {
      const headers = { Connection: 'keep-alive' };
      httpRequest({ ...(server.endpoint as object), agent: false, headers }, resolve).end();
    });
    expect(response.statusCode).toBe(426);
    expect(response.headers).toMatchObject({
      'content-type': 'text/plain',
      connection: 'Upgrade',
      upgrade: 'websocket',
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe('Upgrade Required');
  });

  it('RFC 9112 §9.6 a plain request that asks to close gets 426 and the end of the connection', async () => {
    const peer = await RawPeer.connect(await startServer('node:http'));
    peer.send('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    expect(await peer.rest()).toMatch(/^HTTP\/1\.1 426 .*\r\nConnection: close, Upgrade\r\n/s);
  });

  it('a bad frame goes to the connection’s error event, not to the server’s', async () => {
    const server = await startServer('node:http');
    (server.server as EventEmitter).on('error', () => expect.fail('error on the server'));
    const peer = await RawPeer.open(server);
    peer.send(clientFrame(3));
    expect(await peer.framesUntilEnd()).toEqual([closed(1002)]);
  });
});
