import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClusterEngine, cluster } from '../../../src/engines/cluster/cluster.ts';
import { serveEngine } from '../../../src/engines/cluster/serve-engine.ts';
import type { Asking } from '../../../src/engines/cluster/wire.ts';
import type { Engine, ReadRequest } from '../../../src/engines/engine.ts';
import { type MemoryEngine, memory } from '../../../src/engines/memory.ts';
import { engineSuite, HOUR } from '../engine-suite.ts';
import { Recorder } from '../engines.ts';
import { inVirtualTime, KEY_WINDOW_MS } from '../virtual-time.ts';
import { Link, linkedEngine, TIMEOUT_MS } from './link.ts';

const STEP_MS = TIMEOUT_MS / 5;
const WIDE = { ...HOUR, bytes: 1e9 };

/** Messages take no time, and get through before more of it passes. */
async function wait(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    await vi.advanceTimersByTimeAsync(Math.min(STEP_MS, left));
    for (let turn = 0; turn < 4; turn++) await nextTurn();
  }
}

engineSuite(
  'cluster',
  async (count) => {
    const engines: ClusterEngine[] = [];
    const hold = (isHeld: boolean) => {
      for (const { link } of linked) link.isHeld = isHeld;
      return wait(2 * TIMEOUT_MS);
    };
    const all = inVirtualTime(engines, {
      wait,
      interruption: {
        cut: () => hold(true),
        restore: () => hold(false),
        lose: async () => {
          await logs.close();
          logs = memory({ keyWindowMs: KEY_WINDOW_MS });
          for (const { link } of linked) link.serveAnew(logs);
        },
      },
    });
    let logs = memory({ keyWindowMs: KEY_WINDOW_MS });
    const linked = Array.from({ length: count }, () => linkedEngine(logs));
    engines.push(...linked.map(({ engine }) => engine));
    // They are live then.
    await Promise.all(engines.map((engine) => engine.members('a')));
    return all;
  },
  { canBeAway: true },
);

describe('cluster', () => {
  const open: Engine[] = [];
  let logs: MemoryEngine;
  const start = () => {
    const linked = linkedEngine(logs);
    open.push(linked.engine);
    return linked;
  };
  const publish = (engine: Engine, data: string, key?: string) =>
    engine.publish({ channel: 'a', data, retention: HOUR, key });
  const read = (engine: Engine, more: Partial<ReadRequest> = {}) =>
    engine.read({ channel: 'a', retention: HOUR, last: 100, maxEntries: 100, maxBytes: 1 << 20, ...more });
  const settled = async (promise: Promise<unknown>) => {
    let outcome: unknown = 'open';
    promise.then(
      () => (outcome = 'done'),
      ({ code, message }) => (outcome = `${code}: ${message}`),
    );
    await wait(10 * STEP_MS);
    return outcome;
  };

  beforeEach(() => {
    vi.useFakeTimers();
    logs = memory();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((engine) => engine.close()));
    await logs.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('what a turn asks is one message, and so is what it is told', async () => {
    const { engine, link } = start();
    await engine.subscribe('a', HOUR, new Recorder());
    const before = [link.up.sent, link.down.sent];
    await Promise.all(Array.from({ length: 50 }, (_, i) => publish(engine, String(i))));
    expect([link.up.sent - before[0]!, link.down.sent - before[1]!]).toEqual([1, 1]);
  });

  it('reads that are alike are one while they wait, 16 are under way, and all see what was published before them', async () => {
    const { engine, link } = start();
    await publish(engine, '0');
    link.isHeld = true;
    const published = publish(engine, '1');
    const reads = Array.from({ length: 100 }, (_, i) => read(engine, { last: 1 + (i % 20) }));
    const members = [engine.members('a'), engine.members('a')];
    await nextTurn();
    const asked = (JSON.parse(link.up.waiting.at(-1)!) as Asking).asks.map(([, method]) => method);
    expect(asked).toEqual(['publish', ...Array(16).fill('read')]);
    link.isHeld = false;
    expect((await Promise.all(reads)).every(({ data }) => data.at(-1) === '1')).toBe(true);
    expect(await Promise.all([...members, published])).toMatchObject([[], [], { position: { offset: 2 } }]);
    expect(link.up.sent).toBeLessThan(10);
  });

  it('a page has a mebibyte at most, whatever was asked for', async () => {
    const { engine } = start();
    const big = JSON.stringify('x'.repeat(600_000));
    for (let i = 0; i < 3; i++) await engine.publish({ channel: 'a', data: big, retention: WIDE, key: undefined });
    expect(await read(engine, { retention: WIDE, maxBytes: 1e9 })).toMatchObject({ data: [big, big], head: 3 });
  });

  it('a process that has stopped holds a bounded part of its parent, and begins anew when it goes on', async () => {
    const [stopped, busy] = [start(), start()];
    const recorder = new Recorder();
    await stopped.engine.subscribe('a', HOUR, recorder);
    await stopped.engine.setPresence('a', { user: 'u', data: '1', connections: 1 });
    const presence = new Recorder();
    await busy.engine.subscribe('a', HOUR, presence);
    await publish(busy.engine, '0');
    stopped.link.isHeld = true;
    const big = JSON.stringify('x'.repeat(1 << 20));
    for (let i = 0; i < 24; i++) {
      await busy.engine.publish({ channel: 'a', data: big, retention: WIDE, key: undefined });
    }
    const held = stopped.link.down.waiting.reduce((sum, text) => sum + text.length, 0);
    expect(held).toBeLessThan(20 << 20);
    stopped.link.isHeld = false;
    await wait(STEP_MS);
    expect(recorder.states).toEqual(['stale', 'live']);
    // Its users were there all the time, and so they are told.
    expect(await busy.engine.members('a')).toMatchObject([{ user: 'u', connections: 1 }]);
    expect(presence.changes.every(({ connections }) => connections > 0)).toBe(true);
    await busy.engine.publish({ channel: 'a', data: '1', retention: WIDE, key: undefined });
    await wait(STEP_MS);
    expect(recorder.data.at(-1)).toBe('1');
    const missed = await read(stopped.engine, { after: recorder.entries[0]!.position!, retention: WIDE });
    expect(missed).toMatchObject({ data: [big], head: 26, isGap: false });
  });

  it('a process whose own work has taken long loses nothing', async () => {
    const { engine } = start();
    const recorder = new Recorder();
    await engine.subscribe('a', HOUR, recorder);
    vi.advanceTimersByTime(3 * TIMEOUT_MS);
    expect(await settled(publish(engine, '1'))).toBe('done');
    expect(recorder.states).toEqual([]);
  });

  it('says what to do when nobody keeps the logs, and goes on when somebody does', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const link = new Link();
    const engine = new ClusterEngine(link.parent, TIMEOUT_MS);
    open.push(engine);
    const words = 'the parent does not answer: it has to call serveEngine(memory()), from framewright/realtime';
    expect(await settled(publish(engine, '"early"'))).toBe(`UNAVAILABLE: cluster(): ${words}`);
    expect(engine.status()).toMatchObject({ state: 'stale' });
    expect(warned.mock.calls.map(([text]) => text)).toEqual([`cluster(): ${words}`]);
    warned.mockRestore();
    serveEngine(logs, link.child);
    await wait(STEP_MS);
    expect(engine.status()).toMatchObject({ state: 'live' });
    await publish(engine, '1');
    expect(await read(engine)).toMatchObject({ data: ['1'] });
  });

  it('waits for a parent that begins a little later', async () => {
    const link = new Link();
    const engine = new ClusterEngine(link.parent, TIMEOUT_MS);
    open.push(engine);
    const recorder = new Recorder();
    const subscribed = engine.subscribe('a', HOUR, recorder);
    const published = publish(engine, '1');
    void engine.setPresence('a', { user: 'u', data: '1', connections: 1 });
    await wait(2 * STEP_MS);
    serveEngine(logs, link.child);
    expect(await settled(Promise.all([subscribed, published]))).toBe('done');
    expect([recorder.data, recorder.states]).toEqual([['1'], []]);
    expect(await engine.members('a')).toHaveLength(1);
  });

  it('a parent that has gone does not come back: all is rejected at once, and presence of the process goes', async () => {
    const { engine, link } = start();
    const recorder = new Recorder();
    await engine.subscribe('a', HOUR, recorder);
    await engine.subscribe('n', undefined, recorder);
    await engine.setPresence('a', { user: 'u', data: '1', connections: 1 });
    link.isHeld = true;
    const inFlight = [publish(engine, '1'), read(engine), engine.members('a'), engine.subscribe('b', HOUR, recorder)];
    const here = engine.publish({ channel: 'n', data: '"here"', retention: undefined, key: undefined });
    await nextTurn();
    link.cut();
    for (const asked of [...inFlight, publish(engine, '2')]) {
      await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    expect(await here).toEqual({ position: undefined, isRepeat: false });
    expect([recorder.states, recorder.data]).toEqual([['stale', 'stale'], ['"here"']]);
    await engine.setPresence('a', { user: 'u', data: 'null', connections: 0 });
    expect(await logs.members('a')).toEqual([]);
    const sent = link.up.sent;
    await wait(10 * STEP_MS);
    expect(link.up.sent).toBe(sent);
  });

  it('a worker whose channel never ends takes its presence with it when it exits, and does nothing any more', async () => {
    const { engine, link } = start();
    await engine.setPresence('a', { user: 'u', data: '1', connections: 1 });
    link.up.isHeld = true;
    const published = publish(engine, '1');
    published.catch(() => {});
    await nextTurn();
    link.cut('exit');
    expect(await logs.members('a')).toEqual([]);
    link.isHeld = false;
    await wait(10 * STEP_MS);
    expect(await settled(published)).toMatch('UNAVAILABLE');
    expect(await read(logs)).toMatchObject({ head: 0 });
    expect(await logs.members('a')).toEqual([]);
  });

  it('what was on its way when the parent fell silent is rejected, and not done when it reads again', async () => {
    const { engine, link } = start();
    await engine.members('a');
    link.isHeld = true;
    expect(await settled(publish(engine, '1', 'k'))).toMatch('UNAVAILABLE');
    link.isHeld = false;
    await wait(2 * STEP_MS);
    expect(engine.status().state).toBe('live');
    expect(await read(engine)).toMatchObject({ head: 0 });
    expect(await publish(engine, '1', 'k')).toMatchObject({ isRepeat: false });
  });

  it('closes in time, whether anybody answers or not', async () => {
    const [first, second] = [start(), start()];
    await Promise.all([publish(first.engine, '1'), publish(second.engine, '2')]);
    const published = publish(first.engine, '3');
    expect(await settled(first.engine.close())).toBe('done');
    expect(await published).toMatchObject({ position: { offset: 3 } });
    second.link.isHeld = true;
    expect(await settled(second.engine.close())).toBe('done');
    second.link.isHeld = false;
    const opening = new ClusterEngine(new Link().parent, TIMEOUT_MS);
    const never = publish(opening, '1');
    await opening.close();
    await expect(never).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('is for processes that were forked', () => {
    expect(() => cluster({ timeoutMs: 0.5 })).toThrow(
      new RangeError('cluster(): timeoutMs must be a whole number from 1 on; got 0.5'),
    );
    const send = Object.getOwnPropertyDescriptor(process, 'send');
    Object.defineProperty(process, 'send', { value: undefined, configurable: true });
    try {
      expect(() => cluster()).toThrow(/no IPC channel to a parent: start it by node:cluster/);
    } finally {
      if (send === undefined) delete process.send;
      else Object.defineProperty(process, 'send', send);
    }
    expect(() => serveEngine(logs, start().link.child)).toThrow(
      'serveEngine(): the engines of this process are served',
    );
  });
});
