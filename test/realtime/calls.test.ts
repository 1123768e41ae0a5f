import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { AnswerWindow } from '../../src/realtime/answer-window.ts';
import { Calls, OpenCalls } from '../../src/realtime/calls.ts';
import {
  type CallContext,
  createHub,
  defineProtocol,
  type HubOptions,
  memory,
  RealtimeError,
} from '../../src/realtime/index.ts';
import { watchProcess } from '../support/servers.ts';
import { enter, KINDS, type Message, serve } from './wire-client.ts';

const protocol = defineProtocol({
  channels: { 'log:{name}': { message: z.object({ n: z.number() }), history: { messages: 100 } } },
  calls: {
    add: { input: z.object({ a: z.number(), b: z.number().default(1) }), output: z.number() },
    wait: { input: z.unknown(), output: z.string() },
    none: { input: z.unknown(), output: z.void() },
    unhandled: { input: z.unknown(), output: z.unknown() },
  },
});

/** Only what the hub waits by: sockets and the test go on. */
function fakeTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** A promise that the test settles. */
function deferred<Value>() {
  let resolve!: (value: Value) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}

interface Run {
  readonly context: CallContext<{ readonly id: string }>;
  readonly signal: AbortSignal;
  readonly end: ReturnType<typeof deferred<string>>;
}

/** A hub whose call 'wait' runs until the test ends it; users are who their token says. */
function setUp(options: HubOptions = {}) {
  const hub = createHub(protocol, {
    authenticate: ({ token }) => ({ id: token ?? 'nobody' }),
    ...options,
  });
  const runs: Run[] = [];
  const reported: [message: string, where: string][] = [];
  let tell = () => {};
  hub.on('error', (error, where) => reported.push([(error as Error).message, where]));
  hub.call('wait', (_input, context) => {
    const run = { context, signal: context.signal, end: deferred<string>() };
    runs.push(run);
    tell();
    return run.end.promise;
  });
  /** The run with this number, when it has begun. */
  const run = async (index: number): Promise<Run> => {
    while (runs.length <= index) {
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    }
    return runs[index]!;
  };
  return { hub, runs, run, reported };
}

const as = (user: string) => ({ subprotocols: ['framewright.realtime.1', `bearer.${user}`] });
const aborted = (signal: AbortSignal) =>
  signal.aborted ? Promise.resolve() : new Promise((resolve) => signal.addEventListener('abort', resolve));

describe.each(KINDS)('calls on %s', (kind) => {
  it('answers with what the handler returns, as the schemas make it', async () => {
    const { hub } = setUp();
    hub.call('add', ({ a, b }) => a + b);
    const { origin } = await serve(kind, hub);
    const { client } = await enter(origin, as('ann'));
    expect(await client.ask({ type: 'call', id: 7, call: 'add', input: { a: 1 } })).toEqual({
      type: 'result',
      id: 7,
      output: 2,
    });
  });

  it('keeps the calls of one frame apart', async () => {
    const { hub } = setUp();
    hub.call('add', ({ a, b }) => a + b);
    const { origin } = await serve(kind, hub);
    const { client } = await enter(origin, as('ann'));
    client.send(
      { type: 'call', id: 1, call: 'add', input: { a: 1, b: 1 } },
      { type: 'call', id: 2, call: 'add', input: { a: 'x' } },
      { type: 'call', id: 3, call: 'add', input: { a: 3, b: 3 } },
    );
    const answers = [await client.next(), await client.next(), await client.next()];
    expect(answers.map(({ id, type }) => [id, type]).sort()).toEqual([
      [1, 'result'],
      [2, 'error'],
      [3, 'result'],
    ]);
  });
});

describe('what a call is answered with', () => {
  const cases: [what: string, call: Message, handler: () => unknown, answer: Message, reported: string[]][] = [
    [
      'an input that its schema refuses',
      { call: 'add', input: { a: 'x' } },
      () => 1,
      {
        code: 'INVALID',
        issues: [{ path: ['a'], message: expect.stringContaining('expected number') }],
      },
      [],
    ],
    [
      'no input where there has to be one',
      { call: 'add' },
      () => 1,
      { code: 'INVALID', issues: [{ path: [], message: expect.anything() }] },
      [],
    ],
    ['an unknown call', { call: 'nope' }, () => 1, { code: 'UNKNOWN', message: "There is no call 'nope'" }, []],
    [
      'a name of every object',
      { call: 'constructor' },
      () => 1,
      { code: 'UNKNOWN', message: "There is no call 'constructor'" },
      [],
    ],
    [
      'a call without handler',
      { call: 'unhandled' },
      () => 1,
      { code: 'UNKNOWN', message: "There is no call 'unhandled'" },
      [],
    ],
    [
      'a RealtimeError',
      { call: 'add', input: { a: 1 } },
      () => {
        throw new RealtimeError('FULL', 'No room', { data: { seats: 0 } });
      },
      { code: 'FULL', message: 'No room', data: { seats: 0 } },
      [],
    ],
    [
      'any other error',
      { call: 'add', input: { a: 1 } },
      () => {
        throw new Error('password=hunter2');
      },
      { code: 'INTERNAL', message: 'The server could not do this' },
      ['password=hunter2'],
    ],
    [
      'a rejection',
      { call: 'add', input: { a: 1 } },
      () => Promise.reject(new Error('secret')),
      { code: 'INTERNAL', message: 'The server could not do this' },
      ['secret'],
    ],
    [
      'an output that its schema refuses',
      { call: 'add', input: { a: 1 } },
      () => 'text',
      { code: 'INTERNAL', message: 'The server could not do this' },
      [expect.stringContaining("What the handler of 'add' returned") as never],
    ],
    [
      'data of an error that is no JSON',
      { call: 'add', input: { a: 1 } },
      () => {
        throw new RealtimeError('BIG', 'Too big', { data: 1n });
      },
      { code: 'INTERNAL', message: 'The server could not do this' },
      [expect.stringContaining('BigInt') as never],
    ],
  ];

  it.each(cases)('%s', async (_what, call, handler, answer, reported) => {
    watchProcess();
    const setup = setUp();
    setup.hub.call('add', handler as never);
    const { origin } = await serve('node:http', setup.hub);
    const { client } = await enter(origin, as('ann'));
    const message = await client.ask({ type: 'call', id: 1, ...call });
    expect(message).toEqual({ type: 'error', id: 1, message: expect.anything(), ...answer });
    expect(JSON.stringify(message)).not.toMatch(/hunter2|secret|at .*\.ts/);
    expect(setup.reported).toEqual(reported.map((text) => [text, "the handler of the call 'add'"]));
  });

  it('leaves the output out where there is none', async () => {
    const { hub } = setUp();
    hub.call('none', () => {});
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin, as('ann'));
    expect(await client.ask({ type: 'call', id: 1, call: 'none' })).toEqual({ type: 'result', id: 1 });
  });
});

describe('deadlines and ends', () => {
  it.each([
    ['the caller', 5000, 60_000, 5000],
    ['the hub', 60_000, 5000, 5000],
    ['the hub alone', undefined, 5000, 5000],
  ])('the time of %s counts', async (_whose, timeoutMs, callTimeoutMs, limitMs) => {
    fakeTime();
    const { hub, run } = setUp({ callTimeoutMs });
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin, as('ann'));
    client.send({ type: 'call', id: 1, call: 'wait', timeoutMs });
    const { signal } = await run(0);
    vi.advanceTimersByTime(limitMs - 1);
    expect(signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(signal.reason).toMatchObject({ code: 'TIMEOUT' });
    expect(await client.answer(1)).toMatchObject({ type: 'error', code: 'TIMEOUT' });
  });

  it('aborts the signal of a call that is cancelled, and does not answer', async () => {
    const { hub, run, reported } = setUp();
    hub.call('none', () => {});
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin, as('ann'));
    client.send({ type: 'call', id: 1, call: 'wait', key: 'k' });
    const { signal, end } = await run(0);
    client.send({ type: 'cancel', id: 1 });
    await aborted(signal);
    end.reject(signal.reason);
    client.send({ type: 'call', id: 2, call: 'none' });
    expect(await client.next()).toEqual({ type: 'result', id: 2 });
    expect(reported).toEqual([]);
  });

  it('aborts the signal of a call without key when its connection goes, and not that of one with a key', async () => {
    const { hub, run } = setUp();
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin, as('ann'));
    client.send({ type: 'call', id: 1, call: 'wait' }, { type: 'call', id: 2, call: 'wait', key: 'k' });
    const [without, withKey] = [await run(0), await run(1)];
    client.socket.terminate();
    await aborted(without.signal);
    expect(without.signal.reason).toMatchObject({ code: 'DISCONNECTED' });
    expect(withKey.signal.aborted).toBe(false);
  });

  it('aborts the signal of a call with a key that nobody has asked for again, at its deadline', async () => {
    fakeTime();
    const { hub, run } = setUp();
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin, as('ann'));
    client.send(
      { type: 'call', id: 1, call: 'wait' },
      { type: 'call', id: 2, call: 'wait', key: 'k', timeoutMs: 1000 },
    );
    const [first, second] = [await run(0), await run(1)];
    client.socket.terminate();
    await aborted(first.signal);
    vi.advanceTimersByTime(1000);
    expect(second.signal.reason).toMatchObject({ code: 'TIMEOUT' });
  });

  it('takes maxCalls on one connection', async () => {
    const { hub, run } = setUp({ maxCalls: 2 });
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin, as('ann'));
    const call = { type: 'call', call: 'wait' };
    client.send({ ...call, id: 1 }, { ...call, id: 2 }, { ...call, id: 3 });
    expect(await client.next()).toMatchObject({ id: 3, code: 'TOO_MANY' });
    (await run(0)).end.resolve('done');
    expect(await client.next()).toMatchObject({ id: 1, output: 'done' });
    client.send({ ...call, id: 4 });
    (await run(2)).end.resolve('later');
    expect(await client.next()).toMatchObject({ id: 4, output: 'later' });
  });

  it('takes maxCalls of a user that nobody waits for', async () => {
    const { hub, run } = setUp({ maxCalls: 2 });
    const { origin } = await serve('node:http', hub);
    const first = await enter(origin, as('ann'));
    first.client.send({ type: 'call', id: 1, call: 'wait', key: '1' }, { type: 'call', id: 2, call: 'wait' });
    const [withKey, without] = [await run(0), await run(1)];
    first.client.socket.terminate();
    await aborted(without.signal);
    const { client } = await enter(origin, as('ann'));
    expect(await client.ask({ type: 'call', id: 3, call: 'wait', key: '3' })).toMatchObject({ code: 'TOO_MANY' });
    const other = await enter(origin, as('bob'));
    expect(await other.client.ask({ type: 'call', id: 1, call: 'wait', timeoutMs: 0 })).toMatchObject({
      code: 'TIMEOUT',
    });
    withKey.end.resolve('done');
    expect(await client.ask({ type: 'call', id: 4, call: 'wait', key: '1' })).toMatchObject({ output: 'done' });
    expect(await client.ask({ type: 'call', id: 5, call: 'wait', timeoutMs: 0 })).toMatchObject({ code: 'TIMEOUT' });
  });

  it('refuses a second open call of one id', async () => {
    const { hub, run } = setUp();
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin, as('ann'));
    client.send({ type: 'call', id: 1, call: 'wait' });
    const { end } = await run(0);
    expect(await client.ask({ type: 'call', id: 1, call: 'wait' })).toMatchObject({ code: 'INVALID' });
    end.resolve('first');
    expect(await client.next()).toMatchObject({ id: 1, output: 'first' });
  });
});

describe('calls with a key', () => {
  it('waits for the run that is there', async () => {
    const { hub, runs, run } = setUp();
    const { origin } = await serve('node:http', hub);
    const [first, second] = [await enter(origin, as('ann')), await enter(origin, as('ann'))];
    const call = { type: 'call', id: 5, call: 'wait', key: 'k' };
    first.client.send(call);
    const { end, context } = await run(0);
    expect(context).toMatchObject({ key: 'k', connection: first.welcome.connection, user: { id: 'ann' } });
    first.client.socket.terminate();
    second.client.send(call, { type: 'ping' });
    expect(await second.client.next()).toEqual({ type: 'pong' });
    end.resolve('once');
    expect(await second.client.next()).toEqual({ type: 'result', id: 5, output: 'once' });
    expect(runs).toHaveLength(1);
  });

  it.each([
    ['a result', () => 'done', { type: 'result', output: 'done' }, 1],
    ['an error of the application', () => Promise.reject(new RealtimeError('FULL', 'No')), { code: 'FULL' }, 1],
    ['a failure', () => Promise.reject(new Error('x')), { code: 'INTERNAL' }, 1],
    [
      'what may be tried again',
      () => Promise.reject(new RealtimeError('UNAVAILABLE', 'No')),
      { code: 'UNAVAILABLE' },
      2,
    ],
  ])('%s, asked for again', async (_what, handler, answer, times) => {
    const hub = createHub(protocol, { authenticate: ({ token }) => ({ id: token! }) });
    const seen = vi.fn(handler as () => never);
    hub.on('error', () => {}).call('wait', seen);
    const { origin } = await serve('node:http', hub);
    const call = { type: 'call', id: 1, call: 'wait', key: 'k' };
    for (let i = 0; i < 2; i++) {
      const { client } = await enter(origin, as('ann'));
      expect(await client.ask(call)).toMatchObject(answer);
    }
    expect(seen).toHaveBeenCalledTimes(times);
  });

  it('is another call for another user, another name and another key', async () => {
    const hub = createHub(protocol, { authenticate: ({ token }) => ({ id: token! }) });
    let count = 0;
    hub.call('wait', () => `${++count}`).call('unhandled', () => ++count);
    const { origin } = await serve('node:http', hub);
    const ann = await enter(origin, as('ann'));
    const bob = await enter(origin, as('bob'));
    const call = { type: 'call', id: 1, call: 'wait', key: 'k' };
    expect(await ann.client.ask(call)).toMatchObject({ output: '1' });
    expect(await bob.client.ask(call)).toMatchObject({ output: '2' });
    expect(await ann.client.ask({ ...call, call: 'unhandled' })).toMatchObject({ output: 3 });
    expect(await ann.client.ask({ ...call, key: 'l' })).toMatchObject({ output: '4' });
    expect(await ann.client.ask(call)).toMatchObject({ output: '1' });
  });

  it('is known by its key alone where users have no names', async () => {
    const hub = createHub(protocol);
    let count = 0;
    hub.call('wait', () => `${++count}`);
    const { origin } = await serve('node:http', hub);
    for (let i = 0; i < 2; i++) {
      const { client } = await enter(origin);
      expect(await client.ask({ type: 'call', id: 1, call: 'wait', key: 'k' })).toMatchObject({ output: '1' });
    }
  });

  it('publishes once, also where the call comes to another process', async () => {
    const engine = memory();
    const clients = [];
    for (let i = 0; i < 2; i++) {
      const hub = createHub(protocol, { engine, authenticate: ({ token }) => ({ id: token! }) });
      hub.call('none', async () => {
        await hub.publish('log:a', { n: 1 });
        await Promise.all([hub.publish('log:a', { n: 2 }), hub.publish('log:b', { n: 3 })]);
      });
      const { origin } = await serve('node:http', hub);
      clients.push((await enter(origin, as('ann'))).client);
    }
    for (const client of clients) {
      expect(await client.ask({ type: 'call', id: 1, call: 'none', key: 'k' })).toMatchObject({ type: 'result' });
      expect(await client.ask({ type: 'call', id: 2, call: 'none' })).toMatchObject({ type: 'result' });
    }
    const hub = createHub(protocol, { engine });
    const numbers = async (name: 'log:a' | 'log:b') => (await hub.read(name)).entries.map(({ data }) => data.n);
    expect(await numbers('log:a')).toEqual([1, 2, 1, 2, 1, 2]);
    expect(await numbers('log:b')).toEqual([3, 3, 3]);
  });
});

it('a call that nobody is left to wait for keeps no process up', () => {
  const settings = { timeoutMs: 30_000, maxOpen: 1, knowsUsers: true };
  const calls = new Calls(protocol, settings, { report: () => {}, hint: () => {} });
  calls.handle('wait', () => new Promise(() => {}));
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const open = new OpenCalls(calls, 'a connection');
  open.start({ id: 1, call: 'wait', key: 'k' }, { id: 'ann' }, () => {});
  open.disconnected();
  expect([calls.running, timers()]).toEqual([1, before]);
});

describe('the window of answers', () => {
  it('keeps them for two minutes', () => {
    fakeTime();
    const answers = new AnswerWindow();
    answers.add('a', '1');
    vi.advanceTimersByTime(60_000);
    answers.add('b', '2');
    vi.advanceTimersByTime(59_999);
    expect(answers.get('a')).toBe('1');
    vi.advanceTimersByTime(1);
    expect([answers.get('a'), answers.get('b'), answers.size]).toEqual([undefined, '2', 1]);
  });

  it('forgets them by itself', () => {
    fakeTime();
    const answers = new AnswerWindow();
    answers.add('a', '1');
    vi.advanceTimersByTime(60_000);
    answers.add('b', '2');
    vi.advanceTimersByTime(60_000);
    expect(answers.size).toBe(1);
    vi.advanceTimersByTime(120_000);
    expect(answers.size).toBe(0);
  });

  it('keeps 10,000, and 8,388,608 characters', () => {
    const answers = new AnswerWindow();
    for (let i = 0; i < 10_001; i++) answers.add(String(i), '');
    expect([answers.size, answers.get('0'), answers.get('1')]).toEqual([10_000, undefined, '']);
    const long = 'x'.repeat(3_000_000);
    for (const name of ['a', 'b', 'c']) answers.add(name, long);
    expect([answers.size, answers.get('a')]).toEqual([2, undefined]);
  });
});

describe('handlers', () => {
  const hub = createHub(protocol);
  hub.call('none', () => {});

  it.each([
    [
      'a call that is not there',
      () => hub.call('nope' as never, (() => {}) as never),
      "hub.call(): the protocol has no call 'nope'; it has add, wait, none, unhandled",
    ],
    ['no function', () => hub.call('add', 5 as never), "hub.call(): the handler of 'add' has to be a function"],
    ['a second handler', () => hub.call('none', () => {}), "hub.call(): 'none' has a handler already"],
  ])('%s', (_what, action, message) => {
    expect(action).toThrow(new TypeError(message));
  });
});
