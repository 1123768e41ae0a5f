/** The reconnecting WebSocket: the browser's interface, over sockets without a network. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ReconnectingOptions, type ReconnectingSocket, reconnecting } from '../../src/live/index.ts';
import { FakeSocket, settle } from './fakes.ts';

const made: ReconnectingSocket[] = [];
beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  FakeSocket.all.length = 0;
});
afterEach(async () => {
  for (const socket of made.splice(0)) socket.close();
  await settle();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function start(options: ReconnectingOptions = {}, url: Parameters<typeof reconnecting>[0] = 'ws://host/') {
  const socket = reconnecting(url, { WebSocket: FakeSocket, ...options });
  made.push(socket);
  await settle();
  return socket;
}

/** Its events, with what `readyState` was meanwhile. */
function watch(socket: ReconnectingSocket): string[] {
  const told: string[] = [];
  const tell = (text: string) => told.push(`${text} (${socket.readyState})`);
  socket.addEventListener('open', () => tell('open'));
  socket.addEventListener('message', ({ data }) => tell(`message ${data}`));
  socket.addEventListener('error', ({ error }) => tell(`error ${error.code}`));
  socket.addEventListener('close', ({ code, reason, wasClean }) => tell(`close ${code} ${reason}${wasClean}`));
  return told;
}

describe('a reconnecting WebSocket', () => {
  it('has the events of each connection, one after another', async () => {
    const socket = await start();
    const told = watch(socket);
    expect(socket.readyState).toBe(socket.CONNECTING);
    FakeSocket.last.end();
    await settle();
    FakeSocket.last.accept();
    FakeSocket.last.onmessage?.({ data: 'hello' });
    FakeSocket.last.end(1012, 'retry-after-ms=5 ');
    await vi.advanceTimersByTimeAsync(5);
    FakeSocket.last.accept();
    socket.close(3000, 'bye ');
    expect(socket.readyState).toBe(socket.CLOSING);
    expect(FakeSocket.last.closedWith).toEqual([3000, 'bye ']);
    expect(FakeSocket.last.onmessage).toBeNull();
    FakeSocket.last.end(3000, 'bye ');
    expect(told).toEqual([
      'error DISCONNECTED (0)',
      'close 1006 false (0)',
      'open (1)',
      'message hello (1)',
      'close 1012 retry-after-ms=5 true (0)',
      'open (1)',
      'close 3000 bye true (3)',
    ]);
    expect(socket.state).toBe('closed');
    await vi.advanceTimersByTimeAsync(100_000);
    expect(FakeSocket.all).toHaveLength(3);
  });

  it.each([4400, 4403, 4409])('is at an end after %i', async (code) => {
    const socket = await start();
    const told = watch(socket);
    FakeSocket.last.accept();
    FakeSocket.last.end(code);
    expect(told).toEqual(['open (1)', `close ${code} true (3)`]);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('sends on the connection that there is, and keeps nothing for the next one', async () => {
    const socket = await start();
    const notNow = expect.objectContaining({ name: 'InvalidStateError' });
    expect(() => socket.send('a')).toThrow(notNow);
    FakeSocket.last.accept();
    socket.send('b');
    expect(FakeSocket.last.sent).toEqual(['b']);
    FakeSocket.last.end();
    expect(() => socket.send('c')).toThrow(notNow);
    await settle();
    FakeSocket.last.accept();
    expect(FakeSocket.last.sent).toEqual([]);
    socket.close();
    expect(() => socket.send('d')).not.toThrow();
    expect(FakeSocket.last.sent).toEqual([]);
  });

  it('has handlers, and says which connection it is', async () => {
    const socket = await start({ protocols: ['a', 'b'], token: 't' });
    const told: unknown[] = [];
    socket.onopen = () => told.push(['open', socket.protocol, socket.extensions]);
    socket.onmessage = ({ data }) => told.push(['message', data]);
    socket.onerror = ({ error }) => told.push(['error', error.cause]);
    socket.onclose = ({ code }) => told.push(['close', code]);
    socket.onstatechange = () => told.push(['state', socket.state]);
    expect(FakeSocket.last.protocols).toEqual(['a', 'b', 'bearer.t']);
    FakeSocket.last.protocol = 'b';
    FakeSocket.last.extensions = 'permessage-deflate';
    FakeSocket.last.bufferedAmount = 7;
    socket.binaryType = 'arraybuffer';
    FakeSocket.last.accept();
    expect([socket.bufferedAmount, FakeSocket.last.binaryType]).toEqual([7, 'arraybuffer']);
    FakeSocket.last.onmessage?.({ data: 1 });
    socket.onmessage = null;
    FakeSocket.last.onmessage?.({ data: 2 });
    FakeSocket.last.end(1006, '', 'cause');
    await settle();
    expect(FakeSocket.last.binaryType).toBe('arraybuffer');
    expect(told).toEqual([
      ['open', 'b', 'permessage-deflate'],
      ['state', 'open'],
      ['message', 1],
      ['state', 'waiting'],
      ['error', 'cause'],
      ['close', 1006],
      ['state', 'connecting'],
    ]);
  });

  it('asks a function for its address each time', async () => {
    let n = 0;
    const socket = await start({}, async () => {
      n += 1;
      if (n === 2) throw new Error('no ticket');
      return `https://host/?ticket=${n}`;
    });
    const told = watch(socket);
    expect(socket.url).toBe('wss://host/?ticket=1');
    FakeSocket.last.end();
    await vi.advanceTimersByTimeAsync(10);
    expect(socket.url).toBe('wss://host/?ticket=3');
    expect(told).toEqual(Array(2).fill(['error DISCONNECTED (0)', 'close 1006 false (0)']).flat());
  });

  it('notices silence where it knows what to ask', async () => {
    const socket = await start({ ping: 'ping?', pingMs: 5000 });
    FakeSocket.last.accept();
    await vi.advanceTimersByTimeAsync(5000);
    expect(FakeSocket.last.sent).toEqual(['ping?']);
    FakeSocket.last.onmessage?.({ data: 'pong!' });
    await vi.advanceTimersByTimeAsync(9999);
    expect(socket.readyState).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.readyState).toBe(0);

    const other = await start({ pingMs: 5000 });
    FakeSocket.last.accept();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(other.readyState).toBe(1);
  });

  it('that is closed at once, or before it is open, has a close event and no connection', async () => {
    const socket = reconnecting('ws://host', { WebSocket: FakeSocket });
    const told = watch(socket);
    socket.close();
    expect(socket.readyState).toBe(2);
    await settle();
    expect(FakeSocket.all).toEqual([]);
    const other = await start();
    const toldOther = watch(other);
    other.close();
    await settle();
    FakeSocket.last.end();
    expect([told, toldOther]).toEqual([['close 1006 false (3)'], ['close 1006 false (3)']]);
  });

  it.each<[[number?, string?], string]>([
    [[1001], 'InvalidAccessError'],
    [[5000], 'InvalidAccessError'],
    [[1000, 'é'.repeat(62)], 'SyntaxError'],
  ])('refuses to close with %o', async (args, name) => {
    const socket = await start();
    expect(() => socket.close(...args)).toThrow(expect.objectContaining({ name }));
    expect(socket.readyState).toBe(0);
  });

  it('refuses a bad address at once', () => {
    expect(() => reconnecting('nowhere', { WebSocket: FakeSocket })).toThrow(TypeError);
  });
});
