/** What the engine in Redis does without Redis; `npm run test:redis` has the rest. */

import { describe, expect, it } from 'vitest';
import { redis } from '../../../src/engines/redis/index.ts';
import { namesIn } from '../../../src/engines/redis/names.ts';
import { readTold, readUser, writeSaid, writeUser } from '../../../src/engines/redis/told.ts';

describe('names in Redis', () => {
  const CHANNELS = ['a', 'room:b', '}', '{', '{a}', '}{', 'a}b', '%7D', '%', 'ä', ' ', 'a:', ':a'];
  /** What Redis Cluster places a key by. */
  const tagOf = (key: string) => /\{([^}]+)\}/.exec(key)?.[1];
  const allOf = (channel: string) => {
    const names = namesIn('app:', 0);
    return [names.topic(channel), ...names.log(channel), ...names.presence(channel), names.key(channel, 'k{e}y')];
  };

  it('all of a channel have one hash tag, and no two channels have a name in common', () => {
    for (const channel of CHANNELS) {
      const tags = allOf(channel).map(tagOf);
      expect(new Set(tags).size).toBe(1);
      expect(tags[0]).toBeDefined();
    }
    const all = CHANNELS.flatMap(allOf);
    expect(new Set(all).size).toBe(all.length);
  });

  it('a key is that of its channel alone, whatever stands in both', () => {
    const { key } = namesIn('', 0);
    const keys = [key('a', 'b}c'), key('a}b', 'c'), key('a', '}b}c'), key('a}', 'b}c')];
    expect(new Set(keys).size).toBe(4);
  });

  it('topics are of one database, in which Redis makes no difference', () => {
    expect(namesIn('', 0).topic('a')).not.toBe(namesIn('', 1).topic('a'));
  });
});

describe('what Redis tells', () => {
  it('is read as it was written, whatever stands in it', () => {
    expect(readTold('e1f.2.3 15 {"a": "b c"}')).toEqual({
      type: 'entry',
      entry: { data: '{"a": "b c"}', position: { epoch: '1f.2.3', offset: 15 } },
    });
    expect(readTold(writeSaid('me', 7, '"x y"'))).toEqual({
      type: 'said',
      process: 'me',
      number: 7,
      entry: { data: '"x y"', position: undefined },
    });
    for (const user of ['u', 'two words', '3 x', '', 'ü😀']) {
      expect(readUser(writeUser(user))).toBe(user);
      expect(readTold(`p3 ${writeUser(user)}{"name":"n n"}`)).toEqual({
        type: 'presence',
        change: { user, data: '{"name":"n n"}', connections: 3 },
      });
    }
    for (const other of ['', 'b', 'x y', 'x y z', 'e']) expect(readTold(other)).toBeUndefined();
  });
});

describe('redis()', () => {
  const client = { duplicate() {}, call() {} };

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['an address', 'redis://localhost'],
    ['what cannot be duplicated', { call() {} }],
    ['what cannot be asked', { duplicate() {} }],
    ['a cluster of ioredis', { ...client, isCluster: true }],
    ['a cluster of redis', { duplicate() {}, sendCommand() {}, slots: [] }],
    ['what redis has for Sentinel', { duplicate() {}, sendCommand() {}, getSentinelNode() {} }],
  ])('refuses %s', (_what, given) => {
    expect(() => redis(given as never)).toThrow(
      new TypeError("redis() takes a client of one Redis, of the package 'redis' or 'ioredis'"),
    );
  });

  it('refuses options that it does not have', () => {
    expect(() => redis(client, { keyWindow: 1 } as never)).toThrow('did you mean "keyWindowMs"?');
    expect(() => redis(client, { timeoutMs: 0 })).toThrow('timeoutMs must be a whole number from 1 on');
  });
});
