/** The example of a chat in several processes: one of them is killed, all drain at SIGTERM, or cannot begin. */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { openChat } from './chat-user.ts';
import { compile, run, sourceOf, start } from './start.ts';

let programs: Awaited<ReturnType<typeof compile>>;
beforeAll(async () => {
  programs = await compile({ chat: sourceOf('chat/server') });
});
afterAll(() => programs.remove());

it('workers that cannot begin are not forked again and again', async () => {
  const taken = createServer().listen(0);
  onTestFinished(() => void taken.close());
  await once(taken, 'listening');
  const args = ['--workers', '2', '--port', String((taken.address() as AddressInfo).port)];
  const { code, complaints } = await run(programs.programOf('chat'), args, { PAGE: '.' });
  expect([code, complaints]).toEqual([1, expect.stringContaining('EADDRINUSE')]);
});

it('users in two processes talk, also when those are killed one after the other', async () => {
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
