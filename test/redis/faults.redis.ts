/** What can happen to Redis, and what engines make of it: stale, then live again, with a gap whenever something may be lost. */

import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Engine, Page, ReadRequest } from '../../src/engines/engine.ts';
import { redis } from '../../src/engines/redis/index.ts';
import type { Position } from '../../src/realtime-protocol/index.ts';
import { HOUR } from '../engines/engine-suite.ts';
import { Recorder } from '../engines/engines.ts';
import { CLIENTS } from './clients.ts';
import { RedisServer } from './redis-server.ts';
import { Tunnel } from './tunnel.ts';
import { again, until } from './until.ts';
import { isLive, makeWorld } from './world.ts';

const publish = async (engine: Engine, data: string, key?: string): Promise<Position> =>
  (await engine.publish({ channel: 'a', data, retention: HOUR, key })).position!;
const publishAll = async (engine: Engine, ...numbers: number[]): Promise<Position> => {
  let position: Position | undefined;
  for (const number of numbers) position = await again(() => publish(engine, String(number), `number ${number}`));
  return position!;
};
const read = (engine: Engine, more: Partial<ReadRequest> = {}): Promise<Page> =>
  again(() => engine.read({ channel: 'a', retention: HOUR, maxEntries: 1000, maxBytes: 1 << 20, ...more }));
const stateOf = (recorder: Recorder) => recorder.states.at(-1);

async function subscribe(engine: Engine, channel = 'a'): Promise<Recorder> {
  const recorder = new Recorder();
  await engine.subscribe(channel, channel === 'n' ? undefined : HOUR, recorder);
  return recorder;
}

/** Kills Redis in the middle of traffic. @returns the position of the last publication that it had acknowledged */
async function killInTraffic(engine: Engine, server: RedisServer): Promise<Position> {
  let last: Position | undefined;
  let isOver = false;
  const publishing = (async () => {
    for (let number = 100; !isOver; number++) {
      await publish(engine, String(number)).then(
        (position) => {
          last = position;
        },
        (error) => {
          expect(error.code).toBe('UNAVAILABLE');
          isOver = true;
        },
      );
    }
  })();
  await until(() => (last?.offset ?? 0) > 50);
  await server.kill();
  await publishing;
  return last!;
}

/** One order: what two were told at one place is the same, and places follow each other. */
function expectOneOrder(...recorders: Recorder[]): void {
  const known = new Map<string, string>();
  for (const recorder of recorders) {
    let before: Position | undefined;
    for (const { data, position } of recorder.entries) {
      const { epoch, offset } = position!;
      const place = `${epoch}:${offset}`;
      expect(known.get(place) ?? data).toBe(data);
      known.set(place, data);
      if (epoch === before?.epoch) expect(offset).toBeGreaterThan(before.offset);
      before = position;
    }
  }
}

/** Why is in the cause: clients are told what the error itself says. */
const refusal = (words: RegExp) => ({
  code: 'UNAVAILABLE',
  message: expect.not.stringMatching(words),
  cause: { message: expect.stringMatching(words) },
});

function watchWarnings(): string[] {
  const texts: string[] = [];
  const listener = ({ message }: Error) => texts.push(message);
  process.on('warning', listener);
  onTestFinished(() => void process.off('warning', listener));
  return texts;
}

let turn = 0;
/** Where it is Redis alone that matters, clients take turns. */
const oneOfThem = () => Object.keys(CLIENTS)[turn++ % 2]!;

describe('faults of Redis', () => {
  it.each(['rdb', 'aof', 'none'] as const)('kill -9 in the middle of traffic, and a start: %s', async (kept) => {
    const client = oneOfThem();
    const { server, make } = await makeWorld(client, kept);
    const [here, there] = [await make(), await make()];
    const recorders = [await subscribe(here), await subscribe(there)];
    await publishAll(here, 1, 2, 3, 4, 5);
    if (kept === 'rdb') await server.ask('SAVE');
    const early = { ...recorders[0]!.entries[0]!.position!, offset: 3 };
    const last = await killInTraffic(here, server);
    await until(() => recorders.every((recorder) => stateOf(recorder) === 'stale'));
    await server.start();
    await until(() => recorders.every((recorder) => stateOf(recorder) === 'live'));
    // That nothing was lost cannot be known: whoever was there is told a gap, and so is who stood far before the end.
    for (const after of [last, early]) {
      const page = await read(there, { after });
      expect(page.isGap).toBe(true);
      expect(page.from.epoch).not.toBe(last.epoch);
      // What Redis has kept is read on.
      if (kept === 'rdb') expect(page.data).toEqual(['1', '2', '3', '4', '5']);
      if (kept === 'none') expect(page).toMatchObject({ data: [], head: 0 });
      expect(page.from.offset + page.data.length).toBe(page.head);
    }
    const { head } = await read(here);
    const next = await publishAll(there, 1000, 1001);
    expect(next.offset).toBe(head + 2);
    await until(() => recorders.every(({ data }) => data.at(-1) === '1001'));
    expectOneOrder(...recorders);
    expect((await read(here, { after: { ...next, offset: head } })).data).toEqual(['1000', '1001']);
  });

  it('FLUSHALL: the log begins again, as another one', async () => {
    const client = oneOfThem();
    const { server, make } = await makeWorld(client, 'none');
    const engine = await make();
    const recorder = await subscribe(engine);
    const last = await publishAll(engine, 1, 2, 3);
    await server.ask('FLUSHALL');
    const next = await publishAll(engine, 4);
    expect(next.offset).toBe(1);
    expect(next.epoch).not.toBe(last.epoch);
    expect(await read(engine, { after: { ...last, offset: 1 } })).toMatchObject({ isGap: true, data: ['4'] });
    await until(() => recorder.entries.length === 4);
    expect(recorder.entries[3]!.position).toEqual(next);
    expect(recorder.states).toEqual([]);
  });

  it('an old snapshot is put back: what came after it is gone, its positions are a gap, and keys are free again', async () => {
    const client = oneOfThem();
    const { server, make } = await makeWorld(client, 'rdb');
    const engine = await make();
    const recorder = await subscribe(engine);
    await publish(engine, '1', 'one');
    await server.backUp();
    const last = await publish(engine, '2', 'two');
    await server.kill();
    server.putBack();
    await server.start();
    await until(() => stateOf(recorder) === 'live');
    for (const offset of [0, 1, 2]) {
      const page = await read(engine, { after: { ...last, offset } });
      expect(page).toMatchObject({ from: { offset: 0 }, data: ['1'], head: 1, isGap: true });
    }
    expect(await engine.publish({ channel: 'a', data: '1', retention: HOUR, key: 'one' })).toMatchObject({
      isRepeat: true,
    });
    const anew = await engine.publish({ channel: 'a', data: '2', retention: HOUR, key: 'two' });
    expect(anew).toMatchObject({ position: { offset: 2 }, isRepeat: false });
    expect(anew.position!.epoch).not.toBe(last.epoch);
  });

  it('a replica that lagged is promoted, and the old primary after it: each time it is another log', async () => {
    const client = oneOfThem();
    const { server, tunnel, make } = await makeWorld(client, 'none');
    const between = await Tunnel.to(server.port);
    const replica = await RedisServer.start('none', '--replicaof', `127.0.0.1 ${between.port}`);
    onTestFinished(async () => {
      between.end();
      await replica.end();
    });
    const isInSync = async (one: RedisServer) =>
      String(await one.ask('INFO', 'replication')).includes('link_status:up');
    await until(() => isInSync(replica));
    const [here, there] = [await make(), await make()];
    const recorders = [await subscribe(here), await subscribe(there)];
    const first = await publishAll(here, 1, 2, 3);
    await until(async () => String(await replica.ask('XLEN', 'framewright:log:{a}')) === '3');
    between.cut();
    const last = await publishAll(here, 4, 5);
    await until(() => recorders.every(({ data }) => data.length === 5));
    tunnel.leadTo(replica.port);
    await replica.ask('REPLICAOF', 'NO', 'ONE');
    await until(() => recorders.every((recorder) => stateOf(recorder) === 'live'));
    // Nothing asks for the channel while the second one is there: the first one comes back with what that had.
    await server.ask('REPLICAOF', '127.0.0.1', String(replica.port));
    await until(() => isInSync(server));
    tunnel.leadTo(server.port);
    await server.ask('REPLICAOF', 'NO', 'ONE');
    await until(() => recorders.every((recorder) => recorder.states.filter((state) => state === 'live').length >= 2));
    for (const after of [first, last]) {
      expect(await read(there, { after })).toMatchObject({ isGap: true, data: ['1', '2', '3'], head: 3 });
    }
    const next = await publishAll(there, 6);
    expect(next.offset).toBe(4);
    expect(next.epoch).not.toBe(last.epoch);
    await until(() => recorders.every(({ data }) => data.at(-1) === '6'));
    expectOneOrder(...recorders);
  });

  it('Redis is full: publications are rejected with its words; all else goes on', async () => {
    const client = oneOfThem();
    const { server, tunnel, make } = await makeWorld(client, 'none');
    const engine = await make({ presenceTimeoutMs: 300 });
    const recorder = await subscribe(engine);
    await publishAll(engine, 1);
    await server.ask('CONFIG', 'SET', 'maxmemory', '1');
    const warnings = watchWarnings();
    for (let i = 0; i < 2; i++) await expect(publish(engine, '2')).rejects.toMatchObject(refusal(/maxmemory/));
    await until(() => warnings.length > 0);
    expect(warnings).toEqual([expect.stringContaining('maxmemory')]);
    expect(recorder.states).toEqual([]);
    tunnel.cut();
    await until(() => !isLive(engine));
    tunnel.restore();
    await until(() => isLive(engine));
    await engine.setPresence('a', { user: 'u', data: '1', connections: 1 });
    await until(() => recorder.changes.length === 1);
    expect(await read(engine, { last: 9 })).toMatchObject({ data: ['1'] });
    const other = await make({ presenceTimeoutMs: 300 });
    // A beat or two later it is still there.
    for (let i = 0; i < 5; i++) {
      expect(await again(() => other.members('a'))).toHaveLength(1);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await server.ask('CONFIG', 'SET', 'maxmemory', '0');
    expect((await publishAll(engine, 2)).offset).toBe(2);
  });

  it('Redis would throw logs away to make room: who runs it is warned', async () => {
    const warnings = watchWarnings();
    const { make } = await makeWorld(oneOfThem(), 'none', '--maxmemory', '1gb', '--maxmemory-policy', 'allkeys-lru');
    await make();
    await until(() => warnings.length > 0);
    expect(warnings).toEqual([expect.stringContaining('maxmemory-policy is allkeys-lru')]);
  });

  it('Redis cannot save, and takes nothing: what there is can be read, and who is there is said later', async () => {
    const client = oneOfThem();
    const { server, tunnel, make } = await makeWorld(client, 'rdb');
    const engine = await make({ presenceTimeoutMs: 300 });
    await publishAll(engine, 1);
    server.losePlace();
    await server.ask('BGSAVE');
    const isRefused = () => publish(engine, '2').then(() => false, ({ cause }) => cause.message.includes('MISCONF')); // biome-ignore format: one line
    await until(isRefused);
    await expect(engine.setPresence('a', { user: 'u', data: '1', connections: 1 })).rejects.toMatchObject(
      refusal(/MISCONF/),
    );
    tunnel.cut();
    await until(() => !isLive(engine));
    tunnel.restore();
    await until(() => isLive(engine));
    const aged = { ...HOUR, ageMs: Infinity };
    for (const retention of [HOUR, aged]) expect((await read(engine, { retention, last: 1 })).data).toHaveLength(1);
    const other = await make();
    expect(await other.members('a')).toEqual([]);
    await server.ask('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
    await until(async () => (await again(() => other.members('a'))).length === 1);
  });
});

describe.each(Object.keys(CLIENTS))('faults, with %s', (client) => {
  it('a replica is in its place: it is away until there is one that takes what is published', async () => {
    const { server, make } = await makeWorld(client, 'none');
    const other = await RedisServer.start('none');
    onTestFinished(() => other.end());
    const engine = await make();
    const recorder = await subscribe(engine);
    await server.ask('REPLICAOF', '127.0.0.1', String(other.port));
    await until(() => stateOf(recorder) === 'stale');
    await expect(publish(engine, '1')).rejects.toMatchObject(refusal(/This Redis is a replica/));
    await server.ask('REPLICAOF', 'NO', 'ONE');
    await until(() => stateOf(recorder) === 'live');
    expect((await publishAll(engine, 1)).offset).toBe(1);
  });

  it('it stands still: what was asked is rejected in time, and not done when it goes on', async () => {
    const { server, make } = await makeWorld(client, 'none');
    const engine = await make({ timeoutMs: 1000 });
    const recorder = await subscribe(engine);
    const said = await subscribe(engine, 'n');
    await publishAll(engine, 1);
    server.freeze();
    const asked = [2, 3, 4].map((number) => publish(engine, String(number), `key ${number}`));
    const unordered = engine.publish({ channel: 'n', data: '"here"', retention: undefined, key: undefined });
    for (const one of asked) await expect(one).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await unordered).toEqual({ position: undefined, isRepeat: false });
    await until(() => stateOf(recorder) === 'stale' && said.data.length === 1);
    server.thaw();
    await until(() => stateOf(recorder) === 'live');
    expect((await read(engine, { last: 10 })).data).toEqual(['1']);
    expect(await again(() => publish(engine, '3', 'key 3'))).toMatchObject({ offset: 2 });
    await until(() => recorder.data.length === 2);
    expect(recorder.data).toEqual(['1', '3']);
  });

  it.each(['normal', 'pubsub'])(
    'a connection of the kind %s is closed: stale, then all that was missed',
    async (kind) => {
      const { server, make } = await makeWorld(client, 'none');
      const [here, there] = [await make(), await make()];
      const recorder = await subscribe(here);
      const after = await publishAll(there, 1);
      await server.ask('CLIENT', 'KILL', 'TYPE', kind);
      await until(() => stateOf(recorder) === 'live' && isLive(there));
      expect(recorder.states[0]).toBe('stale');
      await publishAll(there, 2);
      expect(await read(here, { after })).toMatchObject({ data: ['2'], isGap: false });
      await until(() => recorder.data.at(-1) === '2');
    },
  );

  it.each([0, 1])(
    'nothing comes back through connection %i, and it stays: stale in time, then all that was missed',
    async (index) => {
      const { tunnel, make } = await makeWorld(client, 'none');
      const here = await make({ timeoutMs: 1000 });
      const recorder = await subscribe(here);
      const said = await subscribe(here, 'n');
      tunnel.mute(index);
      await here.publish({ channel: 'n', data: '"once"', retention: undefined, key: undefined });
      const there = await make();
      const published = await publishAll(there, 1);
      await until(() => recorder.states.length >= 2);
      expect(recorder.states.slice(0, 2)).toEqual(['stale', 'live']);
      expect(await read(here, { after: { ...published, offset: 0 } })).toMatchObject({ data: ['1'], isGap: false });
      await publishAll(there, 2);
      await until(() => recorder.data.at(-1) === '2');
      // It has heard itself, though no answer came; or it was answered, and what it said went astray.
      expect(said.data.length).toBeLessThanOrEqual(1);
    },
  );

  it.each([1, 0])(
    'connection %i of two is lost: what is said without history is told once, in its order',
    async (index) => {
      const { tunnel, make } = await makeWorld(client, 'none');
      const engine = await make();
      const said = await subscribe(engine, 'n');
      let number = 0;
      const say = () => engine.publish({ channel: 'n', data: String(number++), retention: undefined, key: undefined });
      for (let round = 0; round < 10; round++) {
        const all = Array.from({ length: 100 }, say);
        await all[round * 5];
        tunnel.close(index);
        // Some while it has not been noticed, and some behind.
        while (isLive(engine)) {
          all.push(say());
          await new Promise((resolve) => setImmediate(resolve));
        }
        all.push(say(), say());
        await Promise.all(all);
        await until(() => isLive(engine));
      }
      const told = said.data.map(Number);
      expect(told).toEqual([...new Set(told)].sort((a, b) => a - b));
      expect(told.length).toBeGreaterThan(500);
    },
  );

  it('it is closed while it connects, or while Redis is away: no connection is left', async () => {
    const { server, tunnel, make } = await makeWorld(client, 'none');
    await make();
    const countOf = async () =>
      String(await server.ask('CLIENT', 'LIST'))
        .trim()
        .split('\n').length;
    const before = await countOf();
    const opening = Array.from({ length: 5 }, () => redis(CLIENTS[client]!(tunnel.port)));
    await Promise.all(opening.splice(0, 3).map((engine) => engine.close()));
    await until(() => tunnel.count > 2);
    await Promise.all(opening.map((engine) => engine.close()));
    const closed = await make();
    tunnel.cut();
    await until(() => !isLive(closed));
    await closed.close();
    tunnel.restore();
    await until(async () => (await countOf()) === before);
    await expect(publish(closed, '1')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('SCRIPT FLUSH: it comes back with them', async () => {
    const { server, make } = await makeWorld(client, 'none');
    // No beat finds it first.
    const engine = await make({ timeoutMs: 1_000_000 });
    const { epoch } = await publishAll(engine, 1);
    await server.ask('SCRIPT', 'FLUSH');
    await until(async () => (await publish(engine, '2', 'two').catch(() => undefined))?.offset === 2);
    expect(await read(engine, { last: 9 })).toMatchObject({ from: { epoch }, data: ['1', '2'] });
  });

  it('there is no Redis, or it lets nobody in: rejected in time, with the reason', async () => {
    const { server, tunnel } = await makeWorld(client, 'none', '--requirepass', 'secret');
    tunnel.cut();
    const warnings = watchWarnings();
    const engines = [redis(CLIENTS[client]!(tunnel.port), { timeoutMs: 200 })];
    onTestFinished(() => engines[0]!.close());
    await expect(publish(engines[0]!, '1')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    tunnel.restore();
    await until(async () =>
      publish(engines[0]!, '1').catch(({ code, cause }) => code === 'UNAVAILABLE' && /NOAUTH/.test(cause.message)),
    );
    expect(warnings.filter((text) => text.includes('NOAUTH'))).toHaveLength(1);
    const url = `redis://:secret@127.0.0.1:${server.port}`;
    const known = redis(client === 'redis' ? createClient({ url }) : new Redis(url, { lazyConnect: true }));
    onTestFinished(() => known.close());
    expect((await publish(known, '1')).offset).toBe(1);
  });
});

describe('presence', () => {
  const set = (engine: Engine, user: string, connections: number) =>
    engine.setPresence('a', { user, data: '1', connections });
  const usersOf = async (engine: Engine) => (await engine.members('a')).map(({ user }) => user).sort();

  it.each(Object.keys(CLIENTS))('of a process that has died goes in time, and others are told: %s', async (client) => {
    const { server, make } = await makeWorld(client, 'none');
    const presenceTimeoutMs = 300;
    const here = await make({ presenceTimeoutMs });
    const far = await Tunnel.to(server.port);
    const dead = redis(CLIENTS[client]!(far.port), { presenceTimeoutMs, timeoutMs: 1000 });
    onTestFinished(async () => {
      await dead.close();
      far.end();
    });
    const recorder = await subscribe(here);
    await set(here, 'stays', 1);
    await set(dead, 'both', 2);
    await set(here, 'both', 1);
    await set(dead, 'goes', 1);
    await until(async () => (await usersOf(here)).length === 3);
    far.cut();
    await until(() => recorder.changes.some(({ user, connections }) => user === 'goes' && connections === 0));
    await until(() => recorder.changes.at(-1)?.user !== 'stays' && recorder.changes.length >= 6);
    expect(await usersOf(here)).toEqual(['both', 'stays']);
    expect((await here.members('a')).find(({ user }) => user === 'both')).toMatchObject({ connections: 1 });
    // It was not dead: it says all again.
    await set(dead, 'comes', 1);
    far.restore();
    await until(async () => (await usersOf(here)).join() === 'both,comes,goes,stays');
    expect((await here.members('a')).find(({ user }) => user === 'both')).toMatchObject({ connections: 3 });
  });

  it('that Redis has lost, or others have taken out, is there again', async () => {
    const { server, make } = await makeWorld('redis', 'none');
    const engine = await make({ presenceTimeoutMs: 300 });
    await set(engine, 'one', 1);
    await set(engine, 'two', 1);
    await server.ask('FLUSHALL');
    await until(async () => (await usersOf(engine)).join() === 'one,two');
    await server.ask('DEL', 'framewright:who:{a}', 'framewright:alive:{a}');
    await set(engine, 'three', 1);
    await until(async () => (await usersOf(engine)).join() === 'one,three,two');
    await server.ask('DEL', 'framewright:who:{a}', 'framewright:alive:{a}');
    await set(engine, 'two', 0);
    await until(async () => (await usersOf(engine)).join() === 'one,three');
    // A Redis that makes room takes one key and leaves another.
    await server.ask('DEL', 'framewright:who:{a}');
    await until(async () => (await usersOf(engine)).join() === 'one,three');
  });

  it('and logs leave nothing in Redis when their time is over', async () => {
    const { server, make } = await makeWorld('ioredis', 'none');
    const engine = await make({ presenceTimeoutMs: 200, keyWindowMs: 100 });
    const retention = { ...HOUR, ageMs: 100 };
    await engine.publish({ channel: 'a', data: '1', retention, key: 'k' });
    await engine.publish({ channel: 'n', data: '1', retention: undefined, key: 'k' });
    await set(engine, 'one', 1);
    await set(engine, 'one', 0);
    // Who looks at a log that there never was leaves something for a day.
    await engine.read({ channel: 'b', retention: HOUR, maxEntries: 1, maxBytes: 1 });
    await engine.read({ channel: 'c', retention: { ...HOUR, ageMs: Infinity }, maxEntries: 1, maxBytes: 1 });
    for (const name of ['b', 'c'])
      expect(Number(await server.ask('PTTL', `framewright:line:{${name}}`))).toBeGreaterThan(0);
    await server.ask('DEL', 'framewright:line:{b}', 'framewright:line:{c}');
    await until(async () => ((await server.ask('KEYS', '*')) as string[]).join() === 'framewright:line:{a}');
    expect(Number(await server.ask('PTTL', 'framewright:line:{a}'))).toBeGreaterThan(0);
  });
});

describe('one Redis for several', () => {
  it('clients of other databases and other prefixes hear nothing of each other', async () => {
    const { server } = await makeWorld('redis', 'none');
    const address = { host: '127.0.0.1', port: server.port };
    const { port } = server;
    const engines = [
      redis(createClient({ socket: address })),
      redis(createClient({ socket: address, database: 1 })),
      redis(createClient({ socket: address, keyPrefix: 'x:' })),
      redis(createClient({ url: `redis://127.0.0.1:${port}/2` })),
      redis(new Redis({ ...address, db: 3, lazyConnect: true })),
      redis(new Redis({ ...address, keyPrefix: 'y:', lazyConnect: true })),
      redis(createClient({ socket: address }), { prefix: 'z:' }),
      redis(new Redis(`redis://127.0.0.1:${port}/4`, { lazyConnect: true })),
    ];
    onTestFinished(async () => void (await Promise.all(engines.map((engine) => engine.close()))));
    const recorders = await Promise.all(engines.map((engine) => subscribe(engine)));
    for (const [i, engine] of engines.entries()) expect(await publishAll(engine, i)).toMatchObject({ offset: 1 });
    await until(() => recorders.every(({ data }) => data.length > 0));
    expect(recorders.map(({ data }) => data)).toEqual(engines.map((_, i) => [String(i)]));
  });

  it('both clients are of one channel, also where the options of the given one differ', async () => {
    const { server } = await makeWorld('redis', 'none');
    const address = { host: '127.0.0.1', port: server.port };
    const engines = [
      redis(createClient({ socket: address, RESP: 2 })),
      redis(createClient({ socket: address, RESP: 3 })),
      redis(new Redis({ ...address, lazyConnect: true, enableAutoPipelining: true, stringNumbers: true })),
    ];
    onTestFinished(async () => void (await Promise.all(engines.map((engine) => engine.close()))));
    const recorders = await Promise.all(engines.map((engine) => subscribe(engine)));
    for (const [i, engine] of engines.entries()) {
      expect(await publish(engine, String(i), `key ${i}`)).toMatchObject({ offset: i + 1 });
      await engine.setPresence('a', { user: `user ${i}`, data: `"ü ${i}"`, connections: 1 });
    }
    await until(() => recorders.every(({ data, changes }) => data.length === 3 && changes.length === 3));
    for (const engine of engines) {
      expect((await read(engine, { last: 9 })).data).toEqual(['0', '1', '2']);
      expect((await engine.members('a')).map(({ user, data }) => [user, data]).sort()).toEqual(
        [0, 1, 2].map((i) => [`user ${i}`, `"ü ${i}"`]),
      );
    }
  });

  it('all that is done to a channel is in one slot of a cluster', async () => {
    const { server } = await makeWorld('redis', 'none', '--cluster-enabled', 'yes');
    await server.ask('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => String(await server.ask('CLUSTER', 'INFO')).includes('cluster_state:ok'));
    for (const [client, make] of Object.entries(CLIENTS)) {
      const engine = redis(make(server.port), { sharded: true });
      onTestFinished(() => engine.close());
      for (const channel of ['a', 'room:{b}', '}c']) {
        const recorder = await subscribe(engine, channel);
        await engine.publish({ channel, data: '1', retention: HOUR, key: client });
        await engine.publish({ channel, data: '1', retention: HOUR, key: client });
        await engine.publish({ channel, data: '2', retention: undefined, key: `{${client}}` });
        await engine.setPresence(channel, { user: 'u', data: '1', connections: 1 });
        await until(() => recorder.changes.length === 1);
        expect(recorder.data).toEqual(['1', '2']);
        expect(await engine.members(channel)).toHaveLength(1);
      }
      await engine.close();
    }
  });
});
