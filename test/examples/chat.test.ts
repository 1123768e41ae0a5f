/** The example of a chat, started as its reader would, with clients of Node.js, its REST answers and a reader of its feed. */

import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { openChat, signIn } from './chat-user.ts';
import { sourceOf, start } from './start.ts';

it('its server has less than 150 lines', () => {
  const lines = readFileSync(sourceOf('chat/server'), 'utf8').split('\n');
  const code = lines.filter((line) => !/^\s*(\/\/.*|\/?\*.*)?$/.test(line));
  expect(code.length).toBeLessThan(150);
});

it('has sessions, rooms, REST and a feed, refuses what is not allowed, and drains at SIGTERM', async () => {
  const origin = 'https://intranet.example';
  const program = await start(sourceOf('chat/server'), ['--origin', origin], { SECRET: 'a secret' });
  const { address, child, ended, said } = program;
  onTestFinished(() => void child.kill('SIGKILL'));

  // Sessions
  expect((await signIn(address, ' ')).status).toBe(400);
  const session = await signIn(address, 'Ann');
  const [cookie = ''] = session.headers.getSetCookie();
  expect(cookie).toMatch(/^refresh=.+; Max-Age=2592000; Path=\/session; .*HttpOnly; SameSite=Strict$/);
  const refresh = (cookie?: string) =>
    fetch(`${address}/session/refresh`, { method: 'POST', headers: cookie === undefined ? {} : { cookie } });
  expect((await refresh()).status).toBe(401);
  const { id, token } = (await (await refresh(cookie.split(';')[0])).json()) as { id: string; token: string };
  expect(id).toBe('ann');
  // A page's token renews nothing.
  expect((await refresh(`refresh=${token}`)).status).toBe(401);

  // The page
  const page = await fetch(`${address}/`);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
  const [script] = /\/assets\/[^"]+\.js/.exec(await page.text())!;
  expect(await (await fetch(address + script)).text()).toContain('framewright.realtime.1');

  // Rooms, and what is said in them
  const [ann, bob] = [await openChat(address, 'Ann'), await openChat(address, 'Bob')];
  await ann.call.makeRoom({ room: 'lunch', topic: ' noon ' });
  await expect(bob.call.makeRoom({ room: 'lunch', topic: '' })).rejects.toMatchObject({ code: 'TAKEN' });
  const room = bob.join('room:lunch', { last: 10 });
  for (const text of [' one ', 'two', 'three']) await ann.call.say({ room: 'lunch', text }, { key: text });
  await ann.call.say({ room: 'lunch', text: 'three' }, { key: 'three' });
  const heard: string[] = [];
  for await (const { data, position } of room) {
    expect(data).toMatchObject({ by: 'ann', name: 'Ann' });
    if (heard.push(data.text) < 3) continue;
    const before = await bob.call.history({ room: 'lunch', before: position! });
    expect([heard, before.map(({ data }) => data.text)]).toEqual([
      ['one', 'two', 'three'],
      ['one', 'two'],
    ]);
    break;
  }
  expect(await bob.call.overview(undefined)).toEqual({ ends: { general: 0, lunch: 3 }, read: null });
  await bob.publish('read:bob', { lunch: 3 });
  expect((await bob.call.overview(undefined)).read).toEqual({ lunch: 3 });

  // What is not allowed
  const refused = [
    [ann.call.say({ room: 'lunch', text: ' ' }), 'INVALID'],
    [ann.call.say({ room: 'lunch', text: 'x'.repeat(2001) }), 'INVALID'],
    [ann.call.say({ room: 'nowhere', text: 'x' }), 'UNKNOWN'],
    [ann.call.history({ room: 'nowhere', before: { epoch: 'x', offset: 9 } }), 'UNKNOWN'],
    [ann.publish('typing:lunch', { by: 'ann', name: 'Bob' }), 'NOT_ALLOWED'],
    [ann.publish('read:bob', { lunch: 1 }), 'NOT_ALLOWED'],
    ...['room:nowhere', 'read:bob'].map((name) => [
      new Promise((_resolve, reject) => ann.join(name as 'rooms').on('error', reject)),
      'NOT_ALLOWED',
    ]),
  ] as [Promise<unknown>, string][];
  for (const [attempt, code] of refused) await expect(attempt).rejects.toMatchObject({ code });

  // For programs
  const headers = { Authorization: `Bearer ${token}`, Origin: origin };
  const rooms = await fetch(`${address}/api/rooms`, { headers });
  expect(rooms.headers.get('access-control-allow-origin')).toBe(origin);
  expect(await rooms.json()).toEqual([
    { room: 'general', topic: 'What everybody should know', by: '', messages: 0, members: 0 },
    { room: 'lunch', topic: 'noon', by: 'Ann', messages: 3, members: 1 },
  ]);
  const elsewhere = await fetch(`${address}/api/rooms`, { headers: { Origin: 'https://other.example' } });
  expect([elsewhere.status, elsewhere.headers.get('access-control-allow-origin')]).toEqual([401, null]);
  const nothing = await fetch(`${address}/api/nothing`);
  expect([nothing.status, await nothing.json()]).toEqual([404, { error: 'There is nothing here' }]);
  const feed = await fetch(`${address}/api/rooms/lunch/feed`, { headers });
  const reader = feed.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes('"three"')) text += (await reader.read()).value;
  await reader.cancel();
  expect((await fetch(`${address}/api/rooms/nowhere/feed`, { headers })).status).toBe(403);
  const status = await (await fetch(`${address}/api/status`)).json();
  expect(status).toMatchObject({ connections: 2, users: 2, rooms: 2, isDraining: false });

  ann.close();
  bob.close();
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(said.complaints).toBe('');
});
