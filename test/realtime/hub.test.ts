/** What a program asks of its hub. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createHub, defineProtocol, RealtimeError } from '../../src/realtime/index.ts';
import { ScriptedEngine } from './scripted-engine.ts';
import { as, chatHub, protocol } from './support.ts';
import { enter, serve } from './wire-client.ts';

describe('createHub()', () => {
  it.each([
    ['nothing', undefined],
    ['what defineProtocol() has not made', { channels: { log: z.string() } }],
    ['options alone', { origins: '*' }],
  ])('refuses %s', (_words, given) => {
    expect(() => createHub(given as never)).toThrow(
      new TypeError('createHub() takes a protocol, which defineProtocol() makes, and then its options'),
    );
  });
});

describe('hub.channel()', () => {
  const rules = { join: () => true };
  const wrong: [words: string, pattern: string, rules: unknown, fault: RegExp][] = [
    ['a pattern that there is not', 'lobby', rules, /no channel 'lobby'; it has room:\{room\}, log/],
    ['a name in place of a pattern', 'log:a', rules, /no channel 'log:a'/],
    ['what is no object', 'log:{log}', () => true, /takes an object/],
    ['a rule of another name', 'log:{log}', { joins: () => true }, /no option "joins"/],
    ['what is no function', 'log:{log}', { join: true }, /join must be a function/],
    ['no member where there has to be one', 'room:{room}', rules, /needs the rule 'member'/],
    ['a member where there is none', 'log:{log}', { ...rules, member: () => 1 }, /has no 'member'/],
  ];
  it.each(wrong)('refuses %s', (_words, pattern, given, fault) => {
    const hub = createHub(protocol);
    expect(() => hub.channel(pattern as 'log:{log}', given as never)).toThrow(fault);
    expect(() => hub.channel(pattern as 'log:{log}', given as never)).toThrow(TypeError);
  });

  it('refuses rules for what has them', () => {
    const hub = createHub(protocol).channel('log:{log}', rules);
    expect(() => hub.channel('log:{log}', rules)).toThrow(/was called before/);
  });
});

describe('hub.publish()', () => {
  it('gives the position, and without history none', async () => {
    const { hub } = chatHub();
    expect(await hub.publish('log:a', { n: 1 })).toEqual({ epoch: expect.any(String), offset: 1 });
    expect(await hub.publish('typing:a', { by: 'ann' })).toBeUndefined();
  });

  it('checks what is published, and says where it is wrong', async () => {
    const { hub } = chatHub();
    await expect(hub.publish('log:a', { n: '1' } as never)).rejects.toMatchObject({
      name: 'RealtimeError',
      code: 'INVALID',
      message: expect.stringMatching(/'log:a'.* n: /),
      issues: [{ path: ['n'] }],
    });
    await expect(hub.publish('lobby' as never, { n: 1 } as never)).rejects.toMatchObject({ code: 'UNKNOWN' });
    await expect(hub.publish('slow:a', { n: -1 })).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('refuses what JSON does not have', async () => {
    const any = defineProtocol({ channels: { any: { message: z.any() } } });
    const hub = createHub(any);
    const ring: unknown[] = [];
    ring.push(ring);
    for (const value of [undefined, () => 1, 1n, ring]) {
      await expect(hub.publish('any', value)).rejects.toMatchObject({ code: 'INVALID' });
    }
  });

  it('keeps the order of its calls, though schemas take their time', async () => {
    const { hub } = chatHub();
    const positions = await Promise.all(Array.from({ length: 40 }, (_, n) => hub.publish('slow:a', { n })));
    expect(positions.map((position) => position?.offset)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    const { entries } = await hub.read('slow:a');
    expect(entries.map(({ data }) => data.n)).toEqual([...Array(40).keys()]);
  });

  it('one that is refused is no hindrance to the next', async () => {
    const { hub } = chatHub();
    const [one, two, three] = await Promise.allSettled([1, -1, 2].map((n) => hub.publish('slow:a', { n })));
    expect([one!.status, two!.status, three!.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('with a key that was there gives the first position', async () => {
    const { hub } = chatHub();
    const first = await hub.publish('log:a', { n: 1 }, { key: 'k' });
    expect(await hub.publish('log:a', { n: 2 }, { key: 'k' })).toEqual(first);
    expect((await hub.read('log:a')).entries).toHaveLength(1);
  });

  it('says that the log is away', async () => {
    const engine = new ScriptedEngine();
    engine.fail('publish', new RealtimeError('UNAVAILABLE', 'away'));
    const { hub } = chatHub({ engine });
    await expect(hub.publish('log:a', { n: 1 })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('hub.read()', () => {
  it('gives what is kept: all, the newest, or what came behind a position', async () => {
    const { hub } = chatHub();
    const positions = [];
    for (let n = 1; n <= 5; n++) positions.push(await hub.publish('log:a', { n }));
    const all = await hub.read('log:a');
    expect(all.entries).toEqual(positions.map((position, i) => ({ data: { n: i + 1 }, position })));
    expect(all).toMatchObject({ position: positions[4], isGap: false });
    const last = await hub.read('log:a', { last: 2 });
    expect(last.entries.map(({ data }) => data.n)).toEqual([4, 5]);
    const after = await hub.read('log:a', { after: positions[2]! });
    expect(after.entries.map(({ data }) => data.n)).toEqual([4, 5]);
    const end = await hub.read('log:a', { after: positions[4]! });
    expect(end).toEqual({ entries: [], position: positions[4], isGap: false });
    const other = await hub.read('log:a', { after: { epoch: 'x', offset: 3 } });
    expect(other).toMatchObject({ isGap: true, entries: all.entries });
  });

  it('goes on where an engine gives less than it was asked for', async () => {
    const engine = new ScriptedEngine();
    const { hub } = chatHub({ engine });
    for (let n = 1; n <= 5; n++) await hub.publish('log:a', { n });
    const { read } = engine;
    engine.read = (request) => read.call(engine, { ...request, maxEntries: 2 });
    expect((await hub.read('log:a')).entries.map(({ data }) => data.n)).toEqual([1, 2, 3, 4, 5]);
  });

  it('refuses channels without history, and that there are not', async () => {
    const { hub } = chatHub();
    await expect(hub.read('typing:a')).rejects.toThrow(/'typing:a' has no history/);
    await expect(hub.read('lobby' as never)).rejects.toMatchObject({ code: 'UNKNOWN' });
    await expect(hub.members('lobby' as never)).rejects.toMatchObject({ code: 'UNKNOWN' });
  });
});

describe('hub.disconnect()', () => {
  it('closes all connections of a user, and no other', async () => {
    const { hub } = chatHub();
    const { origin } = await serve('node:http', hub);
    const [one, two, other] = await Promise.all(['ann', 'ann', 'bob'].map((user) => enter(origin, as(user))));
    expect(await hub.disconnect('ann', { reason: 'banned' })).toBe(2);
    expect(await one!.client.closed).toEqual([4403, 'banned']);
    expect(await two!.client.closed).toEqual([4403, 'banned']);
    expect(await hub.disconnect('nobody')).toBe(0);
    expect(await hub.disconnect('bob', { code: 4409 })).toBe(1);
    expect(await other!.client.closed).toEqual([4409, '']);
  });

  it('refuses codes that may not be sent, though nobody is there', () => {
    const { hub } = chatHub();
    expect(() => hub.disconnect('ann', { code: 1006 })).toThrow(/valid error code/);
    expect(() => hub.disconnect('ann', { reason: 'x'.repeat(124) })).toThrow(RangeError);
  });
});

it('options that there are not are refused by name', async () => {
  const { hub } = chatHub();
  const wrong = { limit: 5 } as never;
  await expect(hub.publish('log:a', { n: 1 }, wrong)).rejects.toThrow(/hub\.publish\(\).*"limit"/);
  await expect(hub.read('log:a', wrong)).rejects.toThrow(/hub\.read\(\).*"limit"/);
  await expect(hub.read('log:a', { last: -1 })).rejects.toThrow(/last must be/);
  expect(() => hub.disconnect('ann', wrong)).toThrow(/hub\.disconnect\(\).*"limit"/);
});

describe("the event 'error'", () => {
  const broken = () => {
    throw new Error('in a rule');
  };

  it('without a listener it is a warning', async () => {
    const hub = createHub(protocol, { requiresOrigin: false }).channel('log:{log}', { join: broken });
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin);
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    expect(await client.ask({ type: 'join', id: 1, channel: 'log:a' })).toMatchObject({ code: 'NOT_ALLOWED' });
    expect(await warned).toMatchObject({ name: 'FramewrightWarning', detail: expect.stringContaining('in a rule') });
  });

  it('a listener that throws is one as well, and the hub goes on', async () => {
    const hub = createHub(protocol).channel('log:{log}', { join: broken });
    hub.on('error', () => {
      throw new Error('in a listener');
    });
    const { origin } = await serve('node:http', hub);
    const { client } = await enter(origin);
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    expect(await client.ask({ type: 'join', id: 1, channel: 'log:a' })).toMatchObject({ code: 'NOT_ALLOWED' });
    await new Promise(setImmediate);
    expect(warnings).toEqual([expect.objectContaining({ detail: expect.stringContaining('in a listener') })]);
  });
});
