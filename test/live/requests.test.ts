/** Calls and publications: answered once, whatever happens to the connection; against a server that a test plays. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ConnectOptions, connect, type Live, RealtimeError } from '../../src/live/index.ts';
import { FakeSocket, settle } from './fakes.ts';

let live: Live;
async function start(options: ConnectOptions = {}): Promise<void> {
  live = connect('ws://host/live', { WebSocket: FakeSocket, fallback: false, ...options });
  await settle();
}
beforeEach(async () => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  FakeSocket.all.length = 0;
  await start();
});
afterEach(() => {
  live.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const socket = () => FakeSocket.last;
const take = async () => {
  await settle();
  return socket().take();
};
const reply = (id: number, output?: unknown) => socket().tell({ type: 'result', id, output });

async function reconnect(): Promise<void> {
  socket().end();
  await settle();
  socket().welcome();
}

/** How a promise has ended, if it has. */
function outcome(promise: Promise<unknown>): { is: unknown } {
  const found: { is: unknown } = { is: 'open' };
  promise.then(
    (value) => (found.is = value),
    (error) => (found.is = error instanceof RealtimeError ? error.code : error),
  );
  return found;
}

describe('a request', () => {
  it.each<[string, () => Promise<unknown>, object]>([
    ['a call', () => live.call.say!({ a: 1 }), { type: 'call', call: 'say', input: { a: 1 }, timeoutMs: 10_000 }],
    ['without input', () => live.call.say!(undefined), { type: 'call', call: 'say', timeoutMs: 10_000 }],
    ['a publication', () => live.publish('a', [1]), { type: 'publish', channel: 'a', data: [1] }],
    [
      'of a handle',
      () => live.join('a').publish('x', { key: 'k' }),
      { type: 'publish', channel: 'a', data: 'x', key: 'k' },
    ],
  ])('goes with a key and is answered: %s', async (_, ask, message) => {
    socket().welcome();
    const found = outcome(ask());
    const sent = (await take()).at(-1)!;
    expect(sent).toEqual({ id: expect.any(Number), key: expect.any(String), ...message });
    reply(sent.id, { offset: 3 });
    await settle();
    expect(found.is).toEqual({ offset: 3 });
  });

  it('has another key each time, and in each client', async () => {
    socket().welcome();
    const open = [live.call.a!(1), live.call.a!(1)];
    const keys = (await take()).map(({ key }) => key);
    live.close();
    await Promise.allSettled(open);
    await start();
    socket().welcome();
    const another = outcome(live.call.a!(1));
    keys.push(...(await take()).map(({ key }) => key));
    expect(new Set(keys).size).toBe(3);
    expect(another.is).toBe('open');
    live.close();
  });

  it('is rejected with all that the server says', async () => {
    socket().welcome();
    const call = live.call.say!(1);
    const [sent] = await take();
    const issues = [{ message: 'no', path: ['a', 0] }];
    socket().tell({ type: 'error', id: sent!.id, code: 'INVALID', message: 'bad', issues, data: { x: 1 } });
    const error = await call.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RealtimeError);
    expect(error).toMatchObject({ code: 'INVALID', message: 'bad', issues, data: { x: 1 } });
  });

  it('has the values of the time at which it was made', async () => {
    const input = { text: 'before' };
    const call = outcome(live.call.say!(input));
    input.text = 'after';
    socket().welcome();
    expect(await take()).toMatchObject([{ input: { text: 'before' } }]);
    expect(call.is).toBe('open');
  });

  it.each<[string, () => unknown]>([
    ['what is no JSON', () => live.call.say!(1n)],
    ['no time at all', () => live.call.say!(1, { timeoutMs: -1 })],
    ['a time that no timer has', () => live.call.say!(1, { timeoutMs: Infinity })],
  ])('is refused at once: %s', (_, ask) => {
    expect(ask).toThrow();
  });

  it('answers to what nobody waits for are none', async () => {
    socket().welcome();
    reply(99);
    socket().tell({ type: 'error', id: 98, code: 'X', message: '' });
    expect(live.state).toBe('open');
  });
});

describe('without a connection', () => {
  it('waits for one, in order, and its time runs', async () => {
    const one = outcome(live.call.a!(1, { timeoutMs: 5000 }));
    const two = outcome(live.publish('c', 2, { retry: false }));
    const three = outcome(live.call.a!(3, { timeoutMs: 2000 }));
    await vi.advanceTimersByTimeAsync(2000);
    expect(three.is).toBe('TIMEOUT');
    socket().welcome();
    const sent = await take();
    expect(sent).toMatchObject([{ input: 1, timeoutMs: 3000 }, { data: 2 }]);
    // One that is not sent again needs no key.
    expect(sent[1]).not.toHaveProperty('key');
    for (const { id } of sent) reply(id, 'done');
    await settle();
    expect([one.is, two.is]).toEqual(['done', 'done']);
  });
});

describe('a loss before the answer', () => {
  it('sends it again with its key, as often as it happens', async () => {
    socket().welcome();
    const call = outcome(live.call.a!(1));
    const [first] = await take();
    await reconnect();
    const [second] = await take();
    await reconnect();
    const [third] = await take();
    expect([second!.key, third!.key]).toEqual([first!.key, first!.key]);
    reply(third!.id, 'once');
    await settle();
    expect(call.is).toBe('once');
    await reconnect();
    expect(await take()).toEqual([]);
  });

  it('rejects what is not to be sent again', async () => {
    socket().welcome();
    const call = outcome(live.call.a!(1, { retry: false }));
    const [sent] = await take();
    expect(sent).not.toHaveProperty('key');
    socket().end();
    await settle();
    expect(call.is).toBe('DISCONNECTED');
  });
});

describe('the end of patience', () => {
  it('says whether there was a connection', async () => {
    const without = live.call.a!(1, { timeoutMs: 5 });
    without.catch(() => {});
    await vi.advanceTimersByTimeAsync(5);
    await expect(without).rejects.toThrow('No connection within 5 ms');
    socket().welcome();
    const withOne = live.call.a!(1, { timeoutMs: 5 });
    withOne.catch(() => {});
    await vi.advanceTimersByTimeAsync(5);
    await expect(withOne).rejects.toThrow('No answer within 5 ms');
  });

  it('rejects, and tells the server; the answer comes too late', async () => {
    socket().welcome();
    const call = outcome(live.call.a!(1, { timeoutMs: 1000 }));
    const [sent] = await take();
    await vi.advanceTimersByTimeAsync(999);
    expect(call.is).toBe('open');
    await vi.advanceTimersByTimeAsync(1);
    expect(call.is).toBe('TIMEOUT');
    expect(await take()).toEqual([{ type: 'cancel', id: sent!.id }]);
    reply(sent!.id, 'late');
  });

  it("may be the server's first", async () => {
    socket().welcome();
    const call = outcome(live.call.a!(1));
    const [sent] = await take();
    socket().tell({ type: 'error', id: sent!.id, code: 'TIMEOUT', message: '' });
    await settle();
    expect(call.is).toBe('TIMEOUT');
    expect(await take()).toEqual([]);
  });

  it('is 10 seconds, or what connect was told', async () => {
    const ten = outcome(live.call.a!(1));
    await vi.advanceTimersByTimeAsync(9999);
    expect(ten.is).toBe('open');
    await vi.advanceTimersByTimeAsync(1);
    expect(ten.is).toBe('TIMEOUT');
    live.close();
    await start({ timeoutMs: 50 });
    const fifty = outcome(live.call.a!(1));
    await vi.advanceTimersByTimeAsync(50);
    expect(fifty.is).toBe('TIMEOUT');
  });
});

describe('a signal', () => {
  it('cancels, here and at the server', async () => {
    socket().welcome();
    const abort = new AbortController();
    const call = live.call.a!(1, { signal: abort.signal });
    const [sent] = await take();
    abort.abort('enough');
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED', cause: 'enough' });
    expect(await take()).toEqual([{ type: 'cancel', id: sent!.id }]);
  });

  it('that is aborted already sends nothing', async () => {
    socket().welcome();
    await expect(live.call.a!(1, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await take()).toEqual([]);
  });

  it('is let go of with the answer', async () => {
    socket().welcome();
    const { signal } = new AbortController();
    const remove = vi.spyOn(signal, 'removeEventListener');
    const call = live.call.a!(1, { signal });
    const [sent] = await take();
    reply(sent!.id);
    await call;
    expect(remove).toHaveBeenCalledOnce();
  });
});

describe('close', () => {
  it('rejects what waits, and all that comes later', async () => {
    socket().welcome();
    const found = [outcome(live.call.a!(1)), outcome(live.publish('a', 1))];
    live.close();
    found.push(outcome(live.call.a!(2)), outcome(live.publish('a', 2)));
    await settle();
    expect(found.map(({ is }) => is)).toEqual(['CLOSED', 'CLOSED', 'CLOSED', 'CLOSED']);
    expect(socket().closedWith).toEqual([1000]);
    // Some implementations go on telling.
    expect(socket().onmessage).toBeNull();
    live.close();
    expect(live.join('a').state).toBe('left');
  });
});

describe('call', () => {
  it('has the same function for a name each time, and is no promise', async () => {
    expect(live.call.a).toBe(live.call.a);
    expect(await live.call).toBe(live.call);
    expect(JSON.stringify(live.call)).toBe('{}');
    expect(JSON.parse(JSON.stringify(live))).toMatchObject({ state: 'connecting', call: {} });
  });
});

describe('a message that is too long for the server', () => {
  it('goes alone next time, and is given up then; the others are not', async () => {
    socket().welcome();
    live.join('a');
    const long = outcome(live.publish('a', 'x'.repeat(100)));
    const short = outcome(live.publish('a', 'x'));
    await settle();
    expect(socket().sent).toHaveLength(1);
    for (let i = 0; i < 2; i++) {
      socket().end(1009, 'too long');
      await settle();
      expect(long.is).toBe(i === 0 ? 'open' : 'INVALID');
      socket().welcome();
      await settle();
      expect(socket().sent).toHaveLength(3 - i);
    }
    const [, { id }] = socket().take() as [unknown, { id: number }];
    reply(id, 'done');
    await settle();
    expect(short.is).toBe('done');
  });
});

describe('errors of no request', () => {
  it('are told', () => {
    const errors: string[] = [];
    live.on('error', ({ code }) => errors.push(code));
    socket().welcome();
    socket().tell({ type: 'error', code: 'INVALID', message: 'what?' });
    expect(errors).toEqual(['INVALID']);
  });
});

describe('frames', () => {
  it('hold what goes out in one turn, but never much more than 16 KiB', async () => {
    socket().welcome();
    const text = 'x'.repeat(10_000);
    const all = [1, 2, 3].map((n) => outcome(live.publish('a', text + n)));
    all.push(outcome(live.call.a!(1)));
    await settle();
    expect(socket().sent.map((frame) => [JSON.parse(frame as string)].flat().length)).toEqual([1, 1, 2]);
    live.close();
    await settle();
    expect(all.map(({ is }) => is)).toEqual(['CLOSED', 'CLOSED', 'CLOSED', 'CLOSED']);
  });
});
