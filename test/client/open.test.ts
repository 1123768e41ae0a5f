import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer as WsServer } from 'ws';
import { WebSocket } from '../../src/socket/websocket.ts';
import { CLIENTS, connect, deferred, opened, watch } from '../support/clients.ts';
import { duplexPair } from '../support/duplex-pair.ts';
import { acceptance, startRawServer } from '../support/raw-server.ts';
import { echo, eventOf, SERVER_KINDS, startServer } from '../support/servers.ts';

/** A server that accepts, and hands the raw socket over. */
async function openRaw(Client: typeof WebSocket, options = {}) {
  const server = await startRawServer((head) => acceptance(head));
  const socket = connect(Client, server.url(), options);
  const watched = watch(socket);
  await opened(socket);
  const peer = server.sockets[0]!;
  const received: Buffer[] = [];
  const arrived = { wake: () => {} };
  peer.on('data', (chunk: Buffer) => {
    received.push(chunk);
    arrived.wake();
  });
  const bytes = async (count: number) => {
    while (Buffer.concat(received).length < count) {
      await new Promise<void>((resolve) => {
        arrived.wake = resolve;
      });
    }
    return Buffer.concat(received);
  };
  return { socket, peer, bytes, ...watched };
}

/** The payload of a masked frame shorter than 126 bytes, unmasked. */
function unmask(frame: Buffer): Buffer {
  return Buffer.from(frame.subarray(6).map((byte, i) => byte ^ frame[2 + (i & 3)]!));
}

describe.each(CLIENTS)("%s: the client's role", (_name, Client) => {
  it('§5.1 masks what it sends, each frame with a key of its own (§5.3)', async () => {
    const { socket, bytes } = await openRaw(Client);
    socket.send('Hi');
    socket.send(Buffer.of(1, 2));
    socket.ping('p');
    const all = await bytes(8 + 8 + 7);
    const frames = [all.subarray(0, 8), all.subarray(8, 16), all.subarray(16)];
    expect(frames.map((frame) => frame.subarray(0, 2).toString('hex'))).toEqual(['8182', '8282', '8981']);
    expect(frames.map((frame) => unmask(frame).toString('hex'))).toEqual(['4869', '0102', '70']);
    expect(new Set(frames.map((frame) => frame.subarray(2, 6).toString('hex')))).toHaveProperty('size', 3);
  });

  it('§5.1 fails for a masked frame of the server', async () => {
    const { socket, peer, bytes, closed } = await openRaw(Client);
    const failed = eventOf(socket, 'error');
    peer.write(Buffer.from('818201020304486a', 'hex'));
    const [error] = (await failed) as [Error & { code: string }];
    expect([error.code, error.message]).toEqual([
      'WS_ERR_UNEXPECTED_MASK',
      'Invalid WebSocket frame: MASK must be clear',
    ]);
    expect(unmask(await bytes(8)).toString('hex')).toBe('03ea');
    peer.end();
    expect((await closed).at(-1)).toEqual(['close', 1006, '']);
  });

  it('answers pings, and not with autoPong: false', async () => {
    const one = await openRaw(Client);
    one.peer.write(Buffer.from('890170', 'hex'));
    const pong = await one.bytes(7);
    expect([pong[0], String(unmask(pong))]).toEqual([0x8a, 'p']);
    const two = await openRaw(Client, { autoPong: false });
    const pinged = eventOf(two.socket, 'ping');
    two.peer.write(Buffer.from('890170', 'hex'));
    await pinged;
    two.socket.send('x');
    expect((await two.bytes(7))[0]).toBe(0x81);
  });

  it('§7.1.1 closing: waits for the server to end TCP', async () => {
    const { socket, peer, bytes, closed, seen } = await openRaw(Client);
    socket.close(3000, 'bye');
    expect(socket.readyState).toBe(2);
    const frame = await bytes(11);
    expect([frame[0], unmask(frame).toString('latin1')]).toEqual([0x88, '\x0b\xb8bye']);
    peer.write(Buffer.from('88020bb8', 'hex'));
    peer.end();
    expect(await closed).toEqual([
      ['open', ''],
      ['close', 3000, ''],
    ]);
    expect(seen).toHaveLength(2);
  });

  it('§7.1.1 a server that answers Close and keeps TCP open, or never answers, is left at closeTimeout', async () => {
    for (const answers of [true, false]) {
      const { socket, peer, closed } = await openRaw(Client, { closeTimeout: 40 });
      if (answers) peer.once('data', () => peer.write(Buffer.from('880203e8', 'hex')));
      const ended = eventOf(peer, 'close');
      socket.close(1000);
      expect((await closed).at(-1)).toEqual(['close', answers ? 1000 : 1006, '']);
      await ended;
    }
  });

  it('maxPayload', async () => {
    const { socket, peer } = await openRaw(Client, { maxPayload: 3 });
    const failed = eventOf(socket, 'error');
    peer.write(Buffer.from('820401020304', 'hex'));
    expect(((await failed)[0] as { code: string }).code).toBe('WS_ERR_UNSUPPORTED_MESSAGE_LENGTH');
  });

  it('skipUTF8Validation', async () => {
    const { socket, peer } = await openRaw(Client, { skipUTF8Validation: true });
    const message = eventOf(socket, 'message');
    peer.write(Buffer.from('8101ff', 'hex'));
    expect(await message).toEqual([Buffer.of(0xff), false]);
  });

  it('binaryType blob', async () => {
    const { socket, peer } = await openRaw(Client);
    socket.binaryType = 'blob';
    expect(socket.binaryType).toBe('blob');
    const message = eventOf(socket, 'message');
    peer.write(Buffer.from('82020102', 'hex'));
    const [data, isBinary] = (await message) as [Blob, boolean];
    expect(data).toBeInstanceOf(Blob);
    expect([...new Uint8Array(await data.arrayBuffer())]).toEqual([1, 2]);
    expect(isBinary).toBe(true);
  });

  it('a Blob is sent in its place: what is sent or closed later waits for its bytes', async () => {
    const { socket, peer, bytes, closed } = await openRaw(Client);
    const calls: string[] = [];
    socket.send('a', () => calls.push('a'));
    socket.send(new Blob(['blob']), () => calls.push('blob'));
    socket.send('b', () => calls.push('b'));
    socket.ping('c');
    expect(socket.bufferedAmount).toBeGreaterThanOrEqual(4 + 1);
    socket.close(1000);
    const all = await bytes(7 + 10 + 7 + 7 + 8);
    const kinds: [number, string][] = [];
    for (let at = 0; at < all.length; ) {
      const end = at + 6 + (all[at + 1]! & 127);
      kinds.push([all[at]!, unmask(all.subarray(at, end)).toString('latin1')]);
      at = end;
    }
    expect(kinds).toEqual([
      [0x81, 'a'],
      [0x82, 'blob'],
      [0x81, 'b'],
      [0x89, 'c'],
      [0x88, '\x03\xe8'],
    ]);
    peer.end(Buffer.from('880203e8', 'hex'));
    await closed;
    expect(calls).toEqual(['a', 'blob', 'b']);
    expect(socket.bufferedAmount).toBe(0);
  });

  it('a Blob whose socket goes away is told so', async () => {
    const { socket, closed } = await openRaw(Client);
    const told = new Promise<Error | undefined>((resolve) => socket.send(new Blob(['x']), resolve));
    socket.terminate();
    await closed;
    expect((await told)?.message).toMatch(/^The socket was closed while the blob was being read$/);
  });
});

describe.each(CLIENTS)('%s: null for the address', (_name, Client) => {
  const options = { autoPong: true, closeTimeout: 1000 };

  it('setSocket opens the accepting side on any Duplex', async () => {
    const [near, far] = duplexPair();
    const socket = new Client(null, undefined, options);
    expect([socket.readyState, socket.url]).toEqual([0, undefined]);
    const { seen } = watch(socket);
    socket.setSocket(near, Buffer.from('818201020304496b', 'hex'), { maxPayload: 0 });
    expect([socket.readyState, seen]).toEqual([1, [['open', '']]]);
    expect(await eventOf(socket, 'message')).toEqual([Buffer.from('Hi'), false]);
    socket.send('yo');
    let sent = '';
    for await (const chunk of far) {
      sent += (chunk as Buffer).toString('latin1');
      if (sent.length === 4) break;
    }
    expect(sent).toBe('\x81\x02yo');
  });

  it('_isServer = false makes it a client', async () => {
    const [near, far] = duplexPair();
    const socket = new Client(null, undefined, options);
    socket._isServer = false;
    socket.setSocket(near, Buffer.alloc(0), { maxPayload: 0 });
    socket.send('yo');
    const [frame] = (await eventOf(far, 'data')) as [Buffer];
    expect(frame.subarray(0, 2).toString('hex')).toBe('8182');
    const message = eventOf(socket, 'message');
    far.write(Buffer.from('\x81\x02Hi', 'latin1'));
    expect(await message).toEqual([Buffer.from('Hi'), false]);
  });

  it('emitClose', async () => {
    const socket = new Client(null, undefined, options);
    const { closed } = watch(socket);
    socket.emitClose();
    expect(socket.readyState).toBe(3);
    expect(await closed).toEqual([['close', 1006, '']]);
  });
});

describe('framewright: emitClose', () => {
  it('emits close once', async () => {
    const { socket, peer, seen } = await openRaw(WebSocket);
    const ended = eventOf(peer, 'close');
    socket.emitClose();
    socket.emitClose();
    socket.terminate();
    expect(socket.readyState).toBe(3);
    peer.destroy();
    await ended;
    await new Promise(setImmediate);
    expect(seen).toEqual([
      ['open', ''],
      ['close', 1006, ''],
    ]);
  });
});

/** A thousand messages, text and binary, of sizes on both sides of every border. */
function messages(): (string | Buffer)[] {
  const sizes = [0, 1, 2, 125, 126, 127, 1000, 16_383, 16_384, 65_535, 65_536, 70_001];
  return Array.from({ length: 1000 }, (_, i) => {
    const size = i % 50 === 0 ? sizes[(i / 50) % sizes.length]! : (i * 37) % 300;
    return i % 3 === 0 ? Buffer.alloc(size, i) : `${'é'.repeat(size % 7)}${'x'.repeat(size)}`;
  });
}

async function exchange(socket: WebSocket) {
  const sent = messages();
  const back: (string | Buffer)[] = [];
  const { closed } = watch(socket);
  const done = deferred();
  socket.on('message', (data, isBinary) => {
    back.push(isBinary ? (data as Buffer) : String(data));
    if (back.length === sent.length) done.resolve();
  });
  await opened(socket);
  for (const message of sent) socket.send(message);
  await done.promise;
  expect(back).toEqual(sent);
  socket.close(1000);
  expect((await closed).at(-1)).toEqual(['close', 1000, '']);
}

describe('a thousand messages there and back', () => {
  for (const [name, Client] of CLIENTS) {
    it.each(SERVER_KINDS)(`${name} with our server on %s`, async (kind) => {
      const server = await startServer(kind, {}, echo);
      await exchange(connect(Client, server.url()));
    });
  }

  it('framewright with the server of ws', async () => {
    const http = createHttpServer();
    const server = new WsServer({ server: http });
    server.on('connection', (peer) => peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary })));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    onTestFinished(() => void http.close());
    await exchange(connect(WebSocket, `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`));
  });
});
