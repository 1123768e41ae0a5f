/** Attacks on permessage-deflate; the rows are those of spec-notes/attacks.md. */

import { once } from 'node:events';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MessageInflater } from '../../src/deflate/codec.ts';
import { inflationRoom, MAX_INFLATING_BYTES } from '../../src/deflate/inflation-room.ts';
import type { WebSocket } from '../../src/socket/websocket.ts';
import { clientFrame, closed, inShort, RawPeer, upgradeRequest } from '../support/raw-peer.ts';
import { echo, nextTurn, SERVER_KINDS, startServer } from '../support/servers.ts';

const LIMIT = 1024 * 1024;
const OFFER = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover' };
const withDeflate = (perMessageDeflate: boolean | object) => ({
  maxMessageBytes: LIMIT,
  http: { perMessageDeflate },
  net: { perMessageDeflate },
});

/** 256 MiB of zeros in about 256 KiB. */
const BOMB = deflateRawSync(Buffer.alloc(256 * LIMIT), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

describe.each(SERVER_KINDS)('%s', (kind) => {
  it.each([
    ['in one frame', 1],
    ['over 50 fragments', 50],
  ])('A09 a decompression bomb %s stops at the limit: 1009, memory bounded', async (_, parts) => {
    const server = await startServer(kind, withDeflate(true), echo);
    const peer = await RawPeer.open(server, OFFER);
    const before = process.memoryUsage().arrayBuffers;
    const size = Math.ceil(BOMB.length / parts);
    const frames = Array.from({ length: parts }, (__, i) =>
      clientFrame(i === 0 ? 2 : 0, BOMB.subarray(i * size, (i + 1) * size), {
        rsv: i === 0 ? 4 : 0,
        fin: i === parts - 1,
      }),
    );
    peer.send(...frames);
    expect(await peer.frame()).toBe(closed(1009));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * LIMIT);
    const other = await RawPeer.open(server);
    other.send(clientFrame(1, 'alive'));
    expect(await other.frame()).toBe(inShort(0x81, 'alive'));
  });

  it.each([
    'server_max_window_bits=7',
    'server_max_window_bits=16',
    'server_max_window_bits=08',
    'server_max_window_bits',
    'server_max_window_bits=10; server_max_window_bits=10',
    'client_max_window_bits=4294967304',
    'client_max_window_bits="x"',
    'client_no_context_takeover=1',
    '__proto__=1',
    'unknown',
  ])('A12 the parameter %s is declined, or refused as ws does, and never thrown', async (parameter) => {
    const server = await startServer(kind, withDeflate(true), echo);
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest({ 'Sec-WebSocket-Extensions': `permessage-deflate; ${parameter}` }));
    const head = await peer.head();
    expect(head).toMatch(kind === 'node:net' ? /^HTTP\/1.1 101 / : /^HTTP\/1.1 400 /);
    expect(head).not.toContain('permessage-deflate');
  });

  it('A18 a message that was compressed is sent: the peer’s context never goes out of step', async () => {
    const server = await startServer(kind, withDeflate(true), echo);
    const peer = await RawPeer.open(server, OFFER);
    const [socket] = server.connections;
    // Incompressible, short, plain and large ones: whatever was compressed is on the wire, in the order of the calls.
    const noise = Buffer.from(Array.from({ length: 500 }, (_, i) => (i * i * 193 + i * 7) & 0xff));
    socket!.send(noise);
    socket!.send('x');
    socket!.send(noise, { compress: false });
    socket!.send(Buffer.concat(Array(200).fill(noise)));
    socket!.send(noise);
    const tail = Buffer.from([0, 0, 0xff, 0xff]);
    const stream: Buffer[] = [];
    for (let i = 0; i < 5; i++) {
      const payload = await peer.payload();
      if (i !== 2) stream.push(payload, tail);
      else expect(payload).toEqual(noise);
    }
    const all = inflateRawSync(Buffer.concat(stream), { finishFlush: constants.Z_SYNC_FLUSH });
    expect(all).toEqual(Buffer.concat([noise, Buffer.from('x'), ...Array(201).fill(noise)]));
    const closing = once(socket!, 'close');
    peer.send(clientFrame(8));
    await closing;
  });
});

/** How much happens in one turn of the event loop. */
class TurnCounter {
  total = 0;
  most = 0;
  #now = 0;

  count(): void {
    this.total++;
    if (++this.#now === 1) {
      setImmediate(() => {
        this.#now = 0;
      });
    }
    this.most = Math.max(this.most, this.#now);
  }
}

/** `03 00` is an empty final block; a message of them has a stream for each. */
const FINAL_BLOCKS = Buffer.from('0300'.repeat(900), 'hex');

/** Inflated within the call: nothing but the budget parts such messages. */
const LONG = deflateRawSync(Buffer.alloc(100 * 1024), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);

describe('A30 a message of many streams', () => {
  it.each([
    ['final blocks', FINAL_BLOCKS],
    ['empty blocks', Buffer.from('000000ffff'.repeat(2000), 'hex')],
  ])('A30 %s: the stack below whoever gets it is as low as for any other', async (_what, bytes) => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = Number.POSITIVE_INFINITY;
    onTestFinished(() => {
      Error.stackTraceLimit = stackTraceLimit;
    });
    const depthOf = (payload: Uint8Array) =>
      new Promise<number>((resolve, reject) => {
        const inflater = new MessageInflater({ contextTakeover: true, windowBits: 15 });
        inflater.inflate(payload, 0, payload.length, LIMIT, (fault, output) => {
          if (fault !== undefined || output.length > 0) reject(new Error(`${fault?.id}`));
          resolve(new Error('here').stack!.split('\n').length);
          inflater.close();
        });
      });
    const plain = await depthOf(Uint8Array.of(0));
    expect(await depthOf(bytes)).toBeLessThanOrEqual(plain + 5);
  });

  it('A30 it takes several turns of the event loop', async () => {
    const inflater = new MessageInflater({ contextTakeover: true, windowBits: 15 });
    let turns = 0;
    let isDone = false;
    const done = new Promise<void>((resolve) => {
      inflater.inflate(FINAL_BLOCKS, 0, FINAL_BLOCKS.length, LIMIT, () => {
        isDone = true;
        resolve();
      });
    });
    while (!isDone) {
      turns++;
      await nextTurn();
    }
    await done;
    expect(turns).toBeGreaterThanOrEqual(3);
    inflater.close();
  });
});

describe.each(SERVER_KINDS)('A30 a burst on %s has its share of a turn', (kind) => {
  const tiny = clientFrame(1, [0x4a, 0x04, 0x00], { rsv: 4 });

  it.each([
    ['compressed messages', tiny, 3000, 128],
    ['messages of final blocks', clientFrame(1, FINAL_BLOCKS, { rsv: 4 }), 20, 2],
    ['compressed messages of 100 KiB', clientFrame(2, LONG, { rsv: 4 }), 100, 6],
    ['plain messages', clientFrame(1, 'a'), 20_000, 2048],
    ['pings', clientFrame(9), 1900, 1900],
  ])('A30 %s', async (_what, frame, count, mostPerTurn) => {
    const turns = new TurnCounter();
    let received = 0;
    const server = await startServer(kind, withDeflate(true), (socket) => {
      const hear = () => {
        received++;
        turns.count();
        if (received === count) socket.send('all', { compress: false });
      };
      socket.on('message', hear);
      socket.on('ping', hear);
    });
    const peer = await RawPeer.open(server, OFFER);
    peer.send(...Array<Uint8Array>(count).fill(frame));
    let answer = await peer.frame();
    while (answer !== inShort(0x81, 'all')) answer = await peer.frame();
    expect(turns.most).toBeLessThanOrEqual(mostPerTurn);
  });

  it('A30 others are answered meanwhile', async () => {
    let received = 0;
    let receivedBefore = 0;
    const server = await startServer(kind, {}, (socket) => {
      socket.on('message', (data, isBinary) => {
        if (isBinary) received++;
        else {
          receivedBefore = received;
          socket.send(data as Buffer);
        }
      });
    });
    const flooding = await RawPeer.open(server);
    const other = await RawPeer.open(server);
    const count = 100_000;
    flooding.send(Buffer.concat(Array<Uint8Array>(count).fill(clientFrame(2, 'a'))));
    other.send(clientFrame(1, 'me'));
    await other.frame();
    expect(receivedBefore).toBeLessThan(count / 2);
  });
});

it('A30 pipelined requests have a turn of the event loop each', async () => {
  const turns = new TurnCounter();
  const onRequest = () => {
    turns.count();
    return { body: '' };
  };
  const server = await startServer('node:net', { net: { onRequest } });
  const peer = await RawPeer.connect(server);
  const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  const count = 500;
  peer.send(request.repeat(count), upgradeRequest());
  for (let i = 0; i < count; i++) expect(await peer.head()).toMatch(/^HTTP\/1.1 200 /);
  expect(await peer.head()).toMatch(/^HTTP\/1.1 101 /);
  expect(turns.total).toBe(count);
  expect(turns.most).toBeLessThanOrEqual(2);
});

it.each<[string, () => Uint8Array]>([
  [
    'one DEFLATE stream each',
    () => deflateRawSync(Buffer.alloc(16 * LIMIT), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4),
  ],
  ['64 DEFLATE streams each', () => Buffer.concat(Array(64).fill(deflateRawSync(Buffer.alloc(LIMIT / 4))))],
])(
  'A33 many messages, each within its limit: what is inflated at a time is bounded over all connections, %s',
  async (_what, payloadOf) => {
    const payload = payloadOf();
    const frame = clientFrame(2, payload, { rsv: 4 });
    const lengths: number[] = [];
    const held = () => (inflationRoom as unknown as { heldBytes: number }).heldBytes;
    let mostBytes = 0;
    const server = await startServer(
      'node:http',
      { maxMessageBytes: 20 * LIMIT, http: { perMessageDeflate: true } },
      (socket) => {
        socket.on('message', (data) => {
          mostBytes = Math.max(mostBytes, held());
          lengths.push((data as Buffer).length);
          socket.send('ok', { compress: false });
        });
      },
    );
    const peers = await Promise.all(Array.from({ length: 10 }, () => RawPeer.open(server, OFFER)));
    for (const peer of peers) peer.send(frame);
    for (const peer of peers) expect(await peer.frame()).toBe(inShort(0x81, 'ok'));
    expect(lengths).toEqual(Array(10).fill(16 * LIMIT));
    expect(mostBytes).toBeLessThanOrEqual(MAX_INFLATING_BYTES + 17 * LIMIT);
    // It counts until it has been handed over.
    expect(mostBytes).toBeGreaterThanOrEqual(15 * LIMIT);
  },
);

it.each<[string, (socket: WebSocket) => void]>([
  ['resume()', (socket) => socket.resume()],
  ['close()', (socket) => socket.close()],
])('A25 pause() while a message is inflated off the main thread holds it back, until %s', async (_what, goOn) => {
  const payload = deflateRawSync(Buffer.alloc(16 * LIMIT), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const log: string[] = [];
  const server = await startServer(
    'node:http',
    { maxMessageBytes: 20 * LIMIT, http: { perMessageDeflate: true } },
    (socket) => {
      socket.on('ping', () => setImmediate(() => socket.pause()));
      socket.on('message', (data) => log.push(`message of ${(data as Buffer).length}`));
      socket.on('pong', () => log.push('pong'));
    },
  );
  const peer = await RawPeer.open(server, OFFER);
  peer.send(clientFrame(9, ''), clientFrame(2, payload, { rsv: 4 }), clientFrame(10, ''));
  const held = () => (inflationRoom as unknown as { heldBytes: number }).heldBytes;
  while (held() === 0) await nextTurn();
  while (held() > 0) await nextTurn();
  const [socket] = server.connections;
  expect([log, socket!.isPaused]).toEqual([[], true]);
  goOn(socket!);
  while (log.length < 2) await nextTurn();
  expect(log).toEqual([`message of ${16 * LIMIT}`, 'pong']);
});
