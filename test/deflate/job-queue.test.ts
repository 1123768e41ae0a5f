import { describe, expect, it } from 'vitest';
import { JobQueue } from '../../src/deflate/job-queue.ts';

interface Job {
  readonly name: string;
}

describe('JobQueue', () => {
  it('RFC 7692 §7.2 starts a job when the one before it has been reported', () => {
    const log: string[] = [];
    const queue = new JobQueue<Job>(({ name }) => log.push(`start ${name}`));
    queue.add({ name: 'a' });
    queue.add({ name: 'b' });
    expect(queue.isBusy).toBe(true);
    queue.settle(() => log.push(`report a, at work ${queue.current !== undefined}`));
    queue.settle(() => log.push('report b'));
    expect(log).toEqual(['start a', 'report a, at work false', 'start b', 'report b']);
    expect(queue.isBusy).toBe(false);
  });

  it('RFC 7692 §7.2 jobs that end at once do not pile up on the stack', () => {
    let settled = 0;
    const queue = new JobQueue<Job>(() => {
      if (settled > 0) queue.settle(() => settled++);
    });
    for (let i = 0; i < 50_000; i++) queue.add({ name: 'x' });
    queue.settle(() => settled++);
    expect(settled).toBe(50_000);
  });

  it('RFC 7692 §7.2 a report that throws does not hold the others up', async () => {
    const started: string[] = [];
    const queue = new JobQueue<Job>(({ name }) => {
      started.push(name);
      queue.settle(() => {
        if (name !== 'first') return;
        queue.add({ name: 'second' });
        throw new Error('of the application');
      });
    });
    expect(() => queue.add({ name: 'first' })).toThrow('of the application');
    await Promise.resolve();
    expect(started).toEqual(['first', 'second']);
  });

  it('RFC 7692 §7.2 what is taken out is neither started nor missing', () => {
    const queue = new JobQueue<Job>(() => {});
    expect(queue.takeAll()).toEqual([]);
    for (const name of ['a', 'b', 'c']) queue.add({ name });
    expect(queue.takeAll().map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(queue.isBusy).toBe(false);
  });
});
