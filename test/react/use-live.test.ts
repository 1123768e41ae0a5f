/** How components share a connection; connections are played by the tests. */

import { Activity, act, createElement, type ReactNode, Suspense, startTransition, useEffect, useState } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Live } from '../../src/live/types.ts';
import { useChannel } from '../../src/react/use-channel.ts';
import { type UseLiveOptions, useLive } from '../../src/react/use-live.ts';
import { defineProtocol } from '../../src/realtime-protocol/define-protocol.ts';
import { pass, probe, show, strict, until } from './dom.ts';
import { FakeLive } from './fake-live.ts';

const made: (FakeLive & { args: unknown[] })[] = [];

vi.mock('../../src/live/live.ts', () => ({
  connect(...args: unknown[]) {
    if (String(args.at(-2)).startsWith('bad')) throw new SyntaxError('no address');
    const fake = Object.assign(new FakeLive(args.at(-1) as object), { args });
    made.push(fake);
    return fake;
  },
}));

const protocol = defineProtocol({ channels: {} });
const h = createElement;

/** So long a connection that nobody holds stays. */
const MOMENT_MS = 1000;

let shown: { unmount(): Promise<void> }[] = [];
async function mount(node: ReactNode, more?: Parameters<typeof show>[1]) {
  const it = await show(node, more);
  shown.push(it);
  return it;
}

beforeEach(() => {
  made.splice(0);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(async () => {
  for (const one of shown) await one.unmount();
  shown = [];
  await pass(2 * MOMENT_MS);
  vi.useRealTimers();
  expect(made.map(({ state, listenerCount }) => [state, listenerCount])).toEqual(made.map(() => ['closed', 0]));
});

function probeLive(url: string, options?: UseLiveOptions) {
  return probe(({ url: another = url, ...given }: UseLiveOptions & { url?: string } = {}) => {
    const live = useLive(protocol, another, { ...options, ...given });
    return { live, state: live.state, user: live.user, error: live.error };
  });
}

it('components share one connection under StrictMode; it ends a moment after the last of them', async () => {
  const [a, b] = [probeLive('/1'), probeLive('/1')];
  const page = await mount(strict([h('div', { key: 1 }, a.node()), h('div', { key: 2 }, b.node())]));
  expect(made).toHaveLength(1);
  expect(made[0]!.args.slice(0, 2)).toEqual([protocol, '/1']);
  const { live } = a.last;
  const renders = a.results.length;
  made[0]!.user = 'u';
  made[0]!.enter('open');
  await until(() => a.last.state === 'open' && b.last.state === 'open');
  expect(a.last).toMatchObject({ user: 'u', live });
  // StrictMode renders twice.
  expect(a.results.length - renders).toBe(2);
  await page.render(strict(h('div', { key: 2 }, b.node())));
  await pass(2 * MOMENT_MS);
  expect(made[0]!.state).toBe('open');
  await page.render(null);
  await pass(MOMENT_MS - 10);
  expect(made[0]!.state).toBe('open');
  await pass(20);
  expect(made[0]!.state).toBe('closed');
});

it('a page that follows takes the connection over', async () => {
  const [a, b] = [probeLive('/2'), probeLive('/2')];
  const page = await mount(h('main', null, a.node()));
  await page.render(null);
  await page.render(h('section', null, b.node()));
  await pass(2 * MOMENT_MS);
  expect(made).toHaveLength(1);
  expect(made[0]!.state).toBe('connecting');
});

it('a connection that has ended by itself is not taken over by who comes next', async () => {
  const p = probeLive('/13');
  const page = await mount(p.node());
  made[0]!.enter('closed');
  await until(() => p.last.state === 'closed');
  await page.render(null);
  await pass(10);
  await page.render(h('main', null, p.node()));
  expect([made.length, p.last.state]).toEqual([2, 'connecting']);
});

it('other addresses, keys and protocols have connections of their own', async () => {
  const p = probe(({ url, user }: { url?: string; user?: string } = {}) =>
    useLive(protocol, url ?? '/3', { key: user }),
  );
  const other = defineProtocol({ channels: {} });
  const page = await mount(p.node());
  await page.render(p.node({ url: '/4' }));
  await page.render(p.node({ url: '/4', user: 'ann' }));
  await mount(probe(() => useLive(other, '/3')).node());
  await mount(probe(() => useLive<typeof protocol>('/3')).node());
  expect(made.map(({ args }) => args.slice(0, -1))).toEqual([
    [protocol, '/3'],
    [protocol, '/4'],
    [protocol, '/4'],
    [other, '/3'],
    ['/3'],
  ]);
  await until(() => made[0]!.state === 'closed' && made[1]!.state === 'closed');
  expect(made[2]!.state).toBe('connecting');
});

it('asks the newest token of those who have one', async () => {
  const [a, b] = [probeLive('/5'), probeLive('/5')];
  const page = await mount([h('i', { key: 1 }, a.node()), h('b', { key: 2 }, b.node({ token: () => 'one' }))]);
  const ask = () => made[0]!.options.token!();
  expect(ask()).toBe('one');
  await page.render([h('i', { key: 1 }, a.node()), h('b', { key: 2 }, b.node({ token: () => 'two' }))]);
  expect(ask()).toBe('two');
  await page.render([h('i', { key: 1 }, a.node({ token: 'three' })), h('b', { key: 2 }, b.node())]);
  expect(ask()).toBe('three');
  await page.render(null);
  expect(ask()).toBe('three');
  expect(made).toHaveLength(1);
});

it('options of a parent are there when a child connects first', async () => {
  const timeoutMs = 77;
  const Parent = ({ children }: { children: ReactNode }) => {
    useLive(protocol, '/6', { timeoutMs });
    return children;
  };
  await mount(h(Parent, null, probeLive('/6').node()));
  expect(made.map(({ options }) => options)).toMatchObject([{ timeoutMs }]);
});

it('an address that is none is a value, and no throw', async () => {
  const p = probeLive('bad');
  const channel = probe(({ live }: { live?: Live<typeof protocol> }) => useChannel(live as Live, 'a'));
  await mount([h('i', { key: 1 }, p.node()), h('i', { key: 2 }, channel.node(p.last && { live: p.last.live }))]);
  await until(() => p.last.state === 'closed');
  expect(p.last.error).toMatchObject({ code: 'INVALID', message: 'no address' });
  p.last.live.on('state', () => {})();
  await expect(p.last.live.publish('a' as never, 1 as never)).rejects.toMatchObject({ code: 'INVALID' });
});

it('calls and publications go by the connection, and keep it until their answer', async () => {
  const asked = defineProtocol({ channels: {}, calls: { say: { input: protocolSchema(), output: protocolSchema() } } });
  const p = probe(() => useLive(asked, '/7'));
  const page = await mount(p.node());
  const live = p.last;
  await page.render(null);
  const answer = live.call.say('hello');
  await pass(2 * MOMENT_MS);
  expect(made[0]!.asked).toEqual([['say', 'hello']]);
  expect(made[0]!.state).toBe('connecting');
  made[0]!.answer('heard');
  expect(await answer).toBe('heard');
  await until(() => made[0]!.state === 'closed');
});

it('an effect of a child, which is run before those of its parents, can use it', async () => {
  const states: string[] = [];
  const Child = ({ live }: { live: Live }) => {
    useEffect(() => live.on('state', (state) => states.push(state)), [live]);
    useEffect(() => {
      const channel = live.join('x');
      return () => channel.leave();
    }, [live]);
    return null;
  };
  const Parent = () => h(Child, { live: useLive('/8') });
  await mount(strict(h(Parent)));
  expect(made).toHaveLength(1);
  made[0]!.enter('open');
  expect(states).toEqual(['open']);
  await shown[0]!.unmount();
  await until(() => made[0]!.state === 'closed');
  expect(made[0]!.channels.map(({ state }) => state)).toEqual(['left', 'left']);
});

it('a part of the page that is hidden leaves, and comes back with what it had', async () => {
  const lives = probe(() => {
    const live = useLive('/9');
    return useChannel(live, 'a', { last: 5 });
  });
  const tree = (mode: 'visible' | 'hidden') => h(Activity, { mode, children: lives.node() });
  const page = await mount(tree('visible'));
  const position = { epoch: 'e', offset: 3 };
  made[0]!.channels[0]!.tell({ data: 'three', position });
  await until(() => lives.last.messages.length === 1);
  await page.render(tree('hidden'));
  await until(() => made[0]!.state === 'closed');
  await page.render(tree('visible'));
  expect(made).toHaveLength(2);
  const [again] = made[1]!.channels;
  expect(again!.options).toEqual({ after: position, members: true });
  again!.tell({ data: 'four', position: { epoch: 'e', offset: 4 } });
  await until(() => lives.last.messages.length === 2);
  expect([lives.last.messages.map(({ data }) => data), lives.last.gap]).toEqual([['three', 'four'], false]);
});

it('a render that is thrown away connects nothing', async () => {
  let resolve = () => {};
  let isReady = false;
  const ready = new Promise<void>((done) => {
    resolve = () => {
      isReady = true;
      done();
    };
  });
  const p = probe(() => {
    const live = useLive('/10');
    if (!isReady) throw ready;
    return live;
  });
  let go = () => {};
  const Page = () => {
    const [isThere, setThere] = useState(false);
    go = () => startTransition(() => setThere(true));
    return h(Suspense, { fallback: 'wait' }, isThere ? p.node() : 'before');
  };
  const page = await mount(strict(h(Page)));
  await act(async () => go());
  await pass(50);
  expect([made.length, page.text]).toEqual([0, 'before']);
  await act(async () => resolve());
  await until(() => made.length === 1);
});

it('unmounting at once leaves nothing behind', async () => {
  const page = await mount(probeLive('/11').node());
  await page.unmount();
  await until(() => made[0]!.state === 'closed');
  expect(made).toHaveLength(1);
});

const Page = () => {
  const live = useLive('/12');
  const { state, messages } = useChannel(live, 'a');
  return h('p', null, `${live.state} ${state} ${messages.length}`);
};

it('the server renders the state at the beginning, and connects nothing', () => {
  expect(renderToString(h(Page))).toBe('<p>connecting joining 0</p>');
  expect(made).toEqual([]);
});

it('hydrates with the same, also when the connection is open already', async () => {
  const html = renderToString(h(Page));
  await mount(probe(() => useLive('/12')).node());
  made[0]!.enter('open');
  const faults: unknown[] = [];
  const page = await mount(h(Page), { html, onRecoverableError: (error) => faults.push(error) });
  await until(() => page.text === 'open joining 0');
  expect(faults).toEqual([]);
  expect(made).toHaveLength(1);
  expect(made[0]!.channels).toHaveLength(1);
});

function protocolSchema() {
  return { '~standard': { version: 1 as const, vendor: 'test', validate: (value: unknown) => ({ value }) } };
}
