/** `useEventSource` on our EventSource and feeds of our servers, whose connections are counted. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createElement as h } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type UseEventSourceOptions, useEventSource } from '../../src/react/index.ts';
import { createEventFeed, EventSource } from '../../src/sse/index.ts';
import { pass, probe, type Shown, show, strict, until } from './dom.ts';

let server: Server;
let url: string;
let requests: string[];
let shown: Shown[];
const sockets = new Set<Socket>();
const feed = () => createEventFeed({ replay: { events: 100 }, retryMs: 10 });
let current: ReturnType<typeof feed>;

beforeEach(async () => {
  [requests, shown, current] = [[], [], feed()];
  server = createServer((request, response) => {
    requests.push(request.url!);
    if (request.url === '/gone') response.writeHead(204).end();
    else void current.handler(request, response);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const one of shown) await one.unmount();
  for (const socket of sockets) socket.destroy();
  server.close();
});

interface Props extends UseEventSourceOptions<number> {
  readonly path?: string | undefined;
}
const follow = () =>
  probe(({ path, ...options }: Props = {}) =>
    useEventSource(path === undefined ? undefined : url + path, { EventSource, parse: Number, ...options }),
  );
async function start(p: ReturnType<typeof follow>, props: Props) {
  const page = await show(strict(p.node(props)));
  shown.push(page);
  return { page, render: (next: Props) => page.render(strict(p.node(next))) };
}
const say = (...numbers: number[]) => {
  for (const n of numbers) current.send({ data: String(n) });
};
const numbers = ({ last }: ReturnType<typeof follow>) => last.messages.map(({ data }) => data);

it('two components under StrictMode are one connection; what a cut has kept from them comes, once', async () => {
  const [a, b] = [follow(), follow()];
  await start(a, { path: '/1' });
  await start(b, { path: '/1' });
  expect([a.last.state, a.last.messages]).toEqual(['connecting', []]);
  await until(() => a.last.state === 'open' && b.last.state === 'open');
  say(1, 2, 3);
  await until(() => numbers(a).length === 3 && numbers(b).length === 3);
  for (const socket of sockets) socket.destroy();
  say(4, 5);
  await until(() => numbers(a).length === 5 && numbers(b).length === 5);
  for (const p of [a, b]) {
    expect(numbers(p)).toEqual([1, 2, 3, 4, 5]);
    expect(p.last).toMatchObject({ state: 'open', error: undefined });
  }
  expect(a.last.messages[4]!.lastEventId).toMatch(/:5$/);
  expect(requests).toEqual(['/1', '/1']);
  for (const one of shown) await one.unmount();
  await until(() => current.size === 0);
});

it('tells the events that are asked for by their names', async () => {
  const p = follow();
  await start(p, { path: '/2', events: ['score', 'error'] });
  await until(() => p.last.state === 'open');
  for (const event of ['score', 'other', 'error', undefined]) {
    current.send({ data: '7', ...(event !== undefined && { event }) });
  }
  await until(() => p.last.messages.length === 3);
  expect(p.last.messages.map(({ event, data }) => [event, data])).toEqual([
    ['score', 7],
    ['error', 7],
    ['message', 7],
  ]);
});

it('keeps so many, calls the newest onMessage, and renders a burst once', async () => {
  const p = follow();
  const heard: string[] = [];
  const { render } = await start(p, { path: '/3', keep: 2, onMessage: () => heard.push('old') });
  await until(() => p.last.state === 'open');
  await render({ path: '/3', keep: 2, onMessage: ({ data }) => heard.push(`new ${data}`) });
  const renders = p.results.length;
  say(1, 2, 3, 4);
  await until(() => numbers(p)[1] === 4);
  expect([numbers(p), heard]).toEqual([
    [3, 4],
    ['new 1', 'new 2', 'new 3', 'new 4'],
  ]);
  // StrictMode renders twice.
  expect(p.results.length - renders).toBe(2);
  expect(requests).toHaveLength(1);
});

it('has as a value what parse throws, and goes on', async () => {
  const p = follow();
  const parse = (text: string): number => JSON.parse(text);
  await start(p, { path: '/4', parse });
  await until(() => p.last.state === 'open');
  current.send({ data: '{' });
  await until(() => p.last.error);
  expect(p.last.error).toBeInstanceOf(SyntaxError);
  say(1);
  await until(() => numbers(p).length === 1);
  expect(p.last.state).toBe('open');
});

it('is closed when the server has no stream, and without an address', async () => {
  const p = follow();
  const { render } = await start(p, { path: '/gone' });
  await until(() => p.last.state === 'closed');
  expect(p.last.error).toMatchObject({ message: expect.stringContaining('/gone') });
  await render({});
  expect(p.last).toEqual({ state: 'closed', messages: [], error: undefined });
  await pass(20);
  expect(requests).toEqual(['/gone']);
  await render({ path: '/5' });
  await until(() => p.last.state === 'open');
});

it('without an EventSource in the runtime it says so', async () => {
  const p = probe(() => useEventSource('/6'));
  const page = await show(p.node());
  await until(() => p.last.state === 'closed');
  expect(p.last.error).toMatchObject({ message: expect.stringContaining('framewright/sse') });
  await page.unmount();
});

it('goes to another address with nothing of the one before', async () => {
  const p = follow();
  const { render } = await start(p, { path: '/7' });
  await until(() => p.last.state === 'open');
  say(1);
  await until(() => numbers(p).length === 1);
  await render({ path: '/8' });
  expect(p.last).toMatchObject({ state: 'connecting', messages: [] });
  await until(() => p.last.state === 'open');
  say(2);
  await until(() => numbers(p).includes(2));
  expect(numbers(p)).toEqual([2]);
  expect(requests).toEqual(['/7', '/8']);
});

it('the server renders the state at the beginning', () => {
  const Page = () => {
    const { state, messages } = useEventSource('/9');
    return h('p', null, `${state} ${messages.length}`);
  };
  expect(renderToString(h(Page))).toBe('<p>connecting 0</p>');
  expect(requests).toEqual([]);
});
