import { describe, expect, it } from 'vitest';
import { prepareMessage } from '../../src/socket/prepared-message.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { binary, clientFrame, close, closed, echoed, inShort, ping, RawPeer, text } from '../support/raw-peer.ts';
import { eventOf, nextTurn, SERVER_KINDS, startServer } from '../support/servers.ts';

describe('constants and members', () => {
  it.each([
    ['CONNECTING', 0],
    ['OPEN', 1],
    ['CLOSING', 2],
    ['CLOSED', 3],
  ])('%s is %d on the class and the prototype, enumerable and read-only', (name, value) => {
    for (const owner of [WebSocket, WebSocket.prototype]) {
      expect(Object.getOwnPropertyDescriptor(owner, name)).toEqual({
        value,
        enumerable: true,
        writable: false,
        configurable: false,
      });
    }
  });

  it('properties are enumerable on the prototype, as in ws', () => {
    const names = Object.keys(WebSocket.prototype);
    for (const name of [
      ...['binaryType', 'bufferedAmount', 'extensions', 'isPaused', 'protocol', 'readyState'],
      ...['onopen', 'onmessage', 'onclose', 'onerror'],
    ]) {
      expect(names).toContain(name);
    }
  });

  it('one that is not connected is CONNECTING: send, ping and pong throw, pause and resume do nothing', () => {
    const socket = new WebSocket(null);
    expect(socket.readyState).toBe(WebSocket.CONNECTING);
    expect(socket.bufferedAmount).toBe(0);
    expect(socket._socket).toBeNull();
    expect(socket.protocol).toBe('');
    expect(socket.extensions).toBe('');
    for (const call of [() => socket.send('x'), () => socket.ping(), () => socket.pong()]) {
      expect(call).toThrow(new Error('WebSocket is not open: readyState 0 (CONNECTING)'));
    }
    socket.pause();
    expect(socket.isPaused).toBe(false);
  });
});

describe.each(SERVER_KINDS)('WebSocket on %s', (kind) => {
  async function open() {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    return { server, peer, socket: server.connections[0]! };
  }

  it('events and their arguments, and readyState through its life', async () => {
    const states: number[] = [];
    const log: unknown[] = [];
    const server = await startServer(kind, {}, (socket) => {
      states.push(socket.readyState);
      socket.on('message', (...args) => log.push(['message', ...args]));
      socket.on('ping', (...args) => log.push(['ping', ...args]));
      socket.on('pong', (...args) => log.push(['pong', ...args]));
      socket.on('close', (...args) => {
        states.push(socket.readyState);
        log.push(['close', ...args]);
      });
    });
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    peer.send(text('Hi'), binary([1, 2]), ping('p'), clientFrame(10, 'q'), text(''), close(3001, 'bye'));
    const end = eventOf(socket!, 'close');
    expect(await peer.framesUntilEnd()).toEqual([inShort(0x8a, 'p'), closed(3001, 'bye')]);
    states.push(socket!.readyState);
    await end;
    expect(states).toEqual([1, 2, 3]);
    expect(log).toEqual([
      ['message', Buffer.from('Hi'), false],
      ['message', Buffer.of(1, 2), true],
      ['ping', Buffer.from('p')],
      ['pong', Buffer.from('q')],
      ['message', Buffer.alloc(0), false],
      ['close', 3001, Buffer.from('bye')],
    ]);
  });

  it.each([
    ['a string', 'grüße', inShort(0x81, 'grüße')],
    ['a lone surrogate, replaced', 'a\ud800', inShort(0x81, 'a\ufffd')],
    ['an empty string', '', inShort(0x81)],
    ['a number', 42, inShort(0x81, '42')],
    ['a Buffer', Buffer.from([1, 2]), inShort(0x82, [1, 2])],
    ['a Uint8Array', Uint8Array.of(3), inShort(0x82, [3])],
    ['an ArrayBuffer', Uint8Array.of(4, 5).buffer, inShort(0x82, [4, 5])],
    ['a part of an ArrayBuffer', new Uint8Array([0, 1, 2, 3]).subarray(1, 3), inShort(0x82, [1, 2])],
    ['a DataView', new DataView(Uint8Array.of(9, 8, 7).buffer, 1), inShort(0x82, [8, 7])],
    ['a Uint16Array, as it lies in memory', Uint16Array.of(0x0101, 0x0202), inShort(0x82, [1, 1, 2, 2])],
    ['a Float32Array by its bytes', new Float32Array(1), inShort(0x82, [0, 0, 0, 0])],
    ['a SharedArrayBuffer', new SharedArrayBuffer(2), inShort(0x82, [0, 0])],
    ['an array of bytes', [1, 2, 3], inShort(0x82, [1, 2, 3])],
    ['an array of views, one behind the other', [Buffer.of(1, 2), Uint8Array.of(3)], inShort(0x82, [1, 2, 3])],
    ['null', null, inShort(0x82)],
    ['undefined', undefined, inShort(0x82)],
  ])('send takes %s', async (_what, data, frame) => {
    const { peer, socket } = await open();
    socket.send(data);
    expect(await peer.frame()).toBe(frame);
  });

  it.each([true, {}, Symbol('s'), 1n, () => {}])('send throws a TypeError for %s and sends nothing', async (data) => {
    const { peer, socket } = await open();
    expect(() => socket.send(data as never)).toThrow(TypeError);
    socket.send('next');
    expect(await peer.frame()).toBe(echoed('next'));
  });

  it('send options: binary turns kinds round, fin makes fragments, pings may stand between them', async () => {
    const { peer, socket } = await open();
    socket.send('text as binary', { binary: true });
    socket.send(Buffer.from('binary as text'), { binary: false });
    socket.send('frag', { fin: false });
    socket.ping('!');
    socket.send('ment', { fin: false, binary: true });
    socket.send('s', { fin: true });
    socket.send('whole');
    expect(await peer.frames(7)).toEqual([
      inShort(0x82, 'text as binary'),
      inShort(0x81, 'binary as text'),
      inShort(0x01, 'frag'),
      inShort(0x89, '!'),
      inShort(0x00, 'ment'),
      inShort(0x80, 's'),
      inShort(0x81, 'whole'),
    ]);
  });

  it('callbacks run in order, asynchronously and without an error, in every position', async () => {
    const { socket } = await open();
    const log: string[] = [];
    const note = (name: string) => (error?: Error) => void log.push(`${name}${error ?? ''}`);
    const last = new Promise<void>((resolve) => {
      socket.send('a', note('a'));
      socket.send('b', {}, note('b'));
      socket.send('c', undefined, note('c'));
      socket.ping(note('d'));
      socket.ping('x', note('e'));
      socket.ping('x', false, note('f'));
      socket.pong(undefined, undefined, note('g'));
      socket.send(Buffer.alloc(100_000), note('h'));
      socket.send('i', () => {
        log.push('i');
        resolve();
      });
    });
    expect(log).toEqual([]);
    await last;
    expect(log).toEqual([...'abcdefghi']);
  });

  it('bufferedAmount: payload bytes sent in this turn, whether taken or not; no headers, no control frames', async () => {
    const { peer, socket } = await open();
    socket.send('é');
    expect(socket.bufferedAmount).toBe(2);
    socket.ping('ping');
    socket.send(new Uint8Array(300_000));
    socket.sendPrepared(prepareMessage('abc'));
    expect(socket.bufferedAmount).toBe(2 + 300_000 + 3);
    await Promise.resolve();
    await new Promise(process.nextTick);
    expect(socket.bufferedAmount).toBe(2 + 300_000 + 3);
    expect((await peer.frames(4)).length).toBe(4);
    expect(socket.bufferedAmount).toBe(0);
  });

  it('bufferedAmount: in later turns, the payload bytes that the network has not taken', async () => {
    const { peer, socket } = await open();
    peer.socket.pause();
    let sentBytes = 0;
    do {
      socket.send(Buffer.alloc(65_536));
      sentBytes += 65_536;
      await nextTurn();
    } while (socket.bufferedAmount === 0);
    expect(socket.bufferedAmount).toBe(65_536);
    for (let i = 0; i < 10; i++) socket.send('12345');
    expect(socket.bufferedAmount).toBe(65_536 + 50);
    const written = new Promise((resolve) => socket.send('last', resolve));
    peer.socket.resume();
    for (let left = sentBytes + 54; left > 0; ) left -= (await peer.payload()).length;
    expect(await written).toBeUndefined();
    await nextTurn();
    expect(socket.bufferedAmount).toBe(0);
  });

  it('send, ping and pong after close do not throw: the callback gets the error, bufferedAmount counts', async () => {
    const { peer, socket } = await open();
    socket.close();
    expect(socket.readyState).toBe(WebSocket.CLOSING);
    expect(socket.bufferedAmount).toBe(0);
    const log: string[] = [];
    const note = (error?: Error) => void log.push(String(error?.message));
    socket.send('12345', note);
    socket.ping('123', note);
    socket.pong();
    expect(log).toEqual([]);
    expect(socket.bufferedAmount).toBe(8);
    await nextTurn();
    expect(log).toEqual(Array(2).fill('WebSocket is not open: readyState 2 (CLOSING)'));
    const end = eventOf(socket, 'close');
    peer.send(close());
    await end;
    socket.send('1', note);
    await nextTurn();
    expect(log[2]).toBe('WebSocket is not open: readyState 3 (CLOSED)');
    expect(socket.bufferedAmount).toBe(9);
  });

  it('§5.5 a ping or pong over 125 bytes throws a RangeError and leaves the connection open', async () => {
    const { peer, socket } = await open();
    for (const data of ['x'.repeat(126), new Float64Array(16)]) {
      expect(() => socket.ping(data)).toThrow(new RangeError('The data size must not be greater than 125 bytes'));
      expect(() => socket.pong(data)).toThrow(RangeError);
    }
    socket.ping('y'.repeat(125));
    socket.pong('z');
    expect(await peer.frames(2)).toEqual([inShort(0x89, 'y'.repeat(125)), inShort(0x8a, 'z')]);
  });

  it('§5.5.2 the pong is queued before the ping event: what the listener sends follows it', async () => {
    const { peer, socket } = await open();
    socket.on('ping', () => socket.send('heard'));
    peer.send(ping('p'));
    expect(await peer.frames(2)).toEqual([inShort(0x8a, 'p'), echoed('heard')]);
  });

  it('autoPong off: the ping is heard and not answered', async () => {
    const server = await startServer(kind, { autoPong: false }, (socket) => {
      socket.on('ping', () => socket.send('heard'));
    });
    const peer = await RawPeer.open(server);
    peer.send(ping('p'));
    expect(await peer.frame()).toBe(echoed('heard'));
  });

  it('binaryType: nodebuffer, arraybuffer, fragments; others are ignored; text stays a Buffer', async () => {
    const { peer, socket } = await open();
    const got: unknown[] = [];
    const receive = async (...frames: Uint8Array[]) => {
      const message = eventOf(socket, 'message');
      peer.send(...frames);
      got.push((await message)[0]);
    };
    expect(socket.binaryType).toBe('nodebuffer');
    await receive(binary([1]));
    socket.binaryType = 'arraybuffer';
    await receive(binary([2]));
    await receive(text('t'));
    await receive(binary([3], { fin: false }), clientFrame(0, [4]));
    socket.binaryType = 'fragments';
    await receive(binary([5], { fin: false }), clientFrame(0, [6]));
    socket.binaryType = 'nonsense' as never;
    expect(socket.binaryType).toBe('fragments');
    expect(got).toEqual([
      Buffer.of(1),
      Uint8Array.of(2).buffer,
      Buffer.from('t'),
      Uint8Array.of(3, 4).buffer,
      [Buffer.of(5), Buffer.of(6)],
    ]);
    expect(Buffer.isBuffer(got[2])).toBe(true);
    expect(got[3]).toBeInstanceOf(ArrayBuffer);
  });

  it('a message keeps its bytes: later input does not write over it', async () => {
    const { peer, socket } = await open();
    const kept: Buffer[] = [];
    const done = new Promise<void>((resolve) =>
      socket.on('message', (data) => kept.push(data as Buffer) === 300 && resolve()),
    );
    for (let i = 0; i < 300; i++) peer.send(binary(Buffer.alloc(700, i % 256)));
    await done;
    for (const [i, data] of kept.entries()) expect(data.equals(Buffer.alloc(700, i % 256)), `message ${i}`).toBe(true);
  });
});
