import { describe, expect, it } from 'vitest';
import { MessageIterator } from '../../src/api/message-iterator.ts';

/** A source that notes what the iterator asks of it. */
function iterate(maxQueue?: number) {
  const log: string[] = [];
  const iterator = new MessageIterator(
    { pause: () => log.push('pause'), resume: () => log.push('resume'), release: () => log.push('release') },
    { maxQueue },
  );
  return { iterator, log };
}

const value = (message: string) => ({ done: false, value: message });
const DONE = { done: true, value: undefined };

describe('MessageIterator', () => {
  it('messages that wait come first, then those that are waited for, each once and in order', async () => {
    const { iterator } = iterate();
    iterator.push('a');
    iterator.push('b');
    const results = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
    iterator.push('c');
    iterator.push('d');
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd'].map(value));
  });

  it('pauses when the queue is full and resumes when half of it has been read', async () => {
    const { iterator, log } = iterate(4);
    for (const message of 'abcd') iterator.push(message);
    expect(log).toEqual(['pause']);
    // The rest of a chunk may still come.
    iterator.push('e');
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
      {
        pause() {},
        resume() {
          for (const message of rest.splice(0)) iterator.push(message);
        },
        release() {},
      },
      { maxQueue: 2 },
    );
    iterator.push('a');
    iterator.push('b');
    const read: unknown[] = [];
    for (let i = 0; i < 5; i++) read.push((await iterator.next()).value);
    expect(read).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('ends behind the messages that wait', async () => {
    const { iterator } = iterate();
    iterator.push('a');
    iterator.end();
    expect([await iterator.next(), await iterator.next(), await iterator.next()]).toEqual([value('a'), DONE, DONE]);
  });

  it('throws once, behind the messages that wait, and is done then', async () => {
    const { iterator } = iterate();
    const error = new Error('lost');
    iterator.push('a');
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

  it('return() drops what waits, lets go of the source and resumes it', async () => {
    const { iterator, log } = iterate(1);
    iterator.push('a');
    expect(await iterator.return()).toEqual(DONE);
    expect(log).toEqual(['pause', 'release', 'resume']);
    expect(await iterator.next()).toEqual(DONE);
  });

  it('throw() ends it likewise, with the error given', async () => {
    const { iterator, log } = iterate();
    const error = new Error('mine');
    const waiting = iterator.next();
    await expect(iterator.throw(error)).rejects.toBe(error);
    expect(await waiting).toEqual(DONE);
    expect(log).toEqual(['release']);
  });

  it.each([0, -1, 1.5, Number.NaN])('maxQueue %d is a RangeError', (maxQueue) => {
    expect(() => iterate(maxQueue)).toThrow(
      new RangeError(`maxQueue must be a whole number from 1 on, or Infinity; got ${maxQueue}`),
    );
  });
});
