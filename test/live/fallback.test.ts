/** Where WebSockets are blocked: HTTP in their place, against a server that a test plays, in virtual time. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ConnectOptions, connect, type Live } from '../../src/live/index.ts';
import { FakeSocket, fakePage, settle } from './fakes.ts';

/** A request over HTTP, and the answer that the test gives. */
class Exchange {
  static readonly all: Exchange[] = [];
  /** Whether what is aborted ends, as it should. */
  static endsAborted = true;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: unknown;
  readonly body: unknown;
  readonly response: Promise<Response>;
  isAborted = false;
  #resolve!: (response: Response) => void;
  #reject!: (error: unknown) => void;
  #stream!: ReadableStreamDefaultController<Uint8Array>;

  constructor(url: string, { headers, body, signal, credentials }: RequestInit) {
    this.url = url;
    this.headers = headers as Record<string, string>;
    this.credentials = credentials;
    this.body = JSON.parse(body as string);
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signal!.addEventListener('abort', () => {
      this.isAborted = true;
      if (Exchange.endsAborted) this.fail(signal!.reason);
    });
    Exchange.all.push(this);
  }

  get isStream(): boolean {
    return this.headers.accept === 'text/event-stream';
  }

  async open(): Promise<void> {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#stream = controller;
      },
    });
    this.#resolve(new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } }));
    this.tell({ type: 'welcome', connection: 'c', user: 'u', pingMs: 25_000 });
    await settle();
  }

  write(piece: string | Uint8Array): void {
    this.#stream.enqueue(typeof piece === 'string' ? new TextEncoder().encode(piece) : piece);
  }

  tell(message: object): void {
    this.write(`data: ${JSON.stringify(message)}\n\n`);
  }

  async end(): Promise<void> {
    this.#stream.close();
    await settle();
  }

  async answer(message: object | string, init: ResponseInit = {}): Promise<void> {
    this.#resolve(typeof message === 'string' ? new Response(message, init) : Response.json(message, init));
    await settle();
  }

  async fail(error: unknown = new TypeError('fetch failed')): Promise<void> {
    this.#reject(error);
    this.#stream?.error(error);
    await settle();
  }
}
const streams = () => Exchange.all.filter(({ isStream }) => isStream);
const posts = () => Exchange.all.filter(({ isStream }) => !isStream);

let live: Live;
async function start(options: ConnectOptions = {}): Promise<void> {
  live = connect('wss://host/live', {
    WebSocket: FakeSocket,
    fetch: ((url: string, init: RequestInit) => new Exchange(url, init).response) as typeof fetch,
    ...options,
  });
  await settle();
}

/** WebSockets are blocked: the first two attempts fail. */
async function block(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    FakeSocket.last.end();
    await vi.advanceTimersByTimeAsync(1);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  FakeSocket.all.length = 0;
  Exchange.all.length = 0;
});
afterEach(async () => {
  live.close();
  await settle();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A client that is open over HTTP, with a channel at offset 4. */
async function fallen(options: ConnectOptions = {}): Promise<ReturnType<Live['join']>> {
  await start(options);
  const room = live.join('a');
  await block();
  const [stream] = streams();
  await stream!.open();
  const [join] = stream!.body as { id: number }[];
  stream!.tell({ type: 'joined', id: join!.id, channel: 'a', epoch: 'e', offset: 4 });
  await settle();
  expect(live.state).toBe('open');
  return room;
}
const latest = () => streams().at(-1)!;

describe('the fall-back', () => {
  it('begins when two attempts with WebSockets have failed, with all channels', async () => {
    await start({ token: 'secret' });
    live.join('a', { last: 3 });
    live.join('b');
    await block();
    expect(FakeSocket.all).toHaveLength(2);
    const [stream] = streams();
    expect(stream).toMatchObject({
      url: 'https://host/live',
      credentials: 'include',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', authorization: 'Bearer secret' },
      body: [
        { type: 'join', channel: 'a', last: 3 },
        { type: 'join', channel: 'b' },
      ],
    });
    await stream!.open();
    expect(live).toMatchObject({ state: 'open', user: 'u' });
    expect(streams()).toHaveLength(1);
  });

  it('alternates with WebSockets while nothing opens', async () => {
    await start();
    await block();
    await streams()[0]!.fail();
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.all).toHaveLength(3);
    FakeSocket.last.end();
    await vi.advanceTimersByTimeAsync(1);
    expect(streams()).toHaveLength(2);
  });

  it('does not count attempts that ended with the network', async () => {
    const page = fakePage();
    await start();
    for (let i = 0; i < 3; i++) {
      page.offline();
      page.online();
      await settle();
    }
    FakeSocket.last.end();
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.all).toHaveLength(5);
    expect(streams()).toEqual([]);
    vi.unstubAllGlobals();
  });

  it('is not used when it is switched off', async () => {
    await start({ fallback: false });
    await block();
    await block();
    expect(Exchange.all).toEqual([]);
    expect(FakeSocket.all).toHaveLength(5);
  });

  it('brings frames, wherever they are cut', async () => {
    const room = await fallen();
    const texts: unknown[] = [];
    room.on('message', ({ data, position }) => texts.push([position?.offset, data]));
    const text = `: alive\r\n\r\ndata: ${JSON.stringify({ type: 'entries', channel: 'a', offset: 5, data: ['é😀', 'b'] })}\r\n\r\n`;
    for (const byte of new TextEncoder().encode(text)) {
      latest().write(Uint8Array.of(byte));
      await settle();
    }
    expect(texts).toEqual([
      [5, 'é😀'],
      [6, 'b'],
    ]);
  });

  it('sends requests as POSTs of their own', async () => {
    await fallen({ token: async () => 'secret' });
    const call = live.call.say!({ a: 1 });
    const published = live.publish('a', 'x', { key: 'k' });
    await settle();
    const [first, second] = posts();
    expect(first).toMatchObject({
      url: 'https://host/live',
      headers: { accept: 'application/json', 'content-type': 'application/json', authorization: 'Bearer secret' },
      body: { type: 'call', call: 'say', input: { a: 1 }, key: expect.any(String) },
    });
    const idOf = ({ body }: Exchange) => (body as { id: number }).id;
    await second!.answer({ type: 'result', id: idOf(second!), output: { epoch: 'e', offset: 5 } });
    expect(await published).toEqual({ epoch: 'e', offset: 5 });
    const refusal = { type: 'error', id: idOf(first!), code: 'INVALID', message: 'no' };
    await Promise.all([expect(call).rejects.toMatchObject({ code: 'INVALID' }), first!.answer(refusal)]);
    expect(streams()).toHaveLength(1);
  });

  it('cancels a request by its POST', async () => {
    await fallen();
    const call = live.call.say!(1, { timeoutMs: 1000 });
    const end = expect(call).rejects.toMatchObject({ code: 'TIMEOUT' });
    await vi.advanceTimersByTimeAsync(1000);
    await end;
    expect(posts()[0]!.isAborted).toBe(true);
    expect(live.state).toBe('open');
  });

  it('sends again with its key what was not answered', async () => {
    await fallen();
    const call = live.call.say!(1);
    const once = expect(live.call.say!(2, { retry: false })).rejects.toMatchObject({ code: 'DISCONNECTED' });
    await settle();
    const [first, second] = posts();
    await second!.fail();
    await once;
    expect(live.state).not.toBe('open');
    await vi.advanceTimersByTimeAsync(1);
    await latest().fail();
    await vi.advanceTimersByTimeAsync(1);
    FakeSocket.last.welcome();
    await settle();
    const again = FakeSocket.last.take().find(({ type }) => type === 'call')!;
    expect(again.key).toBe((first!.body as { key: string }).key);
    FakeSocket.last.tell({ type: 'result', id: again.id, output: 'done' });
    expect(await call).toBe('done');
  });

  it('hears nothing of a POST whose request went out again by another link', async () => {
    await fallen();
    const call = live.call.say!(1);
    await settle();
    const [post] = posts();
    for (let i = 0; i < 2; i++) {
      await latest().fail();
      await vi.advanceTimersByTimeAsync(1);
    }
    FakeSocket.last.welcome();
    await settle();
    const again = FakeSocket.last.take().find(({ type }) => type === 'call')!;
    await post!.fail();
    expect(FakeSocket.last.take()).toEqual([]);
    FakeSocket.last.tell({ type: 'result', id: again.id, output: 'done' });
    expect(await call).toBe('done');
  });

  it.each([400, 413, 415])('sends nothing again that was refused as a mistake: %i', async (status) => {
    await fallen();
    const call = expect(live.call.say!(1)).rejects.toMatchObject({ code: 'INVALID', message: `HTTP ${status}: no` });
    await settle();
    await posts()[0]!.answer('no', { status, headers: { 'content-type': 'text/plain' } });
    await call;
    expect([posts().length, live.state]).toEqual([1, 'open']);
  });

  it('opens another stream from where each channel stands when joins change, once for all in a turn', async () => {
    const room = await fallen();
    const texts: unknown[] = [];
    room.on('message', ({ data }) => texts.push(data));
    const gaps = vi.fn();
    room.on('gap', gaps);
    const [first] = streams();
    first!.tell({ type: 'entries', channel: 'a', offset: 5, data: ['five'] });
    await settle();
    live.join('b');
    live.join('c', { last: 1 });
    await vi.advanceTimersByTimeAsync(1);
    expect(first!.isAborted).toBe(true);
    expect(streams()).toHaveLength(2);
    const joins = latest().body as { id: number; channel: string }[];
    expect(joins).toMatchObject([{ channel: 'a', epoch: 'e', offset: 5 }, { channel: 'b' }, { channel: 'c', last: 1 }]);
    expect([live.state, room.state]).toEqual(['open', 'live']);
    await latest().open();
    latest().tell({ type: 'joined', id: joins[0]!.id, channel: 'a', epoch: 'e', offset: 5 });
    latest().tell({ type: 'entries', channel: 'a', offset: 6, data: ['six'] });
    await settle();
    expect(texts).toEqual(['five', 'six']);
    expect(gaps).not.toHaveBeenCalled();
    room.leave();
    await vi.advanceTimersByTimeAsync(1);
    expect(latest().body).toMatchObject([{ channel: 'b' }, { channel: 'c', last: 1 }]);
  });

  it('hears nothing more of a stream that another has followed', async () => {
    const room = await fallen();
    const messages = vi.fn();
    room.on('message', messages);
    Exchange.endsAborted = false;
    live.join('b');
    await vi.advanceTimersByTimeAsync(1);
    Exchange.endsAborted = true;
    await latest().open();
    const joins = latest().body as { id: number }[];
    latest().tell({ type: 'joined', id: joins[0]!.id, channel: 'a', epoch: 'e', offset: 4 });
    await settle();
    streams()[0]!.tell({ type: 'entries', channel: 'a', offset: 5, data: ['old'] });
    await settle();
    expect(messages).not.toHaveBeenCalled();
  });

  it('tells a gap of channels without history when the stream is another', async () => {
    await start();
    const room = live.join('a');
    const gaps: unknown[] = [];
    room.on('gap', (position) => gaps.push(position));
    await block();
    const joined = async () => {
      await latest().open();
      latest().tell({ type: 'joined', id: (latest().body as { id: number }[])[0]!.id, channel: 'a' });
      await settle();
    };
    await joined();
    expect(gaps).toEqual([]);
    live.join('b');
    await vi.advanceTimersByTimeAsync(1);
    await joined();
    expect(gaps).toEqual([undefined]);
  });

  it('goes back to a WebSocket when one opens, and keeps the position', async () => {
    const room = await fallen();
    const states: unknown[] = [];
    live.on('state', (state) => states.push(state));
    room.on('state', (state) => states.push(state));
    const errors = vi.fn();
    live.on('error', errors);
    // One probe that fails, and nobody hears of it.
    const alive = async () => {
      for (let i = 0; i < 6; i++) {
        latest().write(': alive\n\n');
        await vi.advanceTimersByTimeAsync(10_000);
      }
    };
    await alive();
    expect(FakeSocket.all).toHaveLength(3);
    FakeSocket.last.end();
    await alive();
    expect(FakeSocket.all).toHaveLength(4);
    const call = live.call.say!(1);
    await settle();
    expect(latest().isAborted).toBe(false);
    FakeSocket.last.welcome();
    await settle();
    expect(latest().isAborted).toBe(true);
    const sent = FakeSocket.last.take();
    expect(sent).toMatchObject([{ type: 'join', channel: 'a', epoch: 'e', offset: 4 }]);
    FakeSocket.last.tell({ type: 'joined', id: sent[0]!.id, channel: 'a', epoch: 'e', offset: 4 });
    // What was asked over HTTP is answered there.
    const [post] = posts();
    await post!.answer({ type: 'result', id: (post!.body as { id: number }).id, output: 'done' });
    expect(await call).toBe('done');
    expect(states).toEqual([]);
    expect(errors).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(20_000);
    FakeSocket.last.tell({ type: 'pong' });
    await vi.advanceTimersByTimeAsync(24_000);
    expect(FakeSocket.all).toHaveLength(4);
  });

  it('tells a gap of channels without history when it goes back', async () => {
    await start();
    const room = live.join('a');
    const gaps: unknown[] = [];
    room.on('gap', (position) => gaps.push(position));
    await block();
    await latest().open();
    latest().tell({ type: 'joined', id: (latest().body as { id: number }[])[0]!.id, channel: 'a' });
    for (let i = 0; i < 6; i++) {
      latest().write(': alive\n\n');
      await vi.advanceTimersByTimeAsync(10_000);
    }
    FakeSocket.last.welcome();
    await settle();
    const [join] = FakeSocket.last.take();
    expect(gaps).toEqual([]);
    FakeSocket.last.tell({ type: 'joined', id: join!.id, channel: 'a' });
    expect(gaps).toEqual([undefined]);
  });

  it('asks a silent stream by opening another', async () => {
    await fallen();
    await vi.advanceTimersByTimeAsync(25_001);
    expect(streams()).toHaveLength(2);
    expect(live.state).toBe('open');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(live.state).not.toBe('open');
  });

  it('renews its token with another stream', async () => {
    const tokens = ['one', 'two', 'three', 'four'];
    await start({ token: () => tokens.shift() });
    await block();
    await latest().open();
    latest().tell({ type: 'welcome', connection: 'c', user: 'u', pingMs: 25_000, expires: Date.now() + 10_000 });
    await vi.advanceTimersByTimeAsync(8001);
    expect(latest().headers.authorization).toBe('Bearer four');
    expect(streams()).toHaveLength(2);
    await latest().open();
    expect(live.state).toBe('open');
  });

  it.each<[ResponseInit, Live['state'], waitMs: number | undefined]>([
    [{ status: 401 }, 'waiting', 0],
    [{ status: 403 }, 'closed', undefined],
    [{ status: 404 }, 'waiting', 0],
    [{ status: 503, headers: { 'retry-after': '7' } }, 'waiting', 7000],
    [{ status: 429, headers: { 'retry-after': '9' } }, 'waiting', 9000],
    [{ status: 200 }, 'waiting', 0],
  ])('takes a refusal as the close code that says the same: %o', async (init, state, waitMs) => {
    await start({ token: () => 't' });
    await block();
    const told: Live['state'][] = [];
    live.on('state', (now) => told.push(now));
    const retryAt = waitMs === undefined ? undefined : Date.now() + waitMs;
    const seen: unknown[] = [];
    live.on('state', () => seen.push(live.retryAt));
    await latest().answer({ message: 'no' }, init);
    expect(told[0]).toBe(state);
    expect(seen[0]).toBe(retryAt);
  });

  it.each([
    [4403, 'closed'],
    [1012, 'waiting'],
  ])('takes the close code that the stream brings: %i', async (code, state) => {
    await fallen();
    latest().write(`event: close\ndata: ${JSON.stringify({ code, reason: 'retry-after-ms=5000' })}\n\n`);
    await settle();
    expect(live.state).toBe(state);
    if (state === 'waiting') expect(live.retryAt).toBe(Date.now() + 5000);
  });

  it('comes back after the stream has ended', async () => {
    await fallen();
    await latest().end();
    await vi.advanceTimersByTimeAsync(1);
    expect(streams()).toHaveLength(2);
    await latest().fail();
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.all).toHaveLength(3);
    FakeSocket.last.welcome();
    expect(live.state).toBe('open');
  });

  it('is for WebSockets that never open, not for those that are lost', async () => {
    await start();
    for (let i = 0; i < 5; i++) {
      FakeSocket.last.welcome();
      FakeSocket.last.end();
      await vi.advanceTimersByTimeAsync(1);
      FakeSocket.last.end();
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(streams()).toEqual([]);
  });
});
