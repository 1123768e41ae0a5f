/** The example of a chat in several processes: one of them is killed, and all drain at SIGTERM. */

import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { openChat } from './chat-user.ts';
import { compile, sourceOf, start } from './start.ts';

it('users in two processes talk, also when those are killed one after the other', async () => {
  const programs = await compile({ chat: sourceOf('chat/server') });
  onTestFinished(() => programs.remove());
  const { address, child, ended } = await start(programs.programOf('chat'), ['--workers', '2'], { PAGE: '.' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const workers = () => {
    const text = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    return text.trim().split(' ').map(Number);
  };
  const names = ['Ann', 'Bob', 'Eve', 'Joe', 'Kim', 'Zoe'];
  const all = await Promise.all(names.map((name) => openChat(address, name)));
  const heard = all.map((live) => {
    const texts: string[] = [];
    live.join('room:general', { last: 100 }).on('message', ({ data }) => texts.push(data.text));
    return texts;
  });
  const said: string[] = [];
  for (const victim of [0, 1]) {
    // Of all, as many as each may say at once.
    for (let n = 0; n < 30; n++) {
      const text = `${victim}.${n}`;
      const saying = all[n % all.length]!.call.say({ room: 'general', text });
      if (n === 10) process.kill(workers()[victim]!, 'SIGKILL');
      await saying;
      said.push(text);
    }
  }
  await expect.poll(() => heard, { timeout: 60_000 }).toEqual(all.map(() => said));
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
