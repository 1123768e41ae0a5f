/** A27, A28: what a message keeps is memory that no other connection has a part in, and not much more than it is long. */

import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from '../../src/socket/websocket.ts';
import { duplexPair } from '../support/duplex-pair.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { clientFrame, close, ping, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  eventOf,
  nextTurn,
  SERVER_KINDS,
  type ServerKind,
  type ServerSetup,
  startServer,
  testCertificate,
} from '../support/servers.ts';

const isTransferKept = Number(process.versions.node.split('.')[0]) < 22;

/** What keeping this message keeps. */
const pinnedBytes = (data: Uint8Array) => data.buffer.byteLength;
const mostFor = (lengthBytes: number) => Math.max(8192, 4 * lengthBytes);

const LENGTHS = [
  0, 1, 16, 64, 65, 100, 125, 126, 1000, 2048, 2049, 4000, 8000, 8192, 9000, 17_000, 40_000, 70_000, 300_000,
];

/** What is sent at once: each length by itself, many of one length, and all of them. */
const BURSTS: [string, number[]][] = [
  ...LENGTHS.map((length): [string, number[]] => [`one of ${length}`, [length]]),
  ...[16, 100, 1000].map((length): [string, number[]] => [`60 of ${length}`, Array<number>(60).fill(length)]),
  ['all of them', LENGTHS],
];

async function receive(kind: ServerKind, setup: ServerSetup, wire: Uint8Array[], count: number, fields = {}) {
  const received: Buffer[] = [];
  let done = () => {};
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const server = await startServer(kind, setup, (socket) => {
    socket.on('message', (data) => {
      received.push(data as Buffer);
      if (received.length === count) done();
    });
  });
  const peer = await RawPeer.open(server, fields);
  peer.send(...wire);
  await all;
  return received;
}

describe.each([
  ['node:http', 'node:http', async () => ({})],
  ['node:net', 'node:net', async () => ({})],
  ['TLS', 'node:net', async () => ({ tls: await testCertificate() })],
  ['data events', 'node:net', async () => ({ net: { sharesReadBuffer: false } })],
] as [string, ServerKind, () => Promise<ServerSetup>][])('a message that is kept, by %s', (_name, kind, setup) => {
  it.each(BURSTS)('A28 pins 8 KiB or four times its length at most: %s', async (_what, lengths) => {
    const wire = lengths.map((length) => clientFrame(2, Buffer.alloc(length, 1)));
    const received = await receive(kind, await setup(), wire, lengths.length);
    expect(received.map((data) => data.length)).toEqual(lengths);
    expect(received.filter((data) => pinnedBytes(data) > mostFor(data.length))).toEqual([]);
  });
});

describe.each(SERVER_KINDS)('on %s', (kind) => {
  it.each([
    ['in two frames', [100, 16_900]],
    ['in many frames', Array<number>(40).fill(1000)],
    ['in frames of one byte', Array<number>(50).fill(1)],
    ['in a long one and a short one', [70_000, 1]],
  ])('A28 so does one %s', async (_what, lengths) => {
    const wire = lengths.map((length, i) =>
      clientFrame(i === 0 ? 2 : 0, Buffer.alloc(length, i), { fin: i === lengths.length - 1 }),
    );
    const [message] = await receive(kind, {}, wire, 1);
    expect(pinnedBytes(message!)).toBeLessThanOrEqual(mostFor(message!.length));
  });

  it.each([10, 100, 1000, 10_000, 30_000, 100_000, 600_000])('A28 so does a compressed one of %d', async (length) => {
    const deflate = { perMessageDeflate: true };
    const noise = Buffer.from(Array.from({ length }, (_, i) => (i * i * 193 + i * 7) & 0xff));
    const payload = deflateRawSync(noise, { finishFlush: 2 }).subarray(0, -4);
    const fields = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover' };
    const wire = [clientFrame(2, payload, { rsv: 4 }), clientFrame(2, payload, { rsv: 4 })];
    const received = await receive(kind, { http: deflate, net: deflate }, wire, 2, fields);
    for (const message of received) {
      expect(message.equals(noise)).toBe(true);
      expect(pinnedBytes(message)).toBeLessThanOrEqual(mostFor(length));
    }
  });

  it('A28 so do those behind the request, those held back by a pause, payloads of pings and Close reasons', async () => {
    const kept: Uint8Array[] = [];
    const server = await startServer(kind, {}, (socket) => {
      socket.pause();
      socket.on('message', (data) => kept.push(data as Buffer));
      socket.on('ping', (data) => kept.push(data));
      socket.on('close', (_code, reason) => kept.push(reason));
      setImmediate(() => socket.resume());
    });
    const peer = await RawPeer.connect(server);
    const messages = Array.from({ length: 500 }, () => text('a'.repeat(100)));
    peer.send(upgradeRequest(), ...messages, ping('p'), close(1000, 'because'));
    await peer.head();
    await eventOf(server.connections[0]!, 'close');
    expect(kept.length).toBe(502);
    expect(kept.map(pinnedBytes).filter((bytes) => bytes > 8192)).toEqual([]);
  });

  it.each(['arraybuffer', 'fragments'] as const)('A28 so does one as %s', async (binaryType) => {
    const server = await startServer(kind, {}, (socket) => {
      socket.binaryType = binaryType;
    });
    const peer = await RawPeer.open(server);
    const message = eventOf(server.connections[0]!, 'message');
    peer.send(...Array.from({ length: 30 }, () => clientFrame(2, Buffer.alloc(1000))));
    const [data] = (await message) as [ArrayBuffer | Buffer[]];
    expect(Array.isArray(data) ? pinnedBytes(data[0]!) : data.byteLength).toBeLessThanOrEqual(8192);
  });

  describe('A27 who takes the memory of a message away', () => {
    type Take = (data: Buffer) => unknown;
    const ways: [string, Take][] = [
      [
        'postMessage',
        (data) => {
          const { port1, port2 } = new MessageChannel();
          try {
            port1.postMessage(data, [data.buffer as ArrayBuffer]);
          } finally {
            port1.close();
            port2.close();
          }
        },
      ],
      ['structuredClone', (data) => structuredClone(data, { transfer: [data.buffer as ArrayBuffer] })],
      ['transfer()', (data) => (data.buffer as ArrayBuffer & { transfer?(): unknown }).transfer?.()],
      ['filling all of it', (data) => new Uint8Array(data.buffer).fill(0xff)],
    ];

    it.each(ways.flatMap(([name, take]) => [16, 100, 1000, 5000].map((length) => [name, length, take] as const)))(
      '%s, of %d bytes: harms no other connection',
      async (_name, length, take) => {
        const kept: Buffer[] = [];
        let isTaking = false;
        const server = await startServer(kind, {}, (socket) => {
          socket.on('error', ignoreError);
          socket.on('message', (data) => {
            if (!isTaking) kept.push(data as Buffer);
            else take(data as Buffer);
            socket.send('ok');
          });
        });
        const [mine, others] = [await RawPeer.open(server), await RawPeer.open(server)];
        const message = clientFrame(2, Buffer.alloc(length, 7));
        others.send(message);
        await others.frame();
        isTaking = true;
        mine.send(message, message, message);
        // 1011 where it is refused, or where messages that were to come are gone.
        await mine.frame();
        isTaking = false;
        for (let round = 0; round < 3; round++) {
          others.send(message, message);
          expect(await others.frames(2)).toEqual(['81 6f 6b', '81 6f 6b']);
        }
        const late = await RawPeer.open(server);
        late.send(message);
        expect(await late.frame()).toBe('81 6f 6b');
        expect(kept.filter((data) => !data.equals(Buffer.alloc(length, 7)))).toEqual([]);
      },
    );

    it('is told that it cannot be transferred, where Node says such a thing', async () => {
      const errors: unknown[] = [];
      const server = await startServer(kind, {}, (socket) => {
        socket.on('error', (error) => errors.push(error));
        socket.on('message', (data) => structuredClone(data, { transfer: [(data as Buffer).buffer as ArrayBuffer] }));
      });
      const peer = await RawPeer.open(server);
      peer.send(clientFrame(2, Buffer.alloc(100)), close(1000));
      await eventOf(server.connections[0]!, 'close');
      expect(errors).toMatchObject(isTransferKept ? [] : [{ cause: { name: 'DataCloneError' } }]);
    });
  });
});

it('A27 a stream’s own pool stays as it is', async () => {
  const [one, two] = duplexPair();
  const sockets = [one, two].map((stream: Duplex, i) => {
    const socket = new WebSocket(null);
    socket._isServer = i === 1;
    socket.setSocket(stream, Buffer.alloc(0), {});
    onTestFinished(() => socket.terminate());
    return socket;
  });
  const message = once(sockets[1]!, 'message');
  sockets[0]!.send('from a pool of Node’s');
  const [data] = (await message) as [Buffer];
  const { buffer } = Buffer.from('another of the same pool');
  expect(data.buffer).not.toBe(buffer);
  await nextTurn();
});
