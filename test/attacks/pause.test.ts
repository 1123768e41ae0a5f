/** A26: a connection that holds input back reads no more. */

import type { Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { READ_BYTES } from '../../src/memory/mask-kernel.ts';
import { resolveLimits } from '../../src/protocol/index.ts';
import { createWebSocketStream } from '../../src/socket/stream.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { SocketTransport } from '../../src/transport/socket-transport.ts';
import { HeldDuplex } from '../support/held-duplex.ts';
import { binary, RawPeer, upgradeRequest } from '../support/raw-peer.ts';
import { acceptance, startRawServer } from '../support/raw-server.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { eventOf, nextTurn, type ServerSetup, startServer, testCertificate } from '../support/servers.ts';
import { concat, frame } from '../support/wire.ts';

describe('a connection that holds input back reads no more', () => {
  const FLOOD = Buffer.from(concat(...Array.from({ length: 4 }, () => binary(Buffer.alloc(60_000)))));
  const SERVER_FLOOD = Buffer.concat(
    Array.from({ length: 4 }, () => Buffer.from(frame({ opcode: 2, payload: Buffer.alloc(60_000) }))),
  );
  /** A read, what TLS and streams buffer ahead of themselves (64 KiB each from Node 22 on), and a message on its way. */
  const MOST = READ_BYTES + 4 * 65_536;

  /** Sends whenever there is room, for some turns; one that is read from takes some MiB of it. */
  async function flood(socket: Socket, bytes: Buffer): Promise<void> {
    for (let turn = 0; turn < 60; turn++) {
      if (!socket.writableNeedDrain) socket.write(bytes);
      await nextTurn();
    }
  }

  const pauses: [string, (socket: WebSocket) => unknown][] = [
    ['pause() in the connection handler', (socket) => socket.pause()],
    [
      'pause() in a message handler',
      (socket) => {
        socket.on('message', () => socket.pause());
      },
    ],
    ['an iterator that nobody reads', (socket) => socket.messages({ maxQueue: 1 })],
    ['a stream that nobody reads', (socket) => createWebSocketStream(socket)],
    [
      'pause(), resume() and pause() in one tick',
      (socket) => {
        socket.pause();
        socket.resume();
        socket.pause();
      },
    ],
    ['pause() in the next tick', (socket) => process.nextTick(() => socket.pause())],
  ];

  describe.each([
    ['node:http', 'node:http', async () => ({})],
    ['node:net', 'node:net', async () => ({})],
    ['node:http over TLS', 'node:http', async () => ({ tls: await testCertificate() })],
    ['node:net over TLS', 'node:net', async () => ({ tls: await testCertificate() })],
    ['node:net by data events', 'node:net', async () => ({ net: { sharesReadBuffer: false } })],
  ] as [string, 'node:http' | 'node:net', () => Promise<ServerSetup>][])('on %s', (_name, kind, setup) => {
    it.each(pauses)('A26 by %s', async (_what, hold) => {
      const server = await startServer(kind, await setup(), hold);
      const peer = await RawPeer.open(server);
      await nextTurn();
      const socket = server.connections[0]!._socket as Socket;
      const before = socket.bytesRead;
      await flood(peer.socket, FLOOD);
      expect(socket.bytesRead - before).toBeLessThanOrEqual(MOST);
    });
  });

  it.each([
    ['sharing the buffer', true],
    ['by data events', false],
  ])('A26 a client that pauses when it opens, %s', async (_what, sharesReadBuffer) => {
    const server = await startRawServer((head) => acceptance(head));
    const socket = new WebSocket(server.url(), { sharesReadBuffer });
    onTestFinished(() => socket.terminate());
    socket.on('open', () => socket.pause());
    await eventOf(socket, 'open');
    await flood(server.sockets[0]!, SERVER_FLOOD);
    expect((socket._socket as Socket).bytesRead).toBeLessThanOrEqual(MOST);
    let received = 0;
    socket.on('message', () => received++);
    socket.resume();
    await nextTurn();
    while (received < 4) await eventOf(socket, 'message');
  });

  it('A26 while authorize() decides, and the connection handler then pauses', async () => {
    let decide = (_verdict: boolean) => {};
    const verdict = new Promise<boolean>((resolve) => {
      decide = resolve;
    });
    const server = await startServer('node:net', { admit: () => verdict }, (socket) => socket.pause());
    let socket: Socket | undefined;
    (server.server as unknown as { server: NodeJS.EventEmitter }).server.on('connection', (given: Socket) => {
      socket = given;
    });
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    await flood(peer.socket, FLOOD);
    expect(socket!.bytesRead).toBeLessThanOrEqual(MOST);
    decide(true);
    await peer.head();
    await flood(peer.socket, FLOOD);
    expect(socket!.bytesRead).toBeLessThanOrEqual(MOST);
    const [accepted] = server.connections;
    let received = 0;
    accepted!.on('message', () => received++);
    accepted!.resume();
    while (received < 4) await eventOf(accepted!, 'message');
  });

  it('A26 a Duplex of the application’s own is not asked for more', async () => {
    let reads = 0;
    const socket = new HeldDuplex(false);
    socket._read = () => {
      reads++;
      socket.push(Buffer.from(binary(Buffer.alloc(1000))));
    };
    const handler = new RecordingHandler();
    const transport = new SocketTransport(socket, new Uint8Array(0), handler, {
      role: 'server',
      limits: resolveLimits(),
    });
    transport.pause();
    for (let turn = 0; turn < 100; turn++) await nextTurn();
    // The stream fills its own buffer, which is larger from Node 22 on.
    expect(reads).toBeLessThan(socket.readableHighWaterMark / 1000 + 10);
    expect(handler.log).toEqual([]);
  });
});
