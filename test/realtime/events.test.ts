/** A channel as Server-Sent Events. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createHub, defineProtocol, formatPosition, type HubOptions } from '../../src/realtime/index.ts';
import { listen } from '../../src/server/net-server.ts';
import { EventStreamParser, type ServerSentEvent } from '../../src/sse/event-format.ts';
import { startHttp2 } from '../support/http2.ts';
import { ScriptedEngine } from './scripted-engine.ts';

const protocol = defineProtocol({
  channels: {
    'room:{name}': { message: z.object({ n: z.number(), text: z.string().optional() }), history: { messages: 50 } },
    'plain:{name}': { message: z.object({ n: z.number() }) },
  },
});

function setUp(options: HubOptions = {}) {
  const hub = createHub(protocol, options);
  hub.channel('room:{name}', { join: ({ params, user }) => params.name !== 'secret' || user.id === 'ann' });
  hub.channel('plain:{name}', { join: () => true });
  onTestFinished(() => hub.drain({ timeoutMs: 0 }).then(() => {}));
  return hub;
}

/** Reads events one by one. */
class Reader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #parser = new EventStreamParser();
  readonly #events: ServerSentEvent[] = [];

  constructor(response: Response) {
    this.#reader = response.body!.getReader();
    onTestFinished(() => this.#reader.cancel().catch(() => {}));
  }

  async next(): Promise<ServerSentEvent | undefined> {
    while (this.#events.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#events.push(...this.#parser.push(value));
    }
    return this.#events.shift();
  }

  async numbers(count: number): Promise<number[]> {
    const numbers = [];
    for (let i = 0; i < count; i++) numbers.push(JSON.parse((await this.next())!.data).n);
    return numbers;
  }

  /** What a client that is cut now would send as Last-Event-ID. */
  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  get retryMs(): number | undefined {
    return this.#parser.retryMs;
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

const handlers = {
  async 'node:http'(hub: ReturnType<typeof setUp>) {
    return listening(createServer(hub.events('room:a')));
  },
  async Express(hub: ReturnType<typeof setUp>) {
    const app = express();
    app.get('/feed', hub.events('room:a'));
    return listening(createServer(app));
  },
  async 'listen()'(hub: ReturnType<typeof setUp>) {
    const server = await listen({ host: '127.0.0.1', onRequest: hub.events('room:a').answer });
    onTestFinished(() => server.drain({ timeoutMs: 0 }).then(() => {}));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
};

async function listening(server: ReturnType<typeof createServer>): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const open = async (origin: string, headers: Record<string, string> = {}) =>
  new Reader(await fetch(`${origin}/feed`, { headers: { accept: 'text/event-stream', ...headers } }));

describe.each(Object.entries(handlers))('hub.events on %s', (_name, serve) => {
  it('begins with the history, goes on with what comes, and resumes behind Last-Event-ID', async () => {
    const hub = setUp();
    const origin = await serve(hub);
    for (let n = 1; n <= 3; n++) await hub.publish('room:a', { n });
    const first = await open(origin);
    expect(await first.numbers(3)).toEqual([1, 2, 3]);
    await hub.publish('room:a', { n: 4, text: 'two\nlines' });
    const { position } = await hub.read('room:a');
    expect(await first.next()).toEqual({
      type: 'message',
      data: '{"n":4,"text":"two\\nlines"}',
      lastEventId: formatPosition(position),
    });
    await first.cancel();
    for (let n = 5; n <= 6; n++) await hub.publish('room:a', { n });
    const second = await open(origin, { 'last-event-id': first.lastEventId });
    expect(await second.numbers(2)).toEqual([5, 6]);
    await hub.publish('room:a', { n: 7 });
    expect(await second.numbers(1)).toEqual([7]);
  });
});

/** A client that has the stream's head, and reads no more. */
async function openAndStop(origin: string): Promise<Socket> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write('GET /feed HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'data');
  return socket.pause();
}

describe('hub.events', () => {
  it('takes requests of fetch, and of HTTP/2', async () => {
    const hub = setUp();
    await hub.publish('room:a', { n: 1 });
    const events = hub.events('room:a');
    const response = await events.fetch(new Request('http://localhost/feed'));
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    expect(await new Reader(response).numbers(1)).toEqual([1]);
    const server = await startHttp2('secure');
    server.on('request', events);
    const { connect: open2 } = await import('node:http2');
    const session = open2(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, { rejectUnauthorized: false });
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':path': '/' }).setEncoding('utf8');
    let text = '';
    for await (const chunk of stream) {
      text += chunk;
      if (text.includes('data:')) break;
    }
    expect(text).toMatch(/data: \{"n":1\}\n\n$/);
  });

  it('says where an empty channel stands, so that a break before the first message is no loss', async () => {
    const hub = setUp();
    const origin = await listening(createServer(hub.events('room:a', { retryMs: 10 })));
    const response = await fetch(origin);
    const parser = new EventStreamParser();
    const reader = response.body!.getReader();
    while (parser.lastEventId === '') parser.push((await reader.read()).value!);
    await reader.cancel();
    expect(parser).toMatchObject({ lastEventId: expect.stringMatching(/:0$/), retryMs: 10 });
    await hub.publish('room:a', { n: 1 });
    expect(await (await open(origin, { 'last-event-id': parser.lastEventId })).numbers(1)).toEqual([1]);
  });

  it.each([
    ['another log', 'other:3'],
    ['what was never an id of ours', 'x'],
  ])('tells of a gap: %s', async (_what, id) => {
    const hub = setUp();
    const origin = await listening(createServer(hub.events('room:a')));
    await hub.publish('room:a', { n: 1 });
    const { position } = await hub.read('room:a');
    const reader = await open(origin, { 'last-event-id': id });
    const start = { ...position, offset: 0 };
    expect(await reader.next()).toEqual({
      type: 'gap',
      data: JSON.stringify(start),
      lastEventId: formatPosition(start),
    });
    expect(await reader.numbers(1)).toEqual([1]);
  });

  it('tells of a gap where what was missed is not kept', async () => {
    const hub = setUp();
    const origin = await listening(createServer(hub.events('room:a')));
    await hub.publish('room:a', { n: 1 });
    const first = await open(origin);
    await first.numbers(1);
    await first.cancel();
    for (let n = 2; n <= 60; n++) await hub.publish('room:a', { n });
    const second = await open(origin, { 'last-event-id': first.lastEventId });
    expect(await second.next()).toMatchObject({ type: 'gap' });
    expect((await second.numbers(50)).slice(0, 2)).toEqual([11, 12]);
  });

  it('shows the newest so many first, and only what comes where nothing is kept', async () => {
    const hub = setUp();
    for (let n = 1; n <= 5; n++) await hub.publish('room:a', { n });
    const origin = await listening(createServer(hub.events('room:a', { last: 2 })));
    expect(await (await open(origin)).numbers(2)).toEqual([4, 5]);
    const plain = await listening(createServer(hub.events('plain:a')));
    const reader = await open(plain);
    while (hub.status().members < 2) await new Promise(setImmediate);
    await hub.publish('plain:a', { n: 9 });
    expect(await reader.next()).toEqual({ type: 'message', data: '{"n":9}', lastEventId: '' });
  });

  it('gives positions of the new log to all, once the old one is lost', async () => {
    const engine = new ScriptedEngine();
    const hub = setUp({ engine });
    const origin = await listening(createServer(hub.events('room:a')));
    const readers = [await open(origin), await open(origin)];
    while (hub.status().members < 2) await new Promise(setImmediate);
    engine.epoch = 'e2';
    engine.subscribers.get('room:a')!.state('live');
    for (const reader of readers) expect(await reader.next()).toMatchObject({ type: 'gap', lastEventId: 'e2:0' });
    await hub.publish('room:a', { n: 1 });
    for (const reader of readers) expect(await reader.next()).toMatchObject({ type: 'message', lastEventId: 'e2:1' });
  });

  it('lets nobody in whose time is over when the rule has answered', async () => {
    let expires = 0;
    const hub = createHub(protocol, {
      authenticate: () => {
        expires = Date.now() + 20;
        return { id: 'ann', expires };
      },
    });
    hub.channel('room:{name}', {
      join: async () => {
        while (Date.now() < expires) await new Promise((resolve) => setTimeout(resolve, 5));
        return true;
      },
    });
    const response = await hub.events('room:a').fetch(new Request('http://localhost/feed'));
    expect(await response.text()).toBe('');
    expect(hub.status()).toMatchObject({ connections: 0, joining: 0 });
    expect(await hub.drain()).toEqual({ closed: 0, terminated: 0, refused: 0 });
  });

  it('begins no stream in a hub that drains since it was asked for', async () => {
    let letIn!: () => void;
    const hub = createHub(protocol);
    const isAsked = new Promise<void>((resolve) => {
      hub.channel('room:{name}', {
        join: () =>
          new Promise((allow) => {
            letIn = () => allow(true);
            resolve();
          }),
      });
    });
    hub.channel('plain:{name}', { join: () => true });
    await new Reader(await hub.events('plain:a').fetch(new Request('http://localhost/feed')));
    const response = hub.events('room:a').fetch(new Request('http://localhost/feed'));
    await isAsked;
    const drained = hub.drain({ retryAfterMs: 1234 });
    letIn();
    expect(await (await response).text()).toContain('retry: 1234');
    expect(await drained).toMatchObject({ terminated: 0 });
  });

  it('asks who it is, and the rule for joining', async () => {
    const hub = setUp({ authenticate: ({ token, refuse }) => ({ id: token ?? refuse(401) }) });
    const events = hub.events(({ url, user }) => `room:${url === '/own' ? user.id : url.slice(1)}`);
    const origin = await listening(createServer(events));
    const statusOf = async (path: string, token: string) => {
      const response = await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${token}` } });
      void response.body?.cancel();
      return response.status;
    };
    expect(await statusOf('/a', 'ann')).toBe(200);
    expect(await statusOf('/a', '')).toBe(401);
    expect(await statusOf('/secret', 'bob')).toBe(403);
    expect(await statusOf('/secret', 'ann')).toBe(200);
    expect(await statusOf('/', 'ann')).toBe(404);
    expect(await statusOf('/own', 'secret')).toBe(403);
    expect(await statusOf('/own', 'bob')).toBe(200);
    const other = await fetch(`${origin}/a`, {
      headers: { authorization: 'Bearer ann', origin: 'https://evil.example' },
    });
    expect(other.status).toBe(403);
  });

  it('holds at most queueBytes for a reader that has stopped, which then catches up', async () => {
    const queueBytes = 65_536;
    const hub = setUp({ queueBytes });
    const origin = await listening(createServer(hub.events('room:a')));
    const socket = await openAndStop(origin);
    const text = 'x'.repeat(20_000);
    let n = 0;
    // Each in a tick of its own.
    const publish = () => hub.publish('room:a', { n: ++n, text }).then(() => new Promise(setImmediate));
    // Until what the system holds is full as well.
    while (hub.status().lagging === 0 && n < 2000) await publish();
    expect(n).toBeLessThan(2000);
    let most = 0;
    for (let i = 0; i < 30; i++) {
      await publish();
      most = Math.max(most, hub.status().queuedBytes);
    }
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(queueBytes);
    const parser = new EventStreamParser();
    const numbers: number[] = [];
    socket.resume();
    for await (const chunk of socket) {
      for (const { type, data } of parser.push(chunk)) if (type === 'message') numbers.push(JSON.parse(data).n);
      if (numbers.at(-1) === n) break;
    }
    // In order, each once, as long as the 50 that are kept reach.
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(numbers.slice(-31)).toEqual(Array.from({ length: 31 }, (_, i) => n - 30 + i));
  });

  it('has clients come back after a while when the hub drains', async () => {
    const hub = setUp();
    const origin = await listening(createServer(hub.events('room:a')));
    await hub.publish('room:a', { n: 1 });
    const reader = await open(origin);
    await reader.numbers(1);
    const drained = hub.drain({ retryAfterMs: 1234 });
    expect(await reader.next()).toBeUndefined();
    expect(reader.retryMs).toBe(1234);
    expect(await drained).toEqual({ closed: 1, terminated: 0, refused: 0 });
    const late = await open(origin);
    expect(await late.next()).toBeUndefined();
    expect(late.retryMs).toBe(2000);
  });

  it('cuts a reader that does not take the end, once the time of a drain is over', async () => {
    const hub = setUp();
    const origin = await listening(createServer(hub.events('room:a')));
    await openAndStop(origin);
    // More than the system holds.
    await hub.publish('room:a', { n: 1, text: 'x'.repeat(20_000_000) });
    await new Promise(setImmediate);
    expect(await hub.drain({ timeoutMs: 20 })).toEqual({ closed: 0, terminated: 1, refused: 0 });
  });

  it.each([
    ['a channel that is not there', ['hall'], "hub.events(): The protocol has no channel 'hall'"],
    ['a misnamed option', ['room:a', { lst: 3 }], 'hub.events() has no option "lst": did you mean "last"?'],
    ['its own bound', ['room:a', { maxBacklogBytes: 3 }], 'use queueBytes of createHub()'],
  ])('refuses %s', (_what, args, message) => {
    expect(() => (setUp().events as (...args: unknown[]) => unknown).apply(setUp(), args)).toThrow(message);
  });
});
