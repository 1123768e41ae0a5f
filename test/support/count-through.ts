/** Numbers, counted by several clients while what serves them is replaced, and heard by all: each once, in one order. */

import { expect } from 'vitest';
import type { Live } from '../../src/live/node.ts';
import { until } from '../redis/until.ts';
import type { counting } from './counting.ts';

/**
 * @param replacements done one after the other, `between` publications apart
 * @returns what it came to, in words
 */
export async function countThrough(
  readers: readonly Live<typeof counting>[],
  replacements: readonly (() => Promise<void>)[],
  between: number,
): Promise<string> {
  const [writers, counts] = [readers.slice(0, 4), [0, 0, 0, 0]];
  let [connections, gaps] = [0, 0];
  const heard = readers.map((live) => {
    live.on('state', (state) => state === 'open' && connections++);
    const all: string[] = [];
    const numbers = live.join('numbers');
    numbers.on('gap', () => gaps++);
    numbers.on('message', ({ data }) => all.push(`${data.by} ${data.number}`));
    return { all, isLive: () => numbers.state === 'live' };
  });
  await until(() => heard.every(({ isLive }) => isLive()));

  let isOver = false;
  const traffic = writers.map(async (live, by) => {
    while (!isOver) {
      await live.call.count({ by: String(by), number: counts[by]! + 1 });
      counts[by]!++;
    }
  });
  const sum = () => counts.reduce((total, count) => total + count);
  for (const replace of replacements) {
    const before = sum();
    await replace();
    await until(() => sum() > before + between);
  }
  isOver = true;
  await Promise.all(traffic);

  const published = sum();
  await until(() => heard.every(({ all }) => all.length >= published));
  for (const { all } of heard) expect(all).toEqual(heard[0]!.all); // one order
  for (const [by, count] of counts.entries()) {
    const own = heard[0]!.all.filter((one) => one.startsWith(`${by} `));
    expect(own).toEqual(Array.from({ length: count }, (_, i) => `${by} ${i + 1}`));
  }
  expect(heard[0]!.all).toHaveLength(published);
  expect(gaps).toBe(0);
  expect(connections).toBeGreaterThan(readers.length);
  return `${published} publications, each heard once by ${readers.length} clients, which have opened ${connections} connections`;
}
