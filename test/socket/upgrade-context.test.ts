/**
 * Handlers in the async context of their upgrade (a client's: of its constructor), whatever brings them about: bytes, timers,
 * threads, or another connection's handler that resumes this one.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { Agent, createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect as netConnect, type Socket } from 'node:net';
import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { contextWithStore } from '../../src/deflate/async-context.ts';
import type { ConnectionOptions } from '../../src/options/connection-settings.ts';
import { WebSocketServer, type WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { startHttp2 } from '../support/http2.ts';
import { clientFrame, close, ping, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  eventOf,
  type listenHttp,
  nextTurn,
  SERVER_KINDS,
  type ServerKind,
  startPlainHttp,
  startServer,
} from '../support/servers.ts';

const tenant = new AsyncLocalStorage<string>();
const RSV1 = { rsv: 4 } as const;
const DEFLATE = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
/** Long enough for the thread pool. */
const LONG = Buffer.alloc(200_000, 'long ');
const compressed = clientFrame(1, deflateRawSync(LONG, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4), RSV1);

type Seen = [what: string, store: string | undefined];

interface Watched {
  readonly seen: Seen[];
  /** Resolves at the next event of that name. */
  next(what: string): Promise<void>;
}

/** Notes the events of a socket, and the store that each sees. */
function watch(socket: WebSocket, seen: Seen[] = []): Watched {
  const waiting: [what: string, resolve: () => void][] = [];
  const note = (what: string) => () => {
    seen.push([what, tenant.getStore()]);
    for (const [name, resolve] of waiting) if (name === what) resolve();
  };
  for (const what of ['open', 'message', 'ping', 'pong', 'error', 'drain', 'close'] as const)
    socket.on(what, note(what));
  return { seen, next: (what) => new Promise((resolve) => waiting.push([what, resolve])) };
}

interface Setup {
  /** Gives the store of the next upgrades. */
  setTenant(name: string | undefined): void;
  readonly endpoint: Awaited<ReturnType<typeof listenHttp>>;
  readonly sockets: WebSocket[];
  readonly connections: Seen[];
}

/** WebSocketServer: each upgrade in the store of `setTenant`. */
async function startHttp(options: WebSocketServerOptions, onSocket: (socket: WebSocket) => unknown): Promise<Setup> {
  const sockets: WebSocket[] = [];
  const connections: Seen[] = [];
  let current: string | undefined;
  const { server, endpoint } = await startPlainHttp();
  const wss = new WebSocketServer({ ...options, noServer: true });
  wss.on('connection', (socket) => {
    connections.push(['connection', tenant.getStore()]);
    sockets.push(socket);
    return onSocket(socket);
  });
  server.on('upgrade', (request, socket, head) => {
    const upgrade = () => wss.handleUpgrade(request, socket, head, (ws) => wss.emit('connection', ws, request));
    if (current === undefined) upgrade();
    else tenant.run(current, upgrade);
  });
  const setTenant = (name: string | undefined) => {
    current = name;
  };
  return { setTenant, endpoint, sockets, connections };
}

/** listen(): a hook enters the store of `setTenant`. */
async function startNet(
  { perMessageDeflate, ...options }: ConnectionOptions & Pick<WebSocketServerOptions, 'perMessageDeflate'>,
  onSocket: (socket: WebSocket) => unknown,
): Promise<Setup> {
  const connections: Seen[] = [];
  let current: string | undefined;
  const authorize = () => {
    if (current !== undefined) tenant.enterWith(current);
    return true;
  };
  const net = { ...options, perMessageDeflate: perMessageDeflate === true, authorize };
  const server = await startServer('node:net', { net }, (socket) => {
    connections.push(['connection', tenant.getStore()]);
    return onSocket(socket);
  });
  const setTenant = (name: string | undefined) => {
    current = name;
  };
  return { setTenant, endpoint: server.endpoint, sockets: server.connections as WebSocket[], connections };
}

function start(
  kind: ServerKind,
  options: WebSocketServerOptions = {},
  onSocket: (socket: WebSocket) => unknown = () => {},
) {
  return kind === 'node:net' ? startNet(options, onSocket) : startHttp(options, onSocket);
}

it('a context without a store is told from one with any', () => {
  expect(contextWithStore()).toBeUndefined();
  for (const store of ['', 0, false, null, new Map(), {}]) {
    const other = new AsyncLocalStorage<unknown>();
    expect(other.run(store, contextWithStore)).toBeDefined();
    expect(other.run(store, () => other.exit(contextWithStore))).toBeUndefined();
  }
  expect(new AsyncLocalStorage<unknown>().run(undefined, contextWithStore)).toBeUndefined();
  expect(tenant.run('A', () => new AsyncLocalStorage<unknown>().run(undefined, contextWithStore))).toBeDefined();
});

describe.each(SERVER_KINDS)('on %s', (kind) => {
  it('every event of a connection, and the connection itself', async () => {
    const seen: Seen[] = [];
    const setup = await start(kind, {}, (socket) => watch(socket, seen));
    setup.setTenant('A');
    const peer = await RawPeer.open(setup);
    peer.send(text('x'), ping('p'), clientFrame(10, 'q'), close(1000));
    await peer.rest();
    await once(setup.sockets[0]!, 'close');
    expect(setup.connections).toEqual([['connection', 'A']]);
    expect(seen).toEqual(['message', 'ping', 'pong', 'close'].map((what) => [what, 'A']));
  });

  it('a failure: of the peer, of the transport, and of a callback', async () => {
    const setup = await start(kind);
    setup.setTenant('A');
    for (const end of ['peer', 'transport', 'callback'] as const) {
      const peer = await RawPeer.open(setup);
      const socket = setup.sockets.at(-1)!;
      const { seen } = watch(socket);
      const closed = eventOf(socket, 'close');
      if (end === 'peer') peer.send(clientFrame(3));
      else if (end === 'transport') peer.socket.destroy();
      else {
        const fail = () => {
          throw new Error('a callback of send');
        };
        tenant.run('B', () => socket.send('x', fail));
      }
      await closed;
      expect(seen.length).toBeGreaterThan(0);
      expect(seen.map(([, store]) => store)).toEqual(seen.map(() => 'A'));
    }
  });

  it('what was held back and another connection lets go', async () => {
    const setup = await start(kind);
    setup.setTenant('A');
    const peer = await RawPeer.open(setup);
    const socket = setup.sockets[0]!;
    const paused = new Promise<void>((resolve) => {
      socket.once('message', () => {
        socket.pause();
        resolve();
      });
    });
    peer.send(text('w'), text('x'), text('y'), ping());
    await paused;
    const watched = watch(socket);
    const pinged = watched.next('ping');
    tenant.run('B', () => socket.resume());
    await pinged;
    expect(watched.seen).toEqual(['message', 'message', 'ping'].map((what) => [what, 'A']));
  });

  it('a turn of the event loop for each message, and messages that waited for their listener', async () => {
    const setup = await start(kind, { spreadsEvents: true }, () => once(listening, 'abort'));
    const listening = new EventTarget();
    setup.setTenant('A');
    const peer = await RawPeer.open(setup);
    const socket = setup.sockets[0]!;
    peer.send(text('x'), text('y'));
    while ((socket._socket as Socket).bytesRead < upgradeRequest().length + 14) await nextTurn();
    for (let i = 0; i < 5; i++) await nextTurn();
    const watched = tenant.run('B', () => watch(socket));
    await watched.next('message');
    await watched.next('message');
    peer.send(text('z'), ping());
    await watched.next('ping');
    expect(watched.seen).toEqual(['message', 'message', 'message', 'ping'].map((what) => [what, 'A']));
  });

  it('RFC 7692 §7.2.2 a message that threads have inflated', async () => {
    const setup = await start(kind, { perMessageDeflate: true });
    setup.setTenant('A');
    const peer = await RawPeer.open(setup, DEFLATE);
    const watched = watch(setup.sockets[0]!);
    peer.send(compressed, compressed, ping());
    await watched.next('ping');
    expect(watched.seen).toEqual(['message', 'message', 'ping'].map((what) => [what, 'A']));
  });

  it("'drain', though others send and read, and the end of a peer that is silent", async () => {
    const setup = await start(kind, { heartbeat: { intervalMs: 32, timeoutMs: 20 }, highWaterMarkBytes: 1_048_576 });
    setup.setTenant('A');
    const peer = await RawPeer.open(setup);
    const socket = setup.sockets[0]!;
    const { seen, next } = watch(socket);
    peer.socket.pause();
    const end = next('close');
    const drained = next('drain');
    tenant.run('B', () => socket.send(Buffer.alloc(12 * 1_048_576)));
    expect(socket.isWritable).toBe(false);
    tenant.run('C', () => peer.socket.resume());
    await drained;
    await end;
    expect(seen).toEqual(['drain', 'error', 'close'].map((what) => [what, 'A']));
  });

  it('a loop keeps the context of its own', async () => {
    const seen: unknown[] = [];
    const setup = await start(kind, {}, (socket) =>
      tenant.run('loop', async () => {
        for await (const message of socket) seen.push([message, tenant.getStore()]);
        seen.push(['end', tenant.getStore()]);
      }),
    );
    setup.setTenant('A');
    const peer = await RawPeer.open(setup);
    peer.send(text('x'), text('y'), close(1000));
    await once(setup.sockets[0]!, 'close');
    await nextTurn();
    expect(seen).toEqual(['x', 'y', 'end'].map((what) => [what, 'loop']));
  });
});

describe('one connection beside another', () => {
  it('never sees the store of the other, and without a store there is none', async () => {
    const setup = await start('node:http', { perMessageDeflate: true });
    const names = ['A', 'B', undefined];
    const peers: RawPeer[] = [];
    for (const name of names) {
      setup.setTenant(name);
      peers.push(await RawPeer.open(setup, DEFLATE));
    }
    const all = setup.sockets.map((socket) => watch(socket));
    const ends = all.map(({ next }) => next('close'));
    for (const peer of peers) peer.send(compressed, text('x'), ping(), close(1000));
    await Promise.all(ends);
    for (const [i, name] of names.entries()) {
      expect(all[i]!.seen).toEqual(['message', 'message', 'ping', 'close'].map((what) => [what, name]));
    }
  });

  it("is opened in its own, though verifyClient answers in another's", async () => {
    const waiting: (() => void)[] = [];
    const setup = await start('node:http', {
      verifyClient: (_info, callback) => void waiting.push(() => callback(true)),
    });
    const peers: RawPeer[] = [];
    for (const name of ['A', undefined]) {
      setup.setTenant(name);
      const peer = await RawPeer.connect(setup);
      peer.send(upgradeRequest());
      peers.push(peer);
      while (waiting.length < peers.length) await nextTurn();
    }
    for (const [i, answer] of waiting.entries()) {
      tenant.run('pool', answer);
      await peers[i]!.head();
    }
    const all = setup.sockets.map((socket) => watch(socket));
    const ends = all.map(({ next }) => next('close'));
    for (const peer of peers) peer.send(close(1000));
    await Promise.all(ends);
    expect(setup.connections).toEqual(['A', undefined].map((name) => ['connection', name]));
    expect(all.map(({ seen }) => seen)).toEqual([[['close', 'A']], [['close', undefined]]]);
  });

  it.each(SERVER_KINDS)(
    'sees what authenticate enters before its first await, and nothing from behind it: %s',
    async (kind) => {
      const authenticate = async () => {
        tenant.enterWith('A');
        await nextTurn();
        tenant.enterWith('B');
        return { id: 1 };
      };
      const seen: Seen[] = [];
      const server = await startServer(kind, { http: { authenticate }, net: { authenticate } }, (socket) => {
        seen.push(['connection', tenant.getStore()]);
        watch(socket, seen);
      });
      const peer = await RawPeer.open(server);
      peer.send(text('x'), close(1000));
      await peer.rest();
      while (seen.length < 3) await nextTurn();
      expect(seen).toEqual(['connection', 'message', 'close'].map((what) => [what, 'A']));
    },
  );

  it('behind a request that is answered in the context of somebody else', async () => {
    let answer: () => void = () => {};
    const server = createServer((_request, response) => {
      answer = () => tenant.run('other', () => response.end('later'));
    });
    const { endpoint } = await startPlainHttp(server);
    const wss = new WebSocketServer({ noServer: true });
    const seen: Seen[] = [];
    server.on('upgrade', (request, socket, head) => {
      tenant.run('A', () =>
        wss.handleUpgrade(request, socket, head, (ws) => {
          seen.push(['connection', tenant.getStore()]);
          watch(ws, seen);
        }),
      );
      answer();
    });
    const peer = await RawPeer.connect({ endpoint });
    peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n', upgradeRequest(), close(1000));
    await peer.rest();
    while (seen.length < 2) await nextTurn();
    expect(seen).toEqual(['connection', 'close'].map((what) => [what, 'A']));
  });

  it('takes what was entered in a listener for upgrades before it', async () => {
    const { server, endpoint } = await startPlainHttp();
    server.on('upgrade', () => tenant.enterWith('A'));
    const wss = new WebSocketServer({ server });
    const seen: Seen[] = [];
    wss.on('connection', (socket) => {
      seen.push(['connection', tenant.getStore()]);
      watch(socket, seen);
    });
    const peer = await RawPeer.open({ endpoint });
    peer.send(text('x'), close(1000));
    await peer.rest();
    while (seen.length < 3) await nextTurn();
    expect(seen).toEqual(['connection', 'message', 'close'].map((what) => [what, 'A']));
  });
});

describe('a client', () => {
  function connect(url: string, options: ConstructorParameters<typeof WebSocket>[1] = {}) {
    const socket = new WebSocket(url, options);
    onTestFinished(() => socket.terminate());
    return { socket, ...watch(socket) };
  }

  it('has the context of its constructor, also where its agent keeps the socket of another', async () => {
    const server = createServer((_request, response) => response.end('x'));
    const { endpoint } = await startPlainHttp(server);
    const wss = new WebSocketServer({ server });
    wss.on('connection', (socket) => socket.on('message', (data) => socket.send(data as Buffer)));
    const { port } = endpoint as { port: number };
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const { get } = await import('node:http');
    await tenant.run('other', async () => {
      const [response] = await once(get({ host: '127.0.0.1', port, agent }), 'response');
      await once(response.resume(), 'end');
    });
    for (const name of ['A', undefined]) {
      const open = () => connect(`ws://127.0.0.1:${port}/`, { agent, perMessageDeflate: false });
      const { socket, seen, next } = name === undefined ? open() : tenant.run(name, open);
      await next('open');
      tenant.run('sender', () => socket.send('x'));
      await next('message');
      tenant.run('closer', () => socket.close());
      await next('close');
      expect(seen).toEqual(['open', 'message', 'close'].map((what) => [what, name]));
    }
  });

  it.each(['createConnection', 'agent'])('has it on a socket that %s has made in another', async (option) => {
    const { server, endpoint } = await startPlainHttp();
    new WebSocketServer({ server }).on('connection', (socket) => socket.close());
    const { port } = endpoint as { port: number };
    const createConnection = (_options: unknown, done: (error: null, socket: Socket) => void) => {
      tenant.run('pool', () => setImmediate(() => done(null, netConnect(port, '127.0.0.1'))));
    };
    const options =
      option === 'agent' ? { agent: Object.assign(new Agent(), { createConnection }) } : { createConnection };
    for (const name of ['A', undefined]) {
      const open = () => connect(`ws://127.0.0.1:${port}/`, options as never);
      const { seen, next } = name === undefined ? open() : tenant.run(name, open);
      await next('close');
      expect(seen).toEqual(['open', 'close'].map((what) => [what, name]));
    }
  });

  it('has it on the HTTP/2 session of another', async () => {
    const server = await startHttp2('h2c');
    new WebSocketServer({ server: server as never }).on('connection', (socket) =>
      socket.on('message', (data) => socket.send(data as Buffer)),
    );
    const { port } = server.address() as AddressInfo;
    const session = tenant.run('other', () => connectHttp2(`http://127.0.0.1:${port}`));
    onTestFinished(() => session.destroy());
    // The first two wait for the session.
    const open = () => connect(`ws://127.0.0.1:${port}/`, { http2: session });
    const all = [undefined, 'A', undefined, 'B'].map((name, i) => {
      const ready = i < 2 ? Promise.resolve() : once(session, 'remoteSettings');
      return { name, opened: ready.then(() => (name === undefined ? tenant.exit(open) : tenant.run(name, open))) };
    });
    for (const { name, opened } of all) {
      const { socket, seen, next } = await opened;
      while (socket.readyState === 0) await nextTurn();
      const message = next('message');
      tenant.run('sender', () => socket.send('x'));
      await message;
      tenant.run('closer', () => socket.close());
      await next('close');
      expect(seen).toEqual(['open', 'message', 'close'].map((what) => [what, name]));
    }
  });

  it('has it when it cannot connect, and when it is given up in another', async () => {
    const { endpoint } = await startPlainHttp();
    const { port } = endpoint as { port: number };
    const givenUp = tenant.run('A', () => connect(`ws://127.0.0.1:${port}/`));
    tenant.run('B', () => givenUp.socket.close());
    await givenUp.next('close');
    const refused = tenant.run('A', () => connect('ws://127.0.0.1:1/'));
    await refused.next('close');
    for (const { seen } of [givenUp, refused]) expect(seen).toEqual(['error', 'close'].map((what) => [what, 'A']));
  });
});
