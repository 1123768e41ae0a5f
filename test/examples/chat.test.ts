/** The example of a chat, started as its reader would, with clients of Node.js and a reader of its feed. */

import { expect, it, onTestFinished } from 'vitest';
import type { chat } from '../../src/examples/chat-protocol.ts';
import { connect } from '../../src/live/node.ts';
import { sourceOf, start } from './start.ts';

it('gives tokens, lets users talk and see each other, shows a feed, refuses others, and drains at SIGTERM', async () => {
  const { address, child, ended, said } = await start(sourceOf('chat'), [], { SECRET: 'a secret' });
  onTestFinished(() => void child.kill('SIGKILL'));

  const session = (name: string) => fetch(`${address}/session?name=${name}`, { method: 'POST' });
  expect((await session('%20')).status).toBe(400);
  const tokenOf = async (name: string) => (await session(name)).text();
  expect(await (await fetch(`${address}/`)).text()).toContain('/page.js');
  expect(await (await fetch(`${address}/page.js`)).text()).toContain('framewright.realtime.1');

  const open = (name: string) => {
    const live = connect<typeof chat>(`${address}/live`, { token: () => tokenOf(name) });
    onTestFinished(() => live.close());
    return live;
  };
  const [ann, bob] = [open('ann'), open('bob')];
  const room = bob.join('room:general', { members: true });
  const here = new Promise<string[]>((resolve) => {
    room.on('members', (members) => members.length === 2 && resolve(members.map(({ data }) => data.name)));
  });
  ann.join('room:general');
  expect((await here).sort()).toEqual(['ann', 'bob']);
  expect(await ann.call.say({ room: 'general', text: ' hello ' })).toEqual({ offset: 1 });
  for await (const { data } of room) {
    expect(data).toEqual({ by: 'ann', text: 'hello' });
    break;
  }
  await expect(ann.call.say({ room: 'general', text: ' ' })).rejects.toMatchObject({ code: 'INVALID' });
  await expect(bob.publish('typing:general', { by: 'ann' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
  const staff = bob.join('room:staff');
  const refusal = await new Promise((resolve) => staff.on('error', resolve));
  expect(refusal).toMatchObject({ code: 'NOT_ALLOWED' });

  const headers = { Authorization: `Bearer ${await tokenOf('eve')}`, 'Last-Event-ID': '' };
  const feed = await fetch(`${address}/feed`, { headers });
  expect(feed.headers.get('content-type')).toContain('text/event-stream');
  await feed.body!.cancel();
  expect((await fetch(`${address}/feed`)).status).toBe(401);
  expect(await (await fetch(`${address}/health`)).json()).toMatchObject({
    connections: 2,
    users: 2,
    isDraining: false,
  });

  ann.close();
  bob.close();
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(said.complaints).toBe('');
});
