/** What only `listen` has: strict refusals to the byte, its hooks, and its way to close. */

import type { EventEmitter } from 'node:events';
import { type AddressInfo, connect, Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket as WsClient } from 'ws';
import { writeAnswer } from '../../src/server/http-answer.ts';
import { type ListenOptions, listen, type NetRequest, type NetServer } from '../../src/server/net-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { HeldDuplex } from '../support/held-duplex.ts';
import { closed, echoed, type Fields, KEY, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  echo,
  eventOf,
  nextTurn,
  startServer,
  testCertificate,
  unixSocketPath,
  watchProcess,
} from '../support/servers.ts';

interface Row {
  readonly what: string;
  readonly request: string;
  readonly status: string;
  readonly body: string;
  readonly headers?: string;
  readonly options?: ListenOptions;
  readonly connection?: string;
}

function bad(what: string, fields: Fields, body: string, status = '400 Bad Request'): Row {
  return { what, request: upgradeRequest(fields), status, body };
}

const ROWS: readonly Row[] = [
  {
    what: '§4.2.1 a method other than GET',
    request: upgradeRequest({}, 'POST / HTTP/1.1'),
    status: '405 Method Not Allowed',
    body: 'A WebSocket is opened with GET',
    headers: 'Allow: GET\r\n',
  },
  {
    what: '§4.2.1 HTTP/1.0',
    request: upgradeRequest({}, 'GET / HTTP/1.0'),
    status: '400 Bad Request',
    body: 'A WebSocket needs HTTP/1.1 or higher',
  },
  {
    what: '§4.2.1 a request-target that is no path',
    request: upgradeRequest({}, 'GET * HTTP/1.1'),
    status: '400 Bad Request',
    body: 'The request-target must be a path or an absolute http or https URI',
  },
  bad('§4.2.1 no Host', { Host: undefined }, 'Exactly one Host header with a valid host is required'),
  bad('§4.2.1 two Hosts', { Host: ['a', 'b'] }, 'Exactly one Host header with a valid host is required'),
  bad('§4.2.1 a body', { 'Content-Length': '5' }, 'A request for a WebSocket must have no body'),
  bad('§4.2.1 a chunked body', { 'Transfer-Encoding': 'chunked' }, 'A request for a WebSocket must have no body'),
  bad('§4.2.1 no Connection', { Connection: undefined }, 'The Connection header must have Upgrade'),
  bad('§4.2.1 Connection: close', { Connection: 'close' }, 'The Connection header must have Upgrade'),
  bad(
    '§4.2.1 no key',
    { 'Sec-WebSocket-Key': undefined },
    'Exactly one Sec-WebSocket-Key header with 16 bytes in base64 is required',
  ),
  bad(
    '§11.3.1 two keys',
    { 'Sec-WebSocket-Key': [KEY, KEY] },
    'Exactly one Sec-WebSocket-Key header with 16 bytes in base64 is required',
  ),
  {
    ...bad(
      '§11.3.5 no version',
      { 'Sec-WebSocket-Version': undefined },
      'Exactly one Sec-WebSocket-Version header is required: send 13',
    ),
    headers: 'Sec-WebSocket-Version: 13\r\n',
  },
  {
    ...bad(
      '§4.2.2 another version',
      { 'Sec-WebSocket-Version': '8' },
      'This version of the WebSocket protocol is not supported: use 13',
      '426 Upgrade Required',
    ),
    connection: '',
    headers: 'Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n',
  },
  bad(
    '§4.1 broken subprotocols',
    { 'Sec-WebSocket-Protocol': 'a;' },
    'Invalid Sec-WebSocket-Protocol header: Unexpected character at index 1',
  ),
  bad(
    '§9.1 broken extensions',
    { 'Sec-WebSocket-Extensions': 'x; =1' },
    'Invalid Sec-WebSocket-Extensions header: Unexpected character at index 3',
  ),
  {
    ...bad(
      '§10.2 a foreign origin',
      { Origin: 'https://evil.example' },
      'Connections from this origin are not allowed',
      '403 Forbidden',
    ),
    options: { origins: ['https://good.example'] },
  },
  {
    what: '§4.2.2 another path',
    request: upgradeRequest({}, 'GET /other?x HTTP/1.1'),
    status: '404 Not Found',
    body: 'No WebSocket is served at this path: use /ours',
    options: { path: '/ours' },
  },
  {
    what: 'RFC 6585 §5 a head that is too large',
    request: upgradeRequest({ Cookie: 'x'.repeat(300) }),
    status: '431 Request Header Fields Too Large',
    body: 'The head is longer than 300 bytes',
    options: { maxHeadBytes: 300 },
  },
  {
    what: 'RFC 9110 §15.6.6 HTTP/2 in clear',
    request: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    status: '505 HTTP Version Not Supported',
    body: 'HTTP/2.0 is not supported: use HTTP/1.1',
  },
  {
    what: 'RFC 9112 §3 no HTTP at all',
    request: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
    status: '400 Bad Request',
    body: 'Control character 0x16 at byte 0 of the head',
  },
];

describe('refusals', () => {
  it.each(ROWS)('$what: $status', async ({ request, options = {}, status, body, headers = '', connection }) => {
    const server = await startServer('node:net', { net: options });
    const refused = eventOf(server.server, 'refused');
    const peer = await RawPeer.connect(server);
    peer.send(Buffer.from(request, 'latin1'));
    const answer = await peer.rest();
    expect(answer).toBe(
      `HTTP/1.1 ${status}\r\n${connection ?? 'Connection: close\r\n'}` +
        `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`,
    );
    expect(peer.error).toBeUndefined();
    expect(await refused).toMatchObject([{ message: body, status: Number(status.slice(0, 3)) }, {}]);
    expect(server.connections).toEqual([]);
  });

  it('a listener for refused that throws is warned of; the peer gets its answer', async () => {
    const { uncaught, nextWarning } = watchProcess();
    const server = await startServer('node:net');
    (server.server as EventEmitter).on('refused', () => {
      throw new Error('listener failed');
    });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({ Host: undefined }));
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 400 /);
    expect((await nextWarning()).detail).toContain('listener failed');
    await nextTurn();
    expect(uncaught).toEqual([]);
  });

  it('plain HTTP on the TLS port, and a client that does not trust us: reported, nothing breaks', async () => {
    const { uncaught } = watchProcess();
    const tls = await testCertificate();
    const server = await startServer('node:net', { tls }, echo);
    const refused = eventOf(server.server, 'refused');
    const peer = await RawPeer.connect({ endpoint: server.endpoint });
    peer.send(upgradeRequest());
    await peer.rest();
    expect(await refused).toMatchObject([{ status: 400 }, {}]);
    const client = new WsClient(server.url(), { ca: tls.cert });
    await eventOf(client, 'open');
    client.terminate();
    expect(uncaught).toEqual([]);
  });

  it('a TLS handshake that does not come is cut off after the handshake timeout', async () => {
    const server = await startServer('node:net', { tls: await testCertificate(), handshakeTimeoutMs: 50 });
    const peer = await RawPeer.connect({ endpoint: server.endpoint });
    expect(await peer.rest()).toBe('');
  });
});

describe('onRequest', () => {
  const plain = (method = 'GET', target = '/health') =>
    `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;

  async function answerTo(options: ListenOptions, request = plain()): Promise<string> {
    const server = await startServer('node:net', { net: options });
    const peer = await RawPeer.connect(server);
    peer.send(request);
    return peer.rest();
  }

  it('without one, plain requests get 426', async () => {
    expect(await answerTo({})).toBe(
      'HTTP/1.1 426 Upgrade Required\r\nContent-Type: text/plain; charset=utf-8\r\nUpgrade: websocket\r\n' +
        'Content-Length: 55\r\nConnection: close, Upgrade\r\n\r\n' +
        'This address speaks WebSocket: send an upgrade request\n',
    );
  });

  it.each([
    ['an answer', () => ({ body: 'ok' })],
    ['a promise of one', async () => ({ body: 'ok' })],
  ])('%s: 200 with its length', async (_what, onRequest) => {
    expect(await answerTo({ onRequest })).toBe('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
  });

  it('HEAD: the head of the answer without its body', async () => {
    expect(await answerTo({ onRequest: () => ({ body: 'twelve bytes' }) }, plain('HEAD'))).toBe(
      'HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n',
    );
  });

  it('is given the request, and may answer with status, headers and bytes', async () => {
    let seen: NetRequest | undefined;
    const onRequest = (request: NetRequest) => {
      seen = request;
      return { status: 201, headers: { 'X-A': 'b', 'content-length': '999' }, body: Uint8Array.of(0x68, 0x69) };
    };
    const answer = await answerTo({ onRequest }, plain('PUT', '/thing?q=1'));
    expect(answer).toBe('HTTP/1.1 201 \r\nX-A: b\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi');
    expect(seen).toMatchObject({
      method: 'PUT',
      url: '/thing?q=1',
      httpVersion: '1.1',
      rawHeaders: ['Host', 'x', 'Connection', 'close'],
    });
    expect(seen!.headers.get('host')).toBe('x');
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no answer');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('no answer');
      },
    ],
    ['answers with a line break in a header', () => ({ headers: { A: 'no answer\r\nB: c' } })],
    ['answers with a header name that is none', () => ({ headers: { 'no answer: x\r\n': 'c' } })],
    ['answers with a status that is none', () => ({ status: 99 })],
  ] as [string, () => never][])('one that %s: 500 and a warning', async (_what, onRequest) => {
    const { uncaught, nextWarning } = watchProcess();
    expect(await answerTo({ onRequest })).toMatch(/^HTTP\/1.1 500 Internal Server Error\r\n/);
    expect((await nextWarning()).detail).toMatch(/no answer|99/);
    expect(uncaught).toEqual([]);
  });
});

describe('RFC 9112 §9.3 requests behind one another', () => {
  const get = (target: string, ...fields: string[]) =>
    [`GET ${target} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n');
  const answer = (body: string) =>
    `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: keep-alive\r\n\r\n${body}`;
  const lastAnswer = (body: string) => answer(body).replace('keep-alive', 'close');
  const echoTarget = ({ url }: NetRequest) => ({ body: url });

  const peerOf = async (options: ListenOptions) => RawPeer.connect(await startServer('node:net', { net: options }));
  const textOf = async (peer: RawPeer, expected: string) => String(await peer.bytes(expected.length));

  it.each([[undefined], ['tls']])('are answered on one connection, one by one (%s)', async (tls) => {
    const options = { onRequest: echoTarget };
    const server = await startServer('node:net', {
      net: options,
      ...(tls === 'tls' && { tls: await testCertificate() }),
    });
    const peer = await RawPeer.connect(server);
    for (const target of ['/one', '/two', '/three']) {
      peer.send(get(target));
      expect(await textOf(peer, answer(target))).toBe(answer(target));
    }
    peer.send(get('/last', 'Connection: close'));
    expect(await peer.rest()).toBe(lastAnswer('/last'));
  });

  it('are answered in order when they come all at once, whoever takes longer', async () => {
    const onRequest = async ({ url }: NetRequest) => {
      await sleep(url === '/a' ? 20 : 0);
      return { body: url };
    };
    const peer = await peerOf({ onRequest });
    peer.send(get('/a') + get('/b') + get('/c') + get('/d', 'Connection: close'));
    expect(await peer.rest()).toBe(answer('/a') + answer('/b') + answer('/c') + lastAnswer('/d'));
  });

  it('are as many as like to come, thousands in one write included', async () => {
    const peer = await peerOf({ onRequest: () => ({ body: 'x' }) });
    peer.send(get('/').repeat(5000) + get('/', 'Connection: close'));
    expect(await peer.rest()).toBe(answer('x').repeat(5000) + lastAnswer('x'));
  });

  it('may ask for an upgrade at last, with frames behind it', async () => {
    const server = await startServer('node:net', { net: { onRequest: echoTarget } }, echo);
    const peer = await RawPeer.connect(server);
    peer.send(get('/first') + upgradeRequest(), text('hello'));
    expect(await textOf(peer, answer('/first'))).toBe(answer('/first'));
    expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
    expect(await peer.frame()).toBe(echoed('hello'));
  });

  it('are refused as the first is', async () => {
    const peer = await peerOf({ onRequest: echoTarget });
    peer.send(`${get('/first')}nonsense\r\n\r\n`);
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*\/firstHTTP\/1.1 400 Bad Request\r\n/);
  });

  it('do not come behind a body, which is not taken for one', async () => {
    const peer = await peerOf({ onRequest: echoTarget });
    peer.send(`${get('/body', 'Content-Length: 30')}${get('/smuggled')}`);
    expect(await peer.rest()).toBe(lastAnswer('/body'));
  });

  it('have until the handshake timeout to begin; then the connection is ended without a word', async () => {
    const peer = await peerOf({ onRequest: echoTarget, handshakeTimeoutMs: 500 });
    peer.send(get('/once'));
    expect(await peer.rest()).toBe(answer('/once'));
    const slow = await peerOf({ onRequest: echoTarget, handshakeTimeoutMs: 500 });
    slow.send(`${get('/once')}GET /tw`);
    expect(await slow.rest()).toMatch(/\/onceHTTP\/1.1 408 Request Timeout\r\n/);
  });

  it('end with the peer, and with the server', async () => {
    const server = await startServer('node:net', { net: { onRequest: echoTarget } });
    const leaving = await RawPeer.connect(server, true);
    leaving.send(get('/a'));
    await textOf(leaving, answer('/a'));
    leaving.socket.end();
    expect(await leaving.rest()).toBe('');
    const halfClosed = await RawPeer.connect(server, true);
    halfClosed.socket.end(get('/b'));
    expect(await halfClosed.rest()).toBe(answer('/b'));
    const idle = await RawPeer.connect(server);
    idle.send(get('/c'));
    await textOf(idle, answer('/c'));
    await (server.server as NetServer).close();
    expect(await idle.rest()).toBe('');
  });

  it('a peer that does not take its answer is cut off', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const socket = new HeldDuplex();
      const taken = vi.fn();
      writeAnswer(socket, Buffer.from('answer'), taken);
      vi.advanceTimersByTime(1999);
      expect(socket.destroyed).toBe(false);
      vi.advanceTimersByTime(1);
      expect(socket.destroyed).toBe(true);
      expect(taken).not.toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('authorize', () => {
  it.each([
    ['true', () => true, /^HTTP\/1.1 101 /],
    ['a promise of true', async () => true, /^HTTP\/1.1 101 /],
    ['false', () => false, /^HTTP\/1.1 403 Forbidden\r\n[\s\S]*\r\n\r\nForbidden$/],
    ['a promise of false', async () => false, /^HTTP\/1.1 403 /],
    [
      'an answer',
      () => ({ status: 401, headers: { 'WWW-Authenticate': 'Basic' }, body: 'who are you?' }),
      /^HTTP\/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n[\s\S]*who are you\?$/,
    ],
    ['an answer without a status', async () => ({ body: 'no' }), /^HTTP\/1.1 403 [\s\S]*\r\n\r\nno$/],
  ])('%s', async (_what, authorize, expected) => {
    const server = await startServer('node:net', { net: { authorize } });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    if (expected.source.includes('101')) expect(await peer.head()).toMatch(expected);
    else expect(await peer.rest()).toMatch(expected);
  });

  it('is given the request with the resource name, and is not asked about bad ones', async () => {
    const urls: string[] = [];
    const authorize = ({ url, headers, socket }: NetRequest) => {
      urls.push(`${url} ${headers.get('host')} ${headers.get('cookie')} ${socket.remoteAddress}`);
      return true;
    };
    const server = await startServer('node:net', { net: { authorize } });
    const refused = await RawPeer.connect(server);
    refused.send(upgradeRequest({ Host: undefined }));
    await refused.rest();
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({ Cookie: 'c=1' }, 'GET http://x.example/chat?a HTTP/1.1'));
    await peer.head();
    expect(urls).toEqual(['/chat?a x.example c=1 127.0.0.1']);
  });
});

describe('options', () => {
  it('subprotocols: the first offer that the server speaks; none is no reason to refuse', async () => {
    const server = await startServer('node:net', { net: { subprotocols: ['v1', 'v2'] } });
    for (const [offer, chosen] of [
      ['v3, v2, v1', 'v2'],
      ['v3', ''],
    ]) {
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest({ 'Sec-WebSocket-Protocol': offer }));
      const head = await peer.head();
      expect(head.includes('Sec-WebSocket-Protocol: v2\r\n')).toBe(chosen === 'v2');
      expect(server.connections.at(-1)!.protocol).toBe(chosen);
    }
  });

  it('headers go into the 101 response', async () => {
    const server = await startServer('node:net', { net: { headers: [['X-Served-By', 'framewright']] } });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    expect(await peer.head()).toMatch(/\r\nX-Served-By: framewright\r\n\r\n$/);
  });

  it.each([
    [{ headers: [['X', 'a\r\nB: c']] }],
    [{ headers: [['Sec-WebSocket-Accept', 'mine']] }],
    [{ subprotocols: ['no token'] }],
    [{ limits: { maxMessageBytes: '5' } }],
  ] as unknown as [ListenOptions][])('%o is refused before anything listens', async (options) => {
    await expect(listen({ host: '127.0.0.1', ...options })).rejects.toThrow(TypeError);
  });

  it('messages are limited to 1 MiB unless told otherwise', async () => {
    const server = await startServer('node:net', {}, (socket) => socket.on('message', () => socket.send('taken')));
    const peer = await RawPeer.open(server);
    peer.send(text('x'.repeat(1_048_576)));
    expect(await peer.frame()).toBe(echoed('taken'));
    peer.send(text('x'.repeat(1_048_577)));
    expect(await peer.frame()).toBe(closed(1009));
  });

  it('listen rejects when the port is taken', async () => {
    const server = await startServer('node:net');
    await expect(listen(server.endpoint as ListenOptions)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('a class of the application', () => {
  it('whose constructor throws: 500, and nothing before it', async () => {
    const { nextWarning } = watchProcess();
    class Broken extends WebSocket {
      constructor(address: null) {
        super(address);
        throw new Error('out of order');
      }
    }
    const server = await startServer('node:net', { net: { WebSocket: Broken as typeof WebSocket } });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 500 /);
    expect((await nextWarning()).detail).toContain('out of order');
  });
});

describe('close', () => {
  it('§7.4.1 tells everybody 1001, ends handshakes, and resolves when the last one is gone', async () => {
    const server = await startServer('node:net');
    const peers = [await RawPeer.open(server), await RawPeer.open(server)];
    const handshaking = await RawPeer.connect(server);
    handshaking.send('GET / HTTP/1.1\r\n');
    await nextTurn();
    const net = server.server as Awaited<ReturnType<typeof listen>>;
    const events: string[] = [];
    net.on('close', () => events.push('close'));
    const done = net.close(1001, 'restart');
    for (const peer of peers) {
      expect(await peer.frame()).toBe(closed(1001, 'restart'));
      peer.socket.end();
    }
    expect(await handshaking.rest()).toBe('');
    await done;
    await net.close();
    expect(events).toEqual(['close']);
    expect(net.address()).toBeNull();
    expect(net.clients.size).toBe(0);
  });

  it('does not wait for a connection over which TLS has not been agreed on', async () => {
    const server = await listen({
      host: '127.0.0.1',
      port: 0,
      tls: await testCertificate(),
      handshakeTimeoutMs: 600_000,
    });
    const accepted = eventOf(server.server, 'connection');
    const silent = connect((server.address() as AddressInfo).port, '127.0.0.1');
    silent.on('error', () => {});
    await accepted;
    const gone = eventOf(silent, 'close');
    await server.close();
    await gone;
  });

  it('a peer that stays is cut off after the close timeout', async () => {
    const server = await startServer('node:net', { closeTimeoutMs: 40 });
    const peer = await RawPeer.open(server, {}, true);
    await (server.server as Awaited<ReturnType<typeof listen>>).close();
    expect(await peer.framesUntilEnd()).toEqual([closed(1001)]);
  });

  it('a request whose decision is still open gets 503, and a late yes changes nothing', async () => {
    const { uncaught } = watchProcess();
    let decide: ((verdict: boolean) => void) | undefined;
    const authorize = () => new Promise<boolean>((resolve) => (decide = resolve));
    const server = await startServer('node:net', { net: { authorize } });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    while (decide === undefined) await nextTurn();
    const done = (server.server as NetServer).close();
    expect(await peer.rest()).toMatch(/^HTTP\/1\.1 503 /);
    decide(true);
    await done;
    expect(server.connections).toEqual([]);
    expect(uncaught).toEqual([]);
  });

  it('with others on one port, where Node.js can', async () => {
    const listening = vi.spyOn(Server.prototype, 'listen');
    onTestFinished(() => listening.mockRestore());
    const first = await listen({ host: '127.0.0.1', reusePort: true });
    onTestFinished(() => first.close());
    expect(listening.mock.calls[0]![0]).toMatchObject({ reusePort: true });
    const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
    const canShare = process.platform === 'linux' && (major > 23 || (major === 22 && minor >= 12));
    const { port } = first.address() as AddressInfo;
    const second = listen({ host: '127.0.0.1', port, reusePort: true });
    if (canShare) await (await second).close();
    else await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('on a unix socket', async () => {
    const socketPath = await unixSocketPath();
    const server = await listen({ socketPath }, echo);
    await server.close();
    const [error] = await eventOf(connect(socketPath), 'error');
    expect(error).toMatchObject({ code: 'ENOENT' });
  });
});
