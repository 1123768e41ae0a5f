/** The hooks with a hub at the other end: what a page shows, by numbered messages, and how many connections the server has. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createElement, StrictMode } from 'react';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { useChannel, useLive, useMembers } from '../../src/react/index.ts';
import { createHub, defineProtocol, type Hub, type HubUser, type StandardSchemaV1 } from '../../src/realtime/index.ts';
import { WebSocket } from '../../src/web/index.ts';
import { probe, show, until } from './dom.ts';

const anything = <T>(): StandardSchemaV1<T> => ({
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as T }) },
});

const protocol = defineProtocol({
  channels: {
    'log:{name}': { message: anything<number>(), member: anything<string>(), history: { messages: 1000 } },
    'live:{name}': { message: anything<number>() },
  },
});

let server: Server;
let hub: Hub<typeof protocol, HubUser>;
let url: string;
let connections: number;
const sockets = new Set<Socket>();

beforeEach(async () => {
  server = createServer();
  connections = 0;
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  hub = createHub(protocol, { authenticate: ({ token = 'nobody' }) => ({ id: token }) });
  hub
    .channel('log:{name}', { join: () => true, member: ({ user }) => user.id.toUpperCase() })
    .channel('live:{name}', { join: () => true, publish: () => true })
    .attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/live`;
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
});

const options = { WebSocket, token: () => 'ann', backoff: { minMs: 10, maxMs: 20 } };

it('two components under StrictMode are one connection, and show each message once, in order', async () => {
  await hub.publish('log:a', 1);
  const use = () => {
    const live = useLive(protocol, url, options);
    return { ...useChannel(live, 'log:a', { last: 10 }), live, connection: live.state };
  };
  const [a, b] = [probe(use), probe(use)];
  const shown = await show(createElement(StrictMode, null, a.node(), b.node()));
  await until(() => a.last.messages.length === 1 && b.last.messages.length === 1);
  for (let n = 2; n <= 50; n++) await hub.publish('log:a', n);
  await until(() => a.last.messages.length === 50 && b.last.messages.length === 50);
  for (const socket of sockets) socket.destroy();
  await until(() => a.last.connection !== 'open');
  for (let n = 51; n <= 100; n++) await hub.publish('log:a', n);
  await until(() => a.last.messages.length === 100 && b.last.messages.length === 100);
  const all = Array.from({ length: 100 }, (_, i) => i + 1);
  for (const { last } of [a, b]) {
    expect(last.messages.map(({ data }) => data)).toEqual(all);
    expect(last).toMatchObject({ gap: false, state: 'live', connection: 'open' });
    expect(last.live.user).toBe('ann');
  }
  expect(connections).toBe(2);
  await shown.unmount();
  await until(() => sockets.size === 0);
});

it('a burst of one tick is one render', async () => {
  const p = probe(() => useChannel(useLive(protocol, url, options), 'live:a'));
  const shown = await show(p.node());
  await until(() => p.last.state === 'live');
  const renders = p.results.length;
  for (let n = 1; n <= 16; n++) void hub.publish('live:a', n);
  await until(() => p.last.messages.length === 16);
  expect(p.results.length - renders).toBe(1);
  await shown.unmount();
});

it('shows who is there', async () => {
  const p = probe(({ token = 'ann' }: { token?: string } = {}) => {
    const live = useLive(protocol, url, { ...options, token: () => token, key: token });
    return useMembers(live, 'log:a');
  });
  const [one, two] = [await show(p.node({ token: 'ann' })), await show(p.node({ token: 'bob' }))];
  await until(() => p.last.length === 2);
  expect(p.last).toEqual([
    { user: 'ann', data: 'ANN', connections: 1 },
    { user: 'bob', data: 'BOB', connections: 1 },
  ]);
  await one.unmount();
  await two.unmount();
});

it('a channel without a rule, and one that ends, are values', async () => {
  const p = probe(() => useChannel(useLive(protocol, url, options), 'log:b:c'));
  const shown = await show(p.node());
  await until(() => p.last.error);
  expect(p.last).toMatchObject({ state: 'left', error: { code: 'UNKNOWN' } });
  await shown.unmount();
});
