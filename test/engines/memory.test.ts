import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type MemoryEngine, memory } from '../../src/engines/memory.ts';
import { type Placed, UseOrder } from '../../src/engines/use-order.ts';
import { engineSuite, HOUR } from './engine-suite.ts';
import { Recorder } from './engines.ts';
import { interruptible } from './interruptible.ts';
import { inVirtualTime, KEY_WINDOW_MS, shared } from './virtual-time.ts';

interface Item extends Placed<Item> {
  readonly n: number;
}

engineSuite('memory', async (count) => inVirtualTime(shared(count)));

engineSuite(
  'memory that can be away',
  async (count) => {
    const { engines, ...interruption } = interruptible(count, { keyWindowMs: KEY_WINDOW_MS });
    return inVirtualTime(engines, { interruption });
  },
  { canBeAway: true },
);

describe('memory', () => {
  const open: MemoryEngine[] = [];
  const start: typeof memory = (options) => {
    const engine = memory(options);
    open.push(engine);
    return engine;
  };
  const publish = (engine: MemoryEngine, channel: string, retention = HOUR, data = '1') =>
    engine.publish({ channel, data, retention, key: undefined });
  const read = (engine: MemoryEngine, channel: string, retention = HOUR) =>
    engine.read({ channel, retention, last: 1000, maxEntries: 1000, maxBytes: 1 << 20 });

  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(async () => {
    for (const engine of open.splice(0)) await engine.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('a channel of which nothing is kept costs nothing', async () => {
    const engine = start();
    for (let i = 0; i < 100; i++) {
      const channel = `c${i}`;
      const subscriptions = [
        await engine.subscribe(channel, HOUR, new Recorder()),
        await engine.subscribe(`n${i}`, undefined, new Recorder()),
      ];
      await read(engine, channel);
      await read(engine, `r${i}`);
      await engine.publish({ channel: `n${i}`, data: '1', retention: undefined, key: undefined });
      await engine.setPresence(channel, { user: 'u', data: '1', connections: 1 });
      await engine.setPresence(channel, { user: 'u', data: '1', connections: 0 });
      for (const subscription of subscriptions) subscription.close();
    }
    expect(engine.status()).toEqual({ name: 'memory', state: 'live', logs: 0, bytes: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a log that nobody reads is bounded as well', async () => {
    const engine = start();
    for (let i = 0; i < 1000; i++) await publish(engine, 'a', { ...HOUR, messages: 7 });
    expect(engine.status()).toMatchObject({ logs: 1, bytes: 7 });
  });

  it('ages end to the millisecond, whenever memory is swept', async () => {
    const engine = start({ keyWindowMs: 100 });
    const retention = { ...HOUR, ageMs: 100 };
    const keyed = async () => (await engine.publish({ channel: 'a', data: '1', retention, key: 'k' })).isRepeat;
    const subscription = await engine.subscribe('a', retention, new Recorder());
    expect(await keyed()).toBe(false);
    await vi.advanceTimersByTimeAsync(99);
    expect([(await read(engine, 'a', retention)).data, await keyed()]).toEqual([['1'], true]);
    await vi.advanceTimersByTimeAsync(1);
    expect([(await read(engine, 'a', retention)).data, await keyed()]).toEqual([[], false]);
    // Its window begins anew.
    await vi.advanceTimersByTimeAsync(99);
    await engine.publish({ channel: 'a', data: '1', retention, key: 'l' });
    expect(await keyed()).toBe(true);
    subscription.close();
  });

  it('a log goes once all of it has aged and nobody has asked for it, and the next one has another epoch', async () => {
    const engine = start();
    const retention = { ...HOUR, ageMs: 5000 };
    const { position } = await publish(engine, 'a', retention);
    await publish(engine, 'long');
    await vi.advanceTimersByTimeAsync(4000);
    await publish(engine, 'a', retention, '"again"');
    await vi.advanceTimersByTimeAsync(4000);
    expect(engine.status()).toMatchObject({ logs: 2, bytes: 9 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(engine.status()).toMatchObject({ logs: 1, bytes: 1 });
    const { position: next } = await publish(engine, 'a', retention);
    expect(next!.offset).toBe(1);
    expect(next!.epoch).not.toBe(position!.epoch);
    await vi.advanceTimersByTimeAsync(HOUR.ageMs);
    expect(engine.status()).toMatchObject({ logs: 0, bytes: 0 });
  });

  it('ages of more than a timer can wait, and no limit of age', async () => {
    const engine = start();
    const DAYS = 86_400_000;
    await publish(engine, 'months', { ...HOUR, ageMs: 60 * DAYS });
    await publish(engine, 'for ever', { ...HOUR, ageMs: Infinity });
    await vi.advanceTimersByTimeAsync(59 * DAYS);
    expect(engine.status().logs).toBe(2);
    await vi.advanceTimersByTimeAsync(2 * DAYS);
    expect(engine.status().logs).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a log stays as long as its age after its last subscriber has gone', async () => {
    const engine = start();
    const retention = { ...HOUR, ageMs: 5000 };
    const subscription = await engine.subscribe('a', retention, new Recorder());
    const { position } = await publish(engine, 'a', retention);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(engine.status()).toMatchObject({ logs: 1, bytes: 0 });
    subscription.close();
    await vi.advanceTimersByTimeAsync(4000);
    expect(await read(engine, 'a', retention)).toMatchObject({ from: position, isGap: false });
    await vi.advanceTimersByTimeAsync(1000);
    expect(engine.status().logs).toBe(0);
  });

  it('epochs of two memories are different', async () => {
    const [first, second] = [await publish(start(), 'a'), await publish(start(), 'a')];
    expect(first.position!.epoch).not.toBe(second.position!.epoch);
  });

  it('logs are known by the order of their use', async () => {
    const order = new UseOrder<Item>();
    const items = Array.from({ length: 5 }, (_, n): Item => ({ n, older: undefined, newer: undefined }));
    const inOrder = () => {
      const all: number[] = [];
      for (let item = order.oldest; item !== undefined; item = item.newer) all.push(item.n);
      return all;
    };
    for (const item of items) order.add(item);
    for (const n of [2, 0, 4, 4]) order.remove(items[n]!);
    expect(inOrder()).toEqual([1, 3]);
    order.add(items[0]!);
    order.remove(items[1]!);
    expect(inOrder()).toEqual([3, 0]);
    for (const n of [0, 3]) order.remove(items[n]!);
    expect([order.oldest, inOrder()]).toEqual([undefined, []]);
    order.add(items[4]!);
    expect(inOrder()).toEqual([4]);
  });

  it('all logs together have a bound: what was published to least recently goes first', async () => {
    const engine = start({ maxBytes: 4 * (100 + 128 + 384) });
    const data = JSON.stringify('x'.repeat(98));
    const recorder = new Recorder();
    await engine.subscribe('told', HOUR, recorder);
    await publish(engine, 'told', HOUR, data);
    for (const channel of ['a', 'b', 'c', 'a']) {
      await vi.advanceTimersByTimeAsync(10);
      // Ages are no order of use.
      await publish(engine, channel, { ...HOUR, ageMs: channel === 'b' ? 1000 : HOUR.ageMs }, data);
    }
    const kept = async () => {
      const lengths: Record<string, number> = {};
      for (const channel of ['told', 'a', 'b', 'c', 'd']) lengths[channel] = (await read(engine, channel)).data.length;
      return lengths;
    };
    expect(await kept()).toEqual({ told: 0, a: 2, b: 1, c: 1, d: 0 });
    await publish(engine, 'd', HOUR, data);
    expect(await kept()).toEqual({ told: 0, a: 2, b: 0, c: 1, d: 1 });
    await publish(engine, 'b', HOUR, data);
    expect(await kept()).toEqual({ told: 0, a: 2, b: 1, c: 0, d: 1 });
    // Who is told keeps the epoch, and learns from a read that there is a gap.
    const { position } = await publish(engine, 'told', HOUR, data);
    expect(position).toEqual({ ...recorder.entries[0]!.position, offset: 2 });
    await publish(engine, 'huge', HOUR, JSON.stringify('x'.repeat(5000)));
    expect(engine.status()).toMatchObject({ logs: 1, bytes: 0 });
  });

  it('keys have a bound: the older ones go first', async () => {
    const engine = start({ maxKeys: 4 });
    const isRepeat = async (key: string) =>
      (await engine.publish({ channel: 'a', data: '1', retention: undefined, key })).isRepeat;
    for (const key of ['k', 'l', 'm', 'n', 'o']) expect(await isRepeat(key)).toBe(false);
    for (const key of ['m', 'n', 'o']) expect([key, await isRepeat(key)]).toEqual([key, true]);
    expect(await isRepeat('k')).toBe(false);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('share() gives an engine over the same logs, also when the first one is closed', async () => {
    const first = start();
    const { position } = await publish(first, 'a');
    await first.close();
    await first.close();
    expect(vi.getTimerCount()).toBe(0);
    const second = first.share();
    open.push(second);
    expect(await read(second, 'a')).toMatchObject({ from: { epoch: position!.epoch, offset: 0 }, data: ['1'] });
    await vi.advanceTimersByTimeAsync(HOUR.ageMs);
    expect(second.status().logs).toBe(0);
  });

  it('keeps no process alive', () => {
    const url = new URL('../../src/engines/memory.ts', import.meta.url);
    const program = `import { memory } from ${JSON.stringify(url.href)};
      const retention = { messages: 9, bytes: 999, ageMs: 3_600_000 };
      await memory().publish({ channel: 'a', data: '1', retention, key: 'k' });`;
    execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { timeout: 60_000 });
  });

  it.each([
    ['keyWindowMs', 0],
    ['maxKeys', 1.5],
    ['maxBytes', Number.NaN],
    ['maxBytes', Number.POSITIVE_INFINITY],
  ])('%s: %s is no bound', (name, value) => {
    expect(() => memory({ [name]: value })).toThrow(
      new RangeError(`memory(): ${name} must be a whole number from 1 on; got ${value}`),
    );
    expect(() => memory({ [name]: '9' as never })).toThrow(
      new TypeError(`memory(): ${name} must be a number, not string`),
    );
  });
});
