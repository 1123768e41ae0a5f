/** The example of a chat in several processes: one of them is killed, and all drain at SIGTERM. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import type { chat } from '../../src/examples/chat-protocol.ts';
import { connect } from '../../src/live/node.ts';

const EXAMPLE = fileURLToPath(new URL('../../src/examples/chat.ts', import.meta.url));

it('users in two processes talk, also when those are killed one after the other', async () => {
  const args = ['--import', 'tsx', EXAMPLE, '--port', '0', '--workers', '2'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'close');
  const [address] = (await once(createInterface(child.stdout), 'line')) as [string];
  const workers = () => {
    const text = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    return text.trim().split(' ').map(Number);
  };
  const open = (name: string) => {
    const token = async () => (await fetch(`${address}/session?name=${name}`, { method: 'POST' })).text();
    const live = connect<typeof chat>(`${address}/live`, { token });
    onTestFinished(() => live.close());
    return live;
  };
  const all = [open('ann'), open('bob'), open('eve')];
  const rooms = all.map((live) => live.join('room:general', { last: 100 }));
  const heard = rooms.map((room) => {
    const texts: string[] = [];
    room.on('message', ({ data }) => texts.push(data.text));
    return texts;
  });
  const said: string[] = [];
  for (const victim of [0, 1]) {
    for (let n = 0; n < 30; n++) {
      const text = `${victim}.${n}`;
      const saying = all[n % 3]!.call.say({ room: 'general', text });
      if (n === 10) process.kill(workers()[victim]!, 'SIGKILL');
      expect(await saying).toEqual({ offset: said.push(text) });
    }
  }
  await expect.poll(() => heard, { timeout: 60_000 }).toEqual([said, said, said]);
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
