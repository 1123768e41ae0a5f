/** What `useChannel` makes of a channel, told by a connection that the tests play. */

import { createElement, type ReactNode } from 'react';
import { expect, it } from 'vitest';
import type { ChannelView, UseChannelOptions } from '../../src/react/use-channel.ts';
import { useChannel, useMembers } from '../../src/react/use-channel.ts';
import type { Protocol } from '../../src/realtime-protocol/define-protocol.ts';
import { RealtimeError } from '../../src/realtime-protocol/realtime-error.ts';
import { probe, show, strict, until } from './dom.ts';
import { FakeLive } from './fake-live.ts';

type View = ChannelView<Protocol, string>;
type Options = UseChannelOptions<unknown>;

const entry = (offset: number, more: object = {}) => ({ data: offset, position: { epoch: 'e', offset }, ...more });
const dataOf = ({ messages }: View) => messages.map(({ data }) => data);

async function start(options: Options = {}, wrap: (node: ReactNode) => ReactNode = (node) => node) {
  const fake = new FakeLive();
  const p = probe(({ name = 'a', ...given }: Options & { name?: string | null } = {}) =>
    useChannel(fake.live, name ?? undefined, given),
  );
  const shown = await show(wrap(p.node(options)));
  return { fake, p, shown, render: (next: Options & { name?: string | null }) => shown.render(wrap(p.node(next))) };
}

it('joins once under StrictMode, asks for members, and leaves when it goes', async () => {
  const { fake, p, shown } = await start({ last: 50 }, strict);
  const [channel, ...others] = fake.channels;
  expect(others).toEqual([]);
  expect([channel!.name, channel!.options]).toEqual(['a', { last: 50, members: true }]);
  expect(p.last).toMatchObject({ state: 'joining', messages: [], gap: false, members: [], error: undefined });
  channel!.enter('live');
  await until(() => p.last.state === 'live');
  await shown.unmount();
  await until(() => channel!.state === 'left');
  expect(channel!.listenerCount).toBe(0);
});

it('renders once for what one turn of the loop brings, and what it has got never changes', async () => {
  const { fake, p } = await start();
  const [channel] = fake.channels;
  channel!.tell(entry(1));
  await until(() => p.last.messages.length === 1);
  const before = p.last;
  const renders = p.results.length;
  for (let offset = 2; offset <= 17; offset++) channel!.tell(entry(offset));
  channel!.setMembers({ user: 'u', data: {}, connections: 1 });
  channel!.enter('stale');
  await until(() => p.last.messages.length === 17);
  expect(p.results.length - renders).toBe(1);
  expect(p.last).toMatchObject({ state: 'stale', members: [{ user: 'u' }] });
  expect(dataOf(before)).toEqual([1]);
  expect(p.last.publish).toBe(before.publish);
  const { messages } = p.last;
  channel!.enter('live');
  await until(() => p.last.state === 'live');
  expect(p.last.messages).toBe(messages);
});

it.each([
  { keep: undefined, kept: 200 },
  { keep: 3, kept: 3 },
  { keep: 0, kept: 0 },
])('keeps $kept of 1,000 messages when asked for $keep', async ({ keep, kept }) => {
  const seen: number[] = [];
  const { fake, p } = await start({ keep, onMessage: ({ data }) => seen.push(data as number) });
  const [channel] = fake.channels;
  const renders = p.results.length;
  for (let offset = 1; offset <= 1000; offset++) channel!.tell(entry(offset));
  channel!.enter('live');
  await until(() => p.last.state === 'live');
  expect(dataOf(p.last)).toEqual(Array.from({ length: kept }, (_, i) => 1001 - kept + i));
  expect(new Set(p.last.messages.map(({ id }) => id)).size).toBe(kept);
  expect(seen).toHaveLength(1000);
  expect(p.results.length - renders).toBe(1);
});

it('does not render for messages when it keeps none', async () => {
  const { fake, p } = await start({ keep: 0 });
  const renders = p.results.length;
  fake.channels[0]!.tell(entry(1), entry(2));
  await new Promise((resolve) => setTimeout(resolve));
  expect(p.results.length).toBe(renders);
});

it('calls the newest onMessage, joins once for all of them, and calls none when it has gone', async () => {
  const heard: string[] = [];
  const { fake, render, shown } = await start({ onMessage: () => heard.push('first') });
  const [channel] = fake.channels;
  channel!.tell(entry(1));
  await render({ onMessage: () => heard.push('second') });
  channel!.tell(entry(2));
  await render({});
  channel!.tell(entry(3));
  await render({ onMessage: () => heard.push('third') });
  expect(fake.channels).toHaveLength(1);
  await shown.unmount();
  channel!.tell(entry(4));
  expect(heard).toEqual(['first', 'second']);
});

it('changes to another channel, and to none, with nothing of the one before', async () => {
  const { fake, p, render } = await start();
  fake.channels[0]!.tell(entry(1));
  await until(() => p.last.messages.length === 1);
  const renders = p.results.length;
  await render({ name: 'b' });
  expect(p.results.slice(renders).flatMap(dataOf)).toEqual([]);
  expect(fake.channels.map(({ name }) => name)).toEqual(['a', 'b']);
  await until(() => fake.channels[0]!.state === 'left');
  fake.channels[1]!.tell(entry(7));
  await until(() => dataOf(p.last).includes(7));
  await render({ name: null });
  expect(p.last).toMatchObject({ state: 'left', messages: [] });
  await expect(p.last.publish(1)).rejects.toMatchObject({ code: 'UNKNOWN' });
  await until(() => fake.channels[1]!.state === 'left');
  expect(fake.channels).toHaveLength(2);
});

it('says gap for as long as it shows where something is missing', async () => {
  const { fake, p } = await start({ keep: 3 });
  const [channel] = fake.channels;
  channel!.tell(entry(1));
  await until(() => p.last.messages.length === 1);
  expect(p.last.gap).toBe(false);
  channel!.emit('gap', undefined);
  await until(() => p.last.gap);
  channel!.tell(entry(9, { isAfterGap: true }), entry(10));
  await until(() => p.last.messages.length === 3);
  expect([p.last.gap, p.last.messages.map(({ isAfterGap }) => isAfterGap)]).toEqual([true, [false, true, false]]);
  channel!.tell(entry(11), entry(12));
  await until(() => dataOf(p.last).includes(12));
  expect([p.last.gap, dataOf(p.last)]).toEqual([false, [10, 11, 12]]);
});

it('has as a value what the server says against it', async () => {
  const { fake, p } = await start();
  const [channel] = fake.channels;
  channel!.error = new RealtimeError('NOT_ALLOWED', 'no');
  channel!.enter('left');
  channel!.emit('error', channel!.error);
  await until(() => p.last.error);
  expect(p.last).toMatchObject({ state: 'left', error: { code: 'NOT_ALLOWED' } });
});

it('publishes by its connection', async () => {
  const { fake, p } = await start();
  await p.last.publish('hello', { key: 'k' });
  expect(fake.published).toEqual([['a', 'hello', { key: 'k' }]]);
});

it('useMembers asks for members, keeps no messages, and renders when members change', async () => {
  const fake = new FakeLive();
  const p = probe(() => useMembers(fake.live, 'a'));
  await show(createElement('div', null, p.node()));
  expect(fake.channels[0]!.options).toEqual({ last: undefined, members: true });
  fake.channels[0]!.setMembers({ user: 'u', data: { name: 'U' }, connections: 2 });
  await until(() => p.last.length === 1);
  expect(p.last).toEqual([{ user: 'u', data: { name: 'U' }, connections: 2 }]);
});
