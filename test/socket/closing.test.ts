/** The closing handshake over real sockets (§7), and pause, resume and terminate, which meet it half way. */

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from '../../src/socket/websocket.ts';
import { binary, clientFrame, close, closed, echoed, inShort, ping, RawPeer, text } from '../support/raw-peer.ts';
import { eventOf, nextTurn, SERVER_KINDS, type ServerSetup, startServer } from '../support/servers.ts';

const NO_REASON = Buffer.alloc(0);

describe.each(SERVER_KINDS)('closing on %s', (kind) => {
  async function open(setup: ServerSetup = {}, allowHalfOpen = false) {
    const server = await startServer(kind, setup);
    const peer = await RawPeer.open(server, {}, allowHalfOpen);
    return { server, peer, socket: server.connections[0]! };
  }

  it.each([
    ['without a code', [], '88', 1005, ''],
    ['with a code', [1000], closed(1000), 1000, ''],
    ['with code and reason', [4321, 'grün'], closed(4321, 'grün'), 4321, 'grün'],
    ['with a reason in bytes', [1001, Buffer.from('bytes')], closed(1001, 'bytes'), 1001, 'bytes'],
    ['with the longest reason', [1000, 'r'.repeat(123)], closed(1000, 'r'.repeat(123)), 1000, 'r'.repeat(123)],
  ] as const)('§7.1.2 close %s', async (_what, args, frame, code, reason) => {
    const { peer, socket } = await open();
    const end = eventOf(socket, 'close');
    socket.close(...(args as unknown as Parameters<WebSocket['close']>));
    expect(socket.readyState).toBe(WebSocket.CLOSING);
    expect(await peer.frame()).toBe(frame);
    peer.send(close(code === 1005 ? undefined : code, reason));
    // §7.1.1: the server ends the TCP connection first, without another frame.
    expect(await peer.rest()).toBe('');
    expect(await end).toEqual([code, Buffer.from(reason)]);
    expect(socket.readyState).toBe(WebSocket.CLOSED);
    socket.close();
    socket.terminate();
  });

  it('§7.1.6 the reason is memory of its own', async () => {
    const { peer, socket } = await open();
    const end = eventOf(socket, 'close');
    peer.send(text('in the same chunk'), close(1000, 'reason'));
    const [, reason] = (await end) as [number, Buffer];
    expect([reason.toString(), reason.buffer.byteLength]).toEqual(['reason', 6]);
  });

  it('§7.1.5 the code is that of the peer, also when it answers ours with another', async () => {
    const { peer, socket } = await open();
    const end = eventOf(socket, 'close');
    socket.close(1000);
    peer.send(close(4000, 'mine'));
    expect(await end).toEqual([4000, Buffer.from('mine')]);
    expect(await peer.framesUntilEnd()).toEqual([closed(1000)]);
  });

  it.each([
    ['empty', close(), '88', 1005, ''],
    ['with a code', close(1001), closed(1001), 1001, ''],
    ['with a reason', close(3000, 'why'), closed(3000, 'why'), 3000, 'why'],
  ])('§5.5.1 a Close frame that is %s is answered in kind', async (_what, wire, answer, code, reason) => {
    const { peer, socket } = await open();
    const end = eventOf(socket, 'close');
    peer.send(wire);
    expect(await peer.framesUntilEnd()).toEqual([answer]);
    expect(await end).toEqual([code, Buffer.from(reason)]);
  });

  it.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000, Number.NaN, '1000', null])(
    'close(%s) throws a TypeError and leaves the connection open',
    async (code) => {
      const { peer, socket } = await open();
      expect(() => socket.close(code as never)).toThrow(
        new TypeError('First argument must be a valid error code number'),
      );
      expect(socket.readyState).toBe(WebSocket.OPEN);
      socket.send('still open');
      expect(await peer.frame()).toBe(echoed('still open'));
    },
  );

  it('close throws for a reason that is too long or has no bytes, and leaves the connection open', async () => {
    const { peer, socket } = await open();
    for (const reason of ['x'.repeat(124), 'é'.repeat(62), new Uint8Array(124)]) {
      expect(() => socket.close(1000, reason)).toThrow(
        new RangeError('The message must not be greater than 123 bytes'),
      );
    }
    for (const reason of [5, new Float32Array(1), new ArrayBuffer(1), {}, null]) {
      expect(() => socket.close(1000, reason as never)).toThrow(
        new TypeError('Second argument must be a string or a Uint8Array'),
      );
    }
    socket.send('still open');
    expect(await peer.frame()).toBe(echoed('still open'));
  });

  it('§5.5.1 messages and pings that arrive after our Close are still heard, but no ping is answered', async () => {
    const { peer, socket } = await open();
    const log: string[] = [];
    socket.on('message', (data) => log.push(`message ${data}`));
    socket.on('ping', (data) => log.push(`ping ${data}`));
    const end = eventOf(socket, 'close');
    socket.close(1000);
    peer.send(text('on its way'), ping('p'), close(1000));
    expect(await peer.framesUntilEnd()).toEqual([closed(1000)]);
    await end;
    expect(log).toEqual(['message on its way', 'ping p']);
  });

  it('§7.1.5 a peer that ends without a Close frame: 1006, what it sent is delivered, and our side ends', async () => {
    const { peer, socket } = await open({}, true);
    const log: string[] = [];
    socket.on('message', (data) => log.push(`${data}`));
    const end = eventOf(socket, 'close');
    socket.send('sent before');
    peer.send(text('last words'), clientFrame(1, 'cut off').subarray(0, 5));
    peer.socket.end();
    expect(await peer.rest()).toBe('\x81\x0bsent before');
    expect(await end).toEqual([1006, NO_REASON]);
    expect(log).toEqual(['last words']);
  });

  it('§7.1.5 a reset: 1006, no error event, and callbacks of what was not written are told', async () => {
    const { peer, socket } = await open();
    const errors: unknown[] = [];
    socket.on('error', (error) => errors.push(error));
    const end = eventOf(socket, 'close');
    peer.reset();
    expect(await end).toEqual([1006, NO_REASON]);
    const late = new Promise((resolve) => socket.send('x', resolve));
    expect(await late).toMatchObject({ message: 'WebSocket is not open: readyState 3 (CLOSED)' });
    expect(errors).toEqual([]);
  });

  it('§7.1.2 close ends a pause: what was held back is delivered, not during the call, and the answer is read', async () => {
    const { peer, socket } = await open();
    const end = eventOf(socket, 'close');
    const received: string[] = [];
    socket.pause();
    peer.send(text('one'), text('two'));
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    socket.on('message', (data) => received.push(String(data)));
    socket.close(1000);
    expect(socket.isPaused).toBe(false);
    expect(received).toEqual([]);
    peer.send(text('three'), close(1000));
    expect(await end).toEqual([1000, NO_REASON]);
    expect(received).toEqual(['one', 'two', 'three']);
    expect(await peer.framesUntilEnd()).toEqual([closed(1000)]);
  });

  it('§7.1.2 a pause behind close() does nothing: the answer is read, and what comes before it', async () => {
    const { peer, socket } = await open();
    const end = eventOf(socket, 'close');
    const received: string[] = [];
    socket.on('message', (data) => received.push(String(data)));
    socket.pause();
    socket.close(1000);
    socket.pause();
    expect(socket.isPaused).toBe(false);
    peer.send(text('one'), text('two'), close(3000));
    expect(await end).toEqual([3000, NO_REASON]);
    expect(received).toEqual(['one', 'two']);
  });

  it('§7.1.2 a listener that pauses at each message, and close(): all is delivered, and the answer is read', async () => {
    const { peer, socket } = await open();
    const end = eventOf(socket, 'close');
    const received: string[] = [];
    socket.on('message', (data) => {
      received.push(String(data));
      socket.pause();
    });
    peer.send(text('one'), text('two'), text('three'));
    while (received.length === 0) await nextTurn();
    expect(received).toEqual(['one']);
    socket.close(1000);
    peer.send(text('four'), close(1000));
    expect(await end).toEqual([1000, NO_REASON]);
    expect(received).toEqual(['one', 'two', 'three', 'four']);
  });

  it.each(['before', 'behind'])(
    '§7.1.2 a loop that lags, begun %s close(): the answer is read, and nothing lost',
    async (when) => {
      const { peer, socket } = await open();
      const end = eventOf(socket, 'close');
      if (when === 'behind') socket.close(1000);
      const messages = socket.messages({ maxQueue: 1 });
      peer.send(text('one'), text('two'), text('three'));
      if (when === 'before') {
        while (!socket.isPaused) await nextTurn();
        socket.close(1000);
      }
      peer.send(close(1000));
      expect(await end).toEqual([1000, NO_REASON]);
      const read: unknown[] = [];
      for await (const message of messages) read.push(message);
      expect(read).toEqual(['one', 'two', 'three']);
    },
  );

  it('§7.1.2 a loop that lags far behind close() holds the peer back, and the answer is read behind what it reads', async () => {
    const { peer, socket } = await open();
    const end = eventOf(socket, 'close');
    const messages = socket.messages();
    socket.close(1000);
    for (let i = 0; i < 100; i++) peer.send(binary(Buffer.alloc(60_000)));
    peer.send(close(1000));
    while (!socket.isPaused) await nextTurn();
    let count = 0;
    for await (const _ of messages) count++;
    expect(count).toBe(100);
    expect(await end).toEqual([1000, NO_REASON]);
  });

  it('§7.1.1 a pause behind the peer’s Close frame does not hide that it ends', async () => {
    const { peer, socket } = await open();
    const end = eventOf(socket, 'close');
    socket.close(1000);
    expect(await peer.frame()).toBe(closed(1000));
    peer.send(close(1000));
    while (socket._socket!.writableEnded === false) await nextTurn();
    socket.pause();
    peer.socket.end();
    expect(await end).toEqual([1000, NO_REASON]);
  });

  it('a peer that never answers Close is cut off after the close timeout, and so is one that keeps talking', async () => {
    const { peer, socket } = await open({ closeTimeoutMs: 50 });
    const end = eventOf(socket, 'close');
    socket.close(1000);
    peer.send(text('not a Close frame'));
    expect(await end).toEqual([1006, NO_REASON]);
    expect(await peer.framesUntilEnd()).toEqual([closed(1000)]);
  });

  it('a peer that answers Close and never ends TCP is cut off; the code is the one agreed on', async () => {
    const { peer, socket } = await open({ closeTimeoutMs: 50 }, true);
    const end = eventOf(socket, 'close');
    socket.close(1000);
    expect(await peer.frame()).toBe(closed(1000));
    peer.send(close(1000));
    expect(await peer.rest()).toBe('');
    expect(await end).toEqual([1000, NO_REASON]);
    expect(socket._socket!.destroyed).toBe(true);
  });

  it('a failed connection whose peer never ends TCP is cut off as well', async () => {
    const { peer, socket } = await open({ closeTimeoutMs: 50 }, true);
    const end = eventOf(socket, 'close');
    peer.send(clientFrame(3));
    expect(await peer.framesUntilEnd()).toEqual([closed(1002)]);
    expect(await end).toEqual([1006, NO_REASON]);
  });

  it('the deadline does not hold the process, and is cleared when the connection closes in time', async () => {
    const { peer, socket } = await open({ closeTimeoutMs: 86_400_000 });
    const end = eventOf(socket, 'close');
    const started = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => started.mockRestore());
    socket.close();
    const index = started.mock.calls.findIndex(([, delayMs]) => delayMs === 86_400_000);
    const timer = started.mock.results[index]!.value as NodeJS.Timeout & { readonly _destroyed: boolean };
    expect(timer.hasRef()).toBe(false);
    expect(timer._destroyed).toBe(false);
    peer.send(close());
    await end;
    expect(timer._destroyed).toBe(true);
  });

  describe('terminate', () => {
    it('§7.1.1 ends without a Close frame: CLOSING at once, then close with 1006; sends are refused', async () => {
      const { peer, socket } = await open();
      const end = eventOf(socket, 'close');
      socket.terminate();
      expect(socket.readyState).toBe(WebSocket.CLOSING);
      const late = new Promise((resolve) => socket.send('late', resolve));
      socket.close(1000);
      socket.terminate();
      expect(await late).toMatchObject({ message: 'WebSocket is not open: readyState 2 (CLOSING)' });
      expect(await end).toEqual([1006, NO_REASON]);
      expect(await peer.framesUntilEnd()).toEqual([]);
    });

    it('what was sent before it in the same tick still leaves, and its callback comes', async () => {
      const { peer, socket } = await open();
      const written = new Promise((resolve) => socket.send('last words', resolve));
      socket.terminate();
      expect(await peer.framesUntilEnd()).toEqual([echoed('last words')]);
      await written;
    });

    it('while paused with messages held: they are dropped, and close follows', async () => {
      const { peer, socket } = await open();
      const log: string[] = [];
      const first = new Promise<void>((resolve) =>
        socket.on('message', (data) => {
          log.push(`${data}`);
          socket.pause();
          resolve();
        }),
      );
      peer.send(text('a'), text('b'), text('c'));
      await first;
      const end = eventOf(socket, 'close');
      socket.terminate();
      expect(await end).toEqual([1006, NO_REASON]);
      expect(log).toEqual(['a']);
    });

    it.each(['terminate', 'close', 'resume'] as const)(
      'while paused with messages held and the socket gone already: close follows upon %s',
      async (method) => {
        const { peer, socket } = await open();
        const log: string[] = [];
        const first = new Promise<void>((resolve) =>
          socket.on('message', (data) => {
            log.push(`${data}`);
            if (log.length === 1) socket.pause();
            resolve();
          }),
        );
        peer.send(text('a'), text('b'));
        await first;
        const gone = eventOf(socket._socket!, 'close');
        socket._socket!.destroy();
        await gone;
        await nextTurn();
        expect(socket.readyState).toBe(WebSocket.CLOSING);
        const end = eventOf(socket, 'close');
        socket[method]();
        expect(await end).toEqual([1006, NO_REASON]);
        expect(log).toEqual(method === 'resume' ? ['a', 'b'] : ['a']);
      },
    );
  });

  describe('pause and resume', () => {
    it('in the middle of a chunk: the rest waits and comes in order, with what arrived meanwhile', async () => {
      const { peer, socket } = await open();
      const log: string[] = [];
      let wake: () => void = () => {};
      socket.on('message', (data) => {
        log.push(`${data}`);
        socket.pause();
        wake();
      });
      socket.on('ping', (data) => log.push(`ping ${data}`));
      const message = () => new Promise<void>((resolve) => (wake = resolve));
      let next = message();
      peer.send(text('a'), ping('1'), text('b'), text('c', { fin: false }), clientFrame(0, 'c'));
      await next;
      expect(socket.isPaused).toBe(true);
      peer.send(text('d'));
      await nextTurn();
      expect(log).toEqual(['a']);
      for (const expected of [['ping 1', 'b'], ['cc'], ['d']]) {
        log.length = 0;
        next = message();
        socket.resume();
        await next;
        expect(log).toEqual(expected);
        expect(socket.isPaused).toBe(true);
      }
    });

    it('holds back the socket: a peer that sends a lot meets backpressure, and nothing is lost', async () => {
      const { peer, socket } = await open({ maxMessageBytes: 2_000_000 });
      let received = 0;
      socket.pause();
      const done = new Promise<void>((resolve) =>
        socket.on('message', (data) => {
          received += (data as Buffer).length;
          if (received === 20_000_000) resolve();
        }),
      );
      const frame = clientFrame(2, new Uint8Array(1_000_000));
      for (let i = 0; i < 20; i++) peer.socket.write(frame);
      await nextTurn();
      await nextTurn();
      expect(peer.socket.writableLength).toBeGreaterThan(0);
      expect(received).toBe(0);
      socket.resume();
      await done;
    });

    it('a pause in the message handler does not swallow a Close frame behind it: resume delivers both', async () => {
      const { peer, socket } = await open();
      const log: string[] = [];
      const first = new Promise<void>((resolve) =>
        socket.once('message', () => {
          socket.pause();
          resolve();
        }),
      );
      peer.send(text('a'), text('b'), close(1000));
      peer.socket.end();
      await first;
      socket.on('message', (data) => log.push(`${data}`));
      const end = eventOf(socket, 'close');
      socket.resume();
      expect(await end).toEqual([1000, NO_REASON]);
      expect(log).toEqual(['b']);
      expect(socket.isPaused).toBe(false);
    });

    it('pause and resume within one handler change nothing', async () => {
      const { peer, socket } = await open();
      socket.on('message', (data) => {
        socket.pause();
        socket.resume();
        socket.send(`${data}`);
      });
      peer.send(text('a'), text('b'));
      expect(await peer.frames(2)).toEqual([echoed('a'), echoed('b')]);
    });

    it('close inside the handler: later messages of the chunk are still heard, none is sent', async () => {
      const { peer, socket } = await open();
      const log: string[] = [];
      socket.on('message', (data) => {
        log.push(`${data}`);
        socket.close(1000);
        socket.send('not sent');
      });
      const end = eventOf(socket, 'close');
      peer.send(text('a'), text('b'), close(1000), text('c'));
      expect(await peer.framesUntilEnd()).toEqual([inShort(0x88, [3, 232])]);
      await end;
      expect(log).toEqual(['a', 'b']);
    });
  });
});
