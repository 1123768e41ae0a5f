/**
 * Peers that do not read, beside peers that do. Outgoing frames share slabs of memory: a slab that a stalled socket
 * still has to write must never be written into for somebody else. Every byte is checked.
 */

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import type { WebSocket } from '../../src/socket/websocket.ts';
import { HeldDuplex } from '../support/held-duplex.ts';
import { echoed, inShort, parseFrame, ping, RawPeer, text } from '../support/raw-peer.ts';
import { echo, eventOf, nextTurn, SERVER_KINDS, startServer, testCertificate } from '../support/servers.ts';

/** Payloads of all sizes around the limits of copying and of slabs, each one telling where it belongs. */
function payloadsFor(name: string, count: number): Buffer[] {
  const sizes = [0, 1, 125, 126, 4000, 16_383, 16_384, 16_385, 60_000, 70_000, 200_000];
  return Array.from({ length: count }, (_, i) => {
    const filler = Buffer.alloc(sizes[i % sizes.length]!, `${name}.${i}.`);
    return Buffer.concat([Buffer.from(`${name}#${i}:`), filler]);
  });
}

/** Sends until the network takes no more, and then some. */
async function stall(socket: WebSocket, name: string): Promise<Buffer[]> {
  const sent: Buffer[] = [];
  for (let i = 0; socket.bufferedAmount < 2_000_000; i++) {
    const payloads = payloadsFor(`${name}${i}`, 11);
    for (const payload of payloads) socket.send(payload);
    sent.push(...payloads);
    await nextTurn();
  }
  return sent;
}

async function expectPayloads(peer: RawPeer, payloads: readonly Buffer[]): Promise<void> {
  for (const [i, payload] of payloads.entries()) {
    const got = await peer.payload();
    if (!got.equals(payload)) {
      expect.fail(`payload ${i} of ${payload.length} bytes came as ${got.length}: ${got.toString('latin1', 0, 60)}`);
    }
  }
}

describe.each([
  ['node:http', false],
  ['node:net', false],
  ['node:http', true],
  ['node:net', true],
] as const)('a peer that does not read, on %s, TLS %s', (kind, isTls) => {
  it("gets every byte unharmed by the others' traffic once it reads; callbacks come, bufferedAmount is 0", async () => {
    const tls = isTls ? { tls: await testCertificate() } : {};
    const server = await startServer(kind, tls, echo);
    const stalled = [await RawPeer.open(server), await RawPeer.open(server)];
    for (const peer of stalled) peer.socket.pause();
    const lively = [await RawPeer.open(server), await RawPeer.open(server)];
    const slow = server.connections.slice(0, 2);

    const expected = [await stall(slow[0]!, 'A'), await stall(slow[1]!, 'B')];
    // Small frames alone, which lie in slabs, behind a backlog and mixed with the others'.
    for (let round = 0; round < 30; round++) {
      for (const [i, socket] of slow.entries()) {
        const payload = Buffer.from(`small ${i} ${round}`);
        socket.send(payload);
        expected[i]!.push(payload);
      }
      const noise = lively.map((_, i) => `noise ${i} ${round} ${'n'.repeat(round * 150)}`);
      for (const [i, peer] of lively.entries()) peer.send(text(noise[i]!));
      for (const [i, peer] of lively.entries()) expect(await peer.frame()).toBe(echoed(noise[i]!));
    }

    const written = slow.map(
      (socket, i) =>
        new Promise<Error | undefined>((resolve) => {
          const payload = Buffer.from(`last ${i}`);
          expected[i]!.push(payload);
          socket.send(payload, resolve);
        }),
    );
    for (const peer of stalled) peer.socket.resume();
    for (const [i, peer] of stalled.entries()) await expectPayloads(peer, expected[i]!);
    expect(await Promise.all(written)).toEqual([undefined, undefined]);
    expect(slow.map((socket) => socket.bufferedAmount)).toEqual([0, 0]);
  });
});

describe.each(SERVER_KINDS)('a peer that has just stalled, on %s', (kind) => {
  it('a slab that the kernel took half of is left alone', async () => {
    const server = await startServer(kind, {}, echo);
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    const lively = await RawPeer.open(server);
    const [slow] = server.connections;
    // Only frames that are copied into slabs, a whole slab per tick, until a write is taken in part.
    const expected: Buffer[] = [];
    while (slow!.bufferedAmount === 0) {
      for (let i = 0; i < 4; i++) {
        const payload = randomBytes(15_000);
        expected.push(payload);
        slow!.send(payload);
      }
      await nextTurn();
    }
    for (let round = 0; round < 20; round++) {
      const noise = Array.from({ length: 4 }, (_, i) => `${round}.${i}${'~'.repeat(15_000)}`);
      lively.send(...noise.map((payload) => text(payload)));
      expect(await lively.frames(4)).toEqual(noise.map(echoed));
    }
    peer.socket.resume();
    await expectPayloads(peer, expected);
  });

  it('§5.5.3 pings that it floods with and whose pongs it does not read cost bounded memory; the newest is answered', async () => {
    const server = await startServer(kind, { maxPendingPongs: 5 });
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    const [socket] = server.connections;
    const backlog = await stall(socket!, 'P');
    const before = socket!.bufferedAmount;

    let pings = 0;
    const all = new Promise<void>((resolve) => socket!.on('ping', () => ++pings === 1500 && resolve()));
    for (let i = 0; i < 1500; i++) peer.send(ping(`${i}`.padEnd(125, '.')));
    await all;
    await nextTurn();
    expect(socket!.bufferedAmount - before).toBeLessThanOrEqual(5 * 127);

    peer.socket.resume();
    // Pongs go ahead of data that waits, in their own order.
    const frames = await peer.frames(backlog.length + 6);
    expect(frames.filter((frame) => !frame.startsWith('8a'))).toEqual(backlog.map((payload) => inShort(0x82, payload)));
    const pongs = frames.filter((frame) => frame.startsWith('8a'));
    expect(frames.indexOf(pongs[4]!)).toBeLessThan(frames.length - 6);
    expect(pongs.at(-1)).toBe(inShort(0x8a, '1499'.padEnd(125, '.')));
    expect(pongs.slice(0, 5)).toEqual([0, 1, 2, 3, 4].map((i) => inShort(0x8a, `${i}`.padEnd(125, '.'))));
  });

  it('a backlog is dropped by terminate: callbacks get the error, once each', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    const [socket] = server.connections;
    await stall(socket!, 'T');
    const results: (string | undefined)[] = [];
    for (let i = 0; i < 3; i++) socket!.send(`${i}`, (error) => results.push((error as NodeJS.ErrnoException)?.code));
    await nextTurn();
    const gone = eventOf(socket!, 'close');
    socket!.terminate();
    expect(await gone).toEqual([1006, Buffer.alloc(0)]);
    await nextTurn();
    // Since Node 22 a write under way is cancelled first, and what waits behind it with it.
    const [code] = results;
    expect(['ERR_STREAM_DESTROYED', 'ECANCELED']).toContain(code);
    expect(results).toEqual(Array(3).fill(code));
  });
});

it('a Duplex that holds the chunks it was given gets every byte right, whatever others send meanwhile', async () => {
  const wss = new WebSocketServer({ noServer: true });
  const held = new HeldDuplex();
  const request = {
    method: 'GET',
    url: '/',
    httpVersion: '1.1',
    headers: {
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
    },
  } as unknown as IncomingMessage;
  let socket: WebSocket | undefined;
  wss.handleUpgrade(request, held, Buffer.alloc(0), (accepted) => {
    socket = accepted;
  });
  const server = await startServer('node:net', {}, echo);
  const lively = await RawPeer.open(server);
  const payloads = payloadsFor('held', 40);
  for (const [i, payload] of payloads.entries()) {
    socket!.send(payload);
    lively.send(text(`noise ${i}`));
    expect(await lively.frame()).toBe(echoed(`noise ${i}`));
  }
  held.release();
  await nextTurn();
  held.release();
  await nextTurn();
  const wire = held.written;
  let at = wire.indexOf('\r\n\r\n') + 4;
  for (const payload of payloads) {
    const { payload: got, end } = parseFrame(wire.subarray(at))!;
    expect(got.equals(payload)).toBe(true);
    at += end;
  }
  expect(at).toBe(wire.length);
  expect(socket!.bufferedAmount).toBe(0);
});
