/** The rows of the attack matrix that hit the opening handshake; spec-notes/attacks.md says what each is about. */

import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { listen, type NetRequest } from '../../src/server/net-server.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { echoed, type Fields, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  echo,
  eventOf,
  nextTurn,
  SERVER_KINDS,
  type ServerKind,
  type ServerSetup,
  startServer,
  watchProcess,
} from '../support/servers.ts';
import { byteByByte, toBytes } from '../support/wire.ts';

async function statusOf(kind: ServerKind, fields: Fields, setup: ServerSetup = {}): Promise<string> {
  const server = await startServer(kind, setup, echo);
  const peer = await RawPeer.connect(server);
  peer.send(upgradeRequest(fields));
  const status = (await peer.head()).slice(9, 12);
  // Whatever the answer was, the server answers the next one.
  const other = await RawPeer.open(server);
  other.send(text('on'));
  expect(await other.frame()).toBe(echoed('on'));
  return status;
}

/** Room for headers of 64 KiB. */
const LARGE_HEADS: ServerSetup = { net: { maxHeadBytes: 100_000 } };
function largeHeads(kind: ServerKind): ServerSetup {
  return kind === 'node:net' ? LARGE_HEADS : { http: { server: createServer({ maxHeaderSize: 100_000 }) } };
}

it.each([
  ['Upgrade', `x${' '.repeat(64_000)}x`, '426'],
  ['Connection', `x${', '.repeat(32_000)}x`, '400'],
])('A04 64 KiB of %s on node:net, which reads the lists itself', async (name, value, status) => {
  expect(await statusOf('node:net', { [name]: value }, LARGE_HEADS)).toBe(status);
});

describe.each(SERVER_KINDS)('handshake attacks on %s', (kind) => {
  it.each([
    'constructor',
    '__proto__',
    '__proto__; constructor',
    'x; __proto__=1; hasOwnProperty',
    'toString; valueOf="a"',
  ])('A03 the extension offer "%s" is declined and nothing else', async (offer) => {
    const { uncaught } = watchProcess();
    expect(await statusOf(kind, { 'Sec-WebSocket-Extensions': offer })).toBe('101');
    expect(await statusOf(kind, { ['__proto__']: offer, constructor: offer })).toBe('101');
    expect(uncaught).toEqual([]);
  });

  it.each([
    ['Sec-WebSocket-Protocol', `a${' '.repeat(64_000)}b`],
    ['Sec-WebSocket-Protocol', `a${',a'.repeat(32_000)}`],
    ['Sec-WebSocket-Protocol', `a${' ,'.repeat(32_000)};`],
    ['Sec-WebSocket-Extensions', `a; b="${'\\c'.repeat(32_000)}`],
    ['Sec-WebSocket-Extensions', `a; b="${'"'.repeat(64_000)}`],
    ['Sec-WebSocket-Extensions', `a${'; b'.repeat(20_000)};`],
    ['Sec-WebSocket-Key', '='.repeat(64_000)],
  ])('A04 64 KiB of %s that invite back-tracking are answered at once (%#)', async (name, value) => {
    const isIgnored = kind === 'node:http' && name.endsWith('Extensions');
    expect(await statusOf(kind, { [name]: value }, largeHeads(kind))).toBe(isIgnored ? '101' : '400');
  });

  it('A05 more header fields than are taken, Upgrade behind them: refused', async () => {
    const { uncaught } = watchProcess();
    const fields = Object.fromEntries(Array.from({ length: 2100 }, (_, i) => [`x${i}`, '']));
    const server = await startServer(kind, largeHeads(kind), echo);
    const peer = await RawPeer.connect(server);
    const lines = Object.keys(fields).map((name) => `${name}:\r\n`);
    peer.send(upgradeRequest().replace('\r\nHost', `\r\n${lines.join('')}Host`));
    // node:http drops what is over its limit; since Node 22 it refuses the request itself.
    expect(await peer.head()).toMatch(kind === 'node:http' ? /^HTTP\/1.1 (400|431) / : /^HTTP\/1.1 431 /);
    await peer.rest();
    await RawPeer.open(server);
    expect(uncaught).toEqual([]);
  });

  it('A13 a line break in anything the program puts into a response is refused before a byte is written', async () => {
    const { uncaught } = watchProcess();
    const evil = 'a\r\nSet-Cookie: evil=1';
    if (kind === 'node:net') {
      await expect(listen({ headers: [['X', evil]] })).rejects.toThrow(TypeError);
      await expect(listen({ headers: [[evil, 'x']] })).rejects.toThrow(TypeError);
      await expect(listen({ subprotocols: [evil] })).rejects.toThrow(TypeError);
    }
    const setups: ServerSetup[] =
      kind === 'node:net'
        ? [
            { net: { authorize: () => ({ status: 401, headers: { X: evil } }) } },
            { net: { authorize: () => ({ status: 401, headers: { [evil]: 'x' } }) } },
          ]
        : [
            { http: { handleProtocols: () => evil } },
            { http: { verifyClient: (_info, done) => done(false, 401, 'no', { X: evil }) } },
            { http: { verifyClient: (_info, done) => done(false, 401, 'no', { [evil]: 'x' }) } },
            { http: {} },
          ];
    for (const setup of setups) {
      const server = await startServer(kind, setup);
      if (server.server instanceof WebSocketServer) server.server.on('headers', (lines) => lines.push(`X: ${evil}`));
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest({ 'Sec-WebSocket-Protocol': 'p' }));
      const answer = await peer.rest();
      expect(answer).toMatch(/^HTTP\/1.1 500 Internal Server Error\r\n/);
      expect(answer).not.toContain('evil');
    }
    expect(uncaught).toEqual([]);
  });

  it('A14 a head dribbled a byte at a time is cut off by the deadline, whatever still comes', async () => {
    const server = await startServer(kind, { handshakeTimeoutMs: 80 });
    const peer = await RawPeer.connect(server);
    let isOver = false;
    const answer = peer.rest().then((rest) => {
      isOver = true;
      return rest;
    });
    peer.socket.on('error', () => {});
    peer.send('GET / HTTP/1.1\r\nX: ');
    while (!isOver) {
      peer.socket.write('x');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await answer).toMatch(/^HTTP\/1.1 408 /);
  });

  it('A14 an endless head is refused at the limit', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.connect(server);
    peer.send('GET / HTTP/1.1\r\n');
    const answer = peer.head();
    for (let i = 0; i < 40; i++) {
      peer.send(`X${i}: ${'x'.repeat(1000)}\r\n`);
      await nextTurn();
    }
    expect(await answer).toMatch(/^HTTP\/1.1 431 /);
  });

  it('A14 a head that comes in single bytes and in time is taken', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.connect(server);
    for (const byte of byteByByte(toBytes(upgradeRequest()))) peer.send(byte);
    expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
  });

  it('A16 a page of another site gets 403 where origins are listed; without a list every origin may connect', async () => {
    const origins = ['https://app.example'];
    for (const origin of [
      'https://evil.example',
      'https://app.example.evil.example',
      'null',
      'https://app.example:444',
    ]) {
      expect(await statusOf(kind, { Origin: origin }, { origins }), origin).toBe('403');
    }
    expect(await statusOf(kind, { Origin: 'https://APP.example' }, { origins })).toBe('101');
    expect(await statusOf(kind, { Origin: 'https://evil.example' })).toBe('101');
  });

  it.each<[what: string, fields: Fields]>([
    ['Sec-WebSocket-Origin absent', {}],
    ['a listed Sec-WebSocket-Origin beside it', { 'Sec-WebSocket-Origin': 'https://app.example' }],
  ])('A16 a foreign Origin is not taken for another by Sec-WebSocket-Version: 8, %s', async (_what, fields) => {
    const request = { Origin: 'https://evil.example', 'Sec-WebSocket-Version': '8', ...fields };
    const status = await statusOf(kind, request, { origins: ['https://app.example'] });
    expect(status).toBe(kind === 'node:http' ? '403' : '426');
  });

  /** The parser of node:http in Node.js 20.19 takes a name with a space for a name. */
  const takesSpaces = kind === 'node:http' && process.versions.llhttp!.startsWith('8.');
  // What is behind the head would be read as frames, or as another request.
  const BODY = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  it.each<[what: string, fields: Fields]>([
    ['no Host', { Host: undefined }],
    ['two Hosts', { Host: ['a', 'b'] }],
    ['the same Host twice', { Host: ['a', 'a'] }],
    ['an empty Host', { Host: '' }],
    ['a Host with a user', { Host: 'user@a' }],
    ['a Host with a path', { Host: 'a/b' }],
    ['a Host with a space', { Host: 'a b' }],
    ['two Hosts in one', { Host: 'a, b' }],
    ['a Host with a port that is none', { Host: 'a:b' }],
    ['a body', { 'Content-Length': String(BODY.length) }],
    ['two lengths', { 'Content-Length': ['0', String(BODY.length)] }],
    ['a length that is no number', { 'Content-Length': '+1' }],
    ['two lengths in one', { 'Content-Length': '5, 5' }],
    ['a chunked body', { 'Transfer-Encoding': 'chunked' }],
    ['a body in an unknown coding', { 'Transfer-Encoding': 'xchunked' }],
    ['a length and a coding', { 'Content-Length': '5', 'Transfer-Encoding': 'chunked' }],
    ['a coding behind a tab', { 'Transfer-Encoding': '\tchunked' }],
    ['white space before a colon', { 'Content-Length ': '5' }],
    ...(takesSpaces ? [] : ([['a name with a space', { 'X Y': '5' }]] as [string, Fields][])),
    ['a folded line', { X: 'a\r\n b' }],
    ['a bare LF', { X: 'a\nContent-Length: 5' }],
    ['a bare CR', { X: 'a\rContent-Length: 5' }],
    ['NUL', { X: 'a\0b' }],
  ])('A31 an upgrade with %s: 400, and nothing behind it is read', async (_what, fields) => {
    const { uncaught } = watchProcess();
    const seen: unknown[] = [];
    const note = (request: { readonly url?: string | undefined }) => void seen.push(request.url);
    const server = await startServer(
      kind,
      {
        net: { onRequest: (request) => ({ body: String(note(request)) }) },
        http: { server: createServer((request, response) => response.end(String(note(request)))) },
      },
      (socket) => socket.on('message', (data) => seen.push(String(data))),
    );
    const peer = await RawPeer.connect(server);
    peer.send(Buffer.from(upgradeRequest(fields), 'latin1'), text('hidden'), BODY, upgradeRequest());
    const answer = await peer.rest();
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\n/);
    // The only answer.
    expect(answer.match(/HTTP\/1.1 \d/g)).toHaveLength(1);
    expect({ seen, connections: server.connections, uncaught }).toEqual({ seen: [], connections: [], uncaught: [] });
  });

  it.each<[startLine: string, onHttp: RegExp, onNet: RegExp]>([
    ['GET / HTTP/1.0', /^HTTP\/1.1 400 /, /^HTTP\/1.1 400 /],
    ['GET / HTTP/0.9', /^HTTP\/1.1 400 /, /^HTTP\/1.1 505 /],
    ['GET /', /^HTTP\/1.1 400 /, /^HTTP\/1.1 400 /],
    ['GET / HTTP/1.1 ', /^HTTP\/1.1 400 /, /^HTTP\/1.1 400 /],
    [' GET / HTTP/1.1', /^HTTP\/1.1 400 /, /^HTTP\/1.1 400 /],
    ['GET\t/ HTTP/1.1', /^HTTP\/1.1 400 /, /^HTTP\/1.1 400 /],
    ['POST / HTTP/1.1', /^HTTP\/1.1 405 /, /^HTTP\/1.1 405 /],
    ['PRI * HTTP/2.0', /^HTTP\/1.1 400 /, /^HTTP\/1.1 505 /],
    // node:http ends connections with a CONNECT that nobody listens for.
    ['CONNECT a:80 HTTP/1.1', /^$/, /^HTTP\/1.1 400 /],
    ['CONNECT / HTTP/1.1', /^$|^HTTP\/1.1 400 /, /^HTTP\/1.1 400 /],
  ])('A31 %j: refused, and nothing behind it is read', async (startLine, onHttp, onNet) => {
    const seen: unknown[] = [];
    const note = (request: { readonly url?: string | undefined }) => void seen.push(request.url);
    const server = await startServer(kind, {
      net: { onRequest: (request) => ({ body: String(note(request)) }) },
      http: { server: createServer((request, response) => response.end(String(note(request)))) },
    });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({}, startLine), text('hidden'), BODY, upgradeRequest());
    const answer = await peer.rest();
    expect(answer).toMatch(kind === 'node:http' ? onHttp : onNet);
    expect(answer.match(/HTTP\/1.1 \d/g)?.length ?? 0).toBeLessThan(2);
    expect({ seen, connections: server.connections }).toEqual({ seen: [], connections: [] });
  });

  it.each([
    ['accepted', true],
    ['refused', false],
  ] as const)(
    'A20 a reset while the decision is open, which is then %s: nothing reaches the process',
    async (_what, verdict) => {
      const { uncaught, warnings } = watchProcess();
      const decisions: ((isAdmitted: boolean) => void)[] = [];
      const admit = () => new Promise<boolean>((resolve) => decisions.push(resolve));
      const server = await startServer(kind, { admit });
      const peers: RawPeer[] = [];
      for (let i = 0; i < 5; i++) {
        const peer = await RawPeer.connect(server);
        peer.send(upgradeRequest(), text('eager'));
        peers.push(peer);
      }
      while (decisions.length < 5) await nextTurn();
      for (const peer of peers) {
        peer.reset();
        await eventOf(peer.socket, 'close');
      }
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      for (const decide of decisions) decide(verdict);
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      expect(server.connections).toEqual([]);
      expect({ uncaught, warnings }).toEqual({ uncaught: [], warnings: [] });
    },
  );

  it('A20 a refusal is flushed before the socket ends', async () => {
    const server = await startServer(kind, { admit: async () => false });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(), Buffer.alloc(100_000, 'unread'));
    expect(await peer.rest()).toMatch(/^HTTP\/1.1 403 Forbidden\r\n[\s\S]*Forbidden$/);
    expect(peer.error).toBeUndefined();
  });
});

describe('A31 requests that ask for no upgrade, on node:net', () => {
  const INNER = 'GET /inner HTTP/1.1\r\nHost: x\r\n\r\n';

  /** What the hook was asked for, and the answers. */
  async function ask(...lines: string[]) {
    const urls: string[] = [];
    const hosts: (string | undefined)[] = [];
    const onRequest = ({ url, headers }: NetRequest) => {
      urls.push(url);
      hosts.push(headers.get('host'));
      return { body: 'ok' };
    };
    const server = await startServer('node:net', { net: { onRequest } });
    const peer = await RawPeer.connect(server);
    peer.send(Buffer.from([...lines, '', ''].join('\r\n'), 'latin1'), INNER);
    peer.socket.end();
    const answers = await peer.rest();
    return { urls, hosts, statuses: [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status) };
  }

  const GET = 'GET /outer HTTP/1.1';
  const HOST = 'Host: x';
  it.each<[what: string, lines: string[]]>([
    ['CONNECT', ['CONNECT x:80 HTTP/1.1', HOST]],
    ['CONNECT to a path', ['CONNECT /outer HTTP/1.1', HOST]],
    ['no Host', [GET]],
    ['two Hosts', [GET, HOST, HOST]],
    ['an empty Host', [GET, 'Host:']],
    ['a malformed Host', [GET, 'Host: a b']],
    ['a Host with a user', [GET, 'Host: user@x']],
    ['a target that is no path', ['GET outer HTTP/1.1', HOST]],
    ['* for a method other than OPTIONS', ['GET * HTTP/1.1', HOST]],
    ['another host’s name as the target', ['GET x:80 HTTP/1.1', HOST]],
    ['an absolute target with a user', ['GET http://user@x/ HTTP/1.1', HOST]],
    ['an absolute target of another scheme', ['GET ftp://x/ HTTP/1.1', HOST]],
    ['an absolute target without a host', ['GET http:///outer HTTP/1.1', HOST]],
    ['a length and a coding', [GET, HOST, 'Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['two lengths', [GET, HOST, 'Content-Length: 0', 'Content-Length: 40']],
    ['the same length twice', [GET, HOST, 'Content-Length: 40', 'Content-Length: 40']],
    ['a length that is no number', [GET, HOST, 'Content-Length: 4x']],
    ['chunked that is not the last coding', [GET, HOST, 'Transfer-Encoding: chunked, identity']],
    ['chunked twice', [GET, HOST, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    ['an unknown coding', [GET, HOST, 'Transfer-Encoding: cow']],
    ['a coding in HTTP/1.0', ['GET /outer HTTP/1.0', 'Transfer-Encoding: chunked']],
    ['white space before a colon', [GET, HOST, 'Content-Length : 40']],
    ['a folded line', [GET, HOST, 'X: a', ' Content-Length: 40']],
    ['a bare LF', [GET, `${HOST}\nContent-Length: 40`]],
    ['a bare CR', [GET, `${HOST}\rContent-Length: 40`]],
    ['NUL', [GET, HOST, 'X: a\0']],
    ['garbage behind the version', [`${GET} x`, HOST]],
    ['HTTP/0.9', ['GET /outer']],
  ])('A31 %s: 400, the hook is not asked, and what is behind it is not read', async (_what, lines) => {
    expect(await ask(...lines)).toEqual({ urls: [], hosts: [], statuses: ['400'] });
  });

  it.each<[what: string, lines: string[]]>([
    ['a body', [GET, HOST, `Content-Length: ${INNER.length}`]],
    ['a chunked body', [GET, HOST, 'Transfer-Encoding: chunked']],
    ['HTTP/1.0', ['GET /outer HTTP/1.0']],
    ['HTTP/1.0 that asks for more', ['GET /outer HTTP/1.0', HOST, 'Connection: keep-alive']],
    ['the last request', [GET, HOST, 'Connection: close']],
  ])('A31 %s: answered once, and what is behind it is not read', async (_what, lines) => {
    expect(await ask(...lines)).toMatchObject({ urls: ['/outer'], statuses: ['200'] });
  });

  it('A31 an absolute target: its path, and its host in place of Host', async () => {
    const asked = await ask('GET http://other.example:81/outer?a HTTP/1.1', HOST);
    expect(asked).toEqual({
      urls: ['/outer?a', '/inner'],
      hosts: ['other.example:81', 'x'],
      statuses: ['200', '200'],
    });
  });

  it('A31 OPTIONS * is asked for as that', async () => {
    expect(await ask('OPTIONS * HTTP/1.1', HOST)).toMatchObject({ urls: ['*', '/inner'] });
  });
});
