/** The example of a chat with Redis: two programs, as on two machines, are one chat, which outlives them. */

import { expect, it, onTestFinished } from 'vitest';
import { openChat, signIn } from '../examples/chat-user.ts';
import { compile, sourceOf, start } from '../examples/start.ts';
import { RedisServer } from './redis-server.ts';

it('what is said at one is heard at the other, with one sign-in, and is there when both start again', async () => {
  const redis = await RedisServer.start('none');
  onTestFinished(() => redis.end());
  const programs = await compile({ chat: sourceOf('chat/server') });
  onTestFinished(() => programs.remove());
  const open = async () => {
    const args = ['--redis', `redis://127.0.0.1:${redis.port}`];
    const program = await start(programs.programOf('chat'), args, { PAGE: redis.folder });
    onTestFinished(() => void program.child.kill('SIGKILL'));
    return program;
  };
  const two = await Promise.all([open(), open()]);
  const [here, there] = two.map(({ address }) => address) as [string, string];

  const [cookie = ''] = (await signIn(here, 'Ann')).headers.getSetCookie();
  const headers = { cookie: cookie.split(';')[0]! };
  expect(await (await fetch(`${there}/session/refresh`, { method: 'POST', headers })).json()).toMatchObject({
    id: 'ann',
  });

  const [ann, bob] = [await openChat(here, 'Ann'), await openChat(there, 'Bob')];
  const rooms = bob.join('rooms', { last: 10 });
  await ann.call.makeRoom({ room: 'lunch', topic: '' });
  for await (const { data } of rooms) if (data.room === 'lunch') break;
  const room = bob.join('room:lunch', { members: true });
  const both = new Promise((resolve) => room.on('members', (members) => members.length === 2 && resolve(members)));
  ann.join('room:lunch');
  await both;
  await ann.call.say({ room: 'lunch', text: 'hello' });
  for await (const { data } of room) {
    expect(data).toMatchObject({ by: 'ann', text: 'hello' });
    break;
  }

  for (const { child } of two) child.kill('SIGTERM');
  expect(await Promise.all(two.map(({ ended }) => ended))).toEqual([
    [0, null],
    [0, null],
  ]);
  const { address } = await open();
  const eve = await openChat(address, 'Eve');
  expect(await eve.call.overview(undefined)).toEqual({ ends: { general: 0, lunch: 1 }, read: null });

  const { token } = (await (await signIn(address, 'Eve')).json()) as { token: string };
  await redis.kill();
  const away = await fetch(`${address}/api/rooms`, { headers: { Authorization: `Bearer ${token}` } });
  expect([away.status, await away.json()]).toEqual([503, { error: expect.stringContaining('Redis') }]);
});
