/**
 * Subclasses of WebSocket: the names of members that are not public are free, and `setSocket` is the one door through
 * which every connection comes, as in ws.
 */

import { EventEmitter, once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { WebSocket as Ws } from 'ws';
import { createWebSocketStream } from '../../src/socket/stream.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { close, closed, echoed, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  echo,
  eventOf,
  nextTurn,
  SERVER_KINDS,
  type ServerKind,
  startServer,
  watchProcess,
} from '../support/servers.ts';

function start(kind: ServerKind, Socket: typeof WebSocket, onConnection?: (socket: WebSocket) => unknown) {
  return startServer(kind, { http: { WebSocket: Socket }, net: { WebSocket: Socket } }, onConnection);
}

describe('the class', () => {
  it('extends EventEmitter as ws’s does, with no class in between', () => {
    expect(Object.getPrototypeOf(WebSocket)).toBe(EventEmitter);
    expect(Object.getPrototypeOf(WebSocket.prototype)).toBe(EventEmitter.prototype);
  });

  it('has what ws’s class has as members of its own', () => {
    const own = new Set(Reflect.ownKeys(WebSocket.prototype));
    const theirs = Reflect.ownKeys(Ws.prototype).filter((name) => typeof name === 'string');
    expect(theirs.filter((name) => !own.has(name) && !name.startsWith('_'))).toEqual([]);
    expect(Object.hasOwn(WebSocket.prototype, 'addEventListener')).toBe(true);
  });
});

/** Names that a program may well choose, and that parts of this library have or had. */
const FREE_NAMES = [
  ...['accept', 'agree', 'agreement', 'observe', 'observers', 'failForHandler', 'fail', 'failed', 'offerMessage'],
  ...['emitMessage', 'emitText', 'emitControl', 'emitSafely', 'watchResult', 'isIterationError', 'iterator', 'inbox'],
  ...['queue', 'held', 'hold', 'drain', 'flush', 'open', 'opened', 'deliver', 'delivery', 'handler', 'transport'],
  ...['_transport', 'handshake', 'options', 'settings', 'connection', 'protocolName', 'internals', 'reader', 'state'],
  ...['message', 'error', 'closed', 'closeReceived', 'holdUntilNextTurn', 'refuseToSend', 'safeCallback', 'socket'],
  ...['sendControl', 'transportAfterHandshake', 'tellObservers', 'start', 'end', 'read', 'write', 'destroy'],
];

/** A subclass whose members of those names fail when anybody calls or reads them. */
function trapped(Base: typeof WebSocket): { readonly Trapped: typeof WebSocket; readonly touched: string[] } {
  const touched: string[] = [];
  class Trapped extends Base {}
  for (const name of FREE_NAMES) {
    Object.defineProperty(Trapped.prototype, name, {
      get() {
        touched.push(name);
        throw new Error(`${name} is the program's own`);
      },
      set() {
        touched.push(name);
      },
    });
  }
  return { Trapped, touched };
}

describe.each(SERVER_KINDS)('subclasses on %s', (kind) => {
  it('may have members of any name that is not public', async () => {
    const watch = watchProcess();
    const { Trapped, touched } = trapped(WebSocket);
    const server = await start(kind, Trapped, echo);
    const client = new Trapped(server.url());
    await once(client, 'open');
    const [socket] = server.connections;
    expect(socket).toBeInstanceOf(Trapped);
    for (const data of ['text', Buffer.from('binary')]) {
      client.send(data);
      expect(String((await once(client, 'message'))[0])).toBe(String(data));
    }
    client.on('text', () => {});
    const messages = client.messages();
    client.send('read');
    expect((await messages.next()).value).toBe('read');
    client.ping('p');
    await once(client, 'pong');
    client.pause();
    client.resume();
    client.onclose = () => {};
    const end = eventOf(socket!, 'close');
    client.close(1000, 'done');
    expect((await once(client, 'close'))[0]).toBe(1000);
    expect((await end)[0]).toBe(1000);
    expect({ touched, ...watch }).toMatchObject({ touched: [], uncaught: [], warnings: [] });
  });

  it('what a listener throws is told although the subclass has a failForHandler of its own', async () => {
    const { Trapped } = trapped(WebSocket);
    const errors: unknown[] = [];
    const server = await start(kind, Trapped, (socket) => {
      socket.on('error', (error) => errors.push(error));
      socket.on('message', async () => {
        throw new Error('mine');
      });
    });
    const peer = await RawPeer.open(server);
    peer.send(text('x'));
    expect(await peer.framesUntilEnd()).toEqual([closed(1011)]);
    expect(errors).toMatchObject([{ code: 'WS_ERR_INTERNAL', cause: { message: 'mine' } }]);
  });

  it('setSocket is called for each connection with a stream, what came behind the handshake, and ws’s options', async () => {
    const calls: unknown[][] = [];
    class Mine extends WebSocket {
      override setSocket(socket: Duplex, head: Uint8Array, options: object): void {
        calls.push([this._isServer, this.readyState, head.length, Object.keys(options).sort(), socket]);
        super.setSocket(socket, head, options);
      }
    }
    const server = await start(kind, Mine, echo);
    const client = new Mine(server.url());
    await once(client, 'open');
    client.send('through');
    expect(String((await once(client, 'message'))[0])).toBe('through');
    const names = ['allowSynchronousEvents', 'maxBufferedChunks', 'maxFragments', 'maxPayload', 'skipUTF8Validation'];
    expect(calls).toEqual([
      [true, 0, 0, names, server.connections[0]!._socket],
      [false, 0, 0, names, client._socket],
    ]);
    client.terminate();
  });

  it('an option changed in setSocket counts, on that connection alone', async () => {
    let isFirst = true;
    class Mine extends WebSocket {
      override setSocket(socket: Duplex, head: Uint8Array, options: object): void {
        super.setSocket(socket, head, isFirst ? { ...options, maxPayload: 4 } : options);
        isFirst = false;
      }
    }
    const server = await start(kind, Mine, echo);
    const [small, other] = [await RawPeer.open(server), await RawPeer.open(server)];
    small.send(text('long!'));
    expect(await small.framesUntilEnd()).toEqual([closed(1009)]);
    other.send(text('long!'));
    expect(await other.frame()).toBe(echoed('long!'));
  });

  it('a connection may be opened later: nothing that arrives meanwhile is lost', async () => {
    let open: () => void = () => {};
    class Late extends WebSocket {
      override setSocket(socket: Duplex, head: Uint8Array, options: object): void {
        open = () => super.setSocket(socket, head, options);
      }
    }
    const server = await start(kind, Late, echo);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    expect(socket!.readyState).toBe(WebSocket.CONNECTING);
    peer.send(text('early'));
    await nextTurn();
    await nextTurn();
    open();
    expect(socket!.readyState).toBe(WebSocket.OPEN);
    expect(await peer.frame()).toBe(echoed('early'));
  });

  it('a setSocket that throws: that connection ends, with a warning, and the server goes on', async () => {
    const { uncaught, nextWarning } = watchProcess();
    let isFirst = true;
    class Failing extends WebSocket {
      override setSocket(socket: Duplex, head: Uint8Array, options: object): void {
        if (isFirst) {
          isFirst = false;
          throw new Error('not this one');
        }
        super.setSocket(socket, head, options);
      }
    }
    const server = await start(kind, Failing, echo);
    const peer = await RawPeer.connect(server);
    peer.send(upgradeRequest());
    await peer.rest();
    expect((await nextWarning()).detail).toContain('not this one');
    const other = await RawPeer.open(server);
    other.send(text('on'));
    expect(await other.frame()).toBe(echoed('on'));
    expect(uncaught).toEqual([]);
  });

  it('a client whose setSocket throws has an error and is closed', async () => {
    class Failing extends WebSocket {
      override setSocket(): void {
        throw new Error('not this one');
      }
    }
    const server = await start(kind, WebSocket);
    const client = new Failing(server.url());
    const [[error], [code]] = await Promise.all([eventOf(client, 'error'), eventOf(client, 'close')]);
    expect(error).toMatchObject({ message: 'not this one' });
    expect(code).toBe(1006);
  });
});

describe.each(SERVER_KINDS)('an application that removes all listeners, on %s', (kind) => {
  it('server.close() is done all the same, and clients is empty', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    socket!.removeAllListeners();
    server.server.removeAllListeners();
    const end =
      'handleUpgrade' in server.server
        ? new Promise<void>((resolve) => (server.server as { close(done: () => void): void }).close(resolve))
        : (server.server.close() as Promise<void>);
    socket!.removeAllListeners();
    server.server.removeAllListeners();
    peer.send(close(1000));
    await end;
    // node:http counts a connection as gone a moment before its 'close' event.
    while (server.server.clients.size > 0) await nextTurn();
  });

  it('a connection that ends leaves clients', async () => {
    const server = await startServer(kind, {}, (socket) => void socket.removeAllListeners());
    const peer = await RawPeer.open(server);
    expect(server.server.clients.size).toBe(1);
    peer.send(close(1000));
    await peer.framesUntilEnd();
    while (server.server.clients.size > 0) await nextTurn();
  });

  it('the stream of a socket goes on, and ends with the connection', async () => {
    const server = await startServer(kind);
    const peer = await RawPeer.open(server);
    const [socket] = server.connections;
    const stream = createWebSocketStream(socket!);
    socket!.removeAllListeners();
    peer.send(text('a'), text('b'), close(1000));
    const chunks: string[] = [];
    for await (const chunk of stream) chunks.push(String(chunk));
    expect(chunks.join('')).toBe('ab');
    const other = await RawPeer.open(server);
    const failing = createWebSocketStream(server.connections[1]!);
    const error = eventOf(failing, 'error');
    server.connections[1]!.removeAllListeners();
    other.send(text(Buffer.of(0xff)));
    expect((await error)[0]).toMatchObject({ code: 'WS_ERR_INVALID_UTF8' });
  });

  it('a loop over the messages ends with the connection, and hears of a failure', async () => {
    const server = await startServer(kind);
    for (const wire of [close(1000), text(Buffer.of(0xff))]) {
      const peer = await RawPeer.open(server);
      const socket = server.connections.at(-1)!;
      const messages = socket.messages();
      socket.removeAllListeners();
      peer.send(text('a'), wire);
      expect((await messages.next()).value).toBe('a');
      if (wire === close(1000)) continue;
      const end = messages.next().then(
        ({ done }) => done,
        (error) => error.code,
      );
      expect([true, 'WS_ERR_INVALID_UTF8']).toContain(await end);
    }
  });
});
