/** The types of `framewright/web` beside the DOM library's; without it they are checked with all other sources. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

it('fit the DOM library’s', async () => {
  const tsc = `${root}node_modules/typescript/bin/tsc`;
  const run = promisify(execFile)(process.execPath, [tsc, '-p', 'test/web/types'], { cwd: root });
  const { stdout } = await run.catch((error: { stdout: string }) => {
    if (error.stdout === '') throw error;
    return error;
  });
  // Whether our own sources compile beside it is not asked: programs see declarations only.
  const faults = stdout.split('\n').filter((line) => line.startsWith('test/'));
  expect(faults).toEqual([]);
}, 120_000);
