/** §6.1: what is sent is what was there at the call, whatever the caller does with the memory afterwards. */

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { broadcast, prepareMessage } from '../../src/socket/prepared-message.ts';
import { createWebSocketStream } from '../../src/socket/stream.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import '../../src/ws-compat/private-surface.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { eventOf, SERVER_KINDS, startServer, testCertificate } from '../support/servers.ts';

const SIZES = [5, 16_384, 16_385, 65_536, 131_073, 500_000];
const COPIES = [1, 2, 3, 4];

type Send = (socket: WebSocket, bytes: Buffer) => unknown;

const SENDS: readonly [string, Send][] = [
  ['send', (socket, bytes) => socket.send(bytes)],
  ['send, not compressed', (socket, bytes) => socket.send(bytes, { compress: false })],
  ['send of an ArrayBuffer', (socket, bytes) => socket.send(bytes.buffer as ArrayBuffer)],
  ['send of a list', (socket, bytes) => socket.send([bytes.subarray(0, 3), bytes.subarray(3)])],
  ['sendMessage', (socket, bytes) => socket.sendMessage(bytes)],
  ['broadcast', (socket, bytes) => broadcast([socket], bytes)],
  ['sendPrepared', (socket, bytes) => socket.sendPrepared(prepareMessage(bytes))],
  ['a Blob', (socket, bytes) => socket.send(new Blob([bytes as Uint8Array<ArrayBuffer>]))],
];

async function open(kind: (typeof SERVER_KINDS)[number], isCompressed: boolean, isTls = false) {
  const options = isCompressed ? { perMessageDeflate: { threshold: 0 } } : {};
  const tls = isTls ? { tls: await testCertificate() } : {};
  const server = await startServer(kind, { http: options, net: options, ...tls });
  const client = new WebSocket(server.url(), { perMessageDeflate: isCompressed, rejectUnauthorized: false });
  client.on('error', ignoreError);
  await eventOf(client, 'open');
  return { server: server.connections[0]!, client };
}

/** The first bytes of so many messages, each of which has to hold nothing else. */
async function heard(socket: WebSocket, count: number): Promise<(number | string)[]> {
  const firstBytes: (number | string)[] = [];
  await new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      const bytes = data as Buffer;
      firstBytes.push(bytes.equals(Buffer.alloc(bytes.length, bytes[0])) ? bytes[0]! : 'mixed');
      if (firstBytes.length === count) resolve();
    });
  });
  return firstBytes;
}

describe.each([
  ['as it is', false, false],
  ['compressed', true, false],
  ['over TLS', false, true],
] as const)('%s', (_how, isCompressed, isTls) => {
  it.each(SENDS)('%s', async (_what, send) => {
    const { server, client } = await open('node:http', isCompressed, isTls);
    for (const [from, to] of [
      [server, client],
      [client, server],
    ] as const) {
      const all = heard(to, SIZES.length * COPIES.length);
      for (const size of SIZES) {
        const bytes = Buffer.alloc(size);
        for (const byte of COPIES) void send(from, bytes.fill(byte));
        bytes.fill(9);
      }
      expect(await all).toEqual(SIZES.flatMap(() => COPIES));
    }
  });
});

describe.each(SERVER_KINDS)('on %s', (kind) => {
  it('§5.5.2 ping, pong, frames encoded elsewhere and the Close frame, behind what takes its time', async () => {
    const { server, client } = await open(kind, true);
    const log: string[] = [];
    client.on('ping', (data) => log.push(`ping ${data}`));
    client.on('pong', (data) => log.push(`pong ${data}`));
    client.on('message', (data) => log.push(`message ${String(data).slice(0, 5)}`));
    const bytes = Buffer.from('first');
    server.send(new Blob(['blob']));
    server.ping(bytes);
    server.pong(bytes.fill('2nd..'));
    server._sender!.sendFrame([Buffer.from([0x82, 5]), bytes.fill('third')]);
    server.send(bytes.fill('4th..'));
    server.close(4000, bytes.fill('fifth'));
    bytes.fill('never');
    const [code, reason] = await once(client, 'close');
    expect([code, String(reason)]).toEqual([4000, 'fifth']);
    expect(log).toEqual(['message blob', 'ping first', 'pong 2nd..', 'message third', 'message 4th..']);
  });

  it('streams: chunks that wait for one another, corked ones and the last', async () => {
    const { server, client } = await open(kind, false);
    const all = heard(client, 7);
    const stream = createWebSocketStream(server);
    const bytes = Buffer.alloc(50_000);
    for (const byte of [1, 2, 3]) stream.write(bytes.fill(byte));
    stream.cork();
    for (const byte of [4, 5]) stream.write(bytes.fill(byte));
    stream.uncork();
    stream.write(bytes.fill(6));
    stream.end(bytes.fill(7));
    bytes.fill(9);
    expect(await all).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('streams: what is written before the connection is open', async () => {
    const server = await startServer(kind, {}, (socket) => socket.on('message', (data) => socket.send(data as Buffer)));
    const client = new WebSocket(server.url());
    const stream = createWebSocketStream(client);
    const bytes = Buffer.from('first');
    stream.write(bytes);
    stream.write(bytes.fill('2nd..'));
    bytes.fill('never');
    const texts: string[] = [];
    stream.on('data', (chunk) => texts.push(String(chunk)));
    while (texts.length < 2) await once(stream, 'data');
    expect(texts).toEqual(['first', '2nd..']);
  });
});

it("§10.3 transient messages: what is sent of one connection's never shows another's", async () => {
  const options = { transientMessages: true, perMessageDeflate: { threshold: 0 } };
  let done: (() => void) | undefined;
  const server = await startServer('node:http', { http: options }, (socket) => {
    socket.on('message', (data) => {
      socket.send(data as Buffer);
      socket.ping((data as Buffer).subarray(0, 5));
      socket.close(4000, (data as Buffer).subarray(0, 5));
      (data as Buffer).fill(0x78);
      done?.();
    });
  });
  const client = new WebSocket(server.url());
  const pings: string[] = [];
  client.on('ping', (data) => pings.push(String(data)));
  await eventOf(client, 'open');
  done = () => expect(server.connections[0]!.transientMessages).toBe(true);
  client.send('mine '.repeat(20_000), { compress: false });
  const [data] = (await once(client, 'message')) as [Buffer];
  const [code, reason] = await once(client, 'close');
  expect(String(data)).toBe('mine '.repeat(20_000));
  expect([code, String(reason), ...pings]).toEqual([4000, 'mine ', 'mine ']);
});
