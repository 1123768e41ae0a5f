/** When a connection is tried, how long is waited, and when it is at an end: in virtual time, against sockets without a network. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ConnectOptions, connect, type Live } from '../../src/live/index.ts';
import { FakeSocket, fakePage, settle } from './fakes.ts';

beforeEach(() => {
  vi.useFakeTimers();
  // The longest that jitter makes of a wait.
  vi.spyOn(Math, 'random').mockReturnValue(1);
  FakeSocket.all.length = 0;
});
const open: Live[] = [];
afterEach(() => {
  for (const live of open.splice(0)) live.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function start(options: ConnectOptions = {}): Promise<Live> {
  const live = connect('ws://host/live', { WebSocket: FakeSocket, fallback: false, ...options });
  open.push(live);
  await settle();
  return live;
}

async function started(options: ConnectOptions = {}, welcome: object = {}): Promise<Live> {
  const live = await start(options);
  FakeSocket.last.welcome(welcome);
  expect(live.state).toBe('open');
  return live;
}

const count = () => FakeSocket.all.length;

describe('the back-off', () => {
  it('doubles to its cap, and jitter takes anything of it', async () => {
    const live = await start({ backoff: { minMs: 100, maxMs: 1000 } });
    for (const waitMs of [100, 200, 400, 800, 1000, 1000]) {
      FakeSocket.last.end();
      expect(live).toMatchObject({ state: 'waiting', retryAt: Date.now() + waitMs });
      const before = count();
      await vi.advanceTimersByTimeAsync(waitMs - 1);
      expect(count()).toBe(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(count()).toBe(before + 1);
      expect(live.state).toBe('connecting');
    }
    vi.mocked(Math.random).mockReturnValue(0.25);
    FakeSocket.last.end();
    expect(live.retryAt).toBe(Date.now() + 250);
  });

  it('starts anew after a connection that was stable, and not before', async () => {
    const live = await start({ backoff: { minMs: 100, stableMs: 5000 } });
    const loseAfter = async (ms: number) => {
      FakeSocket.last.welcome();
      await vi.advanceTimersByTimeAsync(ms);
      FakeSocket.last.end();
      const waitMs = live.retryAt! - Date.now();
      await vi.advanceTimersByTimeAsync(waitMs);
      return waitMs;
    };
    expect([await loseAfter(4999), await loseAfter(4999), await loseAfter(5000), await loseAfter(0)]).toEqual([
      100, 200, 100, 200,
    ]);
  });

  it.each<ConnectOptions>([
    { backoff: { minMs: -1 } },
    { backoff: { maxMs: Number.NaN } },
    { backoff: { stableMs: 2 ** 31 } },
    { connectTimeoutMs: Infinity },
    { timeoutMs: -1 },
  ])('refuses %o at once, and begins nothing', async (options) => {
    expect(() => connect('ws://host', { WebSocket: FakeSocket, ...options })).toThrow(RangeError);
    await settle();
    expect(count()).toBe(0);
  });
});

describe('what a close code asks for', () => {
  it.each([
    [1001, '', 500],
    [1012, 'retry-after-ms=4000', 4500],
    [1013, 'busy, retry-after-ms=9000', 9500],
    [1011, 'retry-after-ms=4000', 500],
    [1000, '', 500],
    [1005, '', 500],
    [1006, '', 500],
    [4401, '', 500],
    [4999, '', 500],
  ])('%i "%s": comes back after %i ms', async (code, reason, waitMs) => {
    const live = await started();
    FakeSocket.last.end(code, reason);
    expect(live).toMatchObject({ state: 'waiting', retryAt: Date.now() + waitMs, error: { code: 'DISCONNECTED' } });
    await vi.advanceTimersByTimeAsync(waitMs);
    expect(count()).toBe(2);
  });

  it.each([4400, 4403, 4409])('%i: stops, and says why', async (code) => {
    const live = await started();
    const states: string[] = [];
    const errors: unknown[] = [];
    live.on('state', (state) => states.push(state));
    live.on('error', (error) => errors.push(error));
    const room = live.join('room:a');
    const call = expect(live.call.any!(1)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    FakeSocket.last.end(code, 'go away');
    expect(states).toEqual(['closed']);
    expect(errors).toEqual([live.error]);
    expect(live.error).toMatchObject({
      code: 'NOT_ALLOWED',
      message: expect.stringContaining('go away'),
      data: { code },
    });
    expect(room).toMatchObject({ state: 'left', error: live.error });
    await call;
    await expect(live.call.any!(1)).rejects.toBe(live.error);
    expect(live.join('room:b')).toMatchObject({ state: 'left', error: live.error });
    await vi.advanceTimersByTimeAsync(100_000);
    expect(count()).toBe(1);
  });

  it("obeys the server's hint when the network or the page comes back meanwhile", async () => {
    const page = fakePage();
    const live = await started();
    FakeSocket.last.end(1013, 'retry-after-ms=60000');
    await vi.advanceTimersByTimeAsync(10_000);
    page.online();
    page.show();
    await vi.advanceTimersByTimeAsync(49_999);
    expect(live.state).toBe('waiting');
    expect(count()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(count()).toBe(2);
  });
});

describe('the network and the page', () => {
  it('tries at once when the network is back, and never while it is gone', async () => {
    const page = fakePage();
    const live = await started();
    page.offline();
    expect(live).toMatchObject({ state: 'offline', error: { code: 'DISCONNECTED' } });
    expect(FakeSocket.last.closedWith).toEqual([1000]);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(count()).toBe(1);
    page.online();
    await settle();
    expect(count()).toBe(2);
    // It burns no tries: the first failure waits as a first one.
    FakeSocket.last.end();
    expect(live.retryAt).toBe(Date.now() + 500);
  });

  it('is offline after a loss while the network is gone', async () => {
    fakePage();
    const live = await started();
    vi.stubGlobal('navigator', { onLine: false });
    FakeSocket.last.end();
    expect(live.state).toBe('offline');
  });

  it.each(['online', 'show', 'restore', 'thaw'] as const)('tries at once in place of waiting: %s', async (event) => {
    const page = fakePage();
    await started();
    FakeSocket.last.end();
    page[event]();
    await settle();
    expect(count()).toBe(2);
    // While it tries, there is nothing to do.
    page[event]();
    await settle();
    expect(count()).toBe(2);
  });

  it('gives up an attempt when the network goes', async () => {
    const page = fakePage();
    const live = await start();
    page.offline();
    expect(live.state).toBe('offline');
    FakeSocket.last.welcome();
    expect(live.state).toBe('offline');
  });

  it('asks at once whether the connection lives when the page is seen again', async () => {
    const page = fakePage();
    const live = await started();
    page.hide();
    await settle();
    expect(FakeSocket.last.take()).toEqual([]);
    page.show();
    await settle();
    expect(FakeSocket.last.take()).toEqual([{ type: 'ping' }]);
    FakeSocket.last.tell({ type: 'pong' });
    await vi.advanceTimersByTimeAsync(24_000);
    expect(live.state).toBe('open');
    page.show();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(live).toMatchObject({ state: 'waiting', error: { message: expect.stringContaining('no sign of life') } });
  });

  it('listens to nothing any more once it is closed', async () => {
    const page = fakePage();
    const live = await started();
    live.close();
    page.offline();
    page.online();
    page.show();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(live.state).toBe('closed');
    expect(count()).toBe(1);
  });
});

describe('silence', () => {
  it('is asked about after the time that the server says, and is the end if nothing comes', async () => {
    const live = await started({}, { pingMs: 5000 });
    await vi.advanceTimersByTimeAsync(4999);
    FakeSocket.last.tell({ type: 'something' });
    await vi.advanceTimersByTimeAsync(4999);
    expect(FakeSocket.last.take()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.last.take()).toEqual([{ type: 'ping' }]);
    await vi.advanceTimersByTimeAsync(4999);
    FakeSocket.last.tell({ type: 'pong' });
    await vi.advanceTimersByTimeAsync(9999);
    expect(live.state).toBe('open');
    await vi.advanceTimersByTimeAsync(1);
    expect(live.state).toBe('waiting');
    expect(FakeSocket.last.closedWith).toEqual([1000]);
  });

  it('is not asked about where the server does not say when', async () => {
    const live = await started({}, { pingMs: 0 });
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(live.state).toBe('open');
    expect(FakeSocket.last.take()).toEqual([]);
  });
});

describe('an attempt', () => {
  it('has so long, the token included', async () => {
    const live = await start({ connectTimeoutMs: 3000 });
    FakeSocket.last.accept();
    await vi.advanceTimersByTimeAsync(3000);
    expect(live).toMatchObject({ state: 'waiting', error: { message: expect.stringContaining('within 3000 ms') } });
    expect(FakeSocket.last.closedWith).toEqual([1000]);

    const hung = await start({ connectTimeoutMs: 3000, token: () => new Promise<never>(() => {}) });
    await vi.advanceTimersByTimeAsync(2999);
    expect(hung.state).toBe('connecting');
    await vi.advanceTimersByTimeAsync(1);
    expect(hung.state).toBe('waiting');
  });

  it('that is given up opens nothing later', async () => {
    const live = await start({ connectTimeoutMs: 1000 });
    const [first] = FakeSocket.all;
    await vi.advanceTimersByTimeAsync(1000);
    first!.welcome();
    first!.end(4403);
    expect(live.state).toBe('waiting');
  });

  it('begins after the caller has had its turn: what is closed at once makes no socket and asks for no token', async () => {
    const token = vi.fn(() => 't');
    const live = connect('ws://host', { WebSocket: FakeSocket, token });
    live.close();
    await settle();
    expect(count()).toBe(0);
    expect(token).not.toHaveBeenCalled();
    expect(live.state).toBe('closed');
  });

  it('makes no socket when it was closed while the token was fetched', async () => {
    let give!: (token: string) => void;
    const live = await start({ token: () => new Promise<string>((resolve) => (give = resolve)) });
    live.close();
    give('late');
    await settle();
    expect(count()).toBe(0);
  });

  it('fails with what the socket says, or its constructor', async () => {
    const live = await start();
    FakeSocket.last.end(1006, '', new Error('ECONNREFUSED'));
    expect(live.error).toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringMatching(/ws:\/\/host\/live could not be made: ECONNREFUSED/),
      cause: new Error('ECONNREFUSED'),
    });
    class Throwing extends FakeSocket {
      constructor() {
        super('');
        throw new SyntaxError('bad subprotocol');
      }
    }
    const other = await start({ WebSocket: Throwing });
    expect(other).toMatchObject({ state: 'waiting', error: { message: expect.stringContaining('bad subprotocol') } });
  });

  it('closes a server that speaks something else, and stays away', async () => {
    const live = await start();
    FakeSocket.last.accept();
    FakeSocket.last.onmessage?.({ data: 'hello' });
    expect(live).toMatchObject({ state: 'closed', error: { message: expect.stringContaining('not the realtime') } });
  });
});

describe('the token', () => {
  it.each<[string, ConnectOptions['token'], string[]]>([
    ['text', 'abc', ['framewright.realtime.1', 'bearer.abc']],
    ['a function', () => 'abc', ['framewright.realtime.1', 'bearer.abc']],
    ['a promise', async () => 'abc', ['framewright.realtime.1', 'bearer.abc']],
    ['none', async () => undefined, ['framewright.realtime.1']],
  ])('goes as a subprotocol: %s', async (_, token, protocols) => {
    await start({ token });
    expect(FakeSocket.last.protocols).toEqual(protocols);
  });

  it('is asked for again for each attempt, and may throw or reject', async () => {
    const answers = [
      () => 'one',
      () => {
        throw new Error('thrown');
      },
      () => Promise.reject(new Error('rejected')),
      () => 'two',
    ];
    const errors: string[] = [];
    const live = await start({ token: () => answers.shift()!() });
    live.on('error', (error) => errors.push((error.cause as Error)?.message));
    FakeSocket.last.welcome();
    FakeSocket.last.end(4401);
    await vi.advanceTimersByTimeAsync(500);
    await vi.advanceTimersByTimeAsync(1000);
    await vi.advanceTimersByTimeAsync(2000);
    expect(errors).toEqual([undefined, 'thrown', 'rejected']);
    expect(FakeSocket.last.protocols[1]).toBe('bearer.two');
    expect(live.state).toBe('connecting');
  });

  it('that is text and was refused is the end', async () => {
    const live = await started({ token: 'abc' });
    FakeSocket.last.end(4401, 'expired');
    expect(live).toMatchObject({ state: 'closed', error: { code: 'NOT_ALLOWED' } });
  });

  it('is renewed on the connection before it ends', async () => {
    const tokens = ['one', 'two', 'three', 'four'];
    await started({ token: () => tokens.shift() }, { expires: Date.now() + 3_600_000, pingMs: 0 });
    const socket = FakeSocket.last;
    await vi.advanceTimersByTimeAsync(3_539_999);
    expect(socket.take()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    const [first] = socket.take();
    expect(first).toEqual({ type: 'token', id: expect.any(Number), token: 'two' });
    // 10 seconds from now on: the last fifth of it.
    socket.tell({ type: 'result', id: first!.id, output: { expires: Date.now() + 10_000 } });
    await vi.advanceTimersByTimeAsync(7999);
    expect(socket.take()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(socket.take()).toMatchObject([{ type: 'token', token: 'three' }]);
    expect(count()).toBe(1);
  });

  it('that ends in two months is not renewed at once', async () => {
    await started({ token: () => 't' }, { expires: Date.now() + 5_184_000_000, pingMs: 0 });
    await vi.advanceTimersByTimeAsync(86_400_000);
    expect(FakeSocket.last.take()).toEqual([]);
    await vi.advanceTimersByTimeAsync(86_400_000 * 24);
    expect(FakeSocket.last.take()[0]).toMatchObject({ type: 'token' });
  });

  it('that has ended by a clock which is ahead is renewed when the server says so, and not in circles', async () => {
    await started({ token: () => 't' }, { expires: Date.now() - 5000, pingMs: 0 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.last.take()).toEqual([]);
    FakeSocket.last.end(4401);
    await vi.advanceTimersByTimeAsync(500);
    expect(count()).toBe(2);
  });

  it('that comes when the connection is another is not sent on it', async () => {
    let give!: (token: string) => void;
    let asked = 0;
    const token = () =>
      ++asked === 2
        ? new Promise<string>((resolve) => {
            give = resolve;
          })
        : 't';
    await started({ token }, { expires: Date.now() + 10_000 });
    await vi.advanceTimersByTimeAsync(8000);
    FakeSocket.last.end();
    await vi.advanceTimersByTimeAsync(500);
    FakeSocket.last.welcome();
    give('late');
    await settle();
    expect(FakeSocket.last.take()).toEqual([]);
  });

  it('that cannot be renewed is told, and tried again', async () => {
    let isBroken = false;
    const live = await started(
      {
        token: async () => {
          if (isBroken) throw new Error('no token server');
          return 'one';
        },
      },
      { expires: Date.now() + 10_000 },
    );
    const errors: string[] = [];
    live.on('error', ({ message }) => errors.push(message));
    isBroken = true;
    await vi.advanceTimersByTimeAsync(8000);
    expect(errors).toEqual([expect.stringContaining('no token server')]);
    isBroken = false;
    await vi.advanceTimersByTimeAsync(1600);
    const [request] = FakeSocket.last.take();
    FakeSocket.last.tell({ type: 'error', id: request!.id, code: 'NOT_ALLOWED', message: 'not you' });
    await settle();
    expect(errors).toHaveLength(2);
    expect(live.state).toBe('open');
  });
});

describe('listeners', () => {
  it('that throw do not break anything, and are reported', async () => {
    const live = await start();
    const reported: unknown[] = [];
    vi.stubGlobal('queueMicrotask', (task: () => void) => {
      try {
        task();
      } catch (error) {
        reported.push(error);
      }
    });
    const states: string[] = [];
    live.on('state', () => {
      throw new Error('mine');
    });
    const off = live.on('state', (state) => states.push(state));
    FakeSocket.last.welcome();
    off();
    FakeSocket.last.end();
    expect(states).toEqual(['open']);
    expect(reported).toEqual([new Error('mine'), new Error('mine')]);
  });

  it('that close it while it opens are told of its end once', async () => {
    const live = await started();
    const room = live.join('a');
    await settle();
    FakeSocket.last.end();
    await vi.advanceTimersByTimeAsync(500);
    const states: string[] = [];
    live.on('state', (state) => states.push(state));
    room.on('state', () => live.close());
    FakeSocket.last.welcome();
    expect(states).toEqual(['closed']);
  });

  it('may close the connection at each event', async () => {
    for (const type of ['state', 'error'] as const) {
      for (const end of [() => FakeSocket.last.welcome(), () => FakeSocket.last.end()]) {
        const live = await start();
        live.on(type, () => live.close());
        end();
        FakeSocket.last.end();
        expect(live.state).toBe('closed');
      }
    }
  });
});

describe('an address', () => {
  it.each([
    ['http://host/a', 'ws://host/a'],
    ['https://host/a?b#c', 'wss://host/a?b'],
    [new URL('wss://host'), 'wss://host/'],
  ])('%s', async (given, url) => {
    open.push(connect(given, { WebSocket: FakeSocket }));
    await settle();
    expect(FakeSocket.last.url).toBe(url);
  });

  it('of a page may leave out what the page has', async () => {
    vi.stubGlobal('location', { href: 'https://host/page/' });
    open.push(connect('/live', { WebSocket: FakeSocket }));
    await settle();
    expect(FakeSocket.last.url).toBe('wss://host/live');
  });

  it.each(['/live', 'ftp://host', ''])('refuses "%s" at once', (url) => {
    expect(() => connect(url, { WebSocket: FakeSocket })).toThrow(
      new TypeError(`${url} is no address of a WebSocket, such as ws://host/live`),
    );
  });

  it('refuses listeners of events that there are not', () => {
    const live = connect('ws://host', { WebSocket: FakeSocket });
    open.push(live);
    expect(() => live.on('connect' as 'state', () => {})).toThrow(new TypeError("No event 'connect': state,error"));
    expect(() => live.join('room:a').on('mesage' as 'message', () => {})).toThrow(
      new TypeError("No event 'mesage': message,gap,members,state,error"),
    );
  });

  it('says that there is no WebSocket', () => {
    vi.stubGlobal('WebSocket', undefined);
    expect(() => connect('ws://host')).toThrow(/as option WebSocket/);
  });
});
