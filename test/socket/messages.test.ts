import { describe, expect, it } from 'vitest';
import { WebSocket } from '../../src/socket/websocket.ts';
import { fill } from '../support/arbitraries.ts';
import { binary, clientFrame, close, closed, echoed, inShort, RawPeer, text } from '../support/raw-peer.ts';
import { eventOf, nextTurn, SERVER_KINDS, startServer, watchProcess } from '../support/servers.ts';

describe.each(SERVER_KINDS)('messages of a WebSocket on %s', (kind) => {
  async function open() {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    return { server, peer, socket: server.connections[0]! };
  }

  it('for await: text as strings, binary as Buffers, until the connection is closed', async () => {
    const { peer, socket } = await open();
    const read: unknown[] = [];
    const loop = (async () => {
      for await (const message of socket) read.push(message);
      return socket.readyState;
    })();
    peer.send(text('Grüße'), binary([1, 2]), clientFrame(1, 'one ', { fin: false }), clientFrame(0, 'two'), text(''));
    peer.send(close(1000));
    expect(await loop).toBe(3);
    expect(read).toEqual(['Grüße', Buffer.of(1, 2), 'one two', '']);
  });

  it('a reader that lags pauses the socket: nothing is lost, and nothing comes twice', async () => {
    const { peer, socket } = await open();
    const messages = socket.messages({ maxQueue: 4 });
    const count = 5000;
    const payload = (i: number) => fill(1000, i);
    const sending = (async () => {
      for (let i = 0; i < count; i += 50) {
        peer.send(...Array.from({ length: 50 }, (_, j) => binary(payload(i + j))));
        await nextTurn();
      }
      peer.send(close(1000));
    })();
    while (!socket.isPaused) await nextTurn();
    let read = 0;
    for await (const message of messages) {
      if (!(message as Buffer).equals(payload(read))) throw new Error(`message ${read} is another`);
      read++;
      // Lags until the queue is full again; at the end there is not enough left to fill it.
      while (read % 500 === 0 && read < count && !socket.isPaused) await nextTurn();
    }
    await sending;
    expect(read).toBe(count);
  });

  it("§5.6 'text' listeners get strings, and text goes to 'message' listeners as well when there are any", async () => {
    const { peer, socket } = await open();
    const heard: unknown[] = [];
    socket.on('text', (string) => heard.push(string));
    peer.send(
      text('Grüße'),
      binary([1]),
      clientFrame(1, 'in ', { fin: false }),
      clientFrame(0, 'two'),
      text('x'.repeat(70_000)),
    );
    while (heard.length < 3) await nextTurn();
    expect(heard).toEqual(['Grüße', 'in two', 'x'.repeat(70_000)]);
    socket.on('message', (data, isBinary) => heard.push(data, isBinary));
    peer.send(text('both'), binary([2]), close());
    await eventOf(socket, 'close');
    expect(heard.slice(3)).toEqual(['both', Buffer.from('both'), false, Buffer.of(2), true]);
  });

  it("§7.4.1 a 'text' listener that throws ends the connection with 1011", async () => {
    const { peer, socket } = await open();
    const error = new Promise((resolve) => socket.on('error', resolve));
    socket.on('text', () => {
      throw new Error('no');
    });
    peer.send(text('a'));
    expect(await peer.frame()).toBe(closed(1011));
    expect(await error).toMatchObject({ code: 'WS_ERR_INTERNAL' });
  });

  it('listeners hear of the messages as well', async () => {
    const { peer, socket } = await open();
    const heard: unknown[] = [];
    socket.on('message', (data, isBinary) => heard.push(data, isBinary));
    const messages = socket.messages();
    peer.send(text('both'));
    expect((await messages.next()).value).toBe('both');
    expect(heard).toEqual([Buffer.from('both'), false]);
  });

  it('one message by next(), the others by a loop over the same iterator', async () => {
    const { peer, socket } = await open();
    const messages = socket.messages();
    peer.send(text('token'), text('a'), text('b'), close());
    expect((await messages.next()).value).toBe('token');
    const read: unknown[] = [];
    for await (const message of messages) read.push(message);
    expect(read).toEqual(['a', 'b']);
  });

  it('only one reader at a time; leaving a loop makes room for the next, and lets the connection flow', async () => {
    const { peer, socket } = await open();
    const first = socket.messages({ maxQueue: 1 });
    expect(() => socket.messages()).toThrow('are being read already');
    peer.send(text('a'), text('b'));
    for await (const message of first) {
      expect(message).toBe('a');
      break;
    }
    expect(socket.isPaused).toBe(false);
    const second = socket.messages();
    peer.send(text('c'));
    const read = [(await second.next()).value];
    if (read[0] === 'b') read[0] = (await second.next()).value;
    expect(read).toEqual(['c']);
    expect(socket.listenerCount('close') - socket.listenerCount('error')).toBeLessThanOrEqual(1);
  });

  it('a violation: the messages before it, then its error', async () => {
    const { peer, socket } = await open();
    const messages = socket.messages();
    peer.send(text('good'), clientFrame(3));
    expect((await messages.next()).value).toBe('good');
    await expect(messages.next()).rejects.toMatchObject({ code: 'WS_ERR_INVALID_OPCODE' });
    expect((await messages.next()).done).toBe(true);
  });

  it('§7.1.5 a lost connection: the messages before it, then an error that says so', async () => {
    const { peer, socket } = await open();
    const messages = socket.messages();
    peer.send(text('good'));
    expect((await messages.next()).value).toBe('good');
    const next = messages.next();
    peer.socket.destroy();
    await expect(next).rejects.toMatchObject({ code: 'WS_ERR_ABNORMAL_CLOSURE', closeCode: 1006 });
  });

  it('a loop behind emitClose() ends as that said, though the Close frame of the peer comes later', async () => {
    const { peer, socket } = await open();
    socket.emitClose();
    peer.send(close(1000));
    await peer.rest();
    await expect(socket.messages().next()).rejects.toMatchObject({ code: 'WS_ERR_ABNORMAL_CLOSURE' });
  });

  it('a lost connection that a listener’s loop does not catch is no fault of the application’s: no warning', async () => {
    const watch = watchProcess();
    const ended: unknown[] = [];
    const server = await startServer(kind, {}, async (socket) => {
      try {
        for await (const _ of socket);
      } catch (error) {
        ended.push(error);
        throw error;
      }
    });
    const peer = await RawPeer.open(server);
    peer.socket.destroy();
    while (ended.length === 0) await nextTurn();
    await nextTurn();
    expect(ended).toMatchObject([{ code: 'WS_ERR_ABNORMAL_CLOSURE' }]);
    expect(watch.warnings).toEqual([]);
    expect(watch.uncaught).toEqual([]);
  });

  it('§7.4.1 what the body of a listener’s loop throws ends the connection with 1011', async () => {
    watchProcess();
    const server = await startServer(kind, {}, async (socket) => {
      for await (const message of socket) throw new Error(`cannot go on with ${message}`);
    });
    const peer = await RawPeer.open(server);
    peer.send(text('x'));
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
  });

  it('a closed socket has no messages', async () => {
    const { peer, socket } = await open();
    peer.send(close(1000));
    await eventOf(socket, 'close');
    expect((await socket.messages().next()).done).toBe(true);
    expect((await socket.messages().next()).done).toBe(true);
  });

  it('sendMessage is fulfilled when the data is out, and rejected when it cannot be sent', async () => {
    const { peer, socket } = await open();
    await socket.sendMessage('text');
    await nextTurn();
    expect(socket.bufferedAmount).toBe(0);
    await socket.sendMessage('as binary', { binary: true });
    expect(await peer.frames(2)).toEqual([echoed('text'), inShort(0x82, 'as binary')]);
    socket.close();
    await expect(socket.sendMessage('late')).rejects.toThrow('WebSocket is not open: readyState 2 (CLOSING)');
    await expect(new WebSocket(null).sendMessage('early')).rejects.toThrow('readyState 0 (CONNECTING)');
  });

  it('sendMessage to a peer that does not read waits, and is rejected when the connection goes', async () => {
    const { peer, socket } = await open();
    peer.socket.pause();
    let isSettled = false;
    const sending = socket.sendMessage(Buffer.alloc(16_000_000)).finally(() => {
      isSettled = true;
    });
    sending.catch(() => {});
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(isSettled).toBe(false);
    socket.terminate();
    // Some versions of Node call the write done, others cancelled.
    await expect(sending).rejects.toThrow(
      /The connection was closed while the message was written|write ECANCELED|after a stream was destroyed/,
    );
  });
});
