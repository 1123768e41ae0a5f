/** How many writes reach the socket, and what memory. Counted at the server's socket, below the WebSocket. */

import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { SLAB_BYTES } from '../../src/memory/slab.ts';
import type { WebSocket } from '../../src/socket/websocket.ts';
import { LONG_PAYLOAD_BYTES } from '../../src/transport/write-batch.ts';
import { binary, echoed, inShort, ping, RawPeer, text } from '../support/raw-peer.ts';
import { echo, nextTurn, SERVER_KINDS, startServer } from '../support/servers.ts';

interface WriteLog {
  /** One entry per write that goes down: a call of `write` while not corked, or an `uncork`. */
  writes: number;
  readonly chunks: Uint8Array[];
}

function countWrites(socket: WebSocket): WriteLog {
  const stream = socket._socket as Duplex;
  const log: WriteLog = { writes: 0, chunks: [] };
  const { write, uncork } = stream;
  stream.write = function (this: Duplex, chunk: Uint8Array, ...rest: unknown[]) {
    log.chunks.push(chunk);
    if (stream.writableCorked === 0) log.writes++;
    return (write as (...args: unknown[]) => boolean).call(this, chunk, ...rest);
  } as typeof stream.write;
  stream.uncork = function (this: Duplex) {
    log.writes++;
    uncork.call(this);
  };
  return log;
}

describe.each(SERVER_KINDS)('writes on %s', (kind) => {
  it('a hundred frames that arrive together are answered with one write', async () => {
    let log: WriteLog | undefined;
    const server = await startServer(kind, {}, (socket) => {
      log = countWrites(socket);
      echo(socket);
    });
    const peer = await RawPeer.open(server);
    const texts = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    peer.send(...texts.map((payload) => text(payload)));
    expect(await peer.frames(100)).toEqual(texts.map(echoed));
    expect(log!.writes).toBe(1);
    expect(log!.chunks.length).toBe(1);
  });

  it('pongs, echoes and a large payload of one chunk leave in one write, in order', async () => {
    let log: WriteLog | undefined;
    const large = Buffer.alloc(LONG_PAYLOAD_BYTES + 1, 5);
    const server = await startServer(kind, {}, (socket) => {
      log = countWrites(socket);
      socket.on('message', (data) => {
        socket.send(data.toString());
        socket.send(large);
      });
    });
    const peer = await RawPeer.open(server);
    peer.send(ping('p'), text('t'), ping('q'));
    expect(await peer.frames(4)).toEqual([inShort(0x8a, 'p'), echoed('t'), inShort(0x82, large), inShort(0x8a, 'q')]);
    expect(log!.writes).toBe(1);
  });

  it('frames sent elsewhere in one tick leave in one write, those of the next tick in another', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    const log = countWrites(socket!);
    for (let i = 0; i < 10; i++) socket!.send(`a${i}`);
    expect(log.writes).toBe(0);
    await nextTurn();
    expect(log.writes).toBe(1);
    socket!.send('b');
    socket!.ping();
    await nextTurn();
    expect(log.writes).toBe(2);
    const frames = await peer.frames(12);
    expect(frames.slice(-2)).toEqual([echoed('b'), '89']);
  });

  it('large payloads, whatever their kind, go through one piece of memory while the network takes them', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    const log = countWrites(socket!);
    const large = new Uint8Array(100_000).fill(3);
    const view = new Float64Array(10_000).fill(1.5);
    for (let round = 0; round < 5; round++) {
      socket!.send(large.fill(round));
      socket!.send(view.fill(round));
    }
    large.fill(9);
    view.fill(9);
    for (let round = 0; round < 5; round++) {
      expect((await peer.payload()).equals(new Uint8Array(100_000).fill(round))).toBe(true);
      expect((await peer.payload()).equals(Buffer.from(new Float64Array(10_000).fill(round).buffer))).toBe(true);
    }
    expect(new Set(log.chunks.map(({ buffer }) => buffer)).size).toBe(1);
    expect(log.chunks[0]!.buffer.byteLength).toBe(SLAB_BYTES);
  });

  it('so does long text, each in one write', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    const log = countWrites(socket!);
    const long = 'x'.repeat(150_000);
    for (let round = 0; round < 5; round++) socket!.send(round + long);
    for (let round = 0; round < 5; round++) expect((await peer.payload()).toString() === round + long).toBe(true);
    expect(log.writes).toBe(5);
    expect(new Set(log.chunks.map(({ buffer }) => buffer)).size).toBe(1);
  });

  it('a broadcast in one tick, interleaved over many connections, keeps every stream whole', async () => {
    const server = await startServer(kind);
    const peers: RawPeer[] = [];
    for (let i = 0; i < 12; i++) peers.push(await RawPeer.open(server));
    const expected: string[][] = peers.map(() => []);
    // 12 × 40 × about 500 bytes is several slabs; odd rounds leave some connections out.
    for (let round = 0; round < 40; round++) {
      for (const [i, socket] of server.connections.entries()) {
        if (round % 2 === 1 && i % 3 === 0) continue;
        const payload = `${i}/${round}/${'z'.repeat((round * 37 + i * 101) % 1000)}`;
        expected[i]!.push(echoed(payload));
        socket.send(payload);
      }
    }
    for (const [i, peer] of peers.entries()) expect(await peer.frames(expected[i]!.length)).toEqual(expected[i]);
  });

  it('nothing is written behind the Close frame, nor after the end', async () => {
    let log: WriteLog | undefined;
    const server = await startServer(kind, {}, (socket) => {
      log = countWrites(socket);
    });
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    socket!.close(1000);
    socket!.send('too late');
    socket!.ping();
    peer.send(binary([1]));
    expect(await peer.frame()).toBe(inShort(0x88, [3, 232]));
    peer.socket.end();
    await new Promise((resolve) => socket!.on('close', resolve));
    socket!.send('far too late');
    await nextTurn();
    expect(log!.chunks.length).toBe(1);
  });
});
