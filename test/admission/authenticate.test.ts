/** Who a client is, on both servers: where its token is found, what the hook may answer, and what becomes of the socket meanwhile. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AuthenticationRequest } from '../../src/admission/authenticate.ts';
import type { TokenOptions } from '../../src/admission/tokens.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { closed, echoed, type Fields, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  echo,
  eventOf,
  nextTurn,
  SERVER_KINDS,
  startPlainHttp,
  startServer,
  unixSocketPath,
  watchProcess,
} from '../support/servers.ts';
import { ask, startWith, statusOf } from './support.ts';

type Hook = (request: AuthenticationRequest<unknown>) => object | Promise<object>;

/** Hooks without types may return anything. */
const returning = (value: unknown) => (async () => value) as Hook;

describe.each(SERVER_KINDS)('authenticate (%s)', (kind) => {
  it('§10.5 the user it returns is that of the socket', async () => {
    const server = await startWith(kind, { authenticate: async ({ token }) => ({ id: token }) }, {}, (socket) => {
      socket.send(JSON.stringify(socket.user));
      echo(socket);
    });
    const peer = await RawPeer.open(server, { Authorization: 'Bearer secret' });
    expect(await peer.frame()).toBe(echoed('{"id":"secret"}'));
    peer.send(text('Hi'));
    expect(await peer.frame()).toBe(echoed('Hi'));
  });

  it('§10.5 what is refused has the status, headers and body that it asks for, and a Connection that closes', async () => {
    const refused: [number, string][] = [];
    const server = await startWith(kind, {
      authenticate: ({ token, refuse }) => ({
        token: token ?? refuse(402, { headers: { 'X-Price': '5', 'Content-Type': 'text/plain' }, body: 'pay' }),
      }),
    });
    if (kind === 'node:net') {
      (server.server as NodeJS.EventEmitter).on('refused', ({ status, reason }) => refused.push([status, reason]));
    }
    const peer = await ask(server);
    expect(await peer.rest()).toBe(
      'HTTP/1.1 402 Payment Required\r\nX-Price: 5\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n' +
        'Connection: close\r\n\r\npay',
    );
    expect(peer.error).toBeUndefined();
    expect(refused).toEqual(kind === 'node:net' ? [[402, 'authenticate']] : []);
  });

  it('a refusal that the hook catches is one all the same', async () => {
    const server = await startWith(kind, {
      authenticate: async ({ refuse }) => {
        try {
          return refuse(403);
        } catch {
          return { id: 'sneaky' };
        }
      },
    });
    expect(await statusOf(server)).toBe(403);
  });

  it('RFC 6750 §3 a 401 names the scheme in which a token is taken, unless the hook names one', async () => {
    const refuses = (headers?: Record<string, string>) =>
      startWith(kind, { authenticate: ({ refuse }) => refuse(401, headers && { headers }) });
    expect(await (await ask(await refuses())).head()).toContain('\r\nWWW-Authenticate: Bearer\r\n');
    const own = await (await ask(await refuses({ 'www-authenticate': 'Basic' }))).head();
    expect(own).toContain('\r\nwww-authenticate: Basic\r\n');
    expect(own).not.toContain('Bearer');
  });

  it.each<[what: string, hook: Hook, said: string]>([
    ['true', returning(true), 'authenticate() returned the boolean true: return the user, an object, or call refuse'],
    ['nothing', returning(undefined), 'authenticate() returned undefined'],
    ['null', returning(null), 'authenticate() returned null'],
    ['a string', returning('bob'), 'authenticate() returned the string "bob"'],
    ['a list', returning(['bob']), 'authenticate() returned an array'],
    ['what authorize answers', returning({ status: 401, body: 'no' }), 'authenticate() returned an answer'],
    ['a Response', returning(new Response('no', { status: 401 })), 'authenticate() returned an answer'],
    ['an error that it does not throw', returning(new Error('no')), 'authenticate() returned an error'],
    ['expires as text', returning({ expires: '2030' }), 'a user whose expires is the string "2030"'],
    ['expires that is NaN', returning({ expires: Number.NaN }), 'a user whose expires is the number NaN'],
    ['expires as a Date', returning({ expires: new Date() }), 'a user whose expires is an object'],
    ['expires in seconds', returning({ expires: 2e9 }), 'so multiply seconds by 1000'],
    ['an error', () => Promise.reject(new Error('database away')), 'database away'],
    [
      'an error at once',
      () => {
        throw new Error('oh');
      },
      'oh',
    ],
    ['a status that accepts', ({ refuse }) => refuse(101), 'refuse() takes an HTTP status from 300 to 599'],
    ['a header that is none', ({ refuse }) => refuse(401, { headers: { a: {} } as never }), 'a header "a"'],
    [
      'a bad refusal, caught',
      ({ refuse }) => {
        try {
          return refuse(200);
        } catch {
          return {};
        }
      },
      'refuse() takes an HTTP status',
    ],
  ])('%s: 500 for the client, and the server says why', async (_what, authenticate, said) => {
    const { nextWarning, uncaught } = watchProcess();
    const server = await startWith(kind, { authenticate });
    expect(await statusOf(server)).toBe(500);
    const { message, detail } = await nextWarning();
    expect(message).toContain('a hook of');
    expect(detail).toContain(said);
    expect(uncaught).toEqual([]);
    expect(server.connections).toEqual([]);
  });

  const TOKENS: TokenOptions = { subprotocol: 'bearer.', ticket: 'ticket', query: 'token', cookie: 'session' };
  const rows: [tokens: TokenOptions | undefined, fields: Fields, target: string, found: string][] = [
    [undefined, { Authorization: 'Bearer a.b-c_d~e+f/g==' }, '/', 'bearer a.b-c_d~e+f/g=='],
    [undefined, { Authorization: 'bEARER  x' }, '/', 'bearer x'],
    [undefined, { Authorization: 'Basic eDp5' }, '/', 'none'],
    [undefined, { Authorization: 'Bearer' }, '/', 'none'],
    [undefined, { Authorization: 'Bearer a b' }, '/', 'none'],
    [{ bearer: undefined }, { Authorization: 'Bearer x' }, '/', 'bearer x'],
    [{ bearer: false }, { Authorization: 'Bearer x' }, '/', 'none'],
    // What is not asked for is not looked at.
    [undefined, { Cookie: 'session=x', 'Sec-WebSocket-Protocol': 'bearer.x' }, '/?token=x&ticket=x', 'none'],
    [TOKENS, { Cookie: 'a=1; session=x; session=y' }, '/', 'cookie x'],
    [TOKENS, { Cookie: 'my-session=1; session="x%20y"' }, '/', 'cookie x y'],
    [TOKENS, { Cookie: 'session=100%' }, '/', 'cookie 100%'],
    [TOKENS, { Cookie: 'session=' }, '/', 'none'],
    [TOKENS, {}, '/?a=1&token=x%2By', 'query x+y'],
    [TOKENS, {}, '/?token=', 'none'],
    [TOKENS, {}, '/token=x', 'none'],
    [TOKENS, {}, '/?ticket=x&token=y', 'ticket x'],
    [TOKENS, { 'Sec-WebSocket-Protocol': 'chat, bearer.x' }, '/', 'subprotocol x'],
    [TOKENS, { 'Sec-WebSocket-Protocol': 'chat, bearer.' }, '/', 'none'],
    // What a page sends on purpose stands before what a browser sends by itself.
    [TOKENS, { Cookie: 'session=x' }, '/?token=y', 'query y'],
    [TOKENS, { Cookie: 'session=x', 'Sec-WebSocket-Protocol': 'bearer.z' }, '/?token=y', 'subprotocol z'],
    [TOKENS, { Authorization: 'Bearer w', Cookie: 'session=x' }, '/?token=y', 'bearer w'],
  ];
  it.each(rows)('§10.5 tokens %j: %j %s has %s', async (tokens, fields, target, found) => {
    let seen: string | undefined;
    const server = await startWith(kind, {
      ...(tokens && { tokens }),
      authenticate: ({ token, tokenSource }) => {
        seen = token === undefined ? 'none' : `${tokenSource} ${token}`;
        return {};
      },
    });
    expect(await statusOf(server, fields, target)).toBe(101);
    expect(seen).toBe(found);
  });

  it.each([
    ['bearer.secret, chat', 'chat'],
    ['chat, bearer.secret', 'chat'],
    ['bearer.secret', undefined],
  ])('§4.2.2 a token among the subprotocols %s is never chosen', async (offer, chosen) => {
    const server = await startWith(kind, {
      tokens: { subprotocol: 'bearer.' },
      authenticate: ({ token }) => ({ token }),
      subprotocols: ['bearer.secret', 'chat'],
    });
    const peer = await ask(server, { 'Sec-WebSocket-Protocol': offer });
    const head = await peer.head();
    expect(head).toContain('101 ');
    expect(head).not.toContain('secret');
    expect(/Sec-WebSocket-Protocol: (.*)\r/.exec(head)?.[1]).toBe(chosen);
    expect(server.connections[0]!.protocol).toBe(chosen ?? '');
  });

  it.each(['resetAndDestroy', 'end'] as const)(
    'a client that goes while the hook waits (%s): it is told, and nothing reaches the process',
    async (go) => {
      const { uncaught, warnings } = watchProcess();
      let signal: AbortSignal | undefined;
      const server = await startWith(kind, {
        authenticate: (request) => {
          ({ signal } = request);
          return new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(new Error('gone'))));
        },
      });
      const peer = await ask(server);
      await vi.waitUntil(() => signal !== undefined);
      peer.socket[go]();
      await vi.waitUntil(() => signal!.aborted);
      await nextTurn();
      expect([...uncaught, ...warnings]).toEqual([]);
      expect(await statusOf(await startWith(kind, { authenticate: () => ({}) }))).toBe(101);
    },
  );

  it('a hook that never answers is given up after handshakeTimeoutMs, with 503', async () => {
    let signal: AbortSignal | undefined;
    const server = await startWith(kind, {
      handshakeTimeoutMs: 500,
      authenticate: (request) => {
        ({ signal } = request);
        return new Promise(() => {});
      },
    });
    const head = await (await ask(server)).head();
    expect(head).toContain('503 Service Unavailable\r\n');
    expect(head).toContain('\r\nRetry-After: 5\r\n');
    expect(signal!.aborted).toBe(true);
  });

  it('a hook that answers too late, or rejects, is not heard any more', async () => {
    const { uncaught, warnings } = watchProcess();
    const ends: (() => void)[] = [];
    const server = await startWith(kind, {
      handshakeTimeoutMs: 500,
      authenticate: () =>
        new Promise((resolve, reject) =>
          ends.push(() => (ends.length === 1 ? resolve({}) : reject(new Error('late')))),
        ),
    });
    const peers = [await ask(server), await ask(server)];
    for (const peer of peers) expect(await peer.rest()).toContain('503 ');
    for (const end of ends) end();
    await nextTurn();
    expect(server.connections).toEqual([]);
    expect([...uncaught, ...warnings]).toEqual([]);
  });

  it('the first frames of a client that does not wait for the answer are read behind it', async () => {
    let letIn = () => {};
    const server = await startWith(
      kind,
      { authenticate: () => new Promise((resolve) => (letIn = () => resolve({ id: 1 }))) },
      {},
      echo,
    );
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(), text('early'));
    await nextTurn();
    peer.send(text('later'));
    await nextTurn();
    letIn();
    await peer.head();
    expect(await peer.frames(2)).toEqual([echoed('early'), echoed('later')]);
  });

  it('on a unix socket a client has no address', async () => {
    let seen: string | undefined;
    const authenticate: Hook = ({ address }) => {
      seen = address;
      return {};
    };
    expect(await statusOf(await startWith(kind, { authenticate }, { socketPath: await unixSocketPath() }))).toBe(101);
    expect(seen).toBe('');
    expect(await statusOf(await startWith(kind, { authenticate }))).toBe(101);
    expect(seen).toBe('127.0.0.1');
  });

  it.each<[given: object, fault: string]>([
    [{ authorize: () => true, authenticate: () => ({}) }, 'authenticate and authorize both decide: give one of them'],
    [{ tokens: { query: 'token' } }, 'tokens says where authenticate finds its token: give authenticate'],
    [{ authenticate: () => ({}), tokens: { cookie: 'a b' } }, 'tokens.cookie must be a name'],
    [
      { authenticate: () => ({}), tokens: { cookies: 'a' } },
      'no option "tokens.cookies": did you mean "tokens.cookie"?',
    ],
    [{ authenticate: 'me' }, 'authenticate must be a function'],
    [{ trustProxy: true }, 'trustProxy must be a whole number from 0 on'],
    [{ trustProxy: -1 }, 'trustProxy must be a whole number'],
    [{ maxConnections: 0 }, 'maxConnections must be a whole number from 1 on'],
    [{ maxConnectionsPerAddress: 1.5 }, 'maxConnectionsPerAddress must be a whole number from 1 on'],
    [{ requiresOrigin: 'yes' }, 'requiresOrigin must be true or false'],
  ])('%j is a TypeError where it is given', async (given, fault) => {
    const starting = startWith(kind, given);
    await expect(starting).rejects.toThrow(TypeError);
    await expect(starting).rejects.toThrow(fault);
  });
});

describe('authenticate at WebSocketServer', () => {
  it('beside verifyClient is a TypeError', () => {
    const given = { noServer: true, authenticate: () => ({}), verifyClient: () => true };
    expect(() => new WebSocketServer(given)).toThrow('authenticate and verifyClient both decide');
  });

  it('works for handleUpgrade, and through a completeUpgrade of a subclass', async () => {
    class Server extends WebSocketServer {
      seen: string[] = [];
      override completeUpgrade(...args: Parameters<WebSocketServer['completeUpgrade']>): void {
        this.seen.push(...args[2]);
        super.completeUpgrade(...args);
      }
    }
    const wss = new Server({
      noServer: true,
      tokens: { subprotocol: 'bearer.' },
      authenticate: ({ token }) => ({ id: token }),
    });
    const { server, endpoint } = await startPlainHttp();
    server.on('upgrade', (request, socket, head) =>
      wss.handleUpgrade(request, socket, head, (webSocket) => webSocket.send(JSON.stringify(webSocket.user))),
    );
    const peer = await RawPeer.connect({ endpoint });
    peer.send(upgradeRequest({ 'Sec-WebSocket-Protocol': 'chat, bearer.x' }));
    expect(await peer.head()).toContain('Sec-WebSocket-Protocol: chat\r\n');
    expect(await peer.frame()).toBe(echoed('{"id":"x"}'));
    expect(wss.seen).toEqual(['chat']);
  });

  it('gives the hook the request of node:http', async () => {
    let url: string | undefined;
    const server = await startWith('node:http', {
      authenticate: ({ request }: AuthenticationRequest<IncomingMessage>) => {
        ({ url } = request);
        return {};
      },
    });
    expect(await statusOf(server, {}, '/chat?a')).toBe(101);
    expect(url).toBe('/chat?a');
  });
});

describe('socket.user without authenticate', () => {
  it.each(SERVER_KINDS)('is the program’s own (%s)', async (kind) => {
    const server = await startWith(kind, {});
    await RawPeer.open(server);
    const [socket] = server.connections;
    expect(socket!.user).toBeUndefined();
    expect('user' in socket!).toBe(true);
    socket!.user = 'bob';
    expect(socket!.user).toBe('bob');
    expect(Object.keys(socket!)).toContain('user');
  });
});

describe.each(SERVER_KINDS)('expires (%s)', (kind) => {
  /** Time stands still but for what a test makes pass. */
  const stopTime = () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
  };
  const DAY_MS = 86_400_000;
  const opened = async (expires: number | undefined) => {
    const server = await startWith(kind, { handshakeTimeoutMs: 1_000_000_000, authenticate: () => ({ expires }) });
    const peer = await RawPeer.open(server);
    return { peer, socket: server.connections[0]! };
  };

  it('a user whose time is over gets 401', async () => {
    const server = await startWith(kind, { authenticate: () => ({ expires: Date.now() - 1 }) });
    expect(await statusOf(server)).toBe(401);
  });

  it('§7.4.2 closes with 4401 at that time, not before, also when no timer is that long', async () => {
    stopTime();
    const { peer, socket } = await opened(Date.now() + 60 * DAY_MS);
    vi.advanceTimersByTime(60 * DAY_MS - 1);
    expect(socket.readyState).toBe(1);
    vi.advanceTimersByTime(1);
    expect(socket.readyState).toBe(2);
    expect(await peer.frame()).toBe(closed(4401, 'The authentication has expired'));
  });

  it('a new user has a new end, later or earlier, and what is no user is refused', async () => {
    stopTime();
    const { socket } = await opened(Date.now() + DAY_MS);
    socket.user = { expires: Date.now() + 3 * DAY_MS };
    vi.advanceTimersByTime(2 * DAY_MS);
    expect(socket.readyState).toBe(1);
    for (const user of [undefined, null, 'bob']) {
      expect(() => Object.assign(socket, { user })).toThrow('The user of a socket is an object');
    }
    expect(() => Object.assign(socket, { user: { expires: 5 } })).toThrow('multiply seconds by 1000');
    socket.user = { expires: Date.now() + 1000 };
    vi.advanceTimersByTime(1000);
    expect(socket.readyState).toBe(2);
  });

  it('a user who stays for ever from now on is not closed, and no timer is left behind', async () => {
    stopTime();
    const { socket, peer } = await opened(undefined);
    const others = vi.getTimerCount();
    for (const days of [2, 1]) {
      socket.user = { expires: Date.now() + days * DAY_MS };
      expect(vi.getTimerCount()).toBe(others + 1);
    }
    socket.user = {};
    expect(vi.getTimerCount()).toBe(others);
    socket.user = { expires: Date.now() + DAY_MS };
    const end = eventOf(socket, 'close');
    peer.reset();
    await end;
    expect(vi.getTimerCount()).toBe(others);
  });

  it('no timer is left behind a hook that has answered', async () => {
    stopTime();
    await startWith(kind, {}).then(RawPeer.open);
    const others = vi.getTimerCount();
    const server = await startWith(kind, { authenticate: async () => ({}) });
    await RawPeer.open(server);
    expect(vi.getTimerCount()).toBe(others * 2);
  });
});

describe('expires of a socket that a subclass opens later', () => {
  it('holds from then on', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const opens: (() => void)[] = [];
    class Late extends WebSocket {
      override setSocket(...args: Parameters<WebSocket['setSocket']>): void {
        opens.push(() => super.setSocket(...args));
      }
    }
    const server = await startServer('node:http', {
      http: { WebSocket: Late, authenticate: () => ({ expires: Date.now() + 1000 }), handshakeTimeoutMs: 0 },
    });
    await RawPeer.open(server);
    const [socket] = server.connections;
    vi.advanceTimersByTime(2000);
    opens[0]!();
    expect(socket!.readyState).toBe(2);
  });
});

describe.each(SERVER_KINDS)('authenticate and contexts (%s)', (kind) => {
  it('what the hook enters is there for the handlers of its connection', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const given = {
      authenticate: ({ token }: AuthenticationRequest<unknown>) => {
        storage.enterWith(token!);
        return new Promise<object>((resolve) => setImmediate(resolve, {}));
      },
    };
    const server = await startWith(kind, given, {}, (socket) => {
      seen.push(storage.getStore());
      echo(socket);
    });
    for (const name of ['ada', 'bob']) await RawPeer.open(server, { Authorization: `Bearer ${name}` });
    expect(seen).toEqual(['ada', 'bob']);
  });
});
