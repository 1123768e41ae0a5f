/** The rows of the attack matrix that hit an open connection; spec-notes/attacks.md says what each is about. */

import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import type { WebSocket } from '../../src/socket/websocket.ts';
import { bufferBytes, collect } from '../support/memory.ts';
import { binary, clientFrame, close, closed, echoed, inShort, KEY, ping, RawPeer, text } from '../support/raw-peer.ts';
import {
  echo,
  eventOf,
  nextTurn,
  SERVER_KINDS,
  type ServerSetup,
  startServer,
  watchProcess,
} from '../support/servers.ts';
import { bits, concat, frame } from '../support/wire.ts';

const MIB = 1024 * 1024;

describe.each(SERVER_KINDS)('attacks on a connection, on %s', (kind) => {
  async function open(setup: ServerSetup = {}, onConnection: (socket: WebSocket) => void = () => {}) {
    const server = await startServer(kind, setup, onConnection);
    const peer = await RawPeer.open(server);
    return { server, peer, socket: server.connections[0]! };
  }

  it('A01 numbers are sent as text and typed arrays as their bytes, never as memory of that size', async () => {
    const { peer, socket } = await open();
    socket.ping(100);
    socket.pong(new Float32Array([1]));
    socket.send(1000);
    expect(() => socket.close(1000, new Float32Array(20) as never)).toThrow(TypeError);
    expect(() => socket.close(1000, 20 as never)).toThrow(TypeError);
    expect(await peer.frames(3)).toEqual([
      inShort(0x89, '100'),
      inShort(0x8a, [0, 0, 0x80, 0x3f]),
      inShort(0x81, '1000'),
    ]);
  });

  it('A02 messages have a limit without being told: 1009', async () => {
    const { peer } = await open();
    // One byte over 100 MiB, which is the default of ws and so of the server on node:http; 1 MiB on node:net.
    const length = kind === 'node:http' ? '0000000006400001' : '0000000000100001';
    peer.send(bits(`1 000 0010   1 1111111   ${length} 01020304`));
    expect(await peer.frame()).toBe(closed(1009));
  });

  it.each([
    ['empty fragments', [], 6],
    ['fragments of one byte', [1], 7],
  ])('A06 a message of %s without end: 1008 within a bounded number of them', async (_what, payload, frameBytes) => {
    const { peer } = await open({ maxMessageBytes: MIB });
    const before = await bufferBytes();
    const fragments = Buffer.concat(Array<Uint8Array>(10_000).fill(clientFrame(0, payload, { fin: false })));
    expect(fragments.length).toBe(10_000 * frameBytes);
    peer.send(binary(payload, { fin: false }));
    for (let i = 0; i < 4; i++) peer.send(fragments);
    expect(await peer.framesUntilEnd()).toEqual([closed(1008)]);
    expect((await bufferBytes()) - before).toBeLessThan(MIB);
  });

  it('A08 pings whose pongs are never read cost bounded memory, and the connection is kept', async () => {
    const { peer, socket } = await open({ maxPendingPongs: 10 });
    peer.socket.pause();
    while (socket.bufferedAmount < MIB) {
      socket.send(Buffer.alloc(100_000));
      await nextTurn();
    }
    const before = socket.bufferedAmount;
    let pings = 0;
    const all = new Promise<void>((resolve) => socket.on('ping', () => ++pings === 1000 && resolve()));
    for (let i = 0; i < 1000; i++) peer.send(ping('x'.repeat(125)));
    await all;
    await nextTurn();
    expect(socket.bufferedAmount - before).toBeLessThanOrEqual(10 * 127);
    expect(socket.readyState).toBe(1);
  });

  it('A21 a peer that never reads costs no more than the bound, and is sent away', async () => {
    const options = { maxBacklogBytes: 2 * MIB, closeTimeoutMs: 20 };
    const { server, peer, socket } = await open({ http: options, net: options }, echo);
    const other = await RawPeer.open(server);
    peer.socket.pause();
    const failed = eventOf(socket, 'error');
    const gone = eventOf(socket, 'close');
    const before = await bufferBytes();
    let mostBytes = 0;
    for (let i = 0; socket.readyState === 1 && i < 2000; i++) {
      socket.send(Buffer.alloc(50_000, i));
      mostBytes = Math.max(mostBytes, socket.bufferedAmount);
      await nextTurn();
    }
    expect(mostBytes).toBeLessThanOrEqual(2 * MIB);
    expect(await failed).toMatchObject([{ code: 'WS_ERR_BACKLOG' }]);
    expect(await gone).toEqual([1006, Buffer.alloc(0)]);
    expect((await bufferBytes()) - before).toBeLessThan(2 * MIB);
    other.send(text('still here'));
    expect(await other.frame()).toBe(echoed('still here'));
  });

  it.each([
    ['the top bit set', '8000000000000000'],
    ['2^64 − 4', 'fffffffffffffffc'],
    ['all bits set', 'ffffffffffffffff'],
    ['2^63 − 1', '7fffffffffffffff'],
    ['2^53', '0020000000000000'],
    ['2^53 − 1', '001fffffffffffff'],
  ])('A10 a length of %s: 1009 on the header alone', async (_what, length) => {
    const { peer } = await open();
    const before = await bufferBytes();
    peer.send(bits(`1 000 0010   1 1111111   ${length}`));
    expect(await peer.frame()).toBe(closed(1009));
    expect((await bufferBytes()) - before).toBeLessThan(MIB);
  });

  it('A11 100 MB announced, then silence: memory grows with what arrives', async () => {
    const { server } = await open({ maxMessageBytes: 100 * MIB }, echo);
    const peers: RawPeer[] = [];
    for (let i = 0; i < 20; i++) peers.push(await RawPeer.open(server));
    const before = await bufferBytes();
    for (const peer of peers) peer.send(bits('1 000 0010   1 1111111   0000000005f5e100 01020304'), 'a few bytes');
    for (const peer of peers) {
      // The echo to another connection behind it shows that the header has been read.
      const other = await RawPeer.open(server);
      other.send(text('on'));
      expect(await other.frame()).toBe(echoed('on'));
      expect(peer.error).toBeUndefined();
    }
    expect((await bufferBytes()) - before).toBeLessThan(4 * MIB);
  });

  it.each([
    ['a new data frame inside a fragmented message', concat(text('a', { fin: false }), binary('b')), 1002],
    ['an unmasked frame from a client', frame({ opcode: 2, payload: 'x' }), 1002],
    ['a Close reason cut inside a code point', close(1000, [0xe2, 0x82]), 1007],
    ['a Close code that must not be sent', close(1006), 1002],
    ['a Close body of one byte', clientFrame(8, [3]), 1002],
  ])('A17 %s: the Close frame is really sent', async (_what, wire, code) => {
    const { peer } = await open();
    peer.send(wire);
    expect(await peer.framesUntilEnd()).toEqual([closed(code)]);
  });

  it.each([1, 2, 3, 6, 7, 8, 9])('A17 a Close frame cut %d bytes after its start is understood', async (place) => {
    const { peer, socket } = await open();
    const end = eventOf(socket, 'close');
    const wire = close(1000, 'ok');
    peer.send(wire.subarray(0, place));
    await nextTurn();
    await nextTurn();
    peer.send(wire.subarray(place));
    expect(await peer.framesUntilEnd()).toEqual([closed(1000, 'ok')]);
    expect(await end).toEqual([1000, Buffer.from('ok')]);
  });

  it.each([
    ['never answers our Close', false],
    ['answers and never ends TCP', true],
  ])('A22 a peer that %s is cut off after the deadline', async (_what, isAnswering) => {
    const server = await startServer(kind, { closeTimeoutMs: 40 });
    const peer = await RawPeer.open(server, {}, true);
    const [socket] = server.connections;
    const end = eventOf(socket!, 'close');
    socket!.close(1000);
    expect(await peer.frame()).toBe(closed(1000));
    if (isAnswering) peer.send(close(1000));
    expect((await end)[0]).toBe(isAnswering ? 1000 : 1006);
    expect(socket!._socket!.destroyed).toBe(true);
  });

  it('A22 a peer that starts the closing handshake and never ends TCP is cut off after the deadline', async () => {
    const server = await startServer(kind, { closeTimeoutMs: 40 });
    const peer = await RawPeer.open(server, {}, true);
    const end = eventOf(server.connections[0]!, 'close');
    peer.send(close(1000));
    expect(await peer.framesUntilEnd()).toEqual([closed(1000)]);
    expect((await end)[0]).toBe(1000);
  });

  it.each([
    ['its Close frame', close(1000), closed(1000)],
    ['a violation', clientFrame(3), closed(1002)],
  ])('A23 what comes behind %s is not delivered and not answered', async (_what, wire, answer) => {
    const log: string[] = [];
    const server = await startServer(kind, {}, (socket) => {
      socket.on('message', (data) => log.push(`${data}`));
      socket.on('ping', () => log.push('ping'));
      socket.on('error', () => {});
    });
    const peer = await RawPeer.open(server, {}, true);
    const end = eventOf(server.connections[0]!, 'close');
    peer.send(wire, text('same chunk'), ping());
    expect(await peer.framesUntilEnd()).toEqual([answer]);
    peer.send(text('another chunk'), clientFrame(3), ping());
    peer.socket.end();
    await end;
    expect(log).toEqual([]);
  });

  it('A24 a handler that throws ends its own connection with 1011 and no other', async () => {
    const { uncaught } = watchProcess();
    const errors: unknown[] = [];
    const { server, peer } = await open({}, (socket) => {
      socket.on('error', (error) => errors.push(error));
      socket.on('message', (data) => {
        if (data.toString() === 'boom') throw new Error('boom');
        socket.send(data as Buffer, { binary: false });
      });
    });
    const other = await RawPeer.open(server);
    other.send(text('half', { fin: false }));
    peer.send(text('fine'), text('boom'), text('not read'));
    expect(await peer.framesUntilEnd()).toEqual([echoed('fine'), closed(1011)]);
    other.send(clientFrame(0, 'way'));
    expect(await other.frame()).toBe(echoed('halfway'));
    expect(errors).toMatchObject([{ code: 'WS_ERR_INTERNAL', cause: { message: 'boom' } }]);
    expect(uncaught).toEqual([]);
  });

  describe('A25 in the middle of a chunk', () => {
    const CHUNK = ['a', 'b', 'c', 'd'].map((payload) => text(payload));

    async function actAt(payload: string, act: (socket: WebSocket) => void) {
      const log: string[] = [];
      const { peer, socket } = await open({}, (accepted) => {
        accepted.on('message', (data) => {
          log.push(`${data}`);
          if (data.toString() === payload) act(accepted);
        });
      });
      return { log, peer, socket };
    }

    it('A25 terminate: nothing more is delivered', async () => {
      const { log, peer, socket } = await actAt('b', (accepted) => accepted.terminate());
      const end = eventOf(socket, 'close');
      peer.send(...CHUNK);
      expect(await end).toEqual([1006, Buffer.alloc(0)]);
      expect(log).toEqual(['a', 'b']);
    });

    it('A25 close: the Close frame leaves, and what was under way is still delivered', async () => {
      const { log, peer, socket } = await actAt('b', (accepted) => accepted.close(1001));
      const end = eventOf(socket, 'close');
      peer.send(...CHUNK, close(1001));
      expect(await peer.framesUntilEnd()).toEqual([closed(1001)]);
      await end;
      expect(log).toEqual(['a', 'b', 'c', 'd']);
    });

    it('A25 pause: the rest is held, and resume delivers it in order', async () => {
      const { log, peer, socket } = await actAt('b', (accepted) => accepted.pause());
      const paused = new Promise<void>((resolve) =>
        socket.on('message', (data) => data.toString() === 'b' && resolve()),
      );
      peer.send(...CHUNK);
      await paused;
      peer.send(text('e'));
      await nextTurn();
      expect(log).toEqual(['a', 'b']);
      const last = new Promise<void>((resolve) => socket.on('message', (data) => data.toString() === 'e' && resolve()));
      socket.resume();
      await last;
      expect(log).toEqual(['a', 'b', 'c', 'd', 'e']);
    });
  });
});

describe('A07 an idle connection keeps no read buffer', () => {
  const MASKED = [1, 2, 3, 4];
  const PREFIXES: [string, Uint8Array][] = [
    ['nothing', new Uint8Array(0)],
    ['the start of a header', text('Hello').subarray(0, 1)],
    ['a header without its payload', text('Hello').subarray(0, 6)],
    ['a part of a payload', text('Hello').subarray(0, 9)],
    ['a fragment', frame({ opcode: 1, fin: false, payload: 'Hel', key: MASKED })],
    ['a part of a ping', clientFrame(9, 'Hello').subarray(0, 9)],
  ];

  it.each(PREFIXES)('A07 after a message and %s', async (_what, prefix) => {
    const wss = new WebSocketServer({ noServer: true });
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const headers = { upgrade: 'websocket', 'sec-websocket-key': KEY, 'sec-websocket-version': '13' };
    let messages = 0;
    wss.handleUpgrade({ method: 'GET', url: '/', headers } as never, socket, Buffer.alloc(0), (accepted) => {
      accepted.on('message', () => messages++);
    });
    // Each chunk is a small view of a large buffer, as a socket's reads are.
    const buffers: WeakRef<ArrayBuffer>[] = [];
    const push = (bytes: Uint8Array) => {
      const memory = new ArrayBuffer(65_536);
      buffers.push(new WeakRef(memory));
      const chunk = Buffer.from(memory, 100, bytes.length);
      chunk.set(bytes);
      socket.push(chunk);
    };
    push(concat(text('whole'), ping('p')));
    for (const byte of prefix) {
      push(Uint8Array.of(byte));
      await nextTurn();
    }
    await collect();
    await collect();
    expect(messages).toBe(1);
    expect(buffers.filter((buffer) => buffer.deref() !== undefined).length).toBe(0);
  });
});
