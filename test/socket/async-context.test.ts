/** Callbacks in the async context of their callers, though one flush, or one turn of the thread pool, does the work of many. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { broadcast, prepareMessage } from '../../src/socket/prepared-message.ts';
import { createWebSocketStream } from '../../src/socket/stream.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import '../../src/ws-compat/private-surface.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { clientFrame, RawPeer } from '../support/raw-peer.ts';
import { eventOf, nextTurn, SERVER_KINDS, startServer } from '../support/servers.ts';

const tenant = new AsyncLocalStorage<string>();
const LARGE = Buffer.alloc(100_000, 'large ');
const NAMES = ['A', 'B', 'C'] as const;

const RSV1 = { rsv: 4 } as const;

type Send = (socket: WebSocket, done: () => void) => void;

const SENDS: readonly [string, Send][] = [
  ['send', (socket, done) => socket.send('x', done)],
  ['send of a large message', (socket, done) => socket.send(LARGE, done)],
  ['send of a Blob', (socket, done) => socket.send(new Blob(['x']), done)],
  ['sendMessage', (socket, done) => void socket.sendMessage('x').then(done)],
  ['sendPrepared', (socket, done) => socket.sendPrepared(prepareMessage('x'), done)],
  ['ping', (socket, done) => socket.ping('x', undefined, done)],
  ['pong', (socket, done) => socket.pong('x', undefined, done)],
  ['_sender.sendFrame', (socket, done) => socket._sender!.sendFrame([Buffer.from([0x81, 0])], done)],
  ['a stream', (socket, done) => void createWebSocketStream(socket).write('x', done)],
  [
    'send after close',
    (socket, done) => {
      socket.close();
      socket.send('x', done);
    },
  ],
];

describe.each(SERVER_KINDS)('on %s', (kind) => {
  async function open(isCompressed = false) {
    const options = isCompressed ? { perMessageDeflate: { threshold: 0 } } : {};
    const server = await startServer(kind, { http: options, net: options });
    for (const _ of NAMES) {
      const client = new WebSocket(server.url(), { perMessageDeflate: isCompressed });
      client.on('error', ignoreError);
      await eventOf(client, 'open');
    }
    return server.connections;
  }

  async function seenBy(sockets: readonly WebSocket[], send: Send): Promise<(string | undefined)[]> {
    const seen = NAMES.map((name, i) =>
      tenant.run(name, () => new Promise((resolve) => send(sockets[i]!, () => resolve(tenant.getStore())))),
    );
    return (await Promise.all(seen)) as (string | undefined)[];
  }

  it.each(SENDS)('§6.1 %s: several callers in one tick, on a connection each', async (_what, send) => {
    expect(await seenBy(await open(), send)).toEqual(NAMES);
  });

  it.each(SENDS.slice(0, -1))('RFC 7692 §7.2.1 %s, where messages are compressed', async (_what, send) => {
    expect(await seenBy(await open(true), send)).toEqual(NAMES);
  });

  it.each(SENDS.slice(0, -2))(
    '%s: several callers in one tick, on one connection, behind a Blob',
    async (_what, send) => {
      const [socket] = await open(true);
      socket!.send(new Blob([LARGE]));
      expect(await seenBy([socket!, socket!, socket!], send)).toEqual(NAMES);
    },
  );

  it('a stream: several callers, one after another', async () => {
    const [socket] = await open();
    const stream = createWebSocketStream(socket!);
    const seen = await seenBy([socket!, socket!, socket!], (_, done) => void stream.write(LARGE, done));
    expect(seen).toEqual(NAMES);
    expect(await tenant.run('D', () => new Promise((resolve) => stream.end(() => resolve(tenant.getStore()))))).toBe(
      'D',
    );
  });

  it("what a flush, or one caller's end of another's connection, brings about runs in nobody's", async () => {
    const [socket, other] = await open();
    const seen: unknown[] = [];
    const note = (what: string) => () => seen.push([what, tenant.getStore()]);
    for (const one of [socket!, other!]) one.on('close', note('close'));
    const closed = [socket!, other!].map((one) => once(one, 'close'));
    tenant.run('A', () => {
      broadcast([socket!, other!], 'x');
      other!.terminate();
      socket!.close();
    });
    await Promise.all(closed);
    expect(seen).toEqual([
      ['close', undefined],
      ['close', undefined],
    ]);
  });
});

it("a stream's writes and its end are in nobody's context either", async () => {
  const server = await startServer('node:http');
  const peer = await RawPeer.open(server);
  const [socket] = server.connections;
  const seen: unknown[] = [];
  const stream = socket!._socket!;
  const write = stream.write.bind(stream);
  stream.write = ((...given: Parameters<typeof write>) => {
    seen.push(tenant.getStore());
    return write(...given);
  }) as typeof write;
  tenant.run('A', () => socket!.send('first'));
  tenant.run('B', () => socket!.send(LARGE));
  tenant.run('C', () => socket!.send('last'));
  await nextTurn();
  tenant.run('D', () => socket!.close());
  expect((await peer.frames(4)).length).toBe(4);
  expect(seen.length).toBeGreaterThan(1);
  expect(new Set(seen)).toEqual(new Set([undefined]));
});

it("RFC 7692 §7.2.2 a message inflated in the thread pool is not delivered in another connection's context", async () => {
  const seen: unknown[] = [];
  const noContext = { perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true } };
  const server = await startServer('node:net', { net: noContext }, (socket) => {
    socket.on('message', () => seen.push(tenant.getStore()));
  });
  const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };
  const peers = [await RawPeer.open(server, offer), await RawPeer.open(server, offer)];
  const [first, second] = server.connections;
  const noise = Buffer.from(Array.from({ length: 400_000 }, (_, i) => (i * i * 31) & 0xff));
  const frame = clientFrame(2, deflateRawSync(noise, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4), RSV1);
  // The first to need a stream of zlib's makes one, and it goes on to the second.
  tenant.run('A', () => first!._receiver!.write(Buffer.from(frame)));
  await eventOf(first!, 'message');
  peers[1]!.send(frame);
  await eventOf(second!, 'message');
  expect(seen).toEqual(['A', undefined]);
});
