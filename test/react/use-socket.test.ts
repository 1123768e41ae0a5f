/** `useSocket` with servers of both kinds, whose connections are counted. */

import { createElement as h } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, describe, expect, it } from 'vitest';
import { type SocketData, type UseSocketOptions, useSocket } from '../../src/react/index.ts';
import { WebSocket } from '../../src/web/index.ts';
import { echo, SERVER_KINDS, startServer } from '../support/servers.ts';
import { pass, probe, type Shown, show, strict, until } from './dom.ts';

/** React keeps a property of the name `key` for itself. */
type Props = Omit<UseSocketOptions, 'key'> & { url?: string | undefined; user?: string };

const follow = () =>
  probe(({ url, user, ...options }: Props = {}) =>
    useSocket(url, { WebSocket, backoff: { minMs: 5, maxMs: 10 }, key: user, ...options }),
  );
let shown: Shown[] = [];
async function start(p: ReturnType<typeof follow>, props: Props) {
  const page = await show(strict(p.node(props)));
  shown.push(page);
  return { ...page, render: (next: Props) => page.render(strict(p.node(next))) };
}
const dataOf = ({ last }: ReturnType<typeof follow>) => last.messages.map(({ data }) => data);

afterEach(async () => {
  for (const page of shown) await page.unmount();
  shown = [];
});

describe.each(SERVER_KINDS)('useSocket on %s', (kind) => {
  it('shares one connection under StrictMode, sends, and ends it when it goes', async () => {
    const server = await startServer(kind, {}, echo);
    const [a, b] = [follow(), follow()];
    const [first, second] = [await start(a, { url: server.url() }), await start(b, { url: server.url() })];
    expect([a.last.state, a.last.send('too early')]).toEqual(['connecting', false]);
    await until(() => a.last.state === 'open' && b.last.state === 'open');
    const { send } = a.last;
    expect([send('text'), send(new Uint8Array([1, 2]))]).toEqual([true, true]);
    await until(() => dataOf(a).length === 2 && dataOf(b).length === 2);
    expect(dataOf(b)).toEqual(['text', new Uint8Array([1, 2]).buffer]);
    expect(a.last.send).toBe(send);
    expect(server.connections).toHaveLength(1);
    await first.unmount();
    await second.unmount();
    await until(() => server.connections[0]!.readyState === WebSocket.CLOSED);
  });

  it('comes back, says when it is open, and tells a burst in one render to the newest callback', async () => {
    const server = await startServer(kind);
    const p = follow();
    const heard: string[] = [];
    const props = (word: string): Props => ({
      url: server.url(),
      keep: 2,
      onOpen: (send) => heard.push(`${word} open ${send('hello')}`),
      onMessage: ({ data }) => heard.push(`${word} ${data}`),
    });
    const { render } = await start(p, props('old'));
    await until(() => p.last.state === 'open');
    server.connections[0]!.terminate();
    await until(() => server.connections.length === 2 && p.last.state === 'open');
    await render(props('new'));
    const renders = p.results.length;
    const [, socket] = server.connections;
    socket!._socket!.cork();
    for (const text of ['one', 'two', 'three']) socket!.send(text);
    socket!._socket!.uncork();
    await until(() => dataOf(p).includes('three'));
    expect(dataOf(p)).toEqual(['two', 'three']);
    // StrictMode renders twice.
    expect(p.results.length - renders).toBe(2);
    expect(heard).toEqual(['old open true', 'old open true', 'new one', 'new two', 'new three']);
    expect(server.connections).toHaveLength(2);
  });
});

it('goes to another address, and to none, and leaves nothing; other keys are other connections', async () => {
  const [one, two] = [await startServer('node:net', {}, echo), await startServer('node:net', {}, echo)];
  const p = follow();
  const { render } = await start(p, { url: one.url() });
  await until(() => p.last.state === 'open');
  p.last.send('first');
  await until(() => dataOf(p).length === 1);
  await render({ url: two.url() });
  expect(p.last).toMatchObject({ state: 'connecting', messages: [] });
  await until(() => p.last.state === 'open');
  await render({ url: two.url(), user: 'ann' });
  await until(() => two.connections.length === 2);
  await render({});
  expect(p.last).toMatchObject({ state: 'closed', messages: [], error: undefined });
  // Before there is a connection.
  const page = await start(follow(), { url: one.url(), user: 'bob' });
  await page.unmount();
  const all = () => [...one.connections, ...two.connections];
  await until(() => all().length === 4 && all().every(({ readyState }) => readyState === WebSocket.CLOSED));
});

it('has faults as values: of an address, and of parse', async () => {
  const bad = follow();
  await start(bad, { url: 'ftp://127.0.0.1' });
  await until(() => bad.last.state === 'closed');
  expect(bad.last.error).toBeInstanceOf(TypeError);

  const server = await startServer('node:net', {}, echo);
  const p = probe(() =>
    useSocket(server.url(), { WebSocket, parse: (data: SocketData): { n: number } => JSON.parse(String(data)) }),
  );
  shown.push(await show(p.node()));
  await until(() => p.last.state === 'open');
  p.last.send('{');
  p.last.send('{"n":1}');
  await until(() => p.last.messages.length === 1);
  expect([p.last.messages[0]!.data.n, p.last.error, p.last.state]).toEqual([1, expect.any(SyntaxError), 'open']);
  await pass(0);
});

it('the server renders the state at the beginning', () => {
  const Page = ({ url }: { url?: string }) => {
    const { state, messages, send } = useSocket(url);
    return h('p', null, `${state} ${messages.length} ${send('nothing')}`);
  };
  expect(renderToString(h(Page, { url: 'ws://127.0.0.1:1' }))).toBe('<p>connecting 0 false</p>');
  expect(renderToString(h(Page))).toBe('<p>closed 0 false</p>');
});
