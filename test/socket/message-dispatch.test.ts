/** 'message' events come as `emit` would have them, though a single listener is called without it. */

import { EventEmitter, once } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClientOptions } from '../../src/socket/websocket.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { ignoreError } from '../support/ignore-error.ts';
import { startServer, watchProcess } from '../support/servers.ts';

/** A client that is sent 'one' and 'two' once it is listened to. */
async function open(options: ClientOptions = {}): Promise<{ socket: WebSocket; receive(): Promise<void> }> {
  const server = await startServer('node:net', {}, (socket) => {
    socket.on('message', () => {
      socket.send('one');
      socket.send('two');
      socket.ping('end');
    });
  });
  const socket = new WebSocket(server.url(), options);
  socket.on('error', ignoreError);
  await once(socket, 'open');
  return {
    socket,
    async receive() {
      socket.send('go');
      await once(socket, 'ping');
    },
  };
}

describe('message events', () => {
  it('come to one listener, as a method of the socket', async () => {
    const { socket, receive } = await open();
    const seen: unknown[] = [];
    socket.on('message', function (this: unknown, data, isBinary) {
      seen.push(String(data), isBinary, this === socket);
    });
    await receive();
    expect(seen).toEqual(['one', false, true, 'two', false, true]);
  });

  it('come to several, in their order, and once to those that want one', async () => {
    const { socket, receive } = await open();
    const seen: string[] = [];
    socket.once('message', (data) => seen.push(`once ${data}`));
    await receive();
    socket.on('message', (data) => seen.push(`first ${data}`));
    socket.on('message', (data) => seen.push(`second ${data}`));
    await receive();
    expect(seen).toEqual(['once one', 'first one', 'second one', 'first two', 'second two']);
  });

  it('pass an `emit` that somebody has put over Node’s, on the socket or on all emitters', async () => {
    const { socket, receive } = await open();
    const names: unknown[] = [];
    socket.on('message', () => {});
    const original = socket.emit;
    socket.emit = function (this: WebSocket, ...args: Parameters<typeof original>) {
      if (args[0] === 'message') names.push('socket');
      return original.apply(this, args);
    } as typeof original;
    await receive();
    Reflect.deleteProperty(socket, 'emit');
    const spy = vi.spyOn(EventEmitter.prototype, 'emit');
    onTestFinished(() => spy.mockRestore());
    await receive();
    expect(names).toEqual(['socket', 'socket']);
    expect(spy.mock.calls.filter(([name], i) => name === 'message' && spy.mock.contexts[i] === socket)).toHaveLength(2);
  });

  const mine = new Error('mine');
  it.each([
    [
      'throws',
      () => {
        throw mine;
      },
    ],
    ['rejects', async () => Promise.reject(mine)],
  ])('a listener that %s fails the connection, where listenerErrors says so', async (_what, listener) => {
    // The second message has been handed out when the first promise is rejected: it is warned of.
    watchProcess();
    const { socket } = await open({ listenerErrors: 'close' });
    const failed = once(socket, 'error') as Promise<[Error]>;
    socket.on('message', listener);
    socket.send('go');
    const [error] = await failed;
    expect([error, error.cause]).toContain(mine);
    await once(socket, 'close');
  });

  it.each([undefined, null, 0, 'text', {}])('what a listener returns otherwise, as %j, is nothing', async (value) => {
    const { socket, receive } = await open();
    socket.on('message', () => value);
    await receive();
    expect(socket.readyState).toBe(1);
  });
});
