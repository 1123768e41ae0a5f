/** The client and the hub where WebSockets do not get through, on real sockets. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type ConnectOptions, connect, defineProtocol, type Live } from '../../src/live/node.ts';
import { createHub } from '../../src/realtime/index.ts';
import { WebSocket } from '../../src/web/index.ts';

const chat = defineProtocol({
  channels: { 'room:{room}': { message: z.object({ n: z.number() }), history: { messages: 1000 } } },
  calls: { add: { input: z.array(z.number()), output: z.number() } },
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Something on the way knows no WebSockets: their port is refused at once. */
class Blocked extends WebSocket {
  constructor(_url: string, protocols?: string[]) {
    super('ws://127.0.0.1:9', protocols);
  }
}

async function serve(options: Parameters<typeof createHub>[1] = {}) {
  const hub = createHub(chat, { requiresOrigin: false, ...options });
  hub.channel('room:{room}', { join: () => true, publish: () => true });
  hub.call('add', (numbers) => numbers.reduce((a, b) => a + b, 0));
  const server = createServer();
  hub.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    await hub.drain({ timeoutMs: 100 });
    server.close();
    server.closeAllConnections();
  });
  return { hub, server, port: (server.address() as AddressInfo).port };
}

function open(port: number, options: ConnectOptions = {}): Live<typeof chat> {
  const live = connect(chat, `ws://127.0.0.1:${port}/live`, {
    WebSocket: Blocked,
    backoff: { minMs: 1, maxMs: 5 },
    ...options,
  });
  cleanups.push(() => live.close());
  return live;
}

describe('over HTTP', () => {
  it('channels, calls and publications are as over a WebSocket', async () => {
    const { hub, port } = await serve();
    for (const n of [1, 2, 3]) await hub.publish('room:a', { n });
    const live = open(port);
    const room = live.join('room:a', { last: 2 });
    expect(await live.call.add([1, 2, 3])).toBe(6);
    await expect(live.call.add(['x'] as never)).rejects.toMatchObject({ code: 'INVALID', issues: [{ path: [0] }] });
    const seen: [number, number][] = [];
    const position = await live.publish('room:a', { n: 4 });
    for await (const { data, position } of room) {
      seen.push([data.n, position!.offset]);
      if (data.n === 4) break;
    }
    expect(seen).toEqual([
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
    expect(room.position).toEqual(position);
  });

  it('nothing is missing and nothing comes twice while joins change and streams are cut', async () => {
    const { hub, server, port } = await serve();
    const live = open(port);
    const room = live.join('room:a');
    const seen: number[] = [];
    const gaps: unknown[] = [];
    room.on('gap', (position) => gaps.push(position));
    const all = new Promise<void>((resolve) =>
      room.on('message', ({ data }) => {
        seen.push(data.n);
        if (data.n === 99) resolve();
      }),
    );
    await new Promise<void>((resolve) => room.on('state', (state) => state === 'live' && resolve()));
    for (let n = 0; n < 100; n++) {
      await hub.publish('room:a', { n });
      if (n % 10 === 3) live.join(`room:${n}`);
      if (n % 25 === 7) server.closeAllConnections();
      if (n % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await all;
    expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(gaps).toEqual([]);
  });

  it('a token goes as a bearer, is asked for again when it was refused, and is renewed before its end', async () => {
    const tokens: unknown[] = [];
    let renewed!: () => void;
    const isRenewed = new Promise<void>((resolve) => {
      renewed = resolve;
    });
    const { port } = await serve({
      authenticate: ({ token, refuse }) => {
        tokens.push(token);
        if (token === 'old') return refuse(401);
        if (tokens.length === 3) renewed();
        return { id: 'ann', expires: Date.now() + (tokens.length < 3 ? 1300 : 60_000) };
      },
    });
    let asked = 0;
    const live = open(port, { token: async () => (++asked < 4 ? 'old' : `new-${asked}`) });
    const states: string[] = [];
    live.on('state', (state) => states.push(state));
    await isRenewed;
    expect(tokens).toEqual(['old', 'new-5', 'new-6']);
    expect(await live.call.add([1])).toBe(1);
    expect(live).toMatchObject({ state: 'open', user: 'ann' });
    expect(states.filter((state) => state === 'open')).toHaveLength(1);
  });
});
