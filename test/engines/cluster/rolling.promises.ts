/** Workers are replaced one after another while their parent stays. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { connect } from '../../../src/live/node.ts';
import { compile } from '../../examples/start.ts';
import { countThrough } from '../../support/count-through.ts';
import type { counting } from '../../support/counting.ts';

const PROGRAM = fileURLToPath(new URL('workers.ts', import.meta.url));

it('three workers replaced one after another under traffic: nothing is lost, nothing comes twice', async () => {
  const { programOf, remove } = await compile({ workers: PROGRAM });
  onTestFinished(remove);
  const parent = fork(programOf('workers'));
  onTestFinished(() => void (parent.connected && parent.disconnect()));
  const ended = once(parent, 'exit').then(() => Promise.reject(new Error('The parent has ended')));
  ended.catch(() => {});
  const [port] = await Promise.race([once(parent, 'message'), ended]);
  const readers = Array.from({ length: 12 }, () => {
    const options = { backoff: { minMs: 50 }, timeoutMs: 30_000, fallback: false };
    const live = connect<typeof counting>(`ws://127.0.0.1:${port}/live`, options);
    onTestFinished(() => live.close());
    return live;
  });
  const replacements = [0, 1, 2].map((index) => async () => {
    parent.send(index);
    expect((await Promise.race([once(parent, 'message'), ended]))[0]).toEqual([0, null]);
  });
  console.log(await countThrough(readers, replacements, 300));
});
