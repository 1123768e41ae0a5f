/** What a callback reports, and what `bufferedAmount` counts: only what the network has taken has been sent. */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { WebSocket } from '../../src/socket/websocket.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { eventOf, nextTurn, SERVER_KINDS, startServer, testCertificate } from '../support/servers.ts';

const NOT_TAKEN = 'The connection was closed while the message was written';

describe.each([
  ['node:http', false],
  ['node:net', false],
  ['node:net', true],
] as const)('on %s, TLS %s', (kind, isTls) => {
  /** With callbacks on what has filled the kernel's buffer as well: a part of it is still on its way to the kernel. */
  async function stalled(note: (error?: Error) => void) {
    const server = await startServer(kind, isTls ? { tls: await testCertificate() } : {});
    const peer = await RawPeer.open(server);
    peer.socket.pause();
    const [socket] = server.connections;
    let sentCount = 0;
    while (socket!.bufferedAmount === 0) {
      socket!.send(Buffer.alloc(300_000), note);
      sentCount++;
      await nextTurn();
    }
    return { peer, socket: socket!, sentCount };
  }

  it.each([
    ['the peer resets', (_: WebSocket, peer: RawPeer) => (peer.socket as Socket).destroy()],
    ['terminate', (socket: WebSocket) => socket.terminate()],
  ])('bytes that never left are no success: %s', async (_what, end) => {
    const outcomes: (string | undefined)[] = [];
    const note = (error?: Error) => void outcomes.push(error?.message);
    const { peer, socket, sentCount } = await stalled(note);
    socket.send(Buffer.alloc(100_000), note);
    socket.ping('p', undefined, note);
    const sent = socket.sendMessage('m').catch(note);
    await nextTurn();
    socket.send('in a write of its own', note);
    await nextTurn();
    const takenCount = outcomes.length;
    expect(takenCount).toBeLessThan(sentCount);
    end(socket, peer);
    await once(socket, 'close');
    await sent;
    await nextTurn();
    expect(outcomes).toHaveLength(sentCount + 4);
    for (const outcome of outcomes.slice(takenCount))
      expect(outcome).toMatch(/^The connection was closed while |ECANCELED|ECONNRESET|EPIPE/);
    expect(socket.bufferedAmount).toBe(0);
  });

  it('what was taken is a success, also when the connection ends at once', async () => {
    const server = await startServer(kind, isTls ? { tls: await testCertificate() } : {});
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    const outcomes: (Error | undefined)[] = [];
    socket!.send('x', (error) => outcomes.push(error));
    socket!.close(1000, undefined);
    expect((await peer.frames(2)).length).toBe(2);
    expect(outcomes).toEqual([undefined]);
  });
});

describe('on a stream of the application', () => {
  it('that throws when it is written to, every callback gets what it threw, once, and the end comes', async () => {
    class Faulty extends Duplex {
      override _read() {}
      override _write(): void {
        throw new Error('faulty stream');
      }
    }
    const socket = new WebSocket(null);
    socket.on('error', ignoreError);
    socket.setSocket(new Faulty(), Buffer.alloc(0), {});
    const outcomes: unknown[] = [];
    socket.send('one', (error) => outcomes.push(error?.message));
    socket.send('two', (error) => outcomes.push(error?.message));
    await eventOf(socket, 'close');
    expect(outcomes).toEqual(['faulty stream', 'faulty stream']);
  });

  it('that never says what became of a write, the callbacks hear of its end', async () => {
    class Silent extends Duplex {
      override _read() {}
      override _write(): void {}
    }
    const socket = new WebSocket(null);
    socket.setSocket(new Silent(), Buffer.alloc(0), {});
    const outcomes: unknown[] = [];
    socket.send('one', (error) => outcomes.push(error?.message));
    await nextTurn();
    socket.send('two', (error) => outcomes.push(error?.message));
    await nextTurn();
    expect(socket.bufferedAmount).toBe(6);
    socket.terminate();
    await eventOf(socket, 'close');
    await nextTurn();
    expect(outcomes).toHaveLength(2);
    expect(outcomes).toContain(NOT_TAKEN);
    expect(outcomes).not.toContain(undefined);
  });
});

describe.each([
  ['as it is', false, false],
  ['compressed', true, false],
  ['over TLS', false, true],
] as const)('bufferedAmount behind send, %s', (_how, isCompressed, isTls) => {
  it.each(SERVER_KINDS)('is the payload, until the turn ends at least: %s and its client', async (kind) => {
    const options = isCompressed ? { perMessageDeflate: { threshold: 0 } } : {};
    const tls = isTls ? { tls: await testCertificate() } : {};
    const server = await startServer(kind, { http: options, net: options, ...tls });
    const client = new WebSocket(server.url(), { perMessageDeflate: isCompressed, rejectUnauthorized: false });
    await eventOf(client, 'open');
    for (const [from, to] of [
      [server.connections[0]!, client],
      [client, server.connections[0]!],
    ] as const) {
      let count = 0;
      const all = new Promise<void>((resolve) => to.on('message', () => ++count === 6 && resolve()));
      let expected = 0;
      const payloads = [
        'ascii',
        'é€😀',
        new Uint8Array(100),
        new Blob(['abc']),
        'x'.repeat(20_000),
        Buffer.alloc(300_000),
      ];
      for (const payload of payloads) {
        from.send(payload);
        expected += payload instanceof Blob ? payload.size : Buffer.byteLength(payload);
        expect(from.bufferedAmount).toBe(expected);
      }
      await Promise.resolve();
      expect(from.bufferedAmount).toBe(expected);
      const written = new Promise((resolve) => from.ping('', undefined, resolve));
      await all;
      await written;
      await nextTurn();
      expect(from.bufferedAmount).toBe(0);
    }
  });
});
