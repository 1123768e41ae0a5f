/** Hubs of several processes, which share what keeps their logs. */

import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { memory } from '../../src/engines/memory.ts';
import { interruptible } from '../engines/interruptible.ts';
import { Process } from '../engines/sibling-promises.ts';
import { ScriptedEngine } from './scripted-engine.ts';
import { as, chatHub } from './support.ts';
import { enter, serve, WireClient } from './wire-client.ts';

/** Two of them, on servers of their own. */
async function two(options: Parameters<typeof chatHub>[0] = {}) {
  const logs = memory();
  const make = async (engine: typeof logs) => {
    const { hub, reported } = chatHub({ ...options, engine });
    return { hub, reported, ...(await serve('node:http', hub)) };
  };
  return [await make(logs), await make(logs.share())] as const;
}

it('hub.disconnect() closes what a user has in another process', async () => {
  const [here, there] = await two();
  const { client } = await enter(there.origin, as('ann'));
  const other = await enter(there.origin, as('bob'));
  expect(await here.hub.disconnect('ann', { reason: 'banned' })).toBe(0);
  expect(await client.closed).toEqual([4403, 'banned']);
  expect(await other.client.ask({ type: 'leave', id: 1, channel: 'room:a' })).toMatchObject({ type: 'result' });
});

it('the newest connection of a user can take the place of the others', async () => {
  const [here, there] = await two();
  const [first, second] = [await enter(here.origin, as('ann')), await enter(there.origin, as('ann'))];
  const last = await enter(here.origin, as('ann'));
  const except = last.welcome.connection as string;
  expect(await here.hub.disconnect('ann', { code: 4409, except })).toBe(1);
  for (const { client } of [first, second]) expect((await client.closed)[0]).toBe(4409);
  expect(await last.client.ask({ type: 'leave', id: 1, channel: 'room:a' })).toMatchObject({ type: 'result' });
});

it.each([
  ['two processes', 1],
  ['one process', 0],
])('of two connections in %s that take the place of the others at once, one stays', async (_where, other) => {
  const hubs = await two();
  const pair = [hubs[0], hubs[other]!];
  const tabs = await Promise.all(pair.map(({ origin }) => enter(origin, as('ann'))));
  await Promise.all(
    pair.map(({ hub }, i) => hub.disconnect('ann', { code: 4409, except: tabs[i]!.welcome.connection as string })),
  );
  const ends: number[] = [];
  for (const { client } of tabs) void client.closed.then(([code]) => ends.push(code));
  await expect.poll(() => ends).toEqual([4409]);
  const answers = tabs.map(({ client }) =>
    Promise.race([client.closed, client.ask({ type: 'leave', id: 1, channel: 'room:a' })]),
  );
  expect((await Promise.all(answers)).filter((answer) => !Array.isArray(answer))).toHaveLength(1);
});

it('messages of a user count in every process, also when he changes over', async () => {
  const servers = await two({ messageRate: { perSecond: 0.0001, burst: 4, onExcess: 'close' } });
  await enter(servers[1].origin, as('bob'));
  const ann = await enter(servers[0].origin, as('ann'));
  for (let i = 0; i < 3; i++) ann.client.send({ type: 'ping' });
  for (let i = 0; i < 3; i++) await ann.client.next();
  ann.client.socket.terminate();
  await ann.client.closed;
  // It is told with the end of the turn.
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  const again = await enter(servers[1].origin, as('ann'));
  again.client.send({ type: 'ping' });
  expect(await again.client.next()).toEqual({ type: 'pong' });
  again.client.send({ type: 'ping' });
  expect((await again.client.closed)[0]).toBe(1008);
});

it('connections of an address count in every process', async () => {
  const [here, there] = await two({ maxConnectionsPerAddress: 2 });
  await enter(here.origin, as('ann'));
  await enter(there.origin, as('bob'));
  for (const { origin } of [here, there]) expect(await new WireClient(origin, as('eve')).refused).toBe(429);
});

it('a process that was away does what was ordered meanwhile, and those who have come since stay', async () => {
  const { engines, restore } = interruptible(2);
  const [here, there] = engines.map((engine) => new Process(engine)) as [Process, Process];
  const before = there.connect('ann');
  await pause(2);
  await engines[1]!.cut();
  await here.siblings.disconnect({ user: 'ann', code: 4403, reason: '', except: undefined });
  await pause(2);
  const since = there.connect('ann', 'since');
  expect(before).toEqual([]);
  await restore();
  await expect.poll(() => before).toEqual([4403]);
  expect(since).toEqual([]);
});

it('who does not wait for hub.disconnect() learns that others could not be told', async () => {
  const { engines, cut } = interruptible(1);
  const { hub, reported } = chatHub({ engine: engines[0]! });
  await cut();
  void hub.disconnect('ann');
  await expect.poll(() => reported.map(([, where]) => where)).toEqual(["hub.disconnect('ann')"]);
});

it('nothing is asked of an engine before somebody connects', async () => {
  const engine = new ScriptedEngine();
  const asked: string[] = [];
  const { subscribe } = engine;
  engine.subscribe = (channel, ...rest) => {
    asked.push(channel.replace(/^::[\w-]+/, ''));
    return subscribe.call(engine, channel, ...rest);
  };
  const { hub } = chatHub({ engine, messageRate: { perSecond: 10 }, maxConnectionsPerAddress: 10 });
  const { origin } = await serve('node:http', hub);
  expect(asked).toEqual([]);
  await enter(origin, as('ann'));
  await enter(origin, as('bob'));
  expect(asked.sort()).toEqual([':addresses', ':orders', ':rates']);
});

it('what is told of an address while all are read holds, though what was read is older', async () => {
  const logs = memory();
  const engine = memory();
  let answer: () => void = () => {};
  engine.members = async (channel) => {
    const members = await logs.members(channel);
    await new Promise<void>((resolve) => (answer = resolve));
    return members;
  };
  let addresses = '';
  engine.subscribe = (channel, ...rest) => {
    if (channel.endsWith(':addresses')) addresses = channel;
    return logs.subscribe(channel, ...rest);
  };
  new Process(engine).connect('ann');
  await logs.setPresence(addresses, { user: 'x', data: 'null', connections: 3 });
  const process = new Process(engine);
  process.connect('ann');
  await new Promise(setImmediate);
  await logs.setPresence(addresses, { user: 'x', data: 'null', connections: 0 });
  answer();
  await new Promise(setImmediate);
  expect(process.occupancy.faultWith('x')).toBeUndefined();
});

it('a process that is away counts its own connections alone, though others stay', async () => {
  const { engines } = interruptible(2);
  const [here, there] = engines.map((engine) => new Process(engine)) as [Process, Process];
  there.connect('ann');
  await new Promise(setImmediate);
  for (let i = 0; i < 3; i++) here.occupancy.take('x');
  await expect.poll(() => there.occupancy.faultWith('x')).toBeDefined();
  await engines[1]!.cut();
  expect(there.occupancy.faultWith('x')).toBeUndefined();
});

it('an engine that is away when somebody connects is asked again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { engines, cut, restore } = interruptible(2);
  const [here, there] = engines.map((engine) => new Process(engine)) as [Process, Process];
  await cut();
  const codes = there.connect('ann');
  await new Promise(setImmediate);
  await restore();
  await vi.advanceTimersByTimeAsync(1000);
  await here.siblings.disconnect({ user: 'ann', code: 4403, reason: '', except: undefined });
  expect([codes, there.reported]).toEqual([[4403], []]);
});
