import { expect, it } from 'vitest';
import { TaskQueue } from '../../src/web/task-queue.ts';

it('tasks come later than they were added, in order, each behind all microtasks of the one before', async () => {
  const tasks = new TaskQueue();
  const seen: string[] = [];
  const task = (name: string) => () => {
    seen.push(name);
    queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => seen.push(`${name}'`))));
  };
  tasks.add(task('a'));
  tasks.add(() => {
    task('b')();
    tasks.add(task('d'));
  });
  tasks.add(task('c'));
  expect(seen).toEqual([]);
  await new Promise(setImmediate);
  expect(seen).toEqual(['a', "a'", 'b', "b'", 'c', "c'", 'd', "d'"]);
  tasks.add(task('e'));
  await new Promise(setImmediate);
  expect(seen.slice(8)).toEqual(['e', "e'"]);
});
