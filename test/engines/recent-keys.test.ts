import { expect, it } from 'vitest';
import { RecentKeys } from '../../src/engines/recent-keys.ts';

/** A thing that counts, and can be looked at. */
function start(windowMs: number, max: number) {
  const keys = new RecentKeys(windowMs, max);
  return {
    keys,
    add: (key: string, now: number) => keys.add('a', key, undefined, now),
    there: (now: number, ...names: string[]) => names.filter((key) => keys.find('a', key, now) !== undefined).join(''),
  };
}

it('a key counts for its window, also when it comes again behind it', () => {
  const { add, there } = start(100, 1000);
  add('k', 0);
  add('l', 60);
  expect([there(99, 'k', 'l'), there(100, 'k', 'l')]).toEqual(['kl', 'l']);
  add('k', 100);
  expect([there(199, 'k', 'l'), there(200, 'k', 'l')]).toEqual(['k', '']);
});

it('forgets all of them in time, and none too early', () => {
  const { keys, add, there } = start(100, 1000);
  expect(keys.expire(0)).toBe(Infinity);
  add('k', 50);
  add('l', 140);
  expect(keys.expire(140)).toBe(150);
  expect(keys.expire(150)).toBe(250);
  add('m', 249);
  expect(there(239, 'k', 'l', 'm')).toBe('lm');
  expect(keys.expire(250)).toBe(350);
  expect(there(348, 'k', 'l', 'm')).toBe('m');
  expect(keys.expire(350)).toBe(Infinity);
});

it('past the bound the older half goes', () => {
  const { add, there } = start(100, 6);
  for (const key of ['1', '2', '3', '4', '5', '6']) add(key, 0);
  expect(there(0, '1', '2', '3', '4', '5', '6')).toBe('123456');
  add('7', 0);
  expect(there(0, '1', '2', '3', '4', '5', '6', '7')).toBe('4567');
});

it('many of them cost no more each than few', () => {
  const { add, there } = start(1e9, 20_000);
  for (let i = 0; i < 200_000; i++) add(String(i), i);
  expect(there(200_000, '179999', '189999', '199999')).toBe('189999199999');
});
