/** Runs `framewright` inside this process, with its output captured: for tests of which there are many. */

import { vi } from 'vitest';
import { run } from '../../src/cli/main.ts';
import type { Outcome } from './framewright.ts';

export async function runCaptured(...args: string[]): Promise<Outcome> {
  const text = { stdout: '', stderr: '' };
  const capture = (name: keyof typeof text) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk, ...rest) => {
      text[name] += String(chunk);
      const callback = rest.find((argument) => typeof argument === 'function');
      callback?.();
      return true;
    });
  const spies = [capture('stdout'), capture('stderr')];
  try {
    return { status: await run(args), ...text };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
