import { expect, it } from 'vitest';
import { RecentKeys } from '../../src/engines/recent-keys.ts';

it('a key that was forgotten and comes again is the newest', () => {
  const keys = new RecentKeys(100, 2);
  const isThere = (key: string, now: number) => keys.find('a', key, now) !== undefined;
  keys.add('a', 'k', undefined, 0);
  keys.add('a', 'l', undefined, 60);
  expect(isThere('k', 100)).toBe(false);
  keys.add('a', 'k', undefined, 100);
  expect(keys.expire(160)).toBe(200);
  expect([isThere('k', 199), isThere('l', 160)]).toEqual([true, false]);
  keys.add('a', 'm', undefined, 160);
  keys.add('a', 'n', undefined, 160);
  expect(['k', 'm', 'n'].map((key) => isThere(key, 161))).toEqual([false, true, true]);
  expect(keys.expire(300)).toBe(Infinity);
});
