/** Sentinel, which ioredis asks where the primary is. */

import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { redis } from '../../src/engines/redis/index.ts';
import { HOUR } from '../engines/engine-suite.ts';
import { Recorder } from '../engines/engines.ts';
import { RedisServer } from './redis-server.ts';
import { again, until } from './until.ts';

it('the primary dies: stale, then live at the replica that Sentinel has promoted, with a gap', async () => {
  const primary = await RedisServer.start('none');
  const replica = await RedisServer.start('none', '--replicaof', `127.0.0.1 ${primary.port}`);
  const sentinel = await RedisServer.watch('main', primary);
  onTestFinished(async () => void (await Promise.all([primary, replica, sentinel].map((server) => server.end()))));
  const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
  const engine = redis(new Redis({ sentinels, name: 'main', lazyConnect: true }));
  onTestFinished(() => engine.close());
  const recorder = new Recorder();
  await engine.subscribe('a', HOUR, recorder);
  const { position } = await engine.publish({ channel: 'a', data: '1', retention: HOUR, key: undefined });
  await until(async () => ((await sentinel.ask('SENTINEL', 'REPLICAS', 'main')) as unknown[]).length === 1);
  await until(async () => String(await replica.ask('XLEN', 'framewright:log:{a}')) === '1');
  await primary.kill();
  await until(() => recorder.states.includes('live'));
  expect(recorder.states[0]).toBe('stale');
  const request = { channel: 'a', retention: HOUR, after: position, maxEntries: 9, maxBytes: 999 };
  const page = await again(() => engine.read(request));
  expect(page).toMatchObject({ data: ['1'], head: 1, isGap: true });
  expect(page.from.epoch).not.toBe(position!.epoch);
});
