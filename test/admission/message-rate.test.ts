/** The option `messageRate` on real sockets. Time passes when the test says so. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Socket } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MessageRate } from '../../src/admission/message-limits.ts';
import { READ_BYTES } from '../../src/memory/mask-kernel.ts';
import { listen } from '../../src/server/net-server.ts';
import { WebSocketServer } from '../../src/server/websocket-server.ts';
import { WebSocket } from '../../src/socket/websocket.ts';
import { binary, close, closed, echoed, inShort, ping, RawPeer, text, upgradeRequest } from '../support/raw-peer.ts';
import {
  echo,
  eventOf,
  nextTurn,
  type OnConnection,
  SERVER_KINDS,
  type ServerSetup,
  startServer,
  watchProcess,
} from '../support/servers.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What would come in some turns, if anything did. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await nextTurn();
}

describe.each(SERVER_KINDS)('messageRate on %s', (kind) => {
  /** A server that notes what it is given, and echoes it. */
  async function start(messageRate: MessageRate, setup: ServerSetup = {}, onConnection: OnConnection = () => {}) {
    const heard: string[] = [];
    const server = await startServer(
      kind,
      { ...setup, http: { ...setup.http, messageRate }, net: { ...setup.net, messageRate } },
      (socket) => {
        socket.on('message', (data) => heard.push(String(data)));
        echo(socket);
        return onConnection(socket);
      },
    );
    return { server, heard };
  }
  const numbered = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, i) => text(`${first + i}`));

  it('hands out a burst, and then what the rate gives, in order', async () => {
    const { server, heard } = await start({ perSecond: 2, burst: 3 });
    const peer = await RawPeer.open(server);
    const end = eventOf(server.connections[0]!, 'close');
    const timers = vi.getTimerCount();
    peer.send(...numbered(1, 6), close(1000));
    expect(await peer.frames(3)).toEqual(['1', '2', '3'].map(echoed));
    await someTurns();
    vi.advanceTimersByTime(499);
    await someTurns();
    expect(heard).toEqual(['1', '2', '3']);
    vi.advanceTimersByTime(2);
    expect(await peer.frame()).toBe(echoed('4'));
    vi.advanceTimersByTime(500);
    expect(await peer.frame()).toBe(echoed('5'));
    // What has waited in the meantime is no burst: it was never full.
    vi.advanceTimersByTime(500);
    expect(await peer.framesUntilEnd()).toEqual([echoed('6'), closed(1000)]);
    expect(await end).toEqual([1000, Buffer.alloc(0)]);
    expect(vi.getTimerCount()).toBe(timers);
  });

  it('reads no more meanwhile, so that the peer has to wait', async () => {
    const { server, heard } = await start({ perSecond: 1 });
    const peer = await RawPeer.open(server);
    const socket = server.connections[0]!._socket as Socket;
    const before = socket.bytesRead;
    const flood = Buffer.concat(Array.from({ length: 4 }, () => binary(Buffer.alloc(60_000))));
    for (let turn = 0; turn < 60; turn++) {
      if (!peer.socket.writableNeedDrain) peer.socket.write(flood);
      await nextTurn();
    }
    expect(heard.length).toBe(1);
    expect(socket.bytesRead - before).toBeLessThanOrEqual(READ_BYTES + 2 * 65_536);
    expect(peer.socket.writableNeedDrain).toBe(true);
  });

  it('A34 who comes back finds what he has left', async () => {
    const { server, heard } = await start({ perSecond: 1, burst: 5 });
    for (let i = 0; i < 6; i++) {
      const peer = await RawPeer.open(server);
      const end = eventOf(server.connections.at(-1)!, 'close');
      peer.send(text('a'), text('b'), text('c'));
      await someTurns();
      peer.socket.destroy();
      await someTurns();
      // The connection has a message that waits, and does not wait for that longer than for a closing handshake.
      vi.advanceTimersByTime(1);
      server.connections.at(-1)!.terminate();
      await end;
    }
    expect(heard.length).toBe(5);
  });

  it('is one for all connections of an address, each of which gets its turn', async () => {
    const { server } = await start({ perSecond: 10, burst: 1 });
    const [first, second] = [await RawPeer.open(server), await RawPeer.open(server)];
    first.send(...numbered(1, 20));
    expect(await first.frame()).toBe(echoed('1'));
    second.send(...numbered(1, 20));
    await someTurns();
    for (let i = 0; i < 4; i++) {
      vi.advanceTimersByTime(101);
      await someTurns();
    }
    expect([await first.frames(2), await second.frames(2)]).toEqual([
      [echoed('2'), echoed('3')],
      [echoed('1'), echoed('2')],
    ]);
  });

  it('counts by another key where there is one, and not at all where that is undefined', async () => {
    const key = (request: unknown) =>
      new URL((request as { url: string }).url, 'ws://x').searchParams.get('key') ?? undefined;
    const { server, heard } = await start({ perSecond: 1, key });
    const open = async (path: string) => {
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest({}, `GET ${path} HTTP/1.1`));
      expect(await peer.head()).toContain(' 101 ');
      return peer;
    };
    for (const path of ['/?key=a', '/?key=a', '/?key=b']) (await open(path)).send(text(path));
    await someTurns();
    expect(heard).toEqual(['/?key=a', '/?key=b']);
    const free = await open('/');
    free.send(...numbered(1, 50));
    expect((await free.frames(50)).at(-1)).toBe(echoed('50'));
  });

  it('a key that cannot be told is answered with 500', async () => {
    const { warnings, uncaught } = watchProcess();
    for (const key of [
      () => {
        throw new Error('no key');
      },
      () => 5 as never,
      (async () => Promise.reject(new Error('no key'))) as never,
    ]) {
      const { server } = await start({ perSecond: 1, key });
      const peer = await RawPeer.connect(server);
      peer.send(upgradeRequest());
      expect(await peer.head()).toContain(' 500 ');
    }
    await nextTurn();
    expect(warnings.map(({ detail }) => detail)).toEqual([
      expect.stringContaining('no key'),
      expect.stringContaining('messageRate.key() returned no string but number'),
      expect.stringContaining('messageRate.key() returned a promise'),
    ]);
    expect(uncaught).toEqual([]);
  });

  it('counts bytes: a message over the burst comes, and the next one waits for what it owes', async () => {
    const { server, heard } = await start({ bytesPerSecond: 1000, burstBytes: 500 });
    const peer = await RawPeer.open(server);
    peer.send(text('x'.repeat(2500)), text('y'));
    expect(await peer.frame()).toBe(echoed('x'.repeat(2500)));
    vi.advanceTimersByTime(1990);
    await someTurns();
    expect(heard.length).toBe(1);
    vi.advanceTimersByTime(20);
    expect(await peer.frame()).toBe(echoed('y'));
  });

  it('counts what comes out of compressed messages', async () => {
    const { server, heard } = await start(
      { bytesPerSecond: 10_000 },
      { http: { perMessageDeflate: true }, net: { perMessageDeflate: true } },
    );
    const peer = await RawPeer.open(server, { 'Sec-WebSocket-Extensions': 'permessage-deflate' });
    const bomb = deflateRawSync(Buffer.alloc(20_000), { finishFlush: 2 }).subarray(0, -4);
    expect(bomb.length).toBeLessThan(100);
    peer.send(binary(bomb, { rsv: 4 }), binary(bomb, { rsv: 4 }));
    await peer.frame();
    vi.advanceTimersByTime(1990);
    await someTurns();
    expect(heard.length).toBe(1);
    vi.advanceTimersByTime(20);
    await peer.frame();
    expect(heard.length).toBe(2);
  });

  it("with onExcess 'close' the connection ends with 1008, and others go on", async () => {
    const { server, heard } = await start({
      perSecond: 1,
      burst: 2,
      onExcess: 'close',
      key: (request) => (request as Request).url,
    });
    const peer = await RawPeer.open(server);
    const socket = server.connections[0]!;
    const error = eventOf(socket, 'error');
    peer.send(text('a'), text('b'), text('c'), text('d'));
    expect(await peer.framesUntilEnd()).toEqual([echoed('a'), echoed('b'), closed(1008, 'Messages come too fast')]);
    expect(await error).toMatchObject([
      { code: 'WS_ERR_RATE_EXCEEDED', message: 'Messages come faster than messageRate allows' },
    ]);
    expect(heard).toEqual(['a', 'b']);
    const other = await RawPeer.connect(server);
    other.send(upgradeRequest({}, 'GET /other HTTP/1.1'), text('e'));
    await other.head();
    expect(await other.frame()).toBe(echoed('e'));
  });

  it('control frames wait behind messages that wait', async () => {
    const { server } = await start({ perSecond: 1 });
    const peer = await RawPeer.open(server);
    peer.send(text('a'), ping('before'), text('b'), ping('behind'));
    expect(await peer.frames(2)).toEqual([echoed('a'), inShort(0x8a, 'before')]);
    await someTurns();
    vi.advanceTimersByTime(1001);
    expect(await peer.frames(2)).toEqual([echoed('b'), inShort(0x8a, 'behind')]);
  });

  it('waits while the application has paused, and goes on behind that', async () => {
    const { server, heard } = await start({ perSecond: 1 });
    const peer = await RawPeer.open(server);
    peer.send(...numbered(1, 3));
    expect(await peer.frame()).toBe(echoed('1'));
    server.connections[0]!.pause();
    vi.advanceTimersByTime(10_000);
    await someTurns();
    expect(heard).toEqual(['1']);
    server.connections[0]!.resume();
    expect(await peer.frame()).toBe(echoed('2'));
    await someTurns();
    expect(heard).toEqual(['1', '2']);
  });

  it('§7.1.1 close() ends in time though the answer stands behind what waits', async () => {
    const { server } = await start({ perSecond: 0.001, burst: 1 }, { closeTimeoutMs: 5000 });
    const peer = await RawPeer.open(server);
    const socket = server.connections[0]!;
    const end = eventOf(socket, 'close');
    peer.send(text('a'), text('b'), close(1000));
    expect(await peer.frame()).toBe(echoed('a'));
    socket.close(1001);
    expect(await peer.frame()).toBe(closed(1001));
    await someTurns();
    expect(socket.readyState).toBe(2);
    vi.advanceTimersByTime(5000);
    expect(await end).toEqual([1006, Buffer.alloc(0)]);
  });

  it('a connection whose socket has gone does not wait for longer than a closing handshake', async () => {
    const { server, heard } = await start({ perSecond: 1 }, { closeTimeoutMs: 5000 });
    const peer = await RawPeer.open(server);
    const socket = server.connections[0]!;
    const end = eventOf(socket, 'close');
    peer.send(...numbered(1, 1000));
    await peer.frame();
    socket._socket!.destroy();
    for (let second = 0; second < 20; second++) {
      await someTurns();
      vi.advanceTimersByTime(1001);
    }
    await end;
    expect(heard.length).toBeLessThan(10);
    expect(heard.length).toBeGreaterThan(2);
  });

  it('goes on in the async context of the connection, not in that of whoever has set the timer', async () => {
    vi.useRealTimers();
    const storage = new AsyncLocalStorage<string>();
    const contexts: unknown[] = [];
    const { server } = await start({ perSecond: 20, burst: 1 }, {}, (socket) => {
      socket.on('message', () => contexts.push(storage.getStore()));
    });
    const [first, second] = [await RawPeer.open(server), await RawPeer.open(server)];
    first.send(...numbered(1, 2));
    await first.frame();
    second.send(text('behind'));
    await someTurns();
    // Whoever is first in line leaves: the timer is set anew.
    storage.run('elsewhere', () => server.connections[0]!.terminate());
    expect(await second.frame()).toBe(echoed('behind'));
    expect(contexts).toEqual([undefined, undefined]);
  });
});

describe('messageRate, where it is wrong', () => {
  const doors: [string, (messageRate: never) => unknown][] = [
    ['listen()', (messageRate) => listen({ messageRate })],
    ['WebSocketServer', (messageRate) => new WebSocketServer({ noServer: true, messageRate })],
  ];
  const wrong: [given: unknown, message: string][] = [
    [{}, ': messageRate takes perSecond, bytesPerSecond or both: without them nothing is limited'],
    [{ perSecond: 0 }, ': messageRate.perSecond must be a number above 0; got 0'],
    [{ perSecond: Infinity }, ': messageRate.perSecond must be a number above 0; got Infinity'],
    [{ bytesPerSecond: Number.NaN }, ': messageRate.bytesPerSecond must be a number above 0; got NaN'],
    [{ perSecond: 1, burst: 0.5 }, ': messageRate.burst must be a whole number from 1 on; got 0.5'],
    [{ perSecond: 1, burstBytes: 5 }, ': messageRate.burstBytes needs bytesPerSecond beside it'],
    [{ perSecond: '5' }, ': messageRate.perSecond must be a number; got the string "5"'],
    [{ perSecond: 1, onExcess: 'drop' }, `: messageRate.onExcess must be 'wait' or 'close'; got the string "drop"`],
    [{ perSecond: 1, key: 'ip' }, ': messageRate.key must be a function; got the string "ip"'],
    [
      { perMinute: 1 },
      ' has no option "messageRate.perMinute": it takes perSecond, burst, bytesPerSecond, burstBytes, key, onExcess',
    ],
    [5, ': messageRate must be an object; got the number 5'],
  ];

  it.each(doors.flatMap(([door, open]) => wrong.map(([given, message]) => ({ door, open, given, message }))))(
    '$door$message',
    async ({ door, open, given, message }) => {
      const fault = await (async () => open(given as never))().catch((error: Error) => error);
      expect(fault).toMatchObject({ message: `${door}${message}` });
    },
  );

  it('clients have no such option, and say so', () => {
    expect(() => new WebSocket('ws://127.0.0.1:9', { messageRate: { perSecond: 1 } } as never)).toThrow(
      'WebSocket has no option "messageRate": only listen() and WebSocketServer have it',
    );
  });
});
