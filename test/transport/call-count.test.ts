/** How long the way of a message is, in calls of functions of ours: a way that grows is read, and paid, at every message. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const COUNTER = fileURLToPath(new URL('../support/call-counter.ts', import.meta.url));

it('a short message is echoed in few calls, whole, in fragments, and cut', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', COUNTER]);
  const counts = JSON.parse(stdout) as Record<string, number>;
  const most: Record<string, number> = {
    'one frame': 40,
    'two fragments in one write': 70,
    'one frame in two writes': 70,
  };
  expect(Object.keys(counts)).toEqual(Object.keys(most));
  const tooMany = Object.entries(counts).filter(([name, count]) => count === 0 || count > most[name]!);
  expect(tooMany).toEqual([]);
});
