import { expect, it } from 'vitest';
import { Lanes } from '../../src/realtime/lanes.ts';
import { deferred } from './support.ts';

it('does one thing after the other in each lane, and keeps no lane', async () => {
  const lanes = new Lanes();
  const done: string[] = [];
  const gate = deferred();
  const task = (name: string, before?: Promise<void>) => async () => {
    await before;
    done.push(name);
    if (name === 'a2') throw new Error(name);
    return name;
  };
  const all = Promise.allSettled([
    lanes.run('a', task('a1', gate.promise)),
    lanes.run('b', task('b1')),
    lanes.run('a', task('a2')),
    lanes.run('a', task('a3')),
  ]);
  await new Promise(setImmediate);
  expect(done).toEqual(['b1']);
  expect([lanes.has('a'), lanes.has('b'), lanes.size]).toEqual([true, false, 1]);
  gate.resolve();
  expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  expect(done).toEqual(['b1', 'a1', 'a2', 'a3']);
  await new Promise(setImmediate);
  expect(lanes.size).toBe(0);
});

it('where nothing is before, it is done at once', () => {
  let isDone = false;
  void new Lanes().run('a', async () => {
    isDone = true;
  });
  expect(isDone).toBe(true);
});
