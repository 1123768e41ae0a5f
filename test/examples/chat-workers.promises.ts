/** The example of a chat in several processes: one of them is killed, and all drain at SIGTERM. */

import { expect, it, onTestFinished } from 'vitest';
import { openChat } from './chat-user.ts';
import { compile, sourceOf, start } from './start.ts';

it('users in two processes talk, also when those are killed one after the other', async () => {
  const programs = await compile({ chat: sourceOf('chat/server') });
  onTestFinished(() => programs.remove());
  const { address, child, ended } = await start(programs.programOf('chat'), ['--workers', '2'], { PAGE: '.' });
  onTestFinished(() => void child.kill('SIGKILL'));
  /** Two that take connections: a free port is another one when nobody is left to listen. */
  const workers = async () => {
    const pids = new Set<number>();
    while (pids.size < 2) {
      const status = await fetch(`${address}/api/status`, { headers: { Connection: 'close' } });
      pids.add(((await status.json()) as { pid: number }).pid);
    }
    return [...pids];
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
    const pids = await workers();
    // Of all, as many as each may say at once.
    for (let n = 0; n < 30; n++) {
      const text = `${victim}.${n}`;
      const saying = all[n % all.length]!.call.say({ room: 'general', text }, { timeoutMs: 60_000 });
      if (n === 10) process.kill(pids[victim]!, 'SIGKILL');
      await saying;
      said.push(text);
    }
  }
  await expect.poll(() => heard, { timeout: 60_000 }).toEqual(all.map(() => said));
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
