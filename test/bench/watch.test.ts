import { setTimeout as timer } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { watch } from '../../bench/servers/watch.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void;

it('tells young collections from full ones, and how long the loop stood still', async () => {
  collect();
  const endWatch = watch();
  // The probe is a timer of 1 ms, and has its turn before one of 2: before the loop stands still, and after.
  await timer(2);
  const begin = performance.now();
  for (let i = 0; i < 3; i++) collect({ type: 'minor' });
  for (let i = 0; i < 2; i++) collect();
  while (performance.now() - begin < 20);
  await timer(2);
  const { youngPerSecond = 0, fullPerSecond = 0, loopP999 = 0 } = endWatch();
  expect(youngPerSecond).toBeGreaterThan(fullPerSecond);
  expect(fullPerSecond).toBeGreaterThan(0);
  expect(loopP999).toBeGreaterThan(10);
});
