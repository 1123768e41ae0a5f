/** The client against a hub, on real sockets. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import * as pages from '../../src/live/index.ts';
import * as anywhere from '../../src/live/node.ts';
import { type ConnectOptions, connect, defineProtocol, type Live } from '../../src/live/node.ts';
import { createHub, type Hub } from '../../src/realtime/index.ts';

const chat = defineProtocol({
  channels: {
    'room:{room}': {
      message: z.object({ text: z.string() }),
      member: z.object({ name: z.string() }),
      history: { messages: 100 },
    },
    'typing:{room}': { message: z.object({ by: z.string() }), latestBy: 'by' },
  },
  calls: { say: { input: z.object({ text: z.string() }), output: z.object({ offset: z.number() }) } },
});
type Chat = typeof chat;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A hub on a server whose connections can be cut, and which can go and come back at its port. */
class Site {
  readonly hub: Hub<Chat, never>;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  port = 0;

  constructor(hub = makeHub()) {
    this.hub = hub;
    cleanups.push(() => this.stop());
  }

  async start(port = this.port): Promise<this> {
    const server = createServer();
    this.#server = server;
    this.hub.attach(server as never);
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    return this;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) =>
      this.#server?.listening ? this.#server.close(resolve) : resolve(undefined),
    );
    this.cut();
    await closed;
  }
}

function makeHub(): Hub<Chat, never> {
  const hub = createHub(chat, { requiresOrigin: false } as never);
  hub.channel('room:{room}', { join: () => true, publish: () => true, member: () => ({ name: 'x' }) });
  hub.channel('typing:{room}', { join: () => true, publish: () => true });
  return hub as never;
}

function open(port: number, options: ConnectOptions = {}): Live<Chat> {
  const live = connect(chat, `ws://127.0.0.1:${port}/live`, { backoff: { minMs: 1, maxMs: 20 }, ...options });
  cleanups.push(() => live.close());
  return live;
}

/** The next event of a handle or client. */
const next = <Value>(on: (listener: (value: Value) => void) => () => void) =>
  new Promise<Value>((resolve) => {
    const off = on((value) => {
      off();
      resolve(value);
    });
  });
const state = (target: { state: string; on(type: 'state', listener: (now: string) => void): void }, wanted: string) =>
  new Promise<void>((resolve) => {
    if (target.state === wanted) resolve();
    target.on('state', (now: string) => now === wanted && resolve());
  });

describe('a client of a hub', () => {
  it('joins, publishes and receives', async () => {
    const { hub, port } = await new Site().start();
    await hub.publish('room:a', { text: 'one' });
    await hub.publish('room:a', { text: 'two' });
    const live = open(port);
    const room = live.join('room:a', { last: 1, members: true });
    const position = await live.publish('room:a', { text: 'three' });
    const texts: string[] = [];
    for await (const { data } of room) {
      texts.push(data.text);
      if (texts.length === 2) break;
    }
    expect(texts).toEqual(['two', 'three']);
    expect(room.position).toEqual(position);
    if (room.members.length === 0) await next((listener) => room.on('members', listener));
    expect(room.members).toEqual([{ user: live.user, data: { name: 'x' }, connections: 1 }]);
  });

  it('is told what it may not', async () => {
    const { port } = await new Site().start();
    const live = open(port);
    await expect(live.publish('room:a', { text: 1 } as never)).rejects.toMatchObject({
      code: 'INVALID',
      issues: [{ path: ['text'] }],
    });
    const room = live.join('elsewhere' as never);
    const error = await next((listener) => room.on('error', listener));
    expect(error).toMatchObject({ code: 'UNKNOWN' });
    expect(room.state).toBe('left');
  });

  it('gets each message once and in order, whenever its connection is cut', async () => {
    const site = await new Site().start();
    const [publisher, subscriber] = [open(site.port), open(site.port)];
    const room = subscriber.join('room:a');
    await state(room, 'live');
    const gaps: unknown[] = [];
    room.on('gap', (position) => gaps.push(position));
    const offsets: number[] = [];
    const texts: string[] = [];
    const all = new Promise<void>((resolve) =>
      room.on('message', ({ data, position }) => {
        texts.push(data.text);
        offsets.push(position!.offset);
        if (texts.length === 300) resolve();
      }),
    );
    const published: Promise<unknown>[] = [];
    for (let n = 0; n < 300; n++) {
      published.push(publisher.publish('room:a', { text: String(n) }));
      if (n % 10 === 0) await published.at(-1);
      if (n % 25 === 7) site.cut();
    }
    await Promise.all([all, ...published]);
    const numbers = Array.from({ length: 300 }, (_, n) => n);
    expect(texts.map(Number).sort((a, b) => a - b)).toEqual(numbers);
    expect(offsets).toEqual(numbers.map((n) => n + 1));
    expect(gaps).toEqual([]);
  });

  it('has each call done once, whenever its connection is cut', async () => {
    const done: string[] = [];
    const hub = makeHub().call('say', async ({ text }) => {
      done.push(text);
      await new Promise((resolve) => setImmediate(resolve));
      return { offset: Number(text) };
    });
    const site = await new Site(hub).start();
    const live = open(site.port);
    const answers: Promise<{ offset: number }>[] = [];
    for (let n = 0; n < 60; n++) {
      answers.push(live.call.say({ text: String(n) }));
      if (n % 6 === 0) await answers.at(-1);
      if (n % 10 === 7) site.cut();
    }
    expect((await Promise.all(answers)).map(({ offset }) => offset)).toEqual(answers.map((_, n) => n));
    expect(done.map(Number).sort((a, b) => a - b)).toEqual(answers.map((_, n) => n));
  });

  it('comes back to a server that was away, with what came meanwhile', async () => {
    const site = await new Site().start();
    const live = open(site.port);
    const room = live.join('room:a');
    await state(room, 'live');
    await site.stop();
    await state(live, 'waiting');
    expect(room.state).toBe('offline');
    await site.hub.publish('room:a', { text: 'meanwhile' });
    await site.start();
    expect(await next((listener) => room.on('message', listener))).toMatchObject({
      data: { text: 'meanwhile' },
      isAfterGap: false,
    });
  });

  it('tells a gap when another process has begun another log', async () => {
    const site = await new Site().start();
    const live = open(site.port);
    const room = live.join('room:a');
    await live.publish('room:a', { text: 'one' });
    await site.stop();
    const gap = next((listener) => room.on('gap', listener));
    await new Site().start(site.port);
    expect(await gap).toMatchObject({ offset: 0 });
    expect((await live.publish('room:a', { text: 'two' }))!.offset).toBe(1);
  });
});

describe('the entry for Node.js', () => {
  it('has the functions of the one for browsers, with a WebSocket', async () => {
    const { port } = await new Site().start();
    const socket = anywhere.reconnecting(`ws://127.0.0.1:${port}/live`, { protocols: 'framewright.realtime.1' });
    cleanups.push(() => socket.close());
    const { data } = await new Promise<{ data: unknown }>((resolve) => {
      socket.onmessage = resolve;
    });
    expect(JSON.parse(data as string)).toMatchObject({ type: 'welcome' });
    const live = anywhere.connect<Chat>(`ws://127.0.0.1:${port}/live`);
    cleanups.push(() => live.close());
    await state(live, 'open');
    expect(Object.keys(anywhere).sort()).toEqual(Object.keys(pages).sort());
  });
});
