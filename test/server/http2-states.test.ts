/** What reaches a WebSocket over HTTP/2 in the middle of something else: resets, GOAWAY and draining, in each of its states. */

import { once } from 'node:events';
import { connect, constants, createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer, type WebSocketServerOptions } from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import {
  authorityOf,
  closeFrame,
  openSession,
  read,
  refusalOf,
  request,
  responseTo,
  startHttp2,
  textFrame,
} from '../support/http2.ts';
import { eventOf, nextTurn, watchProcess } from '../support/servers.ts';

const MIB = 1024 * 1024;

type Session = Awaited<ReturnType<typeof openSession>>;

/** An echo server over h2c. */
async function start(options: WebSocketServerOptions = {}) {
  const server = await startHttp2('h2c');
  const wss = new WebSocketServer({ server, ...options });
  wss.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  onTestFinished(() => wss.close());
  return { server, wss, session: await openSession(server) };
}

async function open(wss: WebSocketServer, session: Session) {
  const connection = eventOf(wss, 'connection') as Promise<[WebSocket]>;
  const stream = request(session);
  await responseTo(stream);
  const [socket] = await connection;
  return { stream, socket, closed: eventOf(socket, 'close') as Promise<[number, Buffer]> };
}

/** What was sent before is there. */
const roundTrip = (session: Session) => new Promise((resolve) => session.ping(resolve as () => void));

describe.each([
  ['CANCEL', constants.NGHTTP2_CANCEL],
  ['NO_ERROR', constants.NGHTTP2_NO_ERROR],
  ['FLOW_CONTROL_ERROR', constants.NGHTTP2_FLOW_CONTROL_ERROR],
])('RST_STREAM with %s', (_name, code) => {
  it.each<[state: string, code: number, reach: (its: Awaited<ReturnType<typeof open>>, session: Session) => unknown]>([
    ['when nothing was said', 1006, () => {}],
    [
      'while a long message goes out',
      1006,
      async ({ socket }) => {
        socket.send(Buffer.alloc(2 * MIB));
        await nextTurn();
      },
    ],
    ['while it is paused', 1006, ({ socket }) => socket.pause()],
    [
      'while it is paused, with messages that wait',
      1006,
      async ({ socket, stream }, session) => {
        socket.pause();
        stream.write(textFrame('waits'));
        await roundTrip(session);
      },
    ],
    [
      'behind the Close frame of the server',
      1006,
      async ({ socket, stream }) => {
        socket.close(1000);
        await read(stream, 4);
      },
    ],
    [
      'behind both Close frames',
      1000,
      async ({ stream }) => {
        stream.write(closeFrame(1000));
        await read(stream, 4);
      },
    ],
  ])('%s ends the WebSocket with %i, and neither its session nor the process', async (_state, expected, reach) => {
    const process = watchProcess();
    const { wss, session } = await start();
    const its = await open(wss, session);
    await reach(its, session);
    its.stream.close(code);
    await roundTrip(session);
    its.socket.resume();
    expect((await its.closed)[0]).toBe(expected);
    expect(wss.clients.size).toBe(0);
    const next = await open(wss, session);
    next.stream.write(textFrame('next'));
    expect((await read(next.stream, 6)).toString('latin1', 2)).toBe('next');
    expect(process.uncaught).toEqual([]);
    expect(process.warnings).toEqual([]);
  });
});

describe('GOAWAY in the middle', () => {
  it('RFC 9113 §6.8 of a client: what is under way is finished, both ways', async () => {
    const { wss, session } = await start();
    const { stream, socket, closed } = await open(wss, session);
    const bytes = textFrame('x'.repeat(6000));
    stream.write(bytes.subarray(0, 3000));
    session.goaway();
    await eventOf((socket._socket as ServerHttp2Stream).session!, 'goaway');
    stream.write(bytes.subarray(3000));
    expect((await read(stream, 6004)).toString('latin1', 4)).toBe('x'.repeat(6000));
    stream.write(closeFrame(1000));
    stream.end();
    stream.resume();
    expect((await closed)[0]).toBe(1000);
  });

  it('RFC 9113 §6.8 of the server, with an error: each WebSocket of the session is 1006 at both ends', async () => {
    const { server, wss, session } = await start();
    const clients = Array.from({ length: 5 }, () => {
      const client = new WebSocket(`ws://${authorityOf(server)}/`, { http2: session });
      client.on('error', () => {});
      return client;
    });
    await Promise.all(clients.map((client) => once(client, 'open')));
    const sockets = [...wss.clients];
    const ends = [...clients, ...sockets].map((socket) => eventOf(socket, 'close') as Promise<[number]>);
    (sockets[0]!._socket as ServerHttp2Stream).session!.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect((await Promise.all(ends)).map(([code]) => code)).toEqual(ends.map(() => 1006));
  });

  it('RFC 9113 §6.8 a request that GOAWAY leaves out has an error, and the one before it goes on', async () => {
    const lower = createServer({ settings: { enableConnectProtocol: true } });
    lower.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => {});
      if (stream.id === 1) {
        stream.respond({ ':status': 200 });
        stream.write(Buffer.from('\x81\x05first', 'latin1'));
      } else stream.session!.goaway(constants.NGHTTP2_NO_ERROR, 1);
    });
    lower.listen(0, '127.0.0.1');
    await once(lower, 'listening');
    onTestFinished(() => void lower.close());
    const url = `ws://127.0.0.1:${(lower.address() as AddressInfo).port}/`;
    const session = connect(url.replace('ws', 'http'));
    session.on('error', () => {});
    onTestFinished(() => session.destroy());
    const first = new WebSocket(url, { http2: session, perMessageDeflate: false });
    expect(String((await once(first, 'text'))[0])).toBe('first');
    const second = new WebSocket(url, { http2: session, handshakeTimeoutMs: 5000 });
    const [error] = await once(second, 'error');
    expect((error as Error).message).toMatch(/stream|session/i);
    expect(first.readyState).toBe(WebSocket.OPEN);
    first.terminate();
  });
});

describe('drain() over HTTP/2, in the middle', () => {
  it('§7.4.1 sockets of several sessions, one of them silent; requests that wait for a hook get a whole 503', async () => {
    const decide: ((isAllowed: boolean) => void)[] = [];
    const { server, wss, session } = await start({
      authorize: ({ url }) => url !== '/waits' || new Promise<boolean>((resolve) => void decide.push(resolve)),
    });
    const other = await openSession(server);
    const polite = await open(wss, session);
    const silent = await open(wss, other);
    const waiting = refusalOf(request(session, '/waits'));
    while (decide.length === 0) await nextTurn();
    const drained = wss.drain({ timeoutMs: 1500, code: 1012, reason: 'again' });
    expect(await waiting).toEqual([503, 'Service Unavailable']);
    for (const { stream } of [polite, silent]) {
      expect((await read(stream, 9)).subarray(2)).toEqual(Buffer.from('\x03\xf4again', 'latin1'));
    }
    polite.stream.end(closeFrame(1012));
    polite.stream.resume();
    expect(await drained).toEqual({ closed: 1, terminated: 1, refused: 1 });
    decide[0]!(true);
    expect((await silent.closed)[0]).toBe(1006);
    if (!silent.stream.closed) await once(silent.stream, 'close');
    expect(silent.stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });
});

describe('many sockets on one session', () => {
  it.each(['the client', 'the server'])(
    'RFC 9113 §5.2 one of 50 that %s does not read holds up no other',
    async (end) => {
      const { server, wss, session } = await start({ perMessageDeflate: false });
      const pairs: [WebSocket, WebSocket][] = [];
      for (let i = 0; i < 50; i++) {
        const connection = once(wss, 'connection');
        const client = new WebSocket(`ws://${authorityOf(server)}/${i}`, { http2: session, perMessageDeflate: false });
        client.on('error', () => {});
        await once(client, 'open');
        pairs.push([client, (await connection)[0]]);
      }
      const [reader, writer] = end === 'the client' ? pairs[0]! : ([...pairs[0]!].reverse() as [WebSocket, WebSocket]);
      // No echo of what it gets.
      reader.removeAllListeners('message');
      reader.pause();
      for (let i = 0; i < 32; i++) writer.send(Buffer.alloc(65_536, i));
      for (const [client] of pairs.slice(1)) {
        const answer = once(client, 'message');
        const payload = Buffer.alloc(20_000, 7);
        client.send(payload);
        expect(Buffer.compare((await answer)[0], payload)).toBe(0);
      }
      expect(writer.bufferedAmount).toBeGreaterThan(MIB);
      let count = 0;
      const all = new Promise<void>((resolve) => reader.on('message', () => ++count === 32 && resolve()));
      reader.resume();
      await all;
      expect(writer.bufferedAmount).toBe(0);
    },
  );
});
