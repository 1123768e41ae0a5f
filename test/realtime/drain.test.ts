/** How a hub goes away, and what it counts. */

import { createServer } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { HubDrain } from '../../src/realtime/hub-drain.ts';
import {
  createHub,
  defineProtocol,
  type Engine,
  type HubOptions,
  type HubUser,
  memory,
} from '../../src/realtime/index.ts';
import type { Session } from '../../src/realtime/session.ts';
import { drainOnSignal } from '../../src/server/drain-on-signal.ts';
import { enter, KINDS, serve, WireClient } from './wire-client.ts';

const protocol = defineProtocol({
  channels: { room: { message: z.string(), history: { messages: 10 } } },
  calls: { wait: { input: z.unknown(), output: z.string() } },
});

function setUp(options: HubOptions = {}) {
  const engine = memory();
  let isClosed = false;
  const watched: Engine = Object.create(engine, {
    close: {
      value: async () => {
        isClosed = true;
        await engine.close();
      },
    },
  });
  for (const name of ['subscribe', 'publish', 'read', 'setPresence', 'members', 'status'] as const) {
    Object.defineProperty(watched, name, { value: engine[name].bind(engine) });
  }
  const hub = createHub(protocol, { engine: watched, ...options });
  hub.channel('room', { join: () => true });
  const runs: ((output: string) => void)[] = [];
  let begun = () => {};
  hub.call('wait', () => {
    const run = new Promise<string>((resolve) => runs.push(resolve));
    begun();
    return run;
  });
  const run = async (index: number) => {
    while (runs.length <= index) {
      await new Promise<void>((resolve) => {
        begun = resolve;
      });
    }
    return runs[index]!;
  };
  return { hub, run, isEngineClosed: () => isClosed };
}

function fakeTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

describe.each(KINDS)('drain on %s', (kind) => {
  it('tells each client when to come back, and resolves with counts', async () => {
    const { hub, isEngineClosed } = setUp();
    const { origin } = await serve(kind, hub);
    const clients = [await enter(origin), await enter(origin)];
    expect([hub.isDraining, hub.status().isDraining]).toEqual([false, false]);
    const drained = hub.drain();
    expect([hub.isDraining, hub.status().isDraining]).toEqual([true, true]);
    for (const { client } of clients) expect(await client.closed).toEqual([1012, 'retry-after-ms=1000']);
    expect(await drained).toEqual({ closed: 2, terminated: 0, refused: 0 });
    expect(isEngineClosed()).toBe(true);
    expect(hub.status()).toMatchObject({ connections: 0, channels: 0 });
  });

  it('refuses those who come, until it is done', async () => {
    const { hub, run } = setUp();
    const { origin } = await serve(kind, hub);
    const { client } = await enter(origin);
    client.send({ type: 'call', id: 1, call: 'wait' });
    const end = await run(0);
    const drained = hub.drain({ retryAfterMs: 2500 });
    expect(await new WireClient(origin).refused).toBe(503);
    const response = await fetch(`${origin}/live`, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json' },
      body: '{}',
    });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '3']);
    end('done');
    expect(await client.next()).toEqual({ type: 'result', id: 1, output: 'done' });
    expect(await client.closed).toEqual([1012, 'retry-after-ms=2500']);
    expect(await drained).toEqual({ closed: 1, terminated: 0, refused: 2 });
    expect(() => hub.attach(createServer())).toThrow('hub.attach(): this hub drains');
  });
});

describe('drain', () => {
  it('leaves no timer behind when all end at once', async () => {
    fakeTime();
    const sessions = new Set<Session>();
    const drain = new HubDrain({ sessions, running: () => 0, close: async () => {} });
    const close = () => {
      sessions.clear();
      drain.sessionEnded();
    };
    sessions.add({ outlet: { close } } as never);
    expect(await drain.begin()).toEqual({ closed: 1, terminated: 0, refused: 0 });
    await drain.begin({ timeoutMs: 5 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('begins no call on a connection that is to be closed', async () => {
    const { hub, run } = setUp();
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin);
    client.send({ type: 'call', id: 1, call: 'wait' });
    const end = await run(0);
    const drained = hub.drain();
    client.send({ type: 'call', id: 2, call: 'wait' }, { type: 'ping' });
    expect(await client.next()).toEqual({ type: 'pong' });
    expect(hub.status().calls).toBe(1);
    end('done');
    expect(await client.next()).toMatchObject({ id: 1 });
    expect((await drained).closed).toBe(1);
    expect(client.unread).toBe(0);
  });

  it('waits for a call whose connection has gone, since its caller will ask for the answer elsewhere', async () => {
    const { hub, run, isEngineClosed } = setUp();
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin);
    client.send({ type: 'call', id: 1, call: 'wait', key: 'k' });
    const end = await run(0);
    client.socket.terminate();
    while (hub.status().connections > 0) await new Promise(setImmediate);
    const drained = hub.drain();
    await new Promise(setImmediate);
    expect(isEngineClosed()).toBe(false);
    end('done');
    expect(await drained).toEqual({ closed: 0, terminated: 0, refused: 0 });
  });

  it('waits for it until the deadline', async () => {
    const { hub, run } = setUp();
    const { origin } = await serve('node:http', hub);
    const body = JSON.stringify({ type: 'call', id: 1, call: 'wait' });
    const post = fetch(`${origin}/live`, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json' },
      body,
    });
    const failed = post.then(
      ({ status }) => status,
      () => 'cut',
    );
    await run(0);
    // A request is closed before it is cut.
    expect(await hub.drain({ timeoutMs: 50 })).toMatchObject({ closed: 1 });
    expect(await failed).toBe(503);
  });

  it('says what it is told to say', async () => {
    const { hub } = setUp();
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin);
    const drained = hub.drain({ code: 1001, reason: 'bye', retryAfterMs: 0 });
    expect(await client.closed).toEqual([1001, 'bye retry-after-ms=0']);
    await drained;
  });

  it('spreads the Close frames', async () => {
    fakeTime();
    const { hub } = setUp();
    const { origin } = await serve('node:http', hub);
    const clients = [await enter(origin), await enter(origin), await enter(origin), await enter(origin)];
    const order: number[] = [];
    for (const [i, { client }] of clients.entries()) void client.closed.then(() => order.push(i));
    const drained = hub.drain({ timeoutMs: 10_000, spreadMs: 4000 });
    await clients[0]!.client.closed;
    for (let i = 1; i < 4; i++) {
      vi.advanceTimersByTime(999);
      clients[i]!.client.send({ type: 'ping' });
      expect(await clients[i]!.client.next()).toEqual({ type: 'pong' });
      vi.advanceTimersByTime(1);
      await clients[i]!.client.closed;
    }
    expect(order).toEqual([0, 1, 2, 3]);
    expect(await drained).toMatchObject({ closed: 4 });
  });

  it('closes what still runs before the deadline, and cuts what is left at it', async () => {
    fakeTime();
    const { hub, run } = setUp();
    const { origin } = await serve('node:http', hub);
    const [working, silent] = [await enter(origin), await enter(origin)];
    working.client.send({ type: 'call', id: 1, call: 'wait' });
    await run(0);
    // It does not answer the Close frame.
    silent.client.socket.pause();
    const drained = hub.drain({ timeoutMs: 5000 });
    vi.advanceTimersByTime(4000);
    expect(await working.client.closed).toEqual([1012, 'retry-after-ms=1000']);
    while (hub.status().connections > 1) await new Promise(setImmediate);
    vi.advanceTimersByTime(999);
    expect(hub.status().connections).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await drained).toEqual({ closed: 1, terminated: 1, refused: 0 });
  });

  it('takes a shorter deadline', async () => {
    const { hub } = setUp();
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin);
    client.socket.pause();
    const drained = hub.drain({ timeoutMs: 2_000_000 });
    expect(hub.drain({ timeoutMs: 0 })).toBe(drained);
    expect(await drained).toMatchObject({ terminated: 1 });
  });

  it('closes a client that has waited for authenticate', async () => {
    let letIn!: () => void;
    let asked!: () => void;
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const hub = createHub(protocol, {
      authenticate: () => {
        asked();
        return new Promise<HubUser>((resolve) => {
          letIn = () => resolve({ id: 'ann' });
        });
      },
    });
    const other = await serve('node:http', hub);
    const waiting = new WireClient(other.origin);
    await isAsked;
    void hub.drain();
    letIn();
    await Promise.race([waiting.closed, waiting.refused]);
    expect(hub.status().connections).toBe(0);
  });

  it('refuses a request over HTTP that has waited for authenticate', async () => {
    let letIn!: (user: HubUser) => void;
    let asked!: () => void;
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const { hub } = setUp({
      authenticate: () =>
        new Promise<HubUser>((resolve) => {
          letIn = resolve;
          asked();
        }),
    });
    const { origin } = await serve('node:http', hub);
    const body = JSON.stringify({ type: 'call', id: 1, call: 'wait' });
    const post = fetch(`${origin}/live`, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json' },
      body,
    });
    await isAsked;
    void hub.drain();
    letIn({ id: 'ann' });
    expect((await post).status).toBe(503);
  });

  it.each([
    [{ timeout: 5 }, 'hub.drain() has no option "timeout": did you mean "timeoutMs"?'],
    [{ code: 1000 }, 'hub.drain(): code must be 1001 or 1012'],
    [{ timeoutMs: 5, spreadMs: 6 }, 'hub.drain(): spreadMs (6) must be at most timeoutMs (5)'],
    [{ retryAfterMs: -1 }, 'retryAfterMs must be'],
  ])('refuses %j', (options, message) => {
    expect(() => createHub(protocol).drain(options as object)).toThrow(message);
  });

  it('is what drainOnSignal calls', async () => {
    const { hub } = setUp();
    const { origin, server } = await serve('node:http', hub);
    const { client } = await enter(origin);
    const counts = await new Promise((resolve) => {
      drainOnSignal([hub, server as ReturnType<typeof createServer>], {
        signals: ['SIGUSR2'],
        exits: false,
        onDrained: resolve,
      });
      process.kill(process.pid, 'SIGUSR2');
    });
    expect(await client.closed).toEqual([1012, 'retry-after-ms=1000']);
    expect(counts).toMatchObject({ closed: 1 });
  });
});

describe('status', () => {
  it('counts what there is', async () => {
    const { hub, run } = setUp({ authenticate: ({ token }) => ({ id: token! }) });
    const { origin } = await serve('node:http', hub);
    const as = (token: string) => ({ subprotocols: ['framewright.realtime.1', `bearer.${token}`] });
    const { client } = await enter(origin, as('ann'));
    await enter(origin, as('ann'));
    await enter(origin, as('bob'));
    await client.ask({ type: 'join', id: 1, channel: 'room' });
    client.send({ type: 'call', id: 2, call: 'wait' });
    await run(0);
    expect(hub.status()).toEqual({
      connections: 3,
      users: 2,
      channels: 1,
      members: 1,
      joining: 0,
      lagging: 0,
      queuedBytes: 0,
      calls: 1,
      engine: expect.objectContaining({ name: 'memory', state: 'live' }),
      isDraining: false,
    });
  });
});
