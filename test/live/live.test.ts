/** The client against a hub, on real sockets. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type ConnectOptions, connect, defineProtocol, type Live } from '../../src/live/index.ts';
import { createHub, type Hub } from '../../src/realtime/index.ts';
import { WebSocket } from '../../src/web/index.ts';

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

async function serve(hub: Hub<Chat, never>, port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer();
  hub.attach(server as never);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  cleanups.push(() => stop(server));
  return { server, port: (server.address() as AddressInfo).port };
}

const stop = (server: Server) =>
  new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

function open(port: number, options: ConnectOptions = {}): Live<Chat> {
  const live = connect(chat, `ws://127.0.0.1:${port}/live`, {
    WebSocket,
    backoff: { minMs: 1, maxMs: 20 },
    ...options,
  });
  cleanups.push(() => live.close());
  return live;
}

function makeHub(): Hub<Chat, never> {
  const hub = createHub(chat, { requiresOrigin: false } as never);
  hub.channel('room:{room}', { join: () => true, publish: () => true, member: () => ({ name: 'x' }) });
  hub.channel('typing:{room}', { join: () => true, publish: () => true });
  return hub as never;
}

describe('a client of a hub', () => {
  it('joins, publishes and receives', async () => {
    const hub = makeHub();
    const { port } = await serve(hub);
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
  });
});
