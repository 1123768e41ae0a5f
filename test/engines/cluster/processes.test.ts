/** The engine of real processes, which die. */

import { fork } from 'node:child_process';
import { on } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url));

it('a worker that is killed takes what is its own with it; without a parent the logs are away', async () => {
  const parent = fork(PROGRAM, { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const lines = on(createInterface(parent.stdout!), 'line');
  const next = async () => JSON.parse((await lines.next()).value[0]);
  try {
    const [present, count, isSame, data] = await next();
    expect(present).toEqual(['survivor']);
    expect(isSame).toBe(true);
    const texts = (data as string[]).map((text) => JSON.parse(text) as { by: string; n: number });
    expect(texts).toHaveLength(count);
    for (const name of ['survivor', 'victim']) {
      const numbers = texts.filter(({ by }) => by === name).map(({ n }) => n);
      expect(numbers).toEqual(numbers.map((_, i) => i + 1));
      expect(numbers.length).toBeGreaterThan(name === 'victim' ? 499 : 0);
    }
    parent.kill('SIGKILL');
    expect(await next()).toEqual(['stale', 'UNAVAILABLE']);
  } finally {
    parent.kill('SIGKILL');
  }
});
