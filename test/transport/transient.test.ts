/** Messages in memory that is used again: that it is, and that nothing which the library itself keeps lies in it. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { allocateReusable, recycle } from '../../src/memory/message-memory.ts';
import { createWebSocketStream } from '../../src/socket/stream.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { type OnConnection, SERVER_KINDS, type ServerKind, startServer } from '../support/servers.ts';

const TRANSIENT = { transientMessages: true };
const DEFLATED = { ...TRANSIENT, perMessageDeflate: { threshold: 0 } };

async function open(kind: ServerKind, onConnection: OnConnection, isCompressed = false) {
  const options = isCompressed ? DEFLATED : TRANSIENT;
  const server = await startServer(kind, { http: options, net: options }, onConnection);
  const client = new WebSocket(server.url(), { perMessageDeflate: isCompressed });
  client.on('error', ignoreError);
  await once(client, 'open');
  return { server, client };
}

/** Sends all at once, and gives what comes back, as many messages. */
async function exchange(client: WebSocket, messages: readonly Buffer[]): Promise<Buffer[]> {
  const received: Buffer[] = [];
  const all = new Promise<void>((resolve) => {
    client.on('message', (data) => {
      received.push(data as Buffer);
      if (received.length === messages.length) resolve();
    });
  });
  // Compressed, they would be inflated into memory of their own.
  for (const message of messages) client.send(message, { compress: false });
  await all;
  return received;
}

/** As the next message would overwrite it. */
function echoAndOverwrite(socket: WebSocket): void {
  socket.on('message', (data) => {
    socket.send(data as Buffer);
    (data as Buffer).fill(0xee);
  });
}

const LENGTHS = [0, 1, 100, 3000, 16_384, 16_385, 40_000, 70_000, 1_000_000, 5, 300_000, 65_536];

describe.each(SERVER_KINDS)('%s', (kind) => {
  it.each([
    ['short', 100],
    ['longer than a read', 200_000],
  ])('the memory of a %s message is used for the next', async (_what, lengthBytes) => {
    const seen: Buffer[] = [];
    const { server, client } = await open(kind, (socket) => {
      socket.on('message', (data) => {
        seen.push(data as Buffer);
        socket.send('');
      });
    });
    for (const byte of [1, 2]) {
      client.send(Buffer.alloc(lengthBytes, byte));
      await once(client, 'message');
    }
    expect(server.connections[0]!.transientMessages).toBe(true);
    expect(seen[0]!.buffer).toBe(seen[1]!.buffer);
    expect(seen[0]!.every((byte) => byte === 2)).toBe(true);
  });

  it.each([
    ['as they are', false],
    ['compressed', true],
  ])('messages that are sent from it arrive whole, %s', async (_what, isCompressed) => {
    const { client } = await open(kind, echoAndOverwrite, isCompressed);
    const messages = [...LENGTHS, ...LENGTHS].map((length) => randomBytes(length));
    const received = await exchange(client, messages);
    messages.forEach((message, i) => {
      expect(Buffer.compare(message, received[i]!)).toBe(0);
    });
  });

  it('so do those, and pings, that wait for something sent before', async () => {
    const pings: string[] = [];
    const { client } = await open(kind, (socket) => {
      socket.on('message', (data) => {
        socket.send(new Blob([new Uint8Array(10)]));
        socket.send(data as Buffer);
        socket.ping((data as Buffer).subarray(0, 4));
        (data as Buffer).fill(0xee);
      });
    });
    client.on('ping', (data) => pings.push(data.toString('hex')));
    const messages = [1, 2, 3].map((byte) => Buffer.alloc(1000 * byte, byte));
    const received: Buffer[] = [];
    client.on('message', (data) => received.push(data as Buffer));
    for (const message of messages) client.send(message);
    while (pings.length < 3) await once(client, 'ping');
    expect(received.filter((_, i) => i % 2 === 1)).toEqual(messages);
    expect(pings).toEqual(['01010101', '02020202', '03030303']);
  });

  it('streams and iterators have memory of their own', async () => {
    const streamed: Buffer[] = [];
    const iterated: (string | Buffer)[] = [];
    const { client } = await open(kind, async (socket) => {
      createWebSocketStream(socket).on('data', (data) => streamed.push(data));
      for await (const message of socket.messages()) {
        iterated.push(message);
        if (iterated.length === 3) socket.close();
      }
    });
    const messages = [100, 200_000, 100].map((length, i) => Buffer.alloc(length, i + 1));
    for (const message of messages) client.send(message);
    await once(client, 'close');
    expect(Buffer.compare(Buffer.concat(streamed), Buffer.concat(messages))).toBe(0);
    expect(iterated).toEqual(messages);
  });

  it('without the option nothing is used again', async () => {
    const kept: Buffer[] = [];
    const server = await startServer(kind, {}, (socket) => {
      expect(socket.transientMessages).toBe(false);
      socket.on('message', (data) => {
        kept.push(data as Buffer);
        socket.send('');
      });
    });
    const client = new WebSocket(server.url());
    await once(client, 'open');
    for (const byte of [1, 2]) {
      client.send(Buffer.alloc(200_000, byte));
      await once(client, 'message');
    }
    expect(kept.map((data) => data[0])).toEqual([1, 2]);
  });
});

it('clients can have it as well', async () => {
  const server = await startServer('node:http', {}, (socket) => {
    let byte = 1;
    const sendNext = () => socket.send(Buffer.alloc(300, byte++));
    socket.on('message', sendNext);
    sendNext();
  });
  const client = new WebSocket(server.url(), TRANSIENT);
  // What comes behind the handshake, in one chunk with it, has memory of its own.
  await once(client, 'message');
  client.send('more');
  const [data] = (await once(client, 'message')) as [Buffer];
  expect(data.every((byte) => byte === 2)).toBe(true);
  client.send('more');
  await once(client, 'message');
  expect(data.every((byte) => byte === 3)).toBe(true);
});

describe('reusable memory', () => {
  it('is the shortest that fits', () => {
    // What other tests have left is none of it.
    while (allocateReusable(1).length > 1);
    const lengths = [3_000_000, 1_000_000, 2_000_000];
    const [long, short, middle] = lengths.map((length) => allocateReusable(length));
    for (const bytes of [long!, short!, middle!]) recycle(bytes);
    expect(allocateReusable(1_500_000) === middle).toBe(true);
    expect(allocateReusable(1_500_000) === long).toBe(true);
    expect(allocateReusable(900_000) === short).toBe(true);
  });

  it('is kept for what fits into it, up to 16 MiB', () => {
    const large = allocateReusable(10_000_000);
    const larger = allocateReusable(10_000_001);
    recycle(large);
    recycle(larger);
    expect(allocateReusable(10_000_001) === larger).toBe(false);
    expect(allocateReusable(9_000_000) === large).toBe(true);
  });
});
