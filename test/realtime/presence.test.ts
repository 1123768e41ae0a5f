/** Who is in a channel, as its members are told on real sockets. */

import { expect, it } from 'vitest';
import { memory } from '../../src/realtime/index.ts';
import { ScriptedEngine } from './scripted-engine.ts';
import { as, chatHub } from './support.ts';
import { enter, type Message, serve, type WireClient } from './wire-client.ts';

const kind = 'listen()';

async function start(...setup: Parameters<typeof chatHub>) {
  const { hub, reported } = chatHub(...setup);
  const { origin } = await serve(kind, hub);
  const come = async (user: string, isWatching = false): Promise<WireClient> => {
    const { client } = await enter(origin, as(user));
    await client.ask({ type: 'join', id: 1, channel: 'room:a', members: isWatching });
    return client;
  };
  return { hub, reported, come, origin };
}

const member = (user: string, connections = 1) => ({ user, data: { name: `the ${user}` }, connections });
const users = ({ members }: Message) => (members as { user: string }[]).map(({ user }) => user).sort();

it('is told once as a whole, and then what changes', async () => {
  const { hub, come } = await start();
  const bob = await come('bob');
  const ann = await come('ann', true);
  expect(users(await ann.next())).toEqual(['ann', 'bob']);
  const cat = await come('cat');
  expect(await ann.next()).toEqual({ type: 'presence', channel: 'room:a', set: [member('cat')], gone: [] });
  const again = await come('bob');
  expect(await ann.next()).toMatchObject({ set: [member('bob', 2)], gone: [] });
  await bob.ask({ type: 'leave', id: 2, channel: 'room:a' });
  expect(await ann.next()).toMatchObject({ set: [member('bob')], gone: [] });
  again.socket.close();
  expect(await ann.next()).toMatchObject({ set: [], gone: ['bob'] });
  expect((await hub.members('room:a')).map(({ user }) => user).sort()).toEqual(['ann', 'cat']);
  expect(bob.unread + cat.unread).toBe(0);
});

it('what changes within a tick is one frame, and what is as before is none', async () => {
  const { come, hub } = await start();
  const ann = await come('ann', true);
  await ann.next();
  const bob = await come('bob');
  await ann.next();
  bob.send({ type: 'leave', id: 2, channel: 'room:a' }, { type: 'join', id: 3, channel: 'room:a' });
  await bob.answer(3);
  await hub.publish('room:a', { n: 1 });
  expect(await ann.next()).toMatchObject({ type: 'entries' });
  bob.send({ type: 'leave', id: 2, channel: 'room:a' });
  await bob.answer(2);
  expect(await ann.next()).toMatchObject({ type: 'presence', gone: ['bob'] });
});

it('who comes back in time has not been away', async () => {
  const { hub, come } = await start({ presenceGraceMs: 600_000 });
  const ann = await come('ann', true);
  await ann.next();
  const bob = await come('bob');
  await ann.next();
  for (let i = 0; i < 3; i++) {
    bob.socket.terminate();
    await bob.closed;
    while ((await hub.disconnect('bob')) > 0) await new Promise(setImmediate);
    const next = await come('bob');
    await hub.publish('room:a', { n: i });
    expect(await ann.next()).toMatchObject({ type: 'entries', data: [{ n: i }] });
    next.socket.terminate();
  }
});

it('who does not is taken out, and the channel goes with the last', async () => {
  const engine = new ScriptedEngine();
  const { hub, come } = await start({ presenceGraceMs: 20, engine });
  const ann = await come('ann', true);
  const bob = await come('bob');
  bob.socket.terminate();
  let message = await ann.next();
  while (message.type !== 'presence' || (message.gone as string[]).length === 0) message = await ann.next();
  expect(message).toMatchObject({ set: [], gone: ['bob'] });
  ann.socket.terminate();
  while (engine.subscribers.size > 0) await new Promise(setImmediate);
  expect(await hub.members('room:a')).toEqual([]);
});

it('a join again says the same of its user, or news', async () => {
  let name = 'ann';
  const { come } = await start({}, { member: () => ({ name }) });
  const bob = await come('bob', true);
  await bob.next();
  const ann = await come('ann');
  expect(await bob.next()).toMatchObject({ set: [{ user: 'ann', data: { name: 'ann' }, connections: 1 }] });
  name = 'Ann B.';
  await ann.ask({ type: 'join', id: 2, channel: 'room:a' });
  expect(await bob.next()).toMatchObject({ set: [{ user: 'ann', data: { name: 'Ann B.' }, connections: 1 }] });
});

it('is the same over all processes', async () => {
  const engine = memory();
  const one = await start({ engine });
  const two = await start({ engine: engine.share() });
  const ann = await one.come('ann', true);
  expect(users(await ann.next())).toEqual(['ann']);
  const bob = await two.come('bob', true);
  expect(users(await bob.next())).toEqual(['ann', 'bob']);
  expect(await ann.next()).toMatchObject({ set: [member('bob')] });
  await two.come('ann');
  expect(await ann.next()).toMatchObject({ set: [member('ann', 2)] });
  await two.hub.drain({ timeoutMs: 0 });
  let gone: unknown[] = [];
  while (!gone.includes('bob')) gone = [...gone, ...((await ann.next()).gone as string[])];
  expect(await one.hub.members('room:a')).toEqual([member('ann')]);
});

it('is told again to an engine that was away, and asked for anew', async () => {
  const engine = new ScriptedEngine();
  const { come } = await start({ engine });
  const ann = await come('ann', true);
  expect(users(await ann.next())).toEqual(['ann']);
  engine.subscribers.get('room:a')!.state('stale');
  expect(await ann.next()).toMatchObject({ type: 'state', state: 'stale' });
  engine.present = [{ user: 'bob', data: '{"name":"the bob"}', connections: 3 }];
  engine.presence.length = 0;
  engine.subscribers.get('room:a')!.state('live');
  expect(await ann.next()).toMatchObject({ type: 'state', state: 'live' });
  expect(await ann.next()).toMatchObject({ type: 'presence', set: [member('bob', 3)], gone: [] });
  expect(engine.presence).toMatchObject([{ channel: 'room:a', user: 'ann', connections: 1 }]);
});

it('what changes while the members are asked for counts above the answer', async () => {
  const engine = new ScriptedEngine();
  const { come } = await start({ engine });
  engine.hold('members');
  const ann = await come('ann', true);
  const bob = await come('bob');
  await bob.ask({ type: 'leave', id: 2, channel: 'room:a' });
  await come('cat');
  engine.release('members');
  const told: string[] = [];
  while (!told.includes('cat')) {
    const message = await ann.next();
    told.push(
      ...(message.type === 'members' ? users(message) : (message.set as { user: string }[]).map((m) => m.user)),
    );
    expect(told).not.toContain('bob');
  }
  expect(told.sort()).toEqual(['ann', 'cat']);
});

it.each([
  ['away', Object.assign(new Error('away'), { name: 'RealtimeError', code: 'UNAVAILABLE' }), 0],
  ['broken', new Error('no'), 2],
])('an engine that is %s does not keep anybody from joining', async (_words, error, reports) => {
  const engine = new ScriptedEngine();
  engine.fail('setPresence', error);
  engine.fail('members', error);
  const { hub, reported, come } = await start({ engine });
  const ann = await come('ann', true);
  await hub.publish('room:a', { n: 1 });
  expect(await ann.next()).toMatchObject({ type: 'entries' });
  expect(reported).toHaveLength(reports);
});
