import { describe, expect, it } from 'vitest';
import type { WebSocket } from '../../src/socket/websocket.ts';
import type { CloseEvent, ErrorEvent, Event, MessageEvent } from '../../src/ws-compat/ws-types.ts';
import { binary, clientFrame, close, RawPeer, text } from '../support/raw-peer.ts';
import { eventOf, startServer } from '../support/servers.ts';

async function open() {
  const server = await startServer('node:net');
  const peer = await RawPeer.open(server);
  return { peer, socket: server.connections[0]! };
}

describe('event objects', () => {
  it('message: text as a string, binary as binaryType says; type, target and data are enumerable', async () => {
    const { peer, socket } = await open();
    const events: MessageEvent<WebSocket>[] = [];
    socket.onmessage = (event) => events.push(event);
    const message = eventOf(socket, 'message');
    peer.send(text('grüße'));
    await message;
    const second = eventOf(socket, 'message');
    socket.binaryType = 'arraybuffer';
    peer.send(binary([1, 2]));
    await second;
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['message', 'grüße'],
      ['message', Uint8Array.of(1, 2).buffer],
    ]);
    expect(events[0]!.target).toBe(socket);
    const names: string[] = [];
    for (const name in events[0]) names.push(name);
    expect(names.sort()).toEqual(['data', 'target', 'type']);
  });

  it('close: code, reason as a string, wasClean with a Close frame', async () => {
    const { peer, socket } = await open();
    const event = new Promise<CloseEvent<WebSocket>>((resolve) => {
      socket.onclose = resolve;
    });
    peer.send(close(4001, 'grün'));
    const { type, target, code, reason, wasClean } = await event;
    expect({ type, code, reason, wasClean }).toEqual({ type: 'close', code: 4001, reason: 'grün', wasClean: true });
    expect(target).toBe(socket);
  });

  it('error, then close that is not clean', async () => {
    const { peer, socket } = await open();
    const events: Event[] = [];
    socket.onerror = (event) => events.push(event);
    const closed = new Promise((resolve) => {
      socket.onclose = (event) => {
        events.push(event);
        resolve(undefined);
      };
    });
    peer.send(clientFrame(3));
    await closed;
    expect(events).toMatchObject([
      { type: 'error', message: 'Invalid WebSocket frame: invalid opcode 3' },
      { type: 'close', code: 1006, reason: '', wasClean: false },
    ]);
    expect((events[0] as ErrorEvent).error).toMatchObject({ code: 'WS_ERR_INVALID_OPCODE' });
  });
});

describe('on… properties', () => {
  it.each(['onopen', 'onmessage', 'onclose', 'onerror'] as const)(
    '%s holds one function, null clears it',
    async (name) => {
      const { socket } = await open();
      const type = name.slice(2) as 'open' | 'message' | 'close' | 'error';
      const before = socket.listenerCount(type);
      expect(socket[name]).toBeNull();
      const handler = () => {};
      socket[name] = () => {};
      socket[name] = handler;
      expect(socket[name]).toBe(handler);
      expect(socket.listenerCount(type)).toBe(before + 1);
      socket[name] = 'no function' as never;
      expect(socket[name]).toBeNull();
      expect(socket.listenerCount(type)).toBe(before);
    },
  );

  it('does not disturb addEventListener, nor the other way round, with one handler for both', async () => {
    const { peer, socket } = await open();
    let calls = 0;
    const handler = () => void calls++;
    socket.onmessage = handler;
    socket.addEventListener('message', handler);
    const twice = eventOf(socket, 'message');
    peer.send(text('x'));
    await twice;
    expect(calls).toBe(2);
    socket.removeEventListener('message', handler);
    expect(socket.onmessage).toBe(handler);
    socket.addEventListener('message', handler);
    socket.onmessage = null;
    const again = eventOf(socket, 'message');
    peer.send(text('x'));
    await again;
    expect(calls).toBe(3);
  });
});

describe('addEventListener', () => {
  it('adds a handler once, in order, and ignores types that the browser does not have', async () => {
    const { peer, socket } = await open();
    const log: string[] = [];
    const a = () => void log.push('a');
    socket.addEventListener('message', a);
    socket.addEventListener('message', { handleEvent: (event) => void log.push(`object ${event.data}`) });
    socket.addEventListener('message', a);
    for (const type of ['ping', 'constructor', '__proto__', 'nonsense']) {
      socket.addEventListener(type as 'message', a);
      expect(socket.listenerCount(type as 'ping')).toBe(0);
    }
    const message = eventOf(socket, 'message');
    peer.send(text('x'));
    await message;
    expect(log).toEqual(['a', 'object x']);
  });

  it('once: heard once, can be removed before, and may be added again', async () => {
    const { peer, socket } = await open();
    const log: string[] = [];
    const handler = (event: MessageEvent) => void log.push(String(event.data));
    const removed = () => void log.push('removed');
    socket.addEventListener('message', handler, { once: true });
    socket.addEventListener('message', removed, { once: true });
    socket.removeEventListener('message', removed);
    const message = eventOf(socket, 'message');
    peer.send(text('a'));
    await message;
    expect(socket.listenerCount('message')).toBe(0);
    socket.addEventListener('message', handler, { once: true });
    const again = eventOf(socket, 'message');
    peer.send(text('b'));
    await again;
    expect(log).toEqual(['a', 'b']);
  });

  it('calls functions with the socket as this', async () => {
    const { peer, socket } = await open();
    const self = new Promise((resolve) => {
      socket.addEventListener('message', function (this: unknown) {
        resolve(this);
      });
    });
    peer.send(text('x'));
    expect(await self).toBe(socket);
  });
});

describe('removeEventListener', () => {
  it('removes what addEventListener added and nothing else', async () => {
    const { socket } = await open();
    const handler = () => {};
    socket.on('message', handler);
    socket.removeEventListener('message', handler);
    expect(socket.listenerCount('message')).toBe(1);
    socket.addEventListener('message', handler);
    expect(socket.listenerCount('message')).toBe(2);
    socket.removeEventListener('message', handler);
    socket.removeEventListener('message', handler);
    expect(socket.listeners('message')).toEqual([handler]);
  });
});
