/** What the diagnostics channels tell of servers, connections and clients, and that it costs nobody anything. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { encodeFrame } from '../../src/protocol/index.ts';
import type { NetServer } from '../../src/server/net-server.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { broadcast, prepareMessage } from '../../src/socket/prepared-message.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import '../../src/ws-compat/private-surface.ts';
import { type ClosedBy, closed, messageIn, messageOut, opened } from '../../src/transport/diagnostics.ts';
import { hear } from '../support/channels.ts';
import { startHttp2 } from '../support/http2.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { clientFrame, close, KEY, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  echo,
  eventOf,
  nextTurn,
  SERVER_KINDS,
  type StartedServer,
  startPlainHttp,
  startServer,
  takeUncaught,
  watchProcess,
} from '../support/servers.ts';

const DEFLATE = { perMessageDeflate: { threshold: 0 } };

/** What is about a server's connections. */
const of =
  ({ connections }: StartedServer) =>
  ({ socket }: { readonly socket: WebSocket }) =>
    connections.includes(socket);

function client(url: string, options = {}): WebSocket {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
  socket.on('error', ignoreError);
  onTestFinished(() => socket.terminate());
  return socket;
}

describe.each(SERVER_KINDS)('on %s', (kind) => {
  describe('upgrades', () => {
    it('accepted: the server, the request and the socket, and how long it took', async () => {
      const order: string[] = [];
      const server = await startServer(kind, {}, () => void order.push(`connection ${accepted.messages.length}`));
      const accepted = hear('framewright:upgrade.accepted', (message) => message.server === server.server);
      const openings = hear('framewright:open', of(server));
      await RawPeer.open(server, { 'X-Trace': 'abc' });
      const message = await accepted.next();
      expect(message.server).toBe(server.server);
      expect(message.socket).toBe(server.connections[0]);
      expect(message.request.url).toBe('/');
      expect(message.durationMs).toBeGreaterThanOrEqual(0);
      expect(order).toEqual(['connection 1']);
      expect(openings.messages).toEqual([{ socket: server.connections[0], role: 'server' }]);
    });

    it('accepted: what a hook takes is in the duration', async () => {
      const accepted = hear('framewright:upgrade.accepted');
      let began = 0;
      let tookMs = 0;
      const server = await startServer(kind, {
        admit: async () => {
          began = performance.now();
          for (let i = 0; i < 20; i++) await nextTurn();
          tookMs = performance.now() - began;
          return true;
        },
      });
      await RawPeer.open(server);
      expect((await accepted.next()).durationMs).toBeGreaterThanOrEqual(tookMs);
    });

    const refusals = [
      ['method', {}, upgradeRequest({}, 'POST / HTTP/1.1'), 405],
      ['key', {}, upgradeRequest({ 'Sec-WebSocket-Key': 'short' }), 400],
      ['path', { path: '/chat' }, upgradeRequest(), kind === 'node:http' ? 400 : 404],
      ['origin', { origins: ['https://a.example'] }, upgradeRequest({ Origin: 'https://b.example' }), 403],
      [kind === 'node:http' ? 'verifyClient' : 'authorize', { admit: () => false }, upgradeRequest(), 403],
    ] as const;
    it.each(refusals)('refused: %s', async (reason, setup, request, status) => {
      const refused = hear('framewright:upgrade.refused');
      const server = await startServer(kind, setup);
      const peer = await RawPeer.connect(server);
      peer.send(request);
      expect(await peer.head()).toContain(`HTTP/1.1 ${status} `);
      const message = await refused.next();
      expect(message).toMatchObject({ reason, status });
      expect(message.message === '').toBe(reason === 'verifyClient');
      expect(message.server).toBe(server.server);
      expect(message.request?.url).toBe('/');
      expect(message.stream).toHaveProperty('remoteAddress', '127.0.0.1');
      expect(refused.messages).toHaveLength(1);
    });

    it('refused: a hook that throws', async () => {
      const watched = watchProcess();
      const refused = hear('framewright:upgrade.refused');
      const server = await startServer(kind, {
        http: { verifyClient: () => Promise.reject(new Error('a hook')) as never },
        net: { authorize: () => Promise.reject(new Error('a hook')) },
      });
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest());
      await peer.head();
      expect(await refused.next()).toMatchObject({ reason: 'hookFailed', status: 500 });
      await watched.nextWarning();
    });
  });

  describe('messages', () => {
    it('in and out: sizes and kinds', async () => {
      const server = await startServer(kind, {}, echo);
      const incoming = hear('framewright:message.in', of(server));
      const outgoing = hear('framewright:message.out', of(server));
      const peer = await RawPeer.open(server);
      peer.send(text('grüße'), clientFrame(2, [1, 2, 3], { fin: false }), clientFrame(0, [4]));
      await peer.frames(2);
      const socket = server.connections[0]!;
      const rows = [
        { socket, bytes: 7, isBinary: false, compressedBytes: undefined },
        { socket, bytes: 4, isBinary: true, compressedBytes: undefined },
      ];
      expect(incoming.messages).toEqual(rows);
      expect(outgoing.messages).toEqual(rows.map((row) => ({ ...row, fin: true })));
    });

    it('out: fragments, a Blob, and what is sent to many', async () => {
      const server = await startServer(kind);
      const outgoing = hear('framewright:message.out', of(server));
      const peer = await RawPeer.open(server);
      const [socket] = server.connections;
      socket!.send('ab', { fin: false });
      socket!.send('c');
      broadcast([socket!], 'dé');
      socket!.send(new Blob(['12345']));
      socket!.sendPrepared(prepareMessage(Buffer.alloc(300)));
      socket!.ping('no message');
      await peer.frames(6);
      expect(outgoing.messages.map(({ bytes, isBinary, fin }) => [bytes, isBinary, fin])).toEqual([
        [2, false, false],
        [1, false, true],
        [3, false, true],
        [5, true, true],
        [300, true, true],
      ]);
    });

    it('out: frames that others have encoded', async () => {
      const server = await startServer(kind);
      const outgoing = hear('framewright:message.out', of(server));
      const peer = await RawPeer.open(server);
      const [socket] = server.connections;
      const encoded = (firstByte: number, lengthBytes: number) => encodeFrame(firstByte, new Uint8Array(lengthBytes));
      const frames = [encoded(0x81, 3), encoded(0x02, 300), encoded(0x80, 70_000), encoded(0x89, 5), encoded(0xc2, 9)];
      for (const frame of frames) socket!._sender!.sendFrame([frame.subarray(0, 10), frame.subarray(10)]);
      await peer.frames(4);
      expect(outgoing.messages.map((row) => [row.bytes, row.isBinary, row.fin, row.compressedBytes])).toEqual([
        [3, false, true, undefined],
        [300, true, false, undefined],
        [70_000, false, true, undefined],
        [9, true, true, 9],
      ]);
    });

    it('RFC 7692 §7.2.1 in and out: compressed and not', async () => {
      const server = await startServer(kind, { http: DEFLATE, net: DEFLATE }, echo);
      const incoming = hear('framewright:message.in', of(server));
      const outgoing = hear('framewright:message.out', of(server));
      const peer = await RawPeer.open(server, { 'Sec-WebSocket-Extensions': 'permessage-deflate' });
      const data = Buffer.alloc(100_000, 'compressible ');
      const deflated = deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
      peer.send(clientFrame(1, deflated, { rsv: 4 }), text('plain'));
      const echoed = [await peer.payload(), await peer.payload()];
      const socket = server.connections[0]!;
      expect(incoming.messages).toEqual([
        { socket, bytes: 100_000, isBinary: false, compressedBytes: deflated.length },
        { socket, bytes: 5, isBinary: false, compressedBytes: undefined },
      ]);
      expect(outgoing.messages).toEqual([
        { socket, bytes: 100_000, isBinary: false, fin: true, compressedBytes: echoed[0]!.length },
        { socket, bytes: 5, isBinary: false, fin: true, compressedBytes: echoed[1]!.length },
      ]);
    });

    it('nothing that was not sent', async () => {
      const server = await startServer(kind);
      const outgoing = hear('framewright:message.out', of(server));
      await RawPeer.open(server);
      const socket = server.connections[0]!;
      socket.close();
      socket.send('too late', ignoreError);
      socket.sendPrepared(prepareMessage('too late'), ignoreError);
      expect(outgoing.messages).toEqual([]);
    });
  });

  describe('the end of a connection', () => {
    interface Ending {
      readonly closedBy: ClosedBy;
      readonly code: number;
      readonly reason?: string;
      readonly sentCode?: number;
      readonly violation?: string;
    }
    const endings: readonly [string, (socket: WebSocket, peer: RawPeer) => unknown, Ending][] = [
      [
        'this side closes',
        (socket, peer) => {
          socket.close(4000, 'go');
          peer.send(close(4000, 'gone'));
        },
        { closedBy: 'us', code: 4000, reason: 'gone', sentCode: 4000 },
      ],
      [
        'the peer closes, and this side a moment later',
        async (socket, peer) => {
          peer.send(close(1000, 'bye'));
          await eventOf(socket, 'close');
          socket.close(4000);
        },
        { closedBy: 'peer', code: 1000, reason: 'bye' },
      ],
      ['the peer closes without a code', (_socket, peer) => peer.send(close()), { closedBy: 'peer', code: 1005 }],
      ['this side terminates', (socket) => socket.terminate(), { closedBy: 'us', code: 1006 }],
      ['the peer ends TCP', (_socket, peer) => peer.socket.end(), { closedBy: 'transport', code: 1006 }],
      [
        'the peer ends TCP, and this side then terminates',
        (socket, peer) => {
          socket._socket!.once('end', () => socket.terminate());
          peer.socket.end();
        },
        { closedBy: 'transport', code: 1006 },
      ],
      [
        'the transport goes while messages are held back, and this side then terminates',
        (socket, peer) => {
          socket.on('message', () => socket.pause());
          socket._socket!.once('close', () => setImmediate(() => socket.terminate()));
          peer.send(text('1'), text('2'));
          peer.socket.destroySoon();
          socket.once('message', () => socket._socket!.destroy());
        },
        { closedBy: 'transport', code: 1006 },
      ],
      [
        'the connection is reset',
        (_socket, peer) => peer.socket.resetAndDestroy(),
        { closedBy: 'transport', code: 1006 },
      ],
      [
        'the peer breaks the protocol',
        (_socket, peer) => peer.send(clientFrame(3)),
        { closedBy: 'us', code: 1006, sentCode: 1002, violation: 'reservedOpcode' },
      ],
      [
        'the peer breaks it while this side closes',
        (socket, peer) => {
          socket.close(1000);
          peer.send(clientFrame(3));
        },
        { closedBy: 'us', code: 1006, sentCode: 1000, violation: 'reservedOpcode' },
      ],
    ];

    it.each(endings)('%s', async (_what, end, expected) => {
      const server = await startServer(kind);
      const endings = hear('framewright:close', of(server));
      const peer = await RawPeer.open(server);
      const socket = server.connections[0]!;
      const errors: unknown[] = [];
      socket.on('error', (error) => errors.push(error));
      const order: string[] = [];
      socket.on('close', () => order.push(`close event behind ${endings.messages.length} message`));
      end(socket, peer);
      const { error, durationMs, bytesIn, bytesOut, ...message } = await endings.next();
      expect(message).toEqual({
        socket,
        role: 'server',
        reason: '',
        sentCode: undefined,
        violation: undefined,
        ...expected,
      });
      if (expected.violation === undefined)
        expect((error as { code?: string })?.code ?? 'ECONNRESET').toBe('ECONNRESET');
      else expect(errors).toEqual([error]);
      expect(durationMs).toBeGreaterThanOrEqual(0);
      expect(bytesIn).toBe((socket._socket as { bytesRead?: number }).bytesRead);
      expect(bytesIn).toBeGreaterThanOrEqual(upgradeRequest().length);
      expect(bytesOut).toBeGreaterThanOrEqual('HTTP/1.1 101 Switching Protocols'.length);
      await nextTurn();
      expect(order).toEqual(['close event behind 1 message']);
      expect(endings.messages).toHaveLength(1);
    });

    it('without a duration for those that opened before anybody listened', async () => {
      const server = await startServer(kind);
      const peer = await RawPeer.open(server);
      const endings = hear('framewright:close', of(server));
      peer.send(close(1000));
      expect(await endings.next()).toMatchObject({ closedBy: 'peer', code: 1000, durationMs: undefined });
    });
  });

  describe('what goes on while a connection is open', () => {
    it('a heartbeat that is answered, and one that is not', async () => {
      const heartbeat = { intervalMs: 32, timeoutMs: 20 };
      const server = await startServer(kind, { http: { heartbeat }, net: { heartbeat } });
      const answers = hear('framewright:heartbeat.answered', of(server));
      const losses = hear('framewright:heartbeat.lost', of(server));
      const endings = hear('framewright:close', of(server));
      const peer = await RawPeer.open(server);
      const socket = server.connections[0]!;
      peer.send(clientFrame(10, await peer.payload()));
      expect(await answers.next()).toEqual({ socket, latencyMs: socket.latencyMs });
      const { error } = await losses.next();
      expect(error).toHaveProperty('code', 'WS_ERR_HEARTBEAT_TIMEOUT');
      expect(await endings.next()).toMatchObject({ socket, closedBy: 'us', code: 1006, error, violation: undefined });
      expect(losses.messages).toHaveLength(1);
    });

    it('back-pressure: where it begins, and where it ends', async () => {
      const marks = { highWaterMarkBytes: 1_048_576, lowWaterMarkBytes: 65_536 };
      const server = await startServer(kind, { http: marks, net: marks });
      const begins = hear('framewright:backpressure.begin', of(server));
      const ends = hear('framewright:backpressure.end', of(server));
      const peer = await RawPeer.open(server);
      peer.socket.pause();
      const socket = server.connections[0]!;
      const drained = eventOf(socket, 'drain');
      for (let i = 0; i < 12; i++) socket.send(Buffer.alloc(1_048_576));
      const begin = await begins.next();
      expect(begin.socket).toBe(socket);
      expect(begin.backlogBytes).toBeGreaterThanOrEqual(marks.highWaterMarkBytes);
      expect(ends.messages).toEqual([]);
      peer.socket.resume();
      await drained;
      expect(ends.messages).toHaveLength(1);
      expect(ends.messages[0]!.backlogBytes).toBeLessThanOrEqual(marks.lowWaterMarkBytes);
      expect(begins.messages).toHaveLength(1);
    });

    it('messages that come too soon, until one need not wait', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
      onTestFinished(() => void vi.useRealTimers());
      const messageRate = { perSecond: 1, burst: 2 };
      const server = await startServer(kind, { http: { messageRate }, net: { messageRate } });
      const begins = hear('framewright:rate.begin', of(server));
      const ends = hear('framewright:rate.end', of(server));
      const incoming = hear('framewright:message.in', of(server));
      const peer = await RawPeer.open(server);
      const socket = server.connections[0]!;
      peer.send(...['1', '12', '123', '1234'].map((message) => text(message)));
      await begins.next();
      for (const expected of [3, 4]) {
        vi.advanceTimersByTime(1000);
        while (incoming.messages.length < expected) await nextTurn();
      }
      expect(begins.messages).toEqual([{ socket, bytes: 3 }]);
      expect(ends.messages).toEqual([]);
      vi.advanceTimersByTime(5000);
      peer.send(text('12345'));
      expect(await ends.next()).toEqual({ socket, bytes: 5 });
      await nextTurn();
      // Each is told of once, though some were put off.
      expect(incoming.messages.map(({ bytes }) => bytes)).toEqual([1, 2, 3, 4, 5]);
    });

    it('messages that come too soon, and end the connection', async () => {
      const messageRate = { perSecond: 0.001, burst: 1, onExcess: 'close' } as const;
      const server = await startServer(kind, { http: { messageRate }, net: { messageRate } });
      const begins = hear('framewright:rate.begin', of(server));
      const endings = hear('framewright:close', of(server));
      const incoming = hear('framewright:message.in', of(server));
      const peer = await RawPeer.open(server);
      peer.send(text('1'), text('12'));
      expect(await endings.next()).toMatchObject({ violation: 'rateExceeded', sentCode: 1008, closedBy: 'us' });
      expect(begins.messages).toMatchObject([{ bytes: 2 }]);
      expect(incoming.messages).toMatchObject([{ bytes: 1 }]);
    });
  });

  it('a subscriber that throws is an uncaught exception of its own: the connection, and other subscribers, go on', async () => {
    const { errors } = takeUncaught();
    const mistake = new Error('a subscriber');
    const channels = [opened, messageIn, messageOut, closed] as unknown as import('node:diagnostics_channel').Channel[];
    const fail = () => {
      throw mistake;
    };
    for (const channel of channels) {
      channel.subscribe(fail);
      onTestFinished(() => void channel.unsubscribe(fail));
    }
    const server = await startServer(kind, {}, echo);
    const endings = hear('framewright:close', of(server));
    const peer = await RawPeer.open(server);
    peer.send(text('x'), close(1000));
    expect(await peer.frames(2)).toHaveLength(2);
    expect(await endings.next()).toMatchObject({ code: 1000, closedBy: 'peer' });
    await nextTurn();
    expect(errors).toEqual(channels.map(() => mistake));
  });
});

describe('listen()', () => {
  it('tells of requests that cannot be read', async () => {
    const refused = hear('framewright:upgrade.refused');
    const server = await startServer('node:net');
    const peer = await RawPeer.connect(server);
    peer.send('no HTTP at all\r\n\r\n');
    await peer.head();
    expect(await refused.next()).toMatchObject({ reason: 'head', status: 400, request: undefined });
    expect((server.server as NetServer).clients.size).toBe(0);
  });
});

describe('over HTTP/2', () => {
  it('tells of both ends as over HTTP/1.1, but for bytes, which streams do not count', async () => {
    const server = await startHttp2('h2c');
    const wss = new WebSocketServer({ server, path: '/chat' });
    wss.on('connection', echo);
    const isOurs = (message: { readonly server: unknown }) => message.server === wss;
    const accepted = hear('framewright:upgrade.accepted', isOurs);
    const refused = hear('framewright:upgrade.refused', isOurs);
    const { port } = server.address() as { port: number };
    const socket = client(`ws://127.0.0.1:${port}/chat`, { http2: true });
    const incoming = hear('framewright:message.in', (message) => message.socket === socket);
    const endings = hear('framewright:close', (end) => [socket, accepted.messages[0]?.socket].includes(end.socket));
    await once(socket, 'open');
    socket.send('hello');
    await once(socket, 'message');
    expect(incoming.messages).toMatchObject([{ bytes: 5, isBinary: false }]);
    const message = await accepted.next();
    expect(message.request.url).toBe('/chat');
    socket.close(1000);
    const ends = [await endings.next(), await endings.next()];
    expect(ends.find((end) => end.socket === message.socket)).toMatchObject({
      ...{ role: 'server', code: 1000, closedBy: 'peer', bytesIn: undefined, bytesOut: undefined },
    });
    expect(ends.find((end) => end.socket === socket)).toMatchObject({ role: 'client', code: 1000, closedBy: 'us' });
    const other = client(`ws://127.0.0.1:${port}/`, { http2: true });
    await eventOf(other, 'close');
    expect(refused.messages).toMatchObject([{ reason: 'path', request: { url: '/' } }]);
  });
});

describe('a client', () => {
  it('tells of its opening, its messages and its end', async () => {
    const server = await startServer('node:http', {}, echo);
    const openings = hear('framewright:open');
    const incoming = hear('framewright:message.in');
    const endings = hear('framewright:close');
    const socket = client(server.url());
    await once(socket, 'open');
    socket.send('hello');
    await once(socket, 'message');
    socket.close(1000, 'done');
    await once(socket, 'close');
    expect(openings.messages).toContainEqual({ socket, role: 'client' });
    expect(incoming.messages).toContainEqual({ socket, bytes: 5, isBinary: false, compressedBytes: undefined });
    const end = endings.messages.find((message) => message.socket === socket);
    expect(end).toMatchObject({ role: 'client', code: 1000, reason: 'done', closedBy: 'us', sentCode: 1000 });
    expect(end!.bytesIn).toBeGreaterThan(0);
  });

  it('tells why it could not connect, and of no end of a connection', async () => {
    const failures = hear('framewright:connect.failed');
    const endings = hear('framewright:close', (message) => message.socket === socket);
    const { endpoint } = await startPlainHttp(createServer((_request, response) => response.writeHead(401).end()));
    const url = `ws://127.0.0.1:${(endpoint as { port: number }).port}/`;
    const socket = client(url);
    const [error] = await eventOf(socket, 'error');
    expect(failures.messages).toEqual([{ socket, url, error }]);
    expect(endings.messages).toEqual([]);
  });
});

it('a request whose listener answers it is told of all the same', async () => {
  const refused = hear('framewright:upgrade.refused');
  const { server, endpoint } = await startPlainHttp();
  const wss = new WebSocketServer({ server });
  wss.on('wsClientError', (_error, socket) => socket.end('HTTP/1.1 418 No\r\n\r\n'));
  const peer = await RawPeer.connect({ endpoint });
  peer.send(upgradeRequest({ 'Sec-WebSocket-Key': `${KEY}, ${KEY}` }));
  expect(await peer.head()).toContain('418');
  expect(refused.messages).toMatchObject([{ reason: 'key', status: 400 }]);
});
