import { connect as connectTcp } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClientOptions } from '../../src/socket/websocket.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { CLIENTS, connect, opened, type Protocols, run, watch } from '../support/clients.ts';
import { acceptance, plainAnswer, startRawServer } from '../support/raw-server.ts';
import { eventOf, nextTurn } from '../support/servers.ts';

const CLOSE = ['close', 1006, ''];

it.each([
  [new Headers({ authorization: 'x', 'X-Two': '2' })],
  [
    new Map([
      ['Authorization', 'x'],
      ['X-Two', '2'],
    ]),
  ],
  [Object.assign(Object.create(null), { Authorization: 'x', 'X-Two': '2' })],
])('fields may be given as %o', async (headers) => {
  const server = await startRawServer(() => plainAnswer('400 No'));
  await run(WebSocket, server.url(), { headers });
  expect(server.heads[0]).toMatch(/\r\nauthorization: x\r\nx-two: 2\r\n/i);
});

describe.each(CLIENTS)('%s: the request', (_name, Client) => {
  /** The request's head with the key's value left out. */
  async function headOf(options: ClientOptions, protocols?: Protocols, path = '/') {
    const server = await startRawServer(() => plainAnswer('400 No'));
    await run(Client, server.url(path), protocols, options);
    return server.heads[0]!.replaceAll(String(server.port), 'PORT')
      .replace(/(Key: )\S+/, '$1…')
      .trimEnd()
      .split('\r\n');
  }
  const usual = [
    'GET / HTTP/1.1',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: …',
    'Connection: Upgrade',
    'Upgrade: websocket',
  ];

  it('§4.1 fields and their order', async () => {
    expect(await headOf({})).toEqual([...usual, 'Host: 127.0.0.1:PORT']);
    expect(
      await headOf({ headers: { 'X-One': '1', Cookie: ['a', 'b'] }, origin: 'http://o' }, ['p', 'q'], '/a?b=c'),
    ).toEqual([
      'GET /a?b=c HTTP/1.1',
      'X-One: 1',
      'Cookie: a; b',
      ...usual.slice(1),
      'Sec-WebSocket-Protocol: p,q',
      'Origin: http://o',
      'Host: 127.0.0.1:PORT',
    ]);
  });

  it('§4.1 the key is 16 bytes in base64, new for each connection', async () => {
    const server = await startRawServer(() => plainAnswer('400 No'));
    await run(Client, server.url());
    await run(Client, server.url());
    const keys = server.heads.map((head) => /Key: (\S+)/.exec(head)![1]!);
    for (const key of keys) expect(Buffer.from(key, 'base64')).toHaveLength(16);
    expect(keys[0]).not.toBe(keys[1]);
  });

  it("fields of the user: Host replaced, the handshake's own not", async () => {
    const headers = { host: 'virtual.example', upgrade: 'h2c', 'sec-websocket-key': 'x', 'Sec-WebSocket-Version': '7' };
    const head = await headOf({ headers });
    expect(head).toContain('host: virtual.example');
    expect(head.filter((line) => /^(upgrade|sec-websocket)/i.test(line)).sort()).toEqual(
      ['Sec-WebSocket-Key: …', 'Sec-WebSocket-Version: 13', 'Upgrade: websocket'].sort(),
    );
  });

  it('protocolVersion 8 names the origin differently', async () => {
    const head = await headOf({ protocolVersion: 8, origin: 'http://o' });
    expect(head).toContain('Sec-WebSocket-Version: 8');
    expect(head).toContain('Sec-WebSocket-Origin: http://o');
  });

  it('credentials: of the address before auth; an Authorization of the user before both', async () => {
    const server = await startRawServer(() => plainAnswer('400 No'));
    const url = server.url().replace('//', '//us%20er:p%3Ass@');
    await run(Client, url);
    await run(Client, server.url(), { auth: 'a:b' });
    await run(Client, url, { auth: 'a:b' });
    await run(Client, url, { auth: 'a:b', headers: { authorization: 'mine' } });
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
    expect(server.heads.map((head) => /^authorization: (.*)\r$/im.exec(head)![1])).toEqual([
      basic('us er:p:ss'),
      basic('a:b'),
      basic('us er:p:ss'),
      'mine',
    ]);
  });

  it.each<[what: string, protocols: Protocols, options: ClientOptions | undefined]>([
    ['an array', ['p', 'q'], undefined],
    ['an array beside options', ['p', 'q'], { protocols: 'x' }],
    ['an option', undefined, { protocols: ['p', 'q'] }],
    ['an option in second place', { protocols: ['p', 'q'] }, undefined],
  ])('subprotocols as %s', async (_, protocols, options) => {
    expect(await headOf(options!, protocols)).toContain('Sec-WebSocket-Protocol: p,q');
  });

  it('subprotocols as one string', async () => {
    expect(await headOf({}, 'p')).toContain('Sec-WebSocket-Protocol: p');
    expect(await headOf({ protocols: 'p' })).toContain('Sec-WebSocket-Protocol: p');
    expect((await headOf({}, [])).join()).not.toContain('Protocol:');
  });

  it('finishRequest gets the request and the socket, and has to end the request', async () => {
    const server = await startRawServer((head) => acceptance(head));
    let given: unknown;
    const socket = connect(Client, server.url(), {
      finishRequest(request, webSocket) {
        given = webSocket;
        expect(request.path).toBe('/');
        setImmediate(() => {
          request.setHeader('X-Late', 'yes');
          request.end();
        });
      },
    });
    await opened(socket);
    expect(given).toBe(socket);
    expect(server.heads[0]).toContain('X-Late: yes\r\n');
  });

  it('forced options cannot be set', async () => {
    const forced = { method: 'POST', host: 'h.example', hostname: 'h.example', port: 1, path: '/no', protocol: 'ftp:' };
    const more = { socketPath: '/nowhere', timeout: 1 };
    expect(await headOf({ ...forced, ...more } as ClientOptions)).toEqual([...usual, 'Host: 127.0.0.1:PORT']);
  });

  it('createConnection, lookup and localAddress are used', async () => {
    const server = await startRawServer((head) => acceptance(head));
    let asked: unknown[] = [];
    const own = connect(Client, server.url(), {
      createConnection: (options) => {
        asked = [options.host, options.port];
        return connectTcp({ host: options.host!, port: Number(options.port) });
      },
    });
    await opened(own);
    expect(asked).toEqual(['127.0.0.1', String(server.port)]);
    const named = connect(Client, `ws://server.example:${server.port}/`, {
      lookup: (_host, options, callback) =>
        options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
      localAddress: '127.0.0.2',
      family: 4,
    });
    await opened(named);
    expect(server.heads[1]).toContain(`Host: server.example:${server.port}\r\n`);
    expect(server.sockets[1]!.remoteAddress).toBe('127.0.0.2');
  });

  it.each<[what: string, protocols: Protocols, options: ClientOptions | undefined, error: Error]>([
    [
      'version',
      undefined,
      { protocolVersion: 12 },
      new RangeError('Unsupported protocol version: 12 (supported versions: 8, 13)'),
    ],
    [
      'null for the subprotocol',
      null as unknown as undefined,
      undefined,
      new SyntaxError('An invalid or duplicated subprotocol was specified'),
    ],
    ['empty subprotocol', [''], undefined, new SyntaxError('An invalid or duplicated subprotocol was specified')],
    [
      'subprotocol with a space',
      ['a b'],
      undefined,
      new SyntaxError('An invalid or duplicated subprotocol was specified'),
    ],
    [
      'subprotocol with a line break',
      ['a\r\nX: y'],
      undefined,
      new SyntaxError('An invalid or duplicated subprotocol was specified'),
    ],
    ['subprotocol twice', ['a', 'a'], undefined, new SyntaxError('An invalid or duplicated subprotocol was specified')],
    [
      'subprotocol option',
      { protocols: ['a', 'a'] },
      undefined,
      new SyntaxError('An invalid or duplicated subprotocol was specified'),
    ],
  ])('throws in the constructor: %s', (_, protocols, options, error) => {
    expect(() => new Client('ws://127.0.0.1:9/', protocols, options)).toThrow(error);
  });

  it.each<[what: string, options: ClientOptions]>([
    ['header value', { headers: { 'X-Bad': 'a\r\nX-Evil: 1' } }],
    ['lone line feed', { headers: { 'X-Bad': 'a\nb' } }],
    ['header name', { headers: { 'X-Bad\r\nX-Evil': '1' } }],
    ['one of several values', { headers: { 'X-Bad': ['fine', 'a\r\nb'] } }],
    ['origin', { origin: 'http://o\r\nX-Evil: 1' }],
    ['host', { headers: { Host: 'h\r\nX-Evil: 1' } }],
  ])('A13 line breaks throw before any byte is written: %s', async (_, options) => {
    const server = await startRawServer(() => plainAnswer('400 No'));
    expect(() => new Client(server.url(), options)).toThrow(TypeError);
    await run(Client, server.url(), { headers: { 'X-Next': '1' } });
    expect(server.sockets).toHaveLength(1);
  });

  it('A13 line breaks in the address never reach the wire', async () => {
    const head = await headOf({}, undefined, '/a\r\nX-Evil: 1');
    expect(head).not.toContain('X-Evil: 1');
  });

  it('§3 an address that is not one throws in the constructor', () => {
    expect(() => new Client('ftp://h/')).toThrow(SyntaxError);
    expect(() => new Client('ws://h/#x')).toThrow(new SyntaxError('The URL contains a fragment identifier'));
    expect(() => new Client('nonsense')).toThrow(new SyntaxError('Invalid URL: nonsense'));
  });

  it('url shows the ws form, from the start to the end', async () => {
    const server = await startRawServer(() => plainAnswer('400 No'));
    const socket = connect(Client, server.url('/a').replace('ws:', 'http:'));
    expect(socket.url).toBe(server.url('/a'));
    await watch(socket).closed;
    expect(socket.url).toBe(server.url('/a'));
  });
});

describe.each(CLIENTS)('%s: the answer', (_name, Client) => {
  const answered = async (answer: (head: string) => string, protocols?: Protocols, options?: ClientOptions) =>
    run(Client, (await startRawServer(answer)).url(), protocols, options);

  it.each<[what: string, fields: Record<string, string | undefined>, protocols: string[] | undefined, message: string]>(
    [
      ['another protocol', { Upgrade: 'h2c' }, undefined, 'Invalid Upgrade header'],
      ['no Upgrade', { Upgrade: undefined }, undefined, 'Unexpected server response: 101'],
      ['no Connection', { Connection: undefined }, undefined, 'Unexpected server response: 101'],
      ['no Accept', { 'Sec-WebSocket-Accept': undefined }, undefined, 'Invalid Sec-WebSocket-Accept header'],
      ['a wrong Accept', { 'Sec-WebSocket-Accept': 'x' }, undefined, 'Invalid Sec-WebSocket-Accept header'],
      [
        'a subprotocol',
        { 'Sec-WebSocket-Protocol': 'p' },
        undefined,
        'Server sent a subprotocol but none was requested',
      ],
      ['another subprotocol', { 'Sec-WebSocket-Protocol': 'p' }, ['q'], 'Server sent an invalid subprotocol'],
      ['no subprotocol', {}, ['q'], 'Server sent no subprotocol'],
      [
        'an extension',
        { 'Sec-WebSocket-Extensions': 'permessage-deflate' },
        undefined,
        'Server sent a Sec-WebSocket-Extensions header but no extension was requested',
      ],
    ],
  )('§4.1 fails the connection for %s', async (_, fields, protocols, message) => {
    expect(await answered((head) => acceptance(head, fields), protocols)).toEqual([['error', message], CLOSE]);
  });

  it('§4.1 Upgrade and Connection in any case', async () => {
    const fields = { Upgrade: 'WebSocket', Connection: 'keep-alive, UPGRADE' };
    const server = await startRawServer((head) => acceptance(head, fields));
    await opened(connect(Client, server.url()));
  });

  it('RFC 9112 §5.2 a folded line, where node:http is told to read it', async () => {
    const server = await startRawServer((head) => acceptance(head, { 'X-Note': 'folded\r\n here' }));
    await opened(connect(Client, server.url(), undefined, { insecureHTTPParser: true }));
  });

  it('the subprotocol agreed on', async () => {
    const server = await startRawServer((head) => acceptance(head, { 'Sec-WebSocket-Protocol': 'q' }));
    const socket = connect(Client, server.url(), ['p', 'q']);
    expect(socket.protocol).toBe('');
    await opened(socket);
    expect(socket.protocol).toBe('q');
    expect(socket.extensions).toBe('');
  });

  it.each([
    ['401 Unauthorized', 'Unexpected server response: 401'],
    ['200 OK', 'Unexpected server response: 200'],
    ['301 Moved', 'Unexpected server response: 301'],
    ['500 Oops', 'Unexpected server response: 500'],
  ])('§4.1 %s is no WebSocket', async (status, message) => {
    expect(await answered(() => plainAnswer(status, { Location: '/x' }))).toEqual([['error', message], CLOSE]);
  });

  it('a 426 that has an Upgrade field is no upgrade', async () => {
    const answer = plainAnswer('426 Upgrade Required', { Upgrade: 'websocket', Connection: 'Upgrade' });
    expect(await answered(() => answer)).toEqual([['error', 'Unexpected server response: 426'], CLOSE]);
  });

  it('unexpected-response gives request and response away', async () => {
    const server = await startRawServer(() => 'HTTP/1.1 401 No\r\nContent-Length: 4\r\n\r\nbody');
    const socket = connect(Client, server.url());
    const { closed, seen } = watch(socket);
    const [request, response] = (await eventOf(socket, 'unexpected-response')) as [
      { path: string },
      NodeJS.ReadableStream & { statusCode: number },
    ];
    expect([request.path, response.statusCode, socket.readyState]).toEqual(['/', 401, 0]);
    let body = '';
    for await (const chunk of response) body += String(chunk);
    expect(body).toBe('body');
    expect(seen).toEqual([]);
    socket.terminate();
    expect(await closed).toEqual([['error', 'WebSocket was closed before the connection was established'], CLOSE]);
  });

  it.each([
    ['garbage', 'blah\r\n\r\n'],
    ['frames without a head', '\x81\x02Hi'],
    ['a head with a broken line', 'HTTP/1.1 101 X\r\nno colon\r\n\r\n'],
    ['an endless head', `HTTP/1.1 101 X\r\nA: ${'x'.repeat(70_000)}`],
  ])('fails for %s', async (_, text) => {
    const [error, close] = await answered(() => text);
    expect(error![0]).toBe('error');
    expect(error![1]).toMatch(/^Parse Error/);
    expect(close).toEqual(CLOSE);
  });

  it.each([
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 101 Switching'],
  ])('fails when the server goes away after %s', async (_, text) => {
    const server = await startRawServer((_head, socket) => {
      socket.end(text);
      return undefined;
    });
    expect(await run(Client, server.url())).toEqual([['error', 'socket hang up'], CLOSE]);
  });

  it.each([
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 101 Switching'],
  ])('handshakeTimeout: the server says %s and no more', async (_, text) => {
    const options = { handshakeTimeout: 50 };
    expect(await answered(() => text, undefined, options)).toEqual([
      ['error', 'Opening handshake has timed out'],
      CLOSE,
    ]);
  });

  it('handshakeTimeout has no say once the connection is open', async () => {
    // ws has a timer of its own below, which runs on: that one must not be over on a busy machine.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const server = await startRawServer((head) => acceptance(head));
    const socket = connect(Client, server.url(), { handshakeTimeout: 30_000 });
    const { seen } = watch(socket);
    await opened(socket);
    vi.advanceTimersByTime(60_000);
    await nextTurn();
    expect(seen).toEqual([['open', '']]);
  });

  it('upgrade comes before the checks, and may close', async () => {
    const server = await startRawServer((head) => acceptance(head, { 'X-Info': 'yes', 'Sec-WebSocket-Accept': 'x' }));
    const socket = connect(Client, server.url());
    const { closed } = watch(socket);
    const [response] = (await eventOf(socket, 'upgrade')) as [{ headers: Record<string, string> }];
    expect(response.headers['x-info']).toBe('yes');
    expect(await closed).toEqual([['error', 'Invalid Sec-WebSocket-Accept header'], CLOSE]);

    const other = connect(Client, (await startRawServer((head) => acceptance(head))).url());
    const seen = watch(other);
    other.on('upgrade', () => other.close());
    const early = 'WebSocket was closed before the connection was established';
    expect(await seen.closed).toEqual([['error', early], CLOSE]);
  });

  it('frames in the same packet as the head', async () => {
    const frames = '\x81\x02Hi\x82\x01\x01\x88\x02\x03\xe8';
    const server = await startRawServer((head, socket) => {
      socket.end(Buffer.from(acceptance(head) + frames, 'latin1'));
      return undefined;
    });
    expect(await run(Client, server.url())).toEqual([
      ['open', ''],
      ['message', 'Hi', false],
      ['message', '\x01', true],
      ['close', 1000, ''],
    ]);
  });

  it('a refused connection', async () => {
    const server = await startRawServer(() => undefined);
    // Nobody listens on port 1 of a loopback address of its own.
    const [error, close] = await run(Client, server.url().replace(/127\.0\.0\.1:\d+/, '127.0.0.77:1'));
    expect(error).toEqual(['error', 'connect ECONNREFUSED 127.0.0.77:1']);
    expect(close).toEqual(CLOSE);
  });
});
