import { describe, expect, it } from 'vitest';
import { MessageIterator, MessageQueue } from '../../src/socket/message-iterator.ts';

/** A source that notes what the iterator asks of it. */
function iterate(maxQueue?: number, maxQueueBytes?: number) {
  const log: string[] = [];
  const queue = new MessageQueue();
  const iterator = new MessageIterator(
    queue,
    { pause: () => log.push('pause'), resume: () => log.push('resume'), release: () => log.push('release') },
    { maxQueue, maxQueueBytes },
  );
  return { iterator, log, queue };
}

const waiting = (message: string) => ({ message, lengthBytes: message.length, isHeard: false });

const value = (message: string) => ({ done: false, value: message });
const DONE = { done: true, value: undefined };

describe('MessageIterator', () => {
  it('messages that wait come first, then those that are waited for, each once and in order', async () => {
    const { iterator } = iterate();
    iterator.push(waiting('a'));
    iterator.push(waiting('b'));
    const results = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
    iterator.push(waiting('c'));
    iterator.push(waiting('d'));
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd'].map(value));
  });

  it('pauses when the queue is full and resumes when half of it has been read', async () => {
    const { iterator, log } = iterate(4);
    for (const message of 'abcd') iterator.push(waiting(message));
    expect(log).toEqual(['pause']);
    // The rest of a chunk may still come.
    iterator.push(waiting('e'));
    await iterator.next();
    await iterator.next();
    expect(log).toEqual(['pause']);
    await iterator.next();
    expect(log).toEqual(['pause', 'resume']);
    expect([await iterator.next(), await iterator.next()]).toEqual([value('d'), value('e')]);
    expect(log).toEqual(['pause', 'resume']);
  });

  it('a source that hands out more while it is resumed keeps the order', async () => {
    const rest = ['c', 'd', 'e'];
    const iterator: MessageIterator = new MessageIterator(
      new MessageQueue(),
      {
        pause() {},
        resume() {
          for (const message of rest.splice(0)) iterator.push(waiting(message));
        },
        release() {},
      },
      { maxQueue: 2 },
    );
    iterator.push(waiting('a'));
    iterator.push(waiting('b'));
    const read: unknown[] = [];
    for (let i = 0; i < 5; i++) read.push((await iterator.next()).value);
    expect(read).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('ends behind the messages that wait', async () => {
    const { iterator } = iterate();
    iterator.push(waiting('a'));
    iterator.end();
    expect([await iterator.next(), await iterator.next(), await iterator.next()]).toEqual([value('a'), DONE, DONE]);
  });

  it('throws once, behind the messages that wait, and is done then', async () => {
    const { iterator } = iterate();
    const error = new Error('lost');
    iterator.push(waiting('a'));
    iterator.end(error);
    iterator.end(new Error('later'));
    expect(await iterator.next()).toEqual(value('a'));
    await expect(iterator.next()).rejects.toBe(error);
    expect(await iterator.next()).toEqual(DONE);
  });

  it('of several that wait, the first gets the error and the others are done', async () => {
    const { iterator } = iterate();
    const error = new Error('lost');
    const results = Promise.allSettled([iterator.next(), iterator.next(), iterator.next()]);
    iterator.end(error);
    expect(await results).toEqual([
      { status: 'rejected', reason: error },
      { status: 'fulfilled', value: DONE },
      { status: 'fulfilled', value: DONE },
    ]);
  });

  it('pauses when the bytes that wait are as many as may be, and resumes when half of them have been read', async () => {
    const { iterator, log } = iterate(undefined, 100);
    iterator.push(waiting('a'.repeat(60)));
    expect(log).toEqual([]);
    iterator.push(waiting('b'.repeat(50)));
    expect(log).toEqual(['pause']);
    await iterator.next();
    expect(log).toEqual(['pause', 'resume']);
    iterator.push(waiting('c'.repeat(200)));
    expect(log).toEqual(['pause', 'resume', 'pause']);
    await iterator.next();
    expect(log).toHaveLength(3);
    await iterator.next();
    expect(log).toEqual(['pause', 'resume', 'pause', 'resume']);
  });

  it('return() lets go of the source and resumes it; what waits is there for the next', async () => {
    const { iterator, log, queue } = iterate(1);
    iterator.push(waiting('a'));
    iterator.push(waiting('b'));
    expect(await iterator.return()).toEqual(DONE);
    expect(log).toEqual(['pause', 'release', 'resume']);
    expect(await iterator.next()).toEqual(DONE);
    expect(await iterator.return()).toEqual(DONE);
    expect(log).toHaveLength(3);
    const next = new MessageIterator(
      queue,
      { pause: () => log.push('pause'), resume() {}, release() {} },
      { maxQueue: 2 },
    );
    expect(log).toHaveLength(4);
    expect([await next.next(), await next.next()]).toEqual([value('a'), value('b')]);
    expect(queue.bytes).toBe(0);
  });

  it('throw() ends it likewise, with the error given', async () => {
    const { iterator, log } = iterate();
    const error = new Error('mine');
    const waiting = iterator.next();
    await expect(iterator.throw(error)).rejects.toBe(error);
    expect(await waiting).toEqual(DONE);
    expect(log).toEqual(['release']);
  });

  it.each([0, -1, 1.5, Number.NaN])('maxQueue or maxQueueBytes %d is a RangeError', (limit) => {
    const error = (name: string) =>
      new RangeError(`${name} must be a whole number from 1 on, or Infinity; got ${limit}`);
    expect(() => iterate(limit)).toThrow(error('maxQueue'));
    expect(() => iterate(undefined, limit)).toThrow(error('maxQueueBytes'));
  });
});
