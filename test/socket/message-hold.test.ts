/** Messages that come before anybody listens, and between two readers. */

import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { HOLD_TIMEOUT_MS } from '../../src/socket/message-hold.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { deferred } from '../support/clients.ts';
import { binary, close, closed, echoed, inShort, ping, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import { eventOf, nextTurn, SERVER_KINDS, startPlainHttp, startServer, watchProcess } from '../support/servers.ts';

const TEXTS = ['one', 'two', 'three', 'four'];
const WIRE = TEXTS.map((payload) => text(payload));

async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

/** Reads until the connection ends; of an error its code. */
async function readAll(socket: WebSocket): Promise<unknown[]> {
  const read: unknown[] = [];
  try {
    for await (const message of socket) read.push(message);
  } catch (error) {
    read.push((error as { code: unknown }).code);
  }
  return read;
}

describe.each(SERVER_KINDS)('a connection listener that awaits something first, on %s', (kind) => {
  /** The listener goes on when `goOn` is called; what it returns then is `result`. */
  async function startWaiting<Result>(then: (socket: WebSocket) => Result | Promise<Result>) {
    const { promise, resolve: goOn } = deferred();
    let give: (result: Result) => void = () => {};
    const result = new Promise<Result>((resolve) => {
      give = resolve;
    });
    const server = await startServer(kind, {}, async (socket) => {
      await promise;
      give(await then(socket));
    });
    return { server, goOn, result };
  }

  it('its loop misses nothing, also of what came with the handshake', async () => {
    const { server, goOn, result } = await startWaiting(readAll);
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest(), WIRE[0]!, WIRE[1]!);
    await peer.head();
    peer.send(WIRE[2]!);
    await turns();
    goOn();
    await turns();
    peer.send(WIRE[3]!, close(1000));
    expect(await result).toEqual(TEXTS);
  });

  it('pings are answered meanwhile, and the end of the connection is seen; its loop gets what came before', async () => {
    const { server, goOn, result } = await startWaiting(readAll);
    const peer = await RawPeer.open(server);
    const end = eventOf(server.connections[0]!, 'close');
    peer.send(...WIRE, ping('p'), close(1000));
    expect(await peer.frame()).toBe(inShort(0x8a, 'p'));
    expect((await end)[0]).toBe(1000);
    goOn();
    expect(await result).toEqual(TEXTS);
  });

  it('§7.1.5 a connection that is lost meanwhile: its loop gets what came before, and then the error', async () => {
    const { server, goOn, result } = await startWaiting(readAll);
    const peer = await RawPeer.open(server);
    const end = eventOf(server.connections[0]!, 'close');
    peer.send(...WIRE);
    await turns();
    peer.socket.destroy();
    await end;
    goOn();
    expect(await result).toEqual([...TEXTS, 'WS_ERR_ABNORMAL_CLOSURE']);
  });

  it('a violation meanwhile: its loop gets what came before, and then its error', async () => {
    const { server, goOn, result } = await startWaiting(readAll);
    const peer = await RawPeer.open(server);
    peer.send(...WIRE, text(Buffer.of(0xff)));
    await peer.framesUntilEnd();
    goOn();
    expect(await result).toEqual([...TEXTS, 'WS_ERR_INVALID_UTF8']);
  });

  it('its listeners hear all in order, behind the tick in which they are added', async () => {
    const heard: string[] = [];
    const { server, goOn, result } = await startWaiting((socket) => {
      socket.on('message', (data, isBinary) => heard.push(`${data} ${isBinary}`));
      socket.on('text', (string) => heard.push(`text ${string}`));
      return heard.length;
    });
    const peer = await RawPeer.open(server);
    peer.send(text('a'), binary([98]));
    await turns();
    goOn();
    expect(await result).toBe(0);
    peer.send(text('c'), close());
    await eventOf(server.connections[0]!, 'close');
    expect(heard).toEqual(['text a', 'a false', 'b true', 'text c', 'c false']);
  });

  it('onmessage is a listener, and a binaryType set before it counts', async () => {
    const heard: unknown[] = [];
    const { server, goOn } = await startWaiting((socket) => {
      socket.binaryType = 'arraybuffer';
      socket.onmessage = ({ data }) => heard.push(data);
    });
    const peer = await RawPeer.open(server);
    peer.send(text('a'), binary([98]));
    await turns();
    goOn();
    while (heard.length < 2) await nextTurn();
    expect(heard).toEqual(['a', Uint8Array.of(98).buffer]);
  });

  it('a listener that pauses stops what was kept, too; resume goes on with it', async () => {
    const heard: string[] = [];
    const { server, goOn } = await startWaiting((socket) => {
      socket.on('message', (data) => {
        heard.push(String(data));
        if (heard.length % 2 === 1) socket.pause();
      });
    });
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    peer.send(...WIRE);
    await turns();
    goOn();
    peer.send(text('five'));
    await turns();
    expect(heard).toEqual(['one']);
    socket!.resume();
    expect(heard).toEqual(['one', 'two', 'three']);
    socket!.resume();
    while (heard.length < 5) await nextTurn();
    expect(heard).toEqual([...TEXTS, 'five']);
  });

  it('a listener that pauses and resumes at once hears what was kept in order, each behind the call before', async () => {
    const count = 1000;
    const heard: number[] = [];
    let depth = 0;
    let deepest = 0;
    const { server, goOn } = await startWaiting((socket) => {
      socket.on('message', (data) => {
        depth++;
        deepest = Math.max(deepest, depth);
        socket.pause();
        socket.resume();
        heard.push(Number(String(data)));
        depth--;
      });
    });
    const peer = await RawPeer.open(server);
    const numbers = Array.from({ length: count }, (_, i) => i);
    peer.send(...numbers.map((i) => text(String(i))), ping('p'));
    await peer.frame();
    goOn();
    while (heard.length < count) await nextTurn();
    expect(heard).toEqual(numbers);
    expect(deepest).toBe(1);
  });

  it('once it has closed: no message behind close for listeners that come later; a loop still reads them', async () => {
    const log: string[] = [];
    const { server, goOn, result } = await startWaiting(async (socket) => {
      socket.on('message', (data) => log.push(`message ${data}`));
      await turns();
      return readAll(socket);
    });
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    socket!.on('close', (code) => log.push(`close ${code}`));
    const end = eventOf(socket!, 'close');
    peer.send(...WIRE, close(1000));
    await end;
    goOn();
    expect(await result).toEqual(TEXTS);
    expect(log).toEqual(['close 1000']);
  });

  it('emitClose() by a listener ends what was kept: no message behind close', async () => {
    const log: string[] = [];
    const { server, goOn } = await startWaiting((socket) => {
      socket.on('message', (data) => {
        log.push(`message ${data}`);
        socket.emitClose();
      });
      socket.on('close', () => log.push('close'));
    });
    const peer = await RawPeer.open(server);
    peer.send(...WIRE);
    await turns();
    goOn();
    await turns();
    expect(log).toEqual(['message one', 'close']);
  });

  it('§7.4.1 a listener that throws at what was kept ends the connection with 1011; the rest is dropped', async () => {
    watchProcess();
    const heard: string[] = [];
    const { server, goOn } = await startWaiting((socket) => {
      socket.on('message', (data) => {
        heard.push(String(data));
        throw new Error('no');
      });
    });
    const peer = await RawPeer.open(server);
    peer.send(...WIRE);
    await turns();
    goOn();
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
    expect(heard).toEqual(['one']);
  });

  it('what once() leaves of them is there for the next', async () => {
    const { server, goOn, result } = await startWaiting(async (socket) => {
      const heard: unknown[] = [];
      for (let i = 0; i < 2; i++) heard.push(String((await once(socket, 'message'))[0]));
      return [...heard, ...(await readAll(socket))];
    });
    const peer = await RawPeer.open(server);
    peer.send(...WIRE);
    await turns();
    goOn();
    await turns();
    peer.send(close());
    expect(await result).toEqual(TEXTS);
  });

  it('terminate() drops what was kept', async () => {
    const { server, goOn, result } = await startWaiting((socket) => {
      socket.terminate();
      return readAll(socket);
    });
    const peer = await RawPeer.open(server);
    peer.send(...WIRE);
    await turns();
    goOn();
    expect(await result).toEqual(['WS_ERR_ABNORMAL_CLOSURE']);
  });

  const PIECE = Buffer.alloc(60_000, 'x');

  it('however much is sent meanwhile: the connection is paused, nothing is lost', async () => {
    const { server, goOn, result } = await startWaiting(async (socket) => {
      let count = 0;
      for await (const message of socket) count += message.length / PIECE.length;
      return count;
    });
    const peer = await RawPeer.open(server);
    for (let i = 0; i < 200; i++) peer.send(binary(PIECE));
    peer.send(close());
    await turns(20);
    expect(server.connections[0]!.readyState).toBe(WebSocket.OPEN);
    goOn();
    expect(await result).toBe(200);
  });

  it('when it returns without having listened, the messages are dropped, and the end behind them is seen', async () => {
    const { server, goOn } = await startWaiting(() => {});
    const peer = await RawPeer.open(server);
    for (let i = 0; i < 200; i++) peer.send(binary(PIECE));
    peer.send(close(1000));
    await turns(20);
    goOn();
    expect((await eventOf(server.connections[0]!, 'close'))[0]).toBe(1000);
  });

  it('§7.1.2 when it has closed, however much is sent: the messages are dropped, and the answer behind them is seen', async () => {
    const { server } = await startWaiting(() => {});
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    socket!.close(1000);
    for (let i = 0; i < 200; i++) peer.send(binary(PIECE));
    peer.send(close(1000));
    expect((await eventOf(socket!, 'close'))[0]).toBe(1000);
  });

  it('when it never returns nor listens, the end is seen all the same, after a while', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { server } = await startWaiting(() => {});
    const peer = await RawPeer.open(server);
    const end = eventOf(server.connections[0]!, 'close');
    for (let i = 0; i < 200; i++) peer.send(binary(PIECE));
    peer.send(close(1000));
    await turns(20);
    expect(server.connections[0]!.readyState).toBe(WebSocket.OPEN);
    vi.advanceTimersByTime(HOLD_TIMEOUT_MS);
    expect((await end)[0]).toBe(1000);
  });
});

describe.each(SERVER_KINDS)('nobody listens, on %s', (kind) => {
  it('the end is seen, whatever was sent before it, and pings are answered', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    for (let i = 0; i < 100; i++) peer.send(binary(Buffer.alloc(60_000)));
    peer.send(ping('p'), close(1000));
    expect((await eventOf(server.connections[0]!, 'close'))[0]).toBe(1000);
    expect(await peer.framesUntilEnd()).toEqual([inShort(0x8a, 'p'), closed(1000)]);
  });

  it('a loop that begins behind messages that were dropped is warned of, with their number', async () => {
    const watch = watchProcess();
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    peer.send(...WIRE, ping());
    await eventOf(socket!, 'ping');
    await turns();
    peer.send(text('late'), ping());
    await eventOf(socket!, 'ping');
    const messages = socket!.messages();
    peer.send(text('read'), close());
    expect((await messages.next()).value).toBe('read');
    expect(await watch.nextWarning()).toMatchObject({
      code: 'WS_MESSAGES_MISSED',
      message: '5 messages of a WebSocket came before anybody listened, and what nobody listens for is dropped',
    });
    await messages.return();
    expect(await readAll(socket!)).toEqual([]);
    await turns();
    expect(watch.warnings).toEqual([]);
  });

  it('what comes in the turn in which a listener is added later is heard', async () => {
    const heard: string[] = [];
    const server = await startServer(kind, {}, (socket) => {
      socket.once('ping', () => socket.on('message', (data) => heard.push(String(data))));
    });
    const peer = await RawPeer.open(server);
    peer.send(text('before'), ping(), text('behind'), close());
    await eventOf(server.connections[0]!, 'close');
    expect(heard).toEqual(['before', 'behind']);
  });
});

describe.each(SERVER_KINDS)('one loop behind another, on %s', (kind) => {
  async function open() {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    return { peer, socket: server.connections[0]! };
  }

  it('the second goes on where the first was left', async () => {
    const { peer, socket } = await open();
    const read: unknown[] = [];
    const first = socket.messages();
    peer.send(...WIRE, close());
    for await (const message of first) {
      read.push(message);
      break;
    }
    for await (const message of socket) read.push(message);
    expect(read).toEqual(TEXTS);
  });

  it('what comes between them waits for the second, also when the connection has ended by then', async () => {
    const { peer, socket } = await open();
    const first = socket.messages({ maxQueue: 1 });
    peer.send(WIRE[0]!, WIRE[1]!);
    for await (const message of first) {
      expect(message).toBe('one');
      break;
    }
    peer.send(WIRE[2]!, WIRE[3]!, close(1000));
    await eventOf(socket, 'close');
    await turns();
    expect(await readAll(socket)).toEqual(['two', 'three', 'four']);
  });

  it('without a second, the end is seen after a while, whatever is sent', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { peer, socket } = await open();
    const first = socket.messages();
    peer.send(text('one'));
    await first.next();
    await first.return();
    const end = eventOf(socket, 'close');
    for (let i = 0; i < 100; i++) peer.send(binary(Buffer.alloc(60_000)));
    peer.send(close(1000));
    await turns(20);
    vi.advanceTimersByTime(HOLD_TIMEOUT_MS);
    expect((await end)[0]).toBe(1000);
  });

  it('a listener beside them hears each message once', async () => {
    const { peer, socket } = await open();
    const heard: string[] = [];
    const first = socket.messages();
    socket.on('message', (data) => heard.push(String(data)));
    peer.send(WIRE[0]!, WIRE[1]!);
    expect((await first.next()).value).toBe('one');
    await first.return();
    peer.send(WIRE[2]!, WIRE[3]!, close());
    await eventOf(socket, 'close');
    socket.on('text', () => heard.push('again'));
    await turns();
    expect(await readAll(socket)).toEqual(['two', 'three', 'four']);
    expect(heard).toEqual(TEXTS);
  });

  it('a listener added behind a loop hears what the loop has left, and the connection flows for it', async () => {
    const { peer, socket } = await open();
    const first = socket.messages();
    peer.send(...WIRE);
    expect((await first.next()).value).toBe('one');
    await first.return();
    const heard: string[] = [];
    socket.on('message', (data) => heard.push(String(data)));
    for (let i = 0; i < 100; i++) peer.send(text('x'.repeat(60_000)));
    peer.send(close());
    await eventOf(socket, 'close');
    expect(heard.slice(0, 3)).toEqual(['two', 'three', 'four']);
    expect(heard).toHaveLength(103);
  });
});

describe('other handlers that are given a socket', () => {
  it('the callback of handleUpgrade may be async', async () => {
    const { promise, resolve: goOn } = deferred();
    const wss = new WebSocketServer({ noServer: true });
    let read: Promise<unknown[]> | undefined;
    const { server, endpoint } = await startPlainHttp(createHttpServer());
    server.on('upgrade', (request: IncomingMessage, socket, head) => {
      wss.handleUpgrade(request, socket, head, async (webSocket) => {
        await promise;
        read = readAll(webSocket);
        await read;
      });
    });
    const peer = await RawPeer.open({ endpoint });
    peer.send(...WIRE, close());
    await turns();
    goOn();
    while (read === undefined) await nextTurn();
    expect(await read).toEqual(TEXTS);
  });

  it('§7.4.1 what its promise is rejected with ends that connection with 1011', async () => {
    const { uncaught, nextWarning } = watchProcess();
    const wss = new WebSocketServer({ noServer: true });
    const { server, endpoint } = await startPlainHttp(createHttpServer());
    server.on('upgrade', (request: IncomingMessage, socket, head) => {
      wss.handleUpgrade(request, socket, head, async () => {
        throw new Error('in the callback');
      });
    });
    const peer = await RawPeer.open({ endpoint });
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
    expect((await nextWarning()).detail).toContain('in the callback');
    expect(uncaught).toEqual([]);
  });

  it("a connection that the application announces itself: `emit('connection')`", async () => {
    const { promise, resolve: goOn } = deferred();
    const wss = new WebSocketServer({ noServer: true });
    let read: Promise<unknown[]> | undefined;
    wss.on('connection', async (socket) => {
      await promise;
      read = readAll(socket);
      await read;
    });
    const { server, endpoint } = await startPlainHttp(createHttpServer());
    server.on('upgrade', (request: IncomingMessage, socket, head) => {
      wss.handleUpgrade(request, socket, head, (webSocket) => wss.emit('connection', webSocket, request));
    });
    const peer = await RawPeer.open({ endpoint });
    peer.send(...WIRE, close());
    await turns();
    goOn();
    while (read === undefined) await nextTurn();
    expect(await read).toEqual(TEXTS);
  });

  it.each(SERVER_KINDS)("a client's async 'open' listener, to a server on %s", async (kind) => {
    const { promise, resolve: goOn } = deferred();
    const server = await startServer(kind, {}, (socket) => {
      for (const payload of TEXTS) socket.send(payload);
      socket.close(1000);
    });
    const client = new WebSocket(server.url());
    const read = new Promise<unknown[]>((resolve) => {
      client.on('open', async () => {
        await promise;
        resolve(await readAll(client));
      });
    });
    expect((await eventOf(client, 'close'))[0]).toBe(1000);
    goOn();
    expect(await read).toEqual(TEXTS);
  });

  it('several listeners: their promises are waited for, each is given the socket, and once() is once', async () => {
    const { promise, resolve: goOn } = deferred();
    const calls: string[] = [];
    let read: Promise<unknown[]> | undefined;
    const server = await startServer('node:http', {}, () => void calls.push('on'));
    const wss = server.server as WebSocketServer;
    wss.once('connection', () => void calls.push('once'));
    wss.on('connection', async (socket) => {
      calls.push('async');
      await promise;
      read ??= readAll(socket);
    });
    const peer = await RawPeer.open(server);
    await RawPeer.open(server);
    peer.send(...WIRE, close());
    await turns();
    goOn();
    while (read === undefined) await nextTurn();
    expect(await read).toEqual(TEXTS);
    expect(calls).toEqual(['on', 'once', 'async', 'on', 'async']);
  });
});

describe('what a reader that reads nothing takes', () => {
  it.each(SERVER_KINDS)('from a peer that sends for ever: no more than may wait, on %s', async (kind) => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    const messages = socket!.messages({ maxQueueBytes: 100_000 });
    const frame = binary(Buffer.alloc(30_000));
    // Until the network takes no more.
    for (let turn = 0; turn < 50; turn++) {
      if (!peer.socket.writableNeedDrain) peer.send(...Array<Uint8Array>(20).fill(frame));
      await nextTurn();
    }
    expect(socket!.isPaused).toBe(true);
    expect((socket!._socket as unknown as { bytesRead: number }).bytesRead).toBeLessThan(100_000 + 30_000 + 4 * 65_536);
    expect((await messages.next()).value).toHaveLength(30_000);
    peer.socket.destroy();
  });
});

it('echoed is what a loop behind an await answers with', async () => {
  const server = await startServer('node:net', {}, async (socket) => {
    await nextTurn();
    for await (const message of socket) socket.send(message);
  });
  const peer = await RawPeer.open(server);
  peer.send(text('a'), text('b'));
  expect(await peer.frames(2)).toEqual([echoed('a'), echoed('b')]);
});
